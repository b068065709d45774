"""BigGAN (Brock et al., ICLR 2019, appendix B), the architecture of the authors' PyTorch release.

Every residual block's batch norm takes its gain and bias from the class and, where the latent is hierarchical, from a chunk
of z of its own. The weights are those that the release computes in evaluation mode: its spectral norm is already divided out.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters.contract.generator import Generator, Labels, Layer, Noise
from orojar_adapters.contract.sizes import LARGEST_IMAGE, MOST_CLASSES, check_positive, check_size, check_sizes, check_widths
from orojar_adapters.ops.attention import SelfAttention
from orojar_adapters.ops.batch_norm import StoredNorm, batch_norm

MOST_BLOCKS = 10


class ConditionalNorm(nn.Module):
    """Batch norm whose gain and bias are linear in a condition."""

    stored_mean: Tensor
    stored_var: Tensor

    def __init__(self, channels: int, condition_size: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.gain = nn.Linear(condition_size, channels, bias=False)
        self.bias = nn.Linear(condition_size, channels, bias=False)
        self.register_buffer("stored_mean", torch.zeros(channels))
        self.register_buffer("stored_var", torch.ones(channels))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gain, bias = 1 + self.gain(condition), self.bias(condition)
        return batch_norm(x, self.stored_mean[None], self.stored_var[None], gain, bias, self.eps)


class Block(nn.Module):
    """Doubles the image: two 3 x 3 convolutions beside a 1 x 1 one, optionally followed by self-attention."""

    def __init__(self, in_channels: int, out_channels: int, condition_size: int, attention: bool, eps: float) -> None:
        super().__init__()
        self.bn1 = ConditionalNorm(in_channels, condition_size, eps)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.bn2 = ConditionalNorm(out_channels, condition_size, eps)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.conv_sc = nn.Conv2d(in_channels, out_channels, 1)
        self.attention = SelfAttention(out_channels) if attention else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = F.interpolate(F.relu(self.bn1(x, condition)), scale_factor=2)
        h = F.relu(self.bn2(self.conv1(h), condition))
        # a 1 x 1 convolution before doubling is the same as after it, at a quarter of the cost
        return self.attention(self.conv2(h) + F.interpolate(self.conv_sc(x), scale_factor=2))


@final
class BigGAN(Generator):
    """A class-conditional BigGAN of any size.

    Args:
        channels: feature maps at the coarsest size, then after each block; every block doubles the image.
        num_classes: at least 1.
        latent_size: width of z; for a hierarchical latent a multiple of the blocks plus 1.
        embedding_size: width of the class embedding that all blocks share; None means one for each gain and bias.
        hierarchical: whether z is cut into chunks, one for the first image and one for each block.
        attention: blocks, counted from 0, that self-attention follows.
        first_resolution: height and width of the coarsest feature maps in pixels.
        image_channels: 1 gray, 3 RGB.
        norm_eps: epsilon that batch norm adds to the variance.

    Raises:
        ValueError: a size that no BigGAN has.
    """

    family = "biggan"
    title = "BigGAN"
    files = "BigGAN-PyTorch `.pth`"
    spaces = ("z",)
    has_noise = False

    @register_to_config
    def __init__(
        self,
        channels: list[int],
        num_classes: int,
        latent_size: int = 120,
        embedding_size: int | None = 128,
        hierarchical: bool = True,
        attention: list[int] | None = None,
        first_resolution: int = 4,
        image_channels: int = 3,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        attention = attention or []
        check_widths("channels", channels, 2, MOST_BLOCKS + 1)
        blocks = len(channels) - 1
        check_size("num_classes", num_classes, most=MOST_CLASSES)
        check_sizes(latent_size=latent_size, image_channels=image_channels)
        check_sizes(embedding_size=1 if embedding_size is None else embedding_size)
        check_size("first_resolution", first_resolution, most=LARGEST_IMAGE >> blocks)
        check_positive(norm_eps=norm_eps)
        for block in attention:
            check_size("attention", block, 0, blocks - 1)
            check_size(f"channels of block {block}, which has attention,", channels[block + 1], least=8)
        if hierarchical and latent_size % (blocks + 1):
            raise ValueError(
                f"latent_size must be a multiple of {blocks + 1}, a chunk for each block and one more, got {latent_size}"
            )
        self.resolution, self.image_channels, self.num_classes = first_resolution << blocks, image_channels, num_classes
        self.latent_size = self.w_size = latent_size
        self.hierarchical, self.first_resolution = hierarchical, first_resolution
        self.chunk_size = latent_size // (blocks + 1) if hierarchical else latent_size
        condition_size = (embedding_size or num_classes) + (self.chunk_size if hierarchical else 0)
        self.shared = nn.Linear(num_classes, embedding_size, bias=False) if embedding_size else nn.Identity()
        self.linear = nn.Linear(self.chunk_size, channels[0] * first_resolution**2)
        self.blocks = nn.ModuleList(
            Block(before, after, condition_size, i in attention, norm_eps)
            for i, (before, after) in enumerate(pairwise(channels))
        )
        self.norm = StoredNorm(channels[-1], norm_eps)
        self.to_rgb = nn.Conv2d(channels[-1], image_channels, 3, padding=1)

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "z", self.first_resolution),)

    @property
    def feature_layers(self) -> tuple[Layer, ...]:
        sizes = [self.first_resolution << (i + 1) for i in range(len(self.blocks))]
        blocks = tuple(Layer(i, f"{size}x{size} block", size) for i, size in enumerate(sizes))
        return (*blocks, Layer(len(blocks), "to RGB", self.resolution))

    @property
    def latent_ranges(self) -> dict[str, tuple[int, int]]:
        """Thirds of the chunks of a hierarchical z, as OroJaR's direction search divides BigGAN-128's 120 (section 4.3)."""
        chunks = len(self.blocks) + 1
        if not self.hierarchical or chunks < 3:
            return {}
        ends = [round(chunks * third / 3) * self.chunk_size for third in range(4)]
        return dict(zip(("coarse", "mid", "fine"), pairwise(ends), strict=True))

    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        embedded = self.shared(self.label_rows(labels, len(ws)))
        first, *rest = ws[:, 0].split(self.chunk_size, dim=1)
        conditions = [torch.cat([embedded, chunk], dim=1) for chunk in rest] or [embedded] * len(self.blocks)
        x = self.linear(first).unflatten(1, (-1, self.first_resolution, self.first_resolution))
        kept = []
        for block, condition in zip(self.blocks, conditions, strict=True):
            x = block(x, condition)
            kept.append(x)
        kept.append(torch.tanh(self.to_rgb(F.relu(self.norm(x)))))
        return kept[-1], [kept[i] for i in activations]

    @property
    def tunable(self) -> dict[str, tuple[str, ...]]:
        entries = ["linear"]
        if self.hierarchical:
            entries += [name for name, _ in self.named_modules() if name.endswith((".gain", ".bias"))]
        return {"synthesis": ("linear", "blocks", "norm", "to_rgb"), "affine": tuple(entries)}

    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        """Returns the weights that meet z, chunk by chunk: the linear layer's, then those of each block's gains and biases."""
        matrices = [self.linear.weight.detach()]
        if self.hierarchical:
            for block in self.blocks:
                entries = [getattr(getattr(block, norm), part) for norm in ("bn1", "bn2") for part in ("gain", "bias")]
                matrices.append(torch.cat([entry.weight.detach()[:, -self.chunk_size :] for entry in entries]))
        return [torch.block_diag(*matrices)]
