"""Zipped torch files without the values of their weights: the same facts, or the same refusal, or none at all."""

import io
import zipfile
from pathlib import Path

import pytest
import torch

from attacks import CORPUS, Attack
from foreign_dcgan import tutorial
from foreign_files import rosinality_generator
from foreign_genforce import genforce_discriminator, genforce_pggan, genforce_stylegan2
from foreign_zips import FOREIGN_ZIPS, rosinality
from orojar_adapters import FAMILIES, CheckpointError, outline_zip
from orojar_adapters.loading import build_generator, read_located
from orojar_adapters.outline_zip import refused_by_names
from orojar_adapters.sources import Located
from tiny import tiny_discriminator, tiny_pggan, tiny_stylegan2


@pytest.fixture(autouse=True)
def any_size_is_worth_it(monkeypatch):
    """And only filters, biases and the like are so small that they are kept, as in a generator of the usual size."""
    monkeypatch.setattr(outline_zip, "REQUEST", 0)
    monkeypatch.setattr(outline_zip, "LARGEST_VALUE", 16 * 36)


def saved(value, path: Path) -> Path:
    torch.save(value, path)
    return path


def outlined(path: Path) -> Path | None:
    """The outline of a file, in a folder beside it."""
    target = path.parent / "outlined" / path.name
    target.parent.mkdir(exist_ok=True)
    with path.open("rb") as file:
        return target if outline_zip.outline_zip(file, path.stat().st_size, target) else None


def told(path: Path):
    """All that is told of a file: its facts, and the sizes of its networks."""
    checkpoint = read_located(Located(path), "source", FAMILIES)
    shapes = {name: tensor.shape for name, tensor in build_generator(checkpoint, FAMILIES).state_dict().items()}
    critic = checkpoint.discriminator and (checkpoint.discriminator.config, checkpoint.discriminator.state.keys())
    return checkpoint.facts, checkpoint.family, checkpoint.generator.config, shapes, critic, checkpoint.discriminator_problem


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        told(path)
    return str(caught.value)


@pytest.mark.parametrize("made", FOREIGN_ZIPS.values(), ids=FOREIGN_ZIPS)
def test_an_outline_tells_what_the_whole_file_tells(made, tmp_path):
    path = saved(made(), tmp_path / "model.pt")
    target = outlined(path)
    assert target is not None
    assert told(target) == told(path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(target) as copy:
        sizes = {entry.filename: entry.file_size for entry in whole.infolist()}
        assert {entry.filename: entry.file_size for entry in copy.infolist()} == sizes
        large = [name for name, size in sizes.items() if size > outline_zip.LARGEST_VALUE and not name.endswith("data.pkl")]
        assert large
        assert not any(any(copy.read(name)[8:]) for name in large)


def test_what_is_no_value_takes_no_place(tmp_path):
    target = outlined(saved({"netG": torch.ones(2**24)}, tmp_path / "model.pt"))
    assert target is not None
    assert target.stat().st_size > 2**26
    assert target.stat().st_blocks * 512 < 2**16


LEVELS = torch.tensor(2.0)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: {"generator_smooth": genforce_pggan(tiny_pggan()) | {"lod": LEVELS}}, "had 2 levels to go"),
        (lambda: {"g_ema": rosinality_generator(tiny_stylegan2()) | {"conv1.conv.blur.kernel": torch.ones(4, 4)}}, "filter is"),
    ],
    ids=["levels of growing", "a filter"],
)
def test_small_values_are_looked_at(made, words, tmp_path):
    path = saved(made(), tmp_path / "model.pt")
    target = outlined(path)
    assert target is not None
    assert words in refusal(target)
    assert refusal(target) == refusal(path)


def test_a_small_tensor_inside_a_large_storage_is_not_told_without_it(tmp_path):
    level = torch.cat([LEVELS[None], torch.zeros(10**4)])[0]
    state = genforce_pggan(tiny_pggan()) | {"lod": level}
    assert outlined(saved({"generator_smooth": state}, tmp_path / "model.pt")) is None


def test_entries_that_share_their_bytes_have_no_outline(tmp_path):
    path = saved({"netG": {"a": torch.zeros(10**4), "b": torch.zeros(10**4)}}, tmp_path / "model.pt")
    data = bytearray(path.read_bytes())
    first, second = (data.rindex(b"model/data/%d" % i) - 46 for i in (0, 1))  # in the directory
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    path.write_bytes(data)
    assert outlined(path) is None
    assert "damaged" in refusal(path)


def test_parameters_are_looked_at_as_tensors_are(tmp_path):
    state = genforce_pggan(tiny_pggan()) | {"lod": torch.nn.Parameter(LEVELS)}
    target = outlined(saved({"generator_smooth": state}, tmp_path / "model.pt"))
    assert target is not None
    assert "had 2 levels to go" in refusal(target)


def test_a_discriminator_with_another_filter_is_not_counted_as_one(tmp_path):
    critic = genforce_discriminator(tiny_discriminator())
    critic |= {name: torch.ones(1, 1, 4, 4) for name in critic if name.endswith("kernel")}
    state = {"generator_smooth": genforce_stylegan2(tiny_stylegan2()), "discriminator": critic}
    path = saved(state, tmp_path / "model.pt")
    target = outlined(path)
    assert target is not None
    assert told(target) == told(path)
    assert told(target)[0].has_discriminator is False


def test_where_values_are_needed_the_refusal_is_known_to_be_no_verdict(tmp_path, monkeypatch):
    monkeypatch.setattr(outline_zip, "LARGEST_VALUE", 16)
    target = outlined(saved(rosinality(), tmp_path / "model.pt"))
    assert target is not None
    assert "its resampling filter is" in refusal(target)
    assert not refused_by_names(target)


@pytest.mark.parametrize(
    ("value", "words"),
    [({"unet": {"weight": torch.ones(3)}}, "of a family that is not read"), (torch.nn.Linear(2, 1), "asks for 'torch.nn")],
    ids=["another family", "a pickled module"],
)
def test_what_is_refused_whatever_its_values_is_known(value, words, tmp_path):
    path = saved(value, tmp_path / "model.pt")
    target = outlined(path)
    assert target is not None
    assert words in refusal(target)
    assert refusal(target) == refusal(path)
    assert refused_by_names(target)


def test_a_program_is_refused_as_when_it_is_whole(tmp_path):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(saved({}, path), "a") as archive:
        archive.writestr("model/code/__torch__.py", "def forward(self): pass\n" * 100)
    target = outlined(path)
    assert target is not None
    assert "a TorchScript program" in refusal(target)
    assert refusal(target) == refusal(path)
    assert refused_by_names(target)


def test_no_more_is_read_than_is_kept(tmp_path):
    path = saved({"netG": tutorial().state_dict(), "more": torch.zeros(2**20)}, tmp_path / "model.pt")

    class Counted(io.FileIO):
        read_so_far = 0

        def readinto(self, buffer):
            count = super().readinto(buffer)
            self.read_so_far += count
            return count

    with Counted(path) as counted, io.BufferedReader(counted, 2**12) as file:
        assert outline_zip.outline_zip(file, path.stat().st_size, tmp_path / "outline.pt")
        assert counted.read_so_far < 2**16 < path.stat().st_size / 50


def test_small_files_and_scattered_values_are_fetched_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(outline_zip, "REQUEST", 2**18)
    monkeypatch.setattr(outline_zip, "BLOCK", 2**10)
    small = saved({"netG": tutorial().state_dict()}, tmp_path / "small.pt")
    assert outlined(small) is None
    scattered = {f"{i}{part}": torch.zeros(n) for i in range(200) for part, n in (("weight", 2**12), ("bias", 1))}
    assert outlined(saved(scattered, tmp_path / "scattered.pt")) is None
    near = {f"{i}{part}": torch.zeros(n) for part, n in (("weight", 2**12), ("bias", 1)) for i in range(200)}
    assert outlined(saved(near, tmp_path / "near.pt")) is not None


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"\x80\x02}q\x00." * 100], ids=["empty", "a head", "a pickle"])
def test_other_files_have_none(data, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(data)
    try:
        assert outlined(path) is None
    except zipfile.BadZipFile:
        assert data.startswith(b"PK")


def test_a_pickle_beyond_every_size_is_not_asked_for(tmp_path, monkeypatch):
    path = saved({"netG": tutorial().state_dict()}, tmp_path / "model.pt")
    monkeypatch.setattr(outline_zip, "LARGEST_PICKLE", 100)
    assert outlined(path) is None


SLOW = {"zip: a deep pickle"}
"""What takes every reader seconds."""
ZIPS = [attack for attack in CORPUS if attack.name.startswith("zip: ") and attack.name not in SLOW]


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("attack", ZIPS, ids=[attack.name for attack in ZIPS])
def test_an_attack_has_no_outline_or_is_refused_from_it(attack: Attack, tmp_path):
    path = attack.write(tmp_path)
    try:
        target = outlined(path)
    except (ValueError, zipfile.BadZipFile):
        return
    if target is not None and not attack.harmless:
        said = refusal(target)
        assert not refused_by_names(target) or said == refusal(path)
