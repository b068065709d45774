"""The smallest networks that still have every part, with random weights that do not depend on global randomness."""

import torch

from orojar_adapters.contract.generator import Generator
from orojar_adapters.networks.biggan import BigGAN
from orojar_adapters.networks.biggan_deep import BigGANDeep
from orojar_adapters.networks.dcgan import DCGAN
from orojar_adapters.networks.lora import Adapter
from orojar_adapters.networks.pggan import PGGAN
from orojar_adapters.networks.stylegan import StyleGAN
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan2_discriminator import StyleGAN2Discriminator
from orojar_adapters.networks.stylegan3.generator import StyleGAN3


def tiny_stylegan2(num_classes: int = 0, image_channels: int = 3, latent_size: int = 8, seed: int = 0) -> StyleGAN2:
    """A 16 x 16 StyleGAN2 with noise switched on."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = StyleGAN2(
            resolution=16,
            channels=[8, 8, 4],
            latent_size=latent_size,
            w_size=8,
            num_classes=num_classes,
            image_channels=image_channels,
            mapping_depth=2,
        )
        for name, parameter in generator.named_parameters():
            if name.endswith("noise_strength"):
                torch.nn.init.constant_(parameter, 0.1)
        generator.mapping.w_avg.normal_(0, 0.1)
    return generator.eval()


def tiny_discriminator(num_classes: int = 0, image_channels: int = 3, seed: int = 1) -> StyleGAN2Discriminator:
    """A 16 x 16 discriminator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StyleGAN2Discriminator(16, [8, 8, 4], num_classes, image_channels, label_size=8, mapping_depth=2)


def tiny_adapter(
    generator: Generator, base: str | None = None, revision: str | None = None, rank: int = 3, alpha: float = 5.0
) -> Adapter:
    """An adapter of a generator's modulation layers that changes its images: neither factor is zero."""
    draws = torch.Generator().manual_seed(2)
    factors = {}
    for name in generator.tunable["affine"]:
        out_size, in_size = generator.get_submodule(name).weight.shape
        factors[name] = torch.randn(rank, in_size, generator=draws), 0.3 * torch.randn(out_size, rank, generator=draws)
    return Adapter(base, revision, rank, alpha, factors)


def tiny_biggan(hierarchical: bool = True, seed: int = 0) -> BigGAN:
    """A 16 x 16 BigGAN with attention; without a hierarchical latent it has no shared embedding of the class either."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        embedding_size = 4 if hierarchical else None
        generator = BigGAN([8, 8, 8], 3, 9, embedding_size, hierarchical, attention=[0])
        for name, tensor in generator.state_dict().items():
            if name.endswith((".gain.weight", ".bias.weight", "gamma", "stored_mean")):
                tensor.normal_(0, 0.5)
            elif name.endswith("stored_var"):
                tensor.uniform_(0.05, 0.2)
    return generator.eval()


def tiny_stylegan(num_classes: int = 0, resolution: int = 16, seed: int = 0) -> StyleGAN:
    """A StyleGAN with noise switched on."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        channels = [8, 8, 4, 4, 4, 4][: resolution.bit_length() - 2]
        generator = StyleGAN(resolution, channels, latent_size=8, w_size=8, num_classes=num_classes, mapping_depth=2)
        for name, parameter in generator.named_parameters():
            if name.endswith(("const", "noise_strength", ".bias")) and ".affine." not in name:
                torch.nn.init.normal_(parameter, 0, 0.3)
        generator.mapping.w_avg.normal_(0, 0.1)
    return generator.eval()


def tiny_pggan(num_classes: int = 0, seed: int = 0) -> PGGAN:
    """A 16 x 16 ProGAN."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = PGGAN(16, [8, 8, 4], latent_size=8, num_classes=num_classes)
        for name, parameter in generator.named_parameters():
            if name.endswith(".bias"):
                torch.nn.init.normal_(parameter, 0, 0.3)
    return generator.eval()


def tiny_biggan_deep(seed: int = 0) -> BigGANDeep:
    """A 16 x 16 BigGAN-deep with attention and statistics for the truncations 0, 0.2, ..., 1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = BigGANDeep([64, 32, 16, 8, 4], [0, 2], 3, latent_size=6, attention=[1], steps=6)
        for name, tensor in generator.state_dict().items():
            if name.endswith(("gamma", "means")) or ".gain" in name or ".bias" in name[:-5]:
                tensor.normal_(0, 0.2)
            elif name.endswith("variances"):
                tensor.uniform_(0.2, 0.6)
    return generator.eval()


def tiny_dcgan(small_gan: bool = False, seed: int = 0) -> DCGAN:
    """A 16 x 16 DCGAN, or the small GAN of the paper: instance norm, leaky ReLU, a plain convolution at the end."""
    first = {"kernel": 4, "stride": 1, "padding": 0}
    if small_gan:
        bare = {"bias": True, "norm": "none", "slope": None}
        between = {"norm": "instance", "slope": 0.2}
        last = {"channels": 1, "kernel": 3, "stride": 1, "transposed": False}
        stages = [{"channels": 16} | first | bare, {"channels": 8} | between, {"channels": 8} | between, last | bare]
    else:
        last = {"channels": 3, "norm": "none", "slope": None}
        stages = [{"channels": 16} | first, {"channels": 8}, last]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = DCGAN(stages, latent_size=7)
        for name, tensor in generator.state_dict().items():
            if name.endswith("stored_mean") or ".norm.bias" in name:
                tensor.normal_(0, 0.2)
            elif name.endswith("stored_var"):
                tensor.uniform_(0.05, 0.2)
    return generator.eval()


def tiny_stylegan3(rotations: bool = False, num_classes: int = 0, image_channels: int = 3, seed: int = 7) -> StyleGAN3:
    """A 16 x 16 StyleGAN3 of config T or, where it also follows rotations, R; its features rotate and move with w.

    With this seed no activation changes sign within the steps of the tests' finite differences.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = StyleGAN3(
            resolution=16,
            channels=[6, 6, 4],
            latent_size=8,
            w_size=8,
            num_classes=num_classes,
            image_channels=image_channels,
            kernel_size=1 if rotations else 3,
            radial=rotations,
            critical_layers=1,
            margin=3,
            output_scale=1.0,
        )
        generator.synthesis.input.affine.weight.data.normal_(0, 0.3)
        for conv in generator.synthesis.convs():
            conv.bias.data.normal_(0, 0.1)
            conv.magnitude_ema.uniform_(0.5, 2)
        generator.mapping.w_avg.normal_(0, 0.1)
    return generator.eval()


TINY = {
    "stylegan2": tiny_stylegan2,
    "stylegan3": tiny_stylegan3,
    "stylegan": tiny_stylegan,
    "pggan": tiny_pggan,
    "biggan": tiny_biggan,
    "biggan-deep": tiny_biggan_deep,
    "dcgan": tiny_dcgan,
}
"""A tiny generator for every family of `FAMILIES`."""
