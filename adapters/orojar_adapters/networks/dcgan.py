"""DCGAN (Radford et al., ICLR 2016) and similar networks: transposed convolutions make z an image and double it repeatedly.

OroJaR's small GAN is one of them, with instance norm and leaky ReLU in place of batch norm and ReLU. `feature_layers` are the
outputs of the convolutions before both, which is what that paper regularizes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters.contract.generator import Generator, Labels, Layer, Noise
from orojar_adapters.contract.sizes import LARGEST_IMAGE, MOST_CHANNELS, check_positive, check_size
from orojar_adapters.ops.batch_norm import StoredNorm

MOST_STAGES = 32


@dataclass(frozen=True)
class Stage:
    """One convolution and what follows it.

    Attributes:
        channels: feature maps of its output, from 1 to 16384.
        kernel: height and width of the kernel in pixels, from 1 to 16.
        stride: how many times it enlarges the image, from 1 to 4; 1 for a plain convolution.
        padding: pixels, from 0 to 8.
        transposed: whether it is a transposed convolution.
        bias: whether it adds one.
        norm: `batch` by stored statistics, `instance` by the image's own, or `none`.
        slope: of its activation below 0, from 0 (ReLU) to below 1; None for no activation.

    Raises:
        ValueError: a value out of range.
    """

    channels: int
    kernel: int = 4
    stride: int = 2
    padding: int = 1
    transposed: bool = True
    bias: bool = False
    norm: Literal["batch", "instance", "none"] = "batch"
    slope: float | None = 0.0

    def __post_init__(self) -> None:
        check_size("channels", self.channels)
        check_size("kernel", self.kernel, most=16)
        check_size("stride", self.stride, most=4 if self.transposed else 1)
        check_size("padding", self.padding, 0, 8)
        if self.norm not in ("batch", "instance", "none"):
            raise ValueError(f"norm must be batch, instance or none, got {str(self.norm)[:40]!r}")
        if self.slope is not None and not (isinstance(self.slope, (int, float)) and 0 <= self.slope < 1):
            raise ValueError(f"slope must be None or lie between 0 and 1, got {str(self.slope)[:40]}")

    def size_after(self, size: int) -> int:
        """Returns the height and width of an image of `size` pixels after this stage."""
        if self.transposed:
            return (size - 1) * self.stride - 2 * self.padding + self.kernel
        return size + 2 * self.padding - self.kernel + 1


class StageLayers(nn.Module):
    """A stage's convolution, norm and activation."""

    def __init__(self, in_channels: int, stage: Stage, eps: float) -> None:
        super().__init__()
        self.slope = stage.slope
        kind = nn.ConvTranspose2d if stage.transposed else nn.Conv2d
        self.conv = kind(in_channels, stage.channels, stage.kernel, stage.stride, stage.padding, bias=stage.bias)
        self.norm: nn.Module = nn.Identity()
        if stage.norm == "batch":
            self.norm = StoredNorm(stage.channels, eps)
        elif stage.norm == "instance":
            self.norm = nn.InstanceNorm2d(stage.channels, eps, affine=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the convolution's output, before and after norm and activation."""
        raw = self.conv(x)
        x = self.norm(raw)
        return raw, x if self.slope is None else F.leaky_relu(x, self.slope)


@final
class DCGAN(Generator):
    """A stack of convolutions from 1 x 1 pixels, whose channels are z, to the image, which ends in tanh.

    Args:
        stages: the arguments of each `Stage`; the last one's output is the image.
        latent_size: width of z.
        norm_eps: epsilon that norms add to variances.

    Raises:
        ValueError: sizes that no such generator has.
    """

    family = "dcgan"
    title = "DCGAN and kin, the paper's small GAN"
    files = "`.pth`, `.pt` with any naming of the layers"
    spaces = ("z",)
    has_noise = False

    @register_to_config
    def __init__(self, stages: list[dict[str, Any]], latent_size: int = 100, norm_eps: float = 1e-5) -> None:
        super().__init__()
        check_size("latent_size", latent_size)
        check_positive(norm_eps=norm_eps)
        if not 2 <= len(stages) <= MOST_STAGES:
            raise ValueError(f"stages must be 2 to {MOST_STAGES}, got {len(stages)}")
        table = [Stage(**stage) for stage in stages]
        self.sizes = _sizes(table)
        check_size("channels of the last stage, the image,", table[-1].channels, most=MOST_CHANNELS)
        self.resolution, self.image_channels, self.num_classes = self.sizes[-1], table[-1].channels, 0
        self.latent_size = self.w_size = latent_size
        widths = [latent_size, *(stage.channels for stage in table)]
        self.synthesis = nn.ModuleList(StageLayers(width, stage, norm_eps) for width, stage in zip(widths, table, strict=False))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "z", self.sizes[0]),)

    @property
    def feature_layers(self) -> tuple[Layer, ...]:
        found, counts = [], Counter[int]()
        for size in self.sizes[:-1]:
            counts[size] += 1
            again = f" {counts[size]}" if counts[size] > 1 else ""
            found.append(Layer(len(found), f"{size}x{size} conv{again}", size))
        return (*found, Layer(len(found), "image", self.resolution))

    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        x = ws[:, 0, :, None, None]
        kept = []
        for stage in self.synthesis:
            raw, x = stage(x)
            kept.append(raw)
        kept[-1] = torch.tanh(x)
        return kept[-1], [kept[i] for i in activations]

    @property
    def tunable(self) -> dict[str, tuple[str, ...]]:
        return {"synthesis": ("synthesis",)}

    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        """Returns the first convolution as a matrix from z to its small image."""
        return [self.get_parameter("synthesis.0.conv.weight").detach().flatten(1).T]


def _sizes(stages: Sequence[Stage]) -> list[int]:
    """Returns height and width in pixels after each stage.

    Raises:
        ValueError: an image that shrinks, or grows too large.
    """
    if not stages[0].transposed:
        raise ValueError("the first stage must be a transposed convolution, which makes an image of z")
    sizes = []
    for i, stage in enumerate(stages):
        before = sizes[-1] if sizes else 1
        after = stage.size_after(before)
        if not before <= after <= LARGEST_IMAGE:
            raise ValueError(f"stage {i} turns {before} pixels into {after}; they must not shrink, nor exceed {LARGEST_IMAGE}")
        sizes.append(after)
    return sizes
