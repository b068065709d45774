"""Weights put in place: shapes are compared before anything is allocated, and the file's own size is the measure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from foreign_files import persistent, save_pickle
from orojar_adapters import CheckpointError, load_discriminator, load_generator, open_source
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_adapters.opening.building import build
from orojar_adapters.readers.checkpoint import Weights
from tiny import tiny_stylegan2


def weights(**changes) -> Weights:
    generator = tiny_stylegan2()
    config = {name: value for name, value in generator.config.items() if not name.startswith("_")}
    return Weights(config | changes, dict(generator.state_dict()))


def test_a_source_without_a_discriminator_says_so(tmp_path):
    tiny_stylegan2().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="holds no discriminator"):
        load_discriminator(tmp_path)


def test_a_loaded_generator_is_ready_for_inference_and_for_training(tmp_path):
    tiny_stylegan2().train().save_pretrained(tmp_path)
    generator = load_generator(tmp_path)
    assert not generator.training
    assert all(parameter.requires_grad for parameter in generator.parameters())


def test_a_network_has_weights_of_its_own():
    source = weights()
    for name, tensor in build(StyleGAN2, source, "here").state_dict().items():
        assert torch.equal(tensor, source.state[name])
        assert tensor.untyped_storage().data_ptr() != source.state[name].untyped_storage().data_ptr()


def test_weights_of_any_precision_and_layout_become_contiguous_float32():
    source, name = weights(), "synthesis.b8.conv0.weight"
    source.state[name] = source.state[name].to(memory_format=torch.channels_last).double()
    weight = build(StyleGAN2, source, "here").get_parameter(name)
    assert weight.dtype == torch.float32 and weight.is_contiguous()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resolution": 12}, "cannot read here: resolution must be"),
        ({"unheard_of": 1}, r"cannot read here: .*unheard_of"),
        ({"channels": [8, 8]}, "cannot read here: channels must have one entry"),
        ({"channels": [8192] * 11, "resolution": 4096}, "cannot read here as StyleGAN2: missing tensors"),
    ],
)
def test_a_problem_names_the_source(change, words):
    with pytest.raises(CheckpointError, match=words):
        build(StyleGAN2, weights(**change), "here")


def test_facts_travel_with_the_generator(tmp_path):
    path = save_pickle({"G": persistent(tiny_stylegan2())}, tmp_path / "network.pkl")
    opened = open_source(path)
    assert opened.generator().source_facts == opened.facts
    assert opened.facts.source == str(path)


def test_a_file_that_may_not_be_opened_is_named(tmp_path, monkeypatch):
    path = save_pickle({}, tmp_path / "network.pkl")

    def forbidden(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(CheckpointError, match=r"cannot read .*network\.pkl: Permission denied"):
        load_generator(path)


def test_a_discriminator_whose_tensors_do_not_fit_is_refused_by_name(tmp_path):
    discriminator = StyleGAN2Discriminator(16, [8, 8, 4])
    discriminator.b4.out.bias = torch.nn.Parameter(torch.zeros(2))
    path = save_pickle({"G": persistent(tiny_stylegan2()), "D": persistent(discriminator)}, tmp_path / "network.pkl")
    with pytest.raises(CheckpointError, match=r"as StyleGAN2Discriminator: 'b4\.out\.bias' should have the shape \(1,\)"):
        load_discriminator(path)


MEASURE = """
import re
import sys
from pathlib import Path
from orojar_adapters import load_generator

def memory(kind):
    return int(re.search(kind + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

load_generator(sys.argv[1])
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
before = memory("VmRSS")
load_generator(sys.argv[2])
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="peaks of memory are read off Linux's /proc")
def test_reading_takes_at_most_three_times_the_size_of_the_file(tmp_path):
    small = save_pickle({"G": persistent(tiny_stylegan2())}, tmp_path / "small.pkl")
    with torch.device("meta"):
        zeros = StyleGAN2(16, [512, 512, 512], 8, 8, mapping_depth=1)
    zeros = zeros.to_empty(device="cpu")
    for tensor in zeros.state_dict().values():
        tensor.zero_()
    large = save_pickle({"G": persistent(zeros)}, tmp_path / "large.pkl")
    size = large.stat().st_size
    assert size > 30 * 2**20
    # glibc keeps freed blocks as it sees fit; with a fixed threshold they go back at once and the peak is what is held
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    command = [sys.executable, "-c", MEASURE, small, large]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment)
    assert size < int(done.stdout) < 3.1 * size, int(done.stdout) / size
