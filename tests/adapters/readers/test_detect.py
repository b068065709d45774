"""Files of any kind: whatever is in them, the answer is a generator or one clear error, and nothing is run."""

import pickle
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
import torch

from foreign_files import persistent, pickled, rosinality_training_state
from foreign_genforce import genforce_discriminator, genforce_stylegan2
from foreign_tf import tf_discriminator, tf_generator
from hostile import Attack, deep, doubled, mapping, name, program, string
from orojar_adapters import CheckpointError, load_generator
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator

FORMATS = ("network.pkl", "tensorflow.pkl", "model.pt", "before-zip.pt", "genforce.pth")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest generator there is, in each format that is read."""
    folder = tmp_path_factory.mktemp("originals")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator, discriminator = StyleGAN2(8, [2, 2], 2, 2, mapping_depth=1), StyleGAN2Discriminator(8, [2, 2])
    (folder / "network.pkl").write_bytes(pickled({"D": persistent(discriminator), "G_ema": persistent(generator, "x")}))
    (folder / "tensorflow.pkl").write_bytes(pickled((None, tf_discriminator(discriminator), tf_generator(generator))))
    models = {"generator_smooth": genforce_stylegan2(generator), "discriminator": genforce_discriminator(discriminator)}
    torch.save(models, folder / "genforce.pth")
    for file, zipped in (("model.pt", True), ("before-zip.pt", False)):
        torch.save(rosinality_training_state(generator, discriminator), folder / file, _use_new_zipfile_serialization=zipped)
    return folder


def written(tmp_path: Path, data: bytes, file: str = "model.pkl") -> Path:
    (tmp_path / file).write_bytes(data)
    return tmp_path / file


@pytest.mark.parametrize("file", FORMATS)
def test_the_content_counts_and_not_the_name(originals, tmp_path, file):
    path = written(tmp_path, (originals / file).read_bytes(), "weights.of.something")
    assert load_generator(path).resolution == 8


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS pointer.*git lfs pull"),
        (b"\n<!DOCTYPE html><html></html>", "a web page, not the weights"),
        (b"<HTML></HTML>", "a web page, not the weights"),
        (b'{"a": 1}', "of no known checkpoint format"),
        (random.Random(0).randbytes(5000), "of no known checkpoint format"),
        (b"\x80", "damaged or cut short"),
        (b"\x80\x04", "damaged or cut short"),
        (b"PK\3\4", "damaged or cut short"),
        (b"PK\3\4" + bytes(1000), "damaged or cut short"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "damaged or cut short"),
        (pickle.dumps({"a": 1}), "a pickle without a network in it"),
        (pickle.dumps([1, 2]), "a pickle without a network in it"),
    ],
)
def test_a_file_of_something_else_is_named_as_what_it_is(data, words, tmp_path):
    with pytest.raises(CheckpointError, match=words) as caught:
        load_generator(written(tmp_path, data))
    assert str(caught.value).startswith(f"cannot read {tmp_path / 'model.pkl'}: ")


@pytest.mark.parametrize("file", FORMATS)
def test_a_file_cut_anywhere_is_refused(originals, tmp_path, file):
    data = (originals / file).read_bytes()
    for cut in range(1, len(data), len(data) // 40):
        with pytest.raises(CheckpointError, match=r"cut short|known checkpoint format|damaged|declares|missing"):
            load_generator(written(tmp_path, data[:cut]))


@pytest.mark.parametrize("file", FORMATS)
def test_a_file_with_changed_bytes_is_read_or_refused(originals, tmp_path, file):
    original, rng = (originals / file).read_bytes(), random.Random(0)
    refusals = []
    for _ in range(40):
        data = bytearray(original)
        for _ in range(rng.choice([1, 3])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            resolution = load_generator(written(tmp_path, bytes(data))).resolution
        except CheckpointError as e:
            refusals.append(str(e))
        else:
            assert resolution in (8, 16)
    assert len(refusals) > 5
    assert max(map(len, refusals)) < 1000


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_command_is_never_run_at_any_protocol(protocol, tmp_path):
    marker = tmp_path / "ran"
    path = written(tmp_path, pickle.dumps({"G_ema": Attack(marker)}, protocol))
    words = r"asks for '(posix|nt)\.system'" if protocol >= 2 else "of no known checkpoint format"
    with pytest.raises(CheckpointError, match=words):
        load_generator(path)
    assert not marker.exists()


def module(modules: bytes = pickle.EMPTY_DICT, parameters: bytes = pickle.EMPTY_DICT, **state: bytes) -> bytes:
    state = {"_modules": modules, "_parameters": parameters, "_buffers": pickle.EMPTY_DICT} | state
    meta = mapping({"class_name": state.pop("class_name", string("Generator")), "state": mapping(state)})
    return name("torch_utils.persistence._reconstruct_persistent_obj") + meta + pickle.TUPLE1 + pickle.REDUCE


CONV1 = module(parameters=mapping({"bias": string("x")}))
STORE, LOAD = pickle.BINPUT + b"\7", pickle.BINGET + b"\7"


def generator(*before: bytes, **options: bytes) -> bytes:
    return program(*before, mapping({"G_ema": module(**options)}), protocol=3)


def itself() -> bytes:
    """A module among its own children: its dictionary of modules is filled when it already stands in it."""
    return program(
        pickle.EMPTY_DICT + STORE + pickle.POP,
        mapping({"G_ema": module(modules=LOAD)}) + pickle.BINPUT + b"\x08" + pickle.POP,
        LOAD + string("again") + module(modules=LOAD) + pickle.SETITEM + pickle.POP,
        pickle.BINGET + b"\x08",
        protocol=3,
    )


def nested(levels: int) -> bytes:
    inner = module()
    for _ in range(levels):
        inner = module(modules=mapping({"m" * 10: inner}))
    return program(mapping({"G_ema": inner}), protocol=3)


def shared() -> bytes:
    """Children that are all the same module, whose children are all the same module, ..."""
    layers = module() + STORE + pickle.POP
    for _ in range(40):
        layers += module(modules=mapping({"a": LOAD, "b": LOAD})) + STORE + pickle.POP
    return program(layers, mapping({"G_ema": LOAD}), protocol=3)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(itself(), "contains itself or another one twice", id="a-module-in-itself"),
        pytest.param(shared(), "contains itself or another one twice", id="modules-repeated"),
        pytest.param(nested(100), "nested deeper, or named longer", id="modules-nested"),
        pytest.param(generator(modules=mapping({"m" * 500: module()})), "named longer", id="a-long-name"),
        pytest.param(generator(class_name=deep("list", 2000)), "made of a list", id="a-deep-class-name"),
        pytest.param(generator(class_name=doubled()), "made of a list", id="a-doubled-class-name"),
        pytest.param(generator(class_name=string("x" * 10**6)), "made of 'xxx", id="a-long-class-name"),
        pytest.param(generator(class_name=deep("parameter", 2000)), "made of a Call", id="a-deep-record"),
        pytest.param(
            generator(
                modules=mapping({"synthesis": module(modules=mapping({"b4": module(modules=mapping({"conv1": CONV1}))}))}),
                use_noise=doubled(),
            ),
            "use_noise is a list",
            id="a-doubled-setting",
        ),
        pytest.param(
            program(mapping({"G_ema": module(parameters=mapping({"w": string("x") + pickle.BINPERSID}))})),
            "instruction BINPERSID",
            id="a-reference-to-outside",
        ),
    ],
)
def test_modules_that_no_generator_has_are_refused(data, words, tmp_path):
    tracemalloc.start()
    with pytest.raises(CheckpointError, match=words) as caught:
        load_generator(written(tmp_path, data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(str(caught.value)) < 1000
    assert peak < 100 * len(data) + 2**22


AS_USERS_RUN_IT = """
import sys
from pathlib import Path
from orojar_adapters import CheckpointError, load_generator

for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        load_generator(path)
    except CheckpointError as e:
        print(path.name, "refused")
"""


def test_without_the_tests_checks_of_types_the_deepest_nesting_is_refused_too(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for kind in ("tuple", "list", "dict", "call", "parameter"):
        written(folder, program(deep(kind, 100_000)), f"{kind}-deep")
    written(folder, program(pickle.EMPTY_DICT, deep("tuple", 100_000), pickle.NONE, pickle.SETITEM), "tuple-as-a-key")
    written(folder, generator(class_name=deep("dict", 100_000)), "dict-as-a-class-name")
    for resolution in (16.0, "16", None, [16]):
        model = folder / f"resolution-{type(resolution).__name__}"
        StyleGAN2(8, [2, 2], 2, 2, mapping_depth=1).save_pretrained(model)
        config = (model / "config.json").read_text()
        (model / "config.json").write_text(
            config.replace('"resolution": 8', f'"resolution": {str(resolution).replace("None", "null")}')
        )
    done = subprocess.run(
        [sys.executable, "-c", AS_USERS_RUN_IT, folder], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{path.name} refused" for path in sorted(folder.iterdir())]
