import sys

import pytest
import torch

from foreign_modules import Painter, as_onnx
from orojar_adapters import FAMILIES, CheckpointError, load_generator, read_checkpoint


@pytest.mark.parametrize("batch", [1, None], ids=["fixed batch", "any batch"])
def test_an_onnx_generator_paints_what_the_network_paints(batch, tmp_path):
    painter = Painter()
    generator = load_generator(as_onnx(painter, tmp_path / "g.onnx", batch))
    z = generator.sample_latents(5, torch.Generator().manual_seed(0))
    torch.testing.assert_close(generator(z), painter(z), rtol=1e-5, atol=1e-6)
    facts = generator.source_facts
    assert facts is not None
    assert (generator.family, facts.origin) == ("generic", "onnx (someone)")
    generator.save_pretrained(tmp_path / "folder")
    assert torch.equal(load_generator(tmp_path / "folder")(z), generator(z))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"operator": "Erf"}, r"uses the operators \['Erf'\]; known are Abs, Add"),
        ({"external": True}, "its weights lie in another file"),
    ],
)
def test_graphs_that_are_not_read_are_refused(changes, words, tmp_path):
    path = as_onnx(Painter(), tmp_path / "g.onnx", **changes)
    with pytest.raises(CheckpointError, match=words):
        load_generator(path)


def test_a_producer_whose_name_is_no_text_is_read(tmp_path):
    path = as_onnx(Painter(), tmp_path / "g.onnx")
    path.write_bytes(path.read_bytes().replace(b"someone", b"some\xffne", 1))
    facts = load_generator(path).source_facts
    assert facts is not None and facts.origin == "onnx (some\N{REPLACEMENT CHARACTER}ne)"


@pytest.mark.parametrize("kept", [3, 40, 4000])
def test_a_file_that_is_cut_short_is_refused(kept, tmp_path):
    path = as_onnx(Painter(), tmp_path / "g.onnx")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError):
        load_generator(path)


def test_without_the_package_it_says_what_to_install(monkeypatch, tmp_path):
    path = as_onnx(Painter(), tmp_path / "g.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(CheckpointError, match=r"pip install 'orojar-finetune\[onnx\]'"):
        read_checkpoint(path, FAMILIES)
