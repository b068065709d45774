"""A discriminator that is not read is always told, in one sentence; the tests of each reader read good ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from foreign_biggan import ajbrock_biggan, hugging_face_biggan_deep, hugging_face_config, save_biggan_deep
from foreign_dcgan import small_gan, tutorial
from foreign_files import persistent, rosinality_generator, save_pickle
from foreign_genforce import genforce_pggan, genforce_stylegan, genforce_stylegan2
from foreign_stylegan3 import nvlabs_stylegan3
from foreign_tf import network, tf_generator
from orojar_adapters import CheckpointError, open_source
from orojar_adapters.readers import adapter as adapters
from orojar_adapters.readers import folder
from orojar_adapters.writers import nvlabs
from tiny import (
    tiny_adapter,
    tiny_biggan,
    tiny_biggan_deep,
    tiny_discriminator,
    tiny_pggan,
    tiny_stylegan,
    tiny_stylegan2,
    tiny_stylegan3,
)

Write = Callable[[Path], Path]


def other() -> dict[str, Tensor]:
    """The state dict of a discriminator that no reader knows."""
    return nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.Conv2d(8, 1, 4)).state_dict()


def torch_file(value: Callable[[], Any]) -> Write:
    def write(folder: Path) -> Path:
        torch.save(value(), folder / "model.pt")
        return folder / "model.pt"

    return write


def pickle(value: Callable[[], Any]) -> Write:
    return lambda folder: save_pickle(value(), folder / "network.pkl")


def nvlabs_state() -> dict[str, Tensor]:
    return nvlabs.discriminator_state(tiny_discriminator())


def model_folder(change: Callable[[Path], Any], adapter: bool = False) -> Write:
    def write(folder_of_all: Path) -> Path:
        model = folder_of_all / "model"
        tiny_stylegan2().save_pretrained(folder_of_all / "base" if adapter else model)
        if adapter:
            model.mkdir()
            adapters.write(tiny_adapter(tiny_stylegan2(), str(folder_of_all / "base")), model)
        tiny_discriminator().save_pretrained(model / folder.DISCRIMINATOR)
        change(model / folder.DISCRIMINATOR)
        return model

    return write


def reclassed(inner: Path) -> None:
    config = json.loads((inner / folder.CONFIG).read_text())
    (inner / folder.CONFIG).write_text(json.dumps(config | {"_class_name": "PatchDiscriminator"}))


def biggan_deep(folder_of_all: Path) -> Path:
    generator = tiny_biggan_deep()
    value = {"generator": hugging_face_biggan_deep(generator), "discriminator": other()}
    return save_biggan_deep(folder_of_all / "deep", hugging_face_config(generator), value)


def without_skip() -> dict[str, Tensor]:
    return {name: tensor for name, tensor in nvlabs_state().items() if ".skip." not in name}


UNREAD: dict[str, tuple[Write, str]] = {
    "NVlabs' pickle": (
        pickle(lambda: {"G_ema": persistent(tiny_stylegan2()), "D": persistent(nn.Linear(2, 1))}),
        "NVlabs' StyleGAN2 discriminator, its D: .* missing",
    ),
    "NVlabs' pickle, another name": (
        pickle(lambda: {"G_ema": persistent(tiny_stylegan2()), "D_ema": persistent(nn.Linear(2, 1))}),
        "its D_ema",
    ),
    "NVlabs' pickle, a state dict": (
        pickle(lambda: {"G_ema": persistent(tiny_stylegan2()), "D": other()}),
        "its D: expected one of NVlabs' modules",
    ),
    "StyleGAN3's pickle": (
        pickle(lambda: {"G": nvlabs_stylegan3(tiny_stylegan3()), "discriminator": persistent(nn.Linear(2, 1))}),
        "its discriminator: .* missing",
    ),
    "NVlabs' state dicts, no residual blocks": (
        torch_file(lambda: {"D": without_skip(), "G_ema": nvlabs.generator_state(tiny_stylegan2())}),
        "NVlabs' StyleGAN2, its 'D' .* only the residual architecture",
    ),
    "NVlabs' state dicts, more layers": (
        torch_file(lambda: {"D": nvlabs_state() | {"x": torch.ones(1)}, "G": nvlabs.generator_state(tiny_stylegan2())}),
        r"its 'D' .*: unknown tensors \['x'\]",
    ),
    "TensorFlow, an empty shell": (pickle(lambda: (None, network({}), tf_generator(tiny_stylegan2()))), "an empty shell"),
    "rosinality": (
        torch_file(lambda: {"g_ema": rosinality_generator(tiny_stylegan2()), "d": other()}),
        r"its 'd' \(0\.weight, 0\.bias, 1\.weight, \.\.\.\): .* missing",
    ),
    "genforce's StyleGAN2": (
        torch_file(lambda: {"generator": genforce_stylegan2(tiny_stylegan2()), "discriminator": other()}),
        "its 'discriminator' .* missing",
    ),
    "genforce's StyleGAN": (
        torch_file(lambda: {"generator": genforce_stylegan(tiny_stylegan()), "discriminator": other()}),
        "the discriminator of genforce's StyleGAN, which cannot be computed here",
    ),
    "genforce's PGGAN": (
        torch_file(lambda: {"generator": genforce_pggan(tiny_pggan()), "discriminator": other()}),
        "the discriminator of genforce's PGGAN",
    ),
    "BigGAN": (
        torch_file(lambda: {"G_ema": ajbrock_biggan(tiny_biggan(), spectral=False), "D": other()}),
        "its 'D' is the discriminator of BigGAN-PyTorch's BigGAN",
    ),
    "BigGAN-deep": (biggan_deep, "its 'discriminator' is the discriminator of a BigGAN-deep"),
    "DCGAN": (
        torch_file(lambda: {"netG": tutorial().state_dict(), "netD": other()}),
        "its 'netD' is the discriminator of a DCGAN",
    ),
    "the small GAN": (
        torch_file(lambda: {"netG": small_gan().state_dict(), "netD": other()}),
        "its 'netD' is the discriminator of OroJaR's small GAN",
    ),
    "half a model folder": (model_folder(lambda inner: (inner / folder.WEIGHTS).unlink()), f"lacks {folder.WEIGHTS}"),
    "a model folder of another class": (model_folder(reclassed), "names the class 'PatchDiscriminator'"),
    "an adapter beside another class": (model_folder(reclassed, adapter=True), "names the class 'PatchDiscriminator'"),
}


@pytest.mark.parametrize(("write", "words"), UNREAD.values(), ids=UNREAD)
def test_a_discriminator_that_is_not_read_is_told(write, words, tmp_path):
    opened = open_source(write(tmp_path))
    assert opened.generator().resolution == 16
    assert not opened.has_discriminator()
    with pytest.raises(CheckpointError, match=f"no discriminator that can be read: .*{words}") as refused:
        opened.discriminator()
    assert str(opened.discriminator_problem) in str(refused.value)
