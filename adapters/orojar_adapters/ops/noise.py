"""The noise maps that the StyleGAN families add to their features."""

import torch
from jaxtyping import Float
from torch import Tensor

from orojar_adapters.contract.generator import Noise


def noise_rng(noise: Noise) -> torch.Generator | None:
    """Returns the source of randomness for a noise setting; None where it needs none.

    Raises:
        ValueError: neither `const`, `random`, `none`, a seed nor a `torch.Generator`.
    """
    if noise in ("const", "none"):
        return None
    if isinstance(noise, torch.Generator):
        return noise
    rng = torch.Generator()
    if noise == "random":
        rng.seed()
    elif isinstance(noise, int):
        rng.manual_seed(noise)
    else:
        raise ValueError(f"noise must be const, random, none, a seed or a torch.Generator, got {noise!r}")
    return rng


def add_noise(
    x: Float[Tensor, "batch channels height width"],
    const: Float[Tensor, "height width"],
    strength: Float[Tensor, ""] | Float[Tensor, "channels 1 1"],
    noise: Noise,
    rng: torch.Generator | None,
) -> Float[Tensor, "batch channels height width"]:
    """Adds `strength` times a noise map, which is the same for all channels.

    Args:
        const: the checkpoint's own map.
        noise: as in `Generator.synthesize`; a seed draws one map for the whole batch.
        rng: the result of `noise_rng`.
    """
    if noise == "const":
        return x + const * strength
    if rng is None:
        return x
    maps = torch.randn(1 if isinstance(noise, int) else len(x), 1, *const.shape, generator=rng, device=rng.device)
    return x + maps.to(x.device, x.dtype) * strength
