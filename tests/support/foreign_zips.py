"""Every format that comes as a zipped torch file, inside a dictionary that has room for more."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from foreign_biggan import ajbrock_biggan, normalized
from foreign_dcgan import small_gan, tutorial
from foreign_files import rosinality_generator, rosinality_training_state
from foreign_genforce import genforce_discriminator, genforce_pggan, genforce_stylegan, genforce_stylegan2
from orojar_adapters.writers import nvlabs
from tiny import tiny_biggan, tiny_discriminator, tiny_pggan, tiny_stylegan, tiny_stylegan2


def _owned(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each tensor with a storage of its own, as networks have them."""
    return {name: tensor.clone() for name, tensor in state.items()}


def rosinality() -> dict[str, Any]:
    return {"g_ema": rosinality_generator(tiny_stylegan2()), "latent_avg": tiny_stylegan2().mapping.w_avg}


def _genforce_networks() -> dict[str, Any]:
    critic = genforce_discriminator(tiny_discriminator())
    return {"models": {"generator_smooth": genforce_stylegan2(tiny_stylegan2()), "discriminator": critic}}


FOREIGN_ZIPS: dict[str, Callable[[], dict[str, Any]]] = {
    "rosinality": rosinality,
    "rosinality-without-average": lambda: {"g_ema": rosinality()["g_ema"]},
    "rosinality-training": lambda: rosinality_training_state(tiny_stylegan2(), tiny_discriminator()),
    "genforce-stylegan2": _genforce_networks,
    "genforce-stylegan": lambda: {"generator_smooth": genforce_stylegan(tiny_stylegan(num_classes=3))},
    "genforce-pggan": lambda: {"generator_smooth": genforce_pggan(tiny_pggan())},
    "biggan": lambda: {"G_ema": ajbrock_biggan(normalized(tiny_biggan()), spectral=False)},
    "biggan-spectral-norm": lambda: {"G_ema": _owned(ajbrock_biggan(normalized(tiny_biggan())))},
    "biggan-flat": lambda: {"G_ema": _owned(ajbrock_biggan(normalized(tiny_biggan(hierarchical=False))))},
    "dcgan": lambda: {"netG": tutorial().state_dict()},
    "small-gan": lambda: {"netG": small_gan().state_dict()},
    "nvlabs-names": lambda: {"G_ema": nvlabs.generator_state(tiny_stylegan2(num_classes=3))},
}
