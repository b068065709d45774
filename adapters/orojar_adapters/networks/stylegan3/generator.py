"""StyleGAN3 (Karras et al., Alias-Free Generative Adversarial Networks, NeurIPS 2021), configs T and R.

Parameters have the names of NVlabs' PyTorch release, so that checkpoints are read by name.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor

from orojar_adapters.contract.generator import Generator, Labels, Layer, Noise
from orojar_adapters.contract.sizes import check_positive, check_sizes, check_widths
from orojar_adapters.networks.stylegan3.bands import MOST_LAYERS, Band, all_filters, bands
from orojar_adapters.networks.stylegan3.layers import Synthesis
from orojar_adapters.ops.mapping import Mapping


@final
class StyleGAN3(Generator):
    """A StyleGAN3 generator of any size. It has no noise: whatever noise is asked for, the image is the same.

    Args:
        resolution: image size in pixels, a power of two of at least 16.
        channels: feature maps of each layer, before the one that makes the image.
        latent_size: width of z.
        w_size: width of w.
        num_classes: width of the label, 0 for none.
        image_channels: 1 gray, 3 RGB, 4 RGBA.
        mapping_depth: fully connected layers from z to w.
        mapping_lr_multiplier: learning-rate multiplier of the mapping, which also scales its stored weights.
        kernel_size: of the convolutions, 3 (config T) or 1 (config R).
        radial: whether filters are the same in all directions (config R).
        critical_layers: setting of `bands`, as are `first_cutoff`, `first_stopband`, `stopband_ratio` and `margin`.
        conv_clamp: limit of the activations, as set for half precision; None means none.
        output_scale: factor of the last layer's values.

    Raises:
        ValueError: a size that no StyleGAN3 has.
    """

    family = "stylegan3"
    title = "StyleGAN3, -T and -R"
    files = "NVlabs `.pkl`"
    spaces = ("z", "w", "w+")
    has_noise = False

    @register_to_config
    def __init__(
        self,
        resolution: int,
        channels: list[int],
        latent_size: int = 512,
        w_size: int = 512,
        num_classes: int = 0,
        image_channels: int = 3,
        mapping_depth: int = 2,
        mapping_lr_multiplier: float = 0.01,
        kernel_size: int = 3,
        radial: bool = False,
        critical_layers: int = 2,
        first_cutoff: float = 2.0,
        first_stopband: float = 2**2.1,
        stopband_ratio: float = 2**0.3,
        margin: int = 10,
        conv_clamp: float | None = 256.0,
        output_scale: float = 0.25,
    ) -> None:
        super().__init__()
        check_widths("channels", channels, 2, MOST_LAYERS)
        check_sizes(latent_size=latent_size, w_size=w_size, num_classes=num_classes, image_channels=image_channels)
        check_sizes(mapping_depth=mapping_depth)
        check_positive(mapping_lr_multiplier=mapping_lr_multiplier, conv_clamp=conv_clamp, output_scale=output_scale)
        if kernel_size not in (1, 3):
            raise ValueError(f"kernel_size must be 1 or 3, got {repr(kernel_size)[:40]}")
        schedule = resolution, len(channels), critical_layers, first_cutoff, first_stopband, stopband_ratio, margin
        self.bands = bands(*schedule)
        self.resolution, self.image_channels, self.num_classes = resolution, image_channels, num_classes
        self.latent_size, self.w_size = latent_size, w_size
        self.mapping = Mapping(latent_size, num_classes, w_size, mapping_depth, w_size, mapping_lr_multiplier)
        filters, widths = all_filters(self.bands, critical_layers, radial), [*channels, image_channels]
        self.synthesis = Synthesis(w_size, widths, self.bands, kernel_size, filters, conv_clamp, output_scale)

    @property
    def layers(self) -> tuple[Layer, ...]:
        rates = [self.bands[0].rate, *(band.rate for band in self.bands)]
        found = [Layer(0, f"{rates[0]}x{rates[0]} Fourier features", rates[0])]
        for i, (before, rate) in enumerate(pairwise(rates[:-1])):
            found.append(Layer(i + 1, f"{rate}x{rate} {'up ' if rate > before else ''}conv {i}", rate))
        return (*found, Layer(len(found), "to RGB", self.resolution))

    def map(
        self,
        z: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        truncation: float = 1.0,
        cutoff: int | None = None,
    ) -> Float[Tensor, "batch layers w"]:
        w = self.mapping(z, self.label_rows(labels, len(z)))
        return self.mapping.layerwise(w, len(self.layers), truncation, cutoff)

    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        """Returns images, and maps of what lies inside them, without the margin around it."""
        x = self.synthesis.input(ws[:, 0])
        kept = [_inside(x, self.bands[0])]
        for i, conv in enumerate(self.synthesis.convs()):
            x = conv(x, ws[:, i + 1])
            kept.append(_inside(x, self.bands[i]))
        return x, [kept[i] for i in activations]

    @property
    def tunable(self) -> dict[str, tuple[str, ...]]:
        affine = tuple(name for name, _ in self.named_modules() if name.endswith(".affine"))
        return {"mapping": ("mapping",), "synthesis": ("synthesis",), "affine": affine}

    @torch.no_grad()
    def recenter(self, samples: int = 10_000, rng: torch.Generator | None = None) -> None:
        z, labels = self.sample_latents(samples, rng), self.sample_labels(samples, rng)
        self.mapping.w_avg.copy_(self.mapping(z, self.label_rows(labels, samples)).mean(dim=0))

    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        return [layer.affine.weight.detach() for layer in (self.synthesis.input, *self.synthesis.convs())]


def _inside(x: Tensor, band: Band) -> Tensor:
    end = x.shape[-1] - band.margin
    return x[:, :, band.margin : end, band.margin : end]
