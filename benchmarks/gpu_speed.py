"""Speed on a GPU, against what its memory and its matrix units allow: images a second, a penalty, a whole tuning step.

python benchmarks/gpu_speed.py        prints tables, writes benchmarks/results/gpu_speed.json; about two minutes
    --quick    on any device, with a small generator and few rounds: whether it runs
"""

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from collections.abc import Generator as Yields
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from orojar_adapters import Generator
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_finetune import DiscoverConfig, discover
from orojar_finetune.config import FidelityConfig, FinetuneConfig
from orojar_finetune.penalty import orojar, rademacher
from orojar_finetune.runtime.reproducible import full_precision
from orojar_finetune.training.estimate import estimate
from orojar_finetune.training.finetuning import prepare
from results import write

SEED, PROBES, DIRECTIONS = 0, 2, 10
BATCHES = {256: 64, 512: 32, 1024: 16}
"""Images at once, by resolution."""
TUNED = {256: 16, 1024: 8}
"""Size of a tuning step's batch."""
COMPILED = 1024
"""The resolution at which torch.compile is tried: compiling takes a minute."""
Row = dict[str, float]


def config_f(resolution: int) -> Generator:
    """A generator of StyleGAN2's config F with random weights, as most published checkpoints are."""
    sizes = [4 << i for i in range((resolution // 4).bit_length())]
    torch.manual_seed(SEED)
    return StyleGAN2(resolution, [min(512, 32768 // size) for size in sizes], conv_clamp=256.0).eval().requires_grad_(False)


def milliseconds(run: Callable[[], object], device: torch.device, rounds: int) -> float:
    """The median of some runs, after two that do not count."""
    taken = []
    for i in range(rounds + 2):
        _wait(device)
        before = time.perf_counter()
        run()
        _wait(device)
        if i >= 2:
            taken.append(1e3 * (time.perf_counter() - before))
    return statistics.median(taken)


def ceilings(device: torch.device, rounds: int, quick: bool) -> Row:
    """What a large matrix product and a large copy reach here, in TFLOP/s and TB/s; a copy reads and writes."""
    side, values = (512, 1 << 20) if quick else (8192, 1 << 30)
    found = {}
    for name, dtype, precision in [
        ("fp32", torch.float32, full_precision()),
        ("TF32", torch.float32, tf32()),
        ("fp16", torch.float16, nullcontext()),
    ]:
        a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
        with precision:
            found[f"{name}, TFLOP/s"] = 2 * side**3 / milliseconds(lambda a=a, b=b: a @ b, device, rounds) / 1e9
    source, target = torch.randn(values, device=device), torch.empty(values, device=device)
    found["copy, TB/s"] = 8 * values / milliseconds(lambda: target.copy_(source), device, rounds) / 1e9
    return found


def images(
    generator: Generator, batch: int, device: torch.device, limits: Row, rounds: int, compiled: bool = False
) -> dict[str, Row]:
    """Images a second in several precisions, and the floor: the arithmetic alone at the measured rate of that precision."""
    ws = generator.map(generator.sample_latents(batch, torch.Generator().manual_seed(SEED)))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        generator.synthesize(ws)
    flops = counter.get_total_flops()
    found = {}
    half = torch.autocast(device.type, torch.float16 if device.type == "cuda" else torch.bfloat16)
    plans: list[tuple[str, AbstractContextManager, bool, bool]] = [
        ("fp32", full_precision(), False, False),
        ("TF32", nullcontext(), False, False),
        ("TF32, channels_last", nullcontext(), True, False),
        ("fp16", half, False, False),
        ("fp16, channels_last", half, True, False),
    ]
    if compiled:
        plans = [("fp16, channels_last, compiled", half, True, True)]
    for name, precision, last, compile_it in plans:
        generator.to(memory_format=torch.channels_last if last else torch.contiguous_format)
        run = torch.compile(generator.synthesize) if compile_it else generator.synthesize
        _forget_peak(device)
        with precision, torch.no_grad():
            taken = milliseconds(lambda run=run: run(ws), device, rounds)
        floor = flops / limits[f"{name.partition(',')[0]}, TFLOP/s"] / 1e9
        found[name] = {"images/s": 1e3 * batch / taken, "ms": taken, "floor, ms": floor, "peak, GB": _peak(device)}
    generator.to(memory_format=torch.contiguous_format)
    return found


def penalties(generator: Generator, batch: int, device: torch.device, rounds: int) -> dict[str, Row]:
    """One penalty and its gradient in the weights: all latents in one call against K + 1 calls, and what exactness costs."""
    parameters = list(generator.synthesis.parameters())
    draws = torch.Generator().manual_seed(SEED)
    ws = generator.map(generator.sample_latents(batch, draws))
    basis = torch.linalg.qr(torch.randn(ws.shape[2], DIRECTIONS, generator=draws))[0].T.to(device)
    start = torch.zeros(batch, DIRECTIONS, device=device)
    signs = rademacher((PROBES, batch, DIRECTIONS), start.cpu(), draws).to(device)

    def image(coefficients: torch.Tensor) -> torch.Tensor:
        rows = ws.repeat(len(coefficients) // batch, 1, 1)
        return generator.synthesize(rows + (coefficients @ basis)[:, None])

    def one_call() -> torch.Tensor:
        return orojar(image, start, PROBES, 0.1, scale_free=False, signs=signs)

    def several_calls() -> torch.Tensor:
        here = image(start)
        return torch.stack([((image(start + 0.1 * v) - here) / 0.1).square().flatten(1).sum(1) for v in signs]).var(0).mean()

    found = {}
    for name, penalty, precision in [
        ("one call", one_call, full_precision()),
        ("K + 1 calls", several_calls, full_precision()),
        ("one call, TF32", one_call, nullcontext()),
    ]:
        for parameter in parameters:
            parameter.requires_grad_(True)
        _forget_peak(device)
        with precision:
            taken = milliseconds(lambda p=penalty: torch.autograd.grad(p(), parameters, allow_unused=True), device, rounds)
        found[name] = {"ms": taken, "peak, GB": _peak(device)}
    generator.requires_grad_(False)
    return found


def tuning_step(generator: Generator, batch: int, precision: str) -> Row:
    """Seconds of each part of one tuning step, all of it on average, and the peak of memory."""
    config = FinetuneConfig(fidelity=FidelityConfig(features="random", images=64, latents=2))
    run = dataclasses.replace(config.run, train_batch_size=batch, mixed_precision=precision)
    penalty = dataclasses.replace(config.penalty, batch_size=batch // 2)
    found = discover(generator, DiscoverConfig(method="random", count=DIRECTIONS), progress=False)
    with tempfile.TemporaryDirectory() as folder:
        config = dataclasses.replace(config, run=run, penalty=penalty)
        loop = prepare(generator, Path(folder), config, directions=found, progress=False).loop
        spent = estimate(loop)
    return {**spent.seconds, "step": spent.seconds_per_step, "peak, GB": spent.memory / 1e9}


def main() -> None:
    """Runs everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rounds = 1 if quick else 8
    found: dict[str, Any] = {}
    try:
        for title, rows in sections(device, rounds, quick):
            found[title] = rows
            show(title, rows)
    finally:
        if not quick:
            write("gpu_speed", SEED, found)


def sections(device: torch.device, rounds: int, quick: bool) -> Iterator[tuple[str, dict[str, Row]]]:
    """One table after the other; what is cut short keeps those before."""
    limits = ceilings(device, rounds, quick)
    yield "ceilings", {"reached": limits}
    for size, batch in ({64: 2} if quick else BATCHES).items():
        generator, few = config_f(size).to(device), max(2, batch // 8)
        yield f"{size} px, {batch} at once", images(generator, batch, device, limits, rounds)
        yield f"{size} px, penalty of {few} latents", penalties(generator, few, device, rounds)
    for size, batch in ({64: 4} if quick else TUNED).items():
        rows = {
            each: tuning_step(config_f(size).to(device), batch, each) for each in ("no", "bf16", "fp16")[: 1 if quick else 3]
        }
        yield f"{size} px, a tuning step of {batch}, seconds", rows
    if not quick:
        generator = config_f(COMPILED).to(device)
        yield f"{COMPILED} px, compiled", images(generator, BATCHES[COMPILED], device, limits, rounds, compiled=True)


def show(title: str, rows: dict[str, Row]) -> None:
    """Prints a table."""
    columns = list(next(iter(rows.values())))
    print(f"\n{title}\n{'':32}" + "".join(f"{column:>14}" for column in columns), flush=True)
    for name, row in rows.items():
        print(f"{name:32}" + "".join(f"{row[column]:14.4g}" for column in columns), flush=True)


@contextmanager
def tf32() -> Yields[None]:
    """Matrix products in TF32, which torch takes for convolutions alone."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    yield
    torch.set_float32_matmul_precision(before)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _peak(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else float("nan")


if __name__ == "__main__":
    main()
