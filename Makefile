# make demo: the main job on the bundled generator, offline, on the CPU.   make test: lint, types, tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One thread a process: on small machines two threads spin on each other and are slower than one.
export OMP_NUM_THREADS := 1
# Freed memory is kept for the next tensor, in large pages: a training step takes a tenth less time (glibc, torch).
export MALLOC_MMAP_THRESHOLD_ := 33554432
export MALLOC_TRIM_THRESHOLD_ := 4294967296
export THP_MEM_ALLOC_ENABLE := 1

.PHONY: demo test fuzz lint format bench clean

demo: $(VENV)/installed
	$(BIN)/orojar demo --output-dir orojar-demo

test: $(VENV)/installed lint
	$(BIN)/pytest -n 2

# Nightly: damaged checkpoints of every format (some 800 are in `make test`).  make fuzz FILES=5000 SEED=7 for others.
FILES ?= 100000
SEED ?= 0
fuzz: $(VENV)/installed
	PYTHONPATH=tests/support HF_HUB_OFFLINE=1 $(BIN)/python -m fuzz --files $(FILES) --seed $(SEED)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed
	$(BIN)/python benchmarks/factors.py
	$(BIN)/python benchmarks/demo.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/pictures.py

# torch first and pinned: an open range may bring a CUDA build of several gigabytes.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt torch
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) orojar-demo
