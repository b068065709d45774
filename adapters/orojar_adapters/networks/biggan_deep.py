"""BigGAN-deep (Brock et al., ICLR 2019, appendix B), the architecture of Hugging Face's port of the released generators.

Its truncation does not scale z: it selects among batch-norm statistics that are stored for many truncations. For the usual
truncated images scale z as well. Here the truncation is one more column after z, so that `synthesize` needs no other state.
Spectral norm is already divided out of the weights.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from diffusers.configuration_utils import register_to_config
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters.contract.generator import Generator, Labels, Layer, Noise
from orojar_adapters.contract.sizes import LARGEST_IMAGE, MOST_CLASSES, check_positive, check_size, check_sizes, check_widths
from orojar_adapters.ops.attention import SelfAttention
from orojar_adapters.ops.batch_norm import batch_norm

FIRST_RESOLUTION = 4
MOST_BLOCKS, MOST_STEPS = 64, 10_001
ON_A_STEP = 0.02
"""A truncation closer than this to a step counts as on it: in half precision 0.4 is not quite 20 steps of 0.02."""


def statistics_at(
    table: Float[Tensor, "steps channels"], truncation: Float[Tensor, " batch"]
) -> Float[Tensor, "batch channels"]:
    """Returns the row of a table of statistics for each truncation; the first row is for truncation 0, the last for 1.

    Between two steps the original weights the lower row by how far the truncation lies *above* it; so do we, to make the same
    images. On a step it is the step's own row, also where the original's division misses it by a rounding error and takes a
    neighbor's (0.14, 0.28, 0.56, 0.58 and 0.94 of 51 steps).
    """
    last = len(table) - 1
    position = truncation.clamp(0, 1) * last
    position = torch.where((position - position.round()).abs() < ON_A_STEP, position.round(), position)
    share = (position - position.floor())[:, None]
    lower = table[position.floor().long()]
    upper = table[position.floor().long().add(1).clamp_max(last)]
    return torch.where(share > 0, lower * share + upper * (1 - share), lower)


class StepNorm(nn.Module):
    """Batch norm with statistics for many truncations."""

    means: Tensor
    variances: Tensor

    def __init__(self, channels: int, steps: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("means", torch.zeros(steps, channels))
        self.register_buffer("variances", torch.ones(steps, channels))

    def forward(self, x: Tensor, truncation: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        mean, variance = statistics_at(self.means, truncation), statistics_at(self.variances, truncation)
        return batch_norm(x, mean, variance, gain, bias, self.eps)


class OutputNorm(nn.Module):
    """The last batch norm, whose gain and bias are learned."""

    def __init__(self, channels: int, steps: int, eps: float) -> None:
        super().__init__()
        self.norm = StepNorm(channels, steps, eps)
        self.gain, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, truncation: Tensor) -> Tensor:
        return self.norm(x, truncation, self.gain[None], self.bias[None])


class Block(nn.Module):
    """A bottleneck of four convolutions beside a shortcut that drops channels, optionally followed by self-attention."""

    def __init__(
        self, in_channels: int, out_channels: int, up: bool, condition_size: int, attention: bool, steps: int, eps: float
    ) -> None:
        super().__init__()
        self.up, self.out_channels = up, out_channels
        middle = in_channels // 4
        for i, width in enumerate((in_channels, middle, middle, middle)):
            setattr(self, f"bn{i}", StepNorm(width, steps, eps))
            setattr(self, f"gain{i}", nn.Linear(condition_size, width, bias=False))
            setattr(self, f"bias{i}", nn.Linear(condition_size, width, bias=False))
        self.conv0 = nn.Conv2d(in_channels, middle, 1)
        self.conv1 = nn.Conv2d(middle, middle, 3, padding=1)
        self.conv2 = nn.Conv2d(middle, middle, 3, padding=1)
        self.conv3 = nn.Conv2d(middle, out_channels, 1)
        self.attention = SelfAttention(out_channels) if attention else nn.Identity()

    def forward(self, x: Tensor, truncation: Tensor, condition: Tensor) -> Tensor:
        h, x = x, x[:, : self.out_channels]
        for i in range(4):
            gain, bias = 1 + getattr(self, f"gain{i}")(condition), getattr(self, f"bias{i}")(condition)
            h = F.relu(getattr(self, f"bn{i}")(h, truncation, gain, bias))
            if self.up and i == 1:
                h, x = F.interpolate(h, scale_factor=2), F.interpolate(x, scale_factor=2)
            h = getattr(self, f"conv{i}")(h)
        return self.attention(h + x)


@final
class BigGANDeep(Generator):
    """A class-conditional BigGAN-deep of any size; images start at 4 x 4 pixels.

    Args:
        channels: feature maps at the first size, then after each block: as many as before or half of them.
        ups: blocks, counted from 0, that double the image.
        num_classes: at least 1.
        latent_size: width of z, and of the class embedding.
        attention: blocks that self-attention follows.
        image_channels: 1 gray, 3 RGB.
        steps: number of truncations from 0 to 1 for which batch-norm statistics are stored.
        norm_eps: what batch norm adds to the variance.

    Raises:
        ValueError: a size that no BigGAN-deep has.
    """

    family = "biggan-deep"
    title = "BigGAN-deep"
    files = "pytorch-pretrained-biggan folders"
    spaces = ("z",)
    latent_sigma = 0.87963  # of a normal cut off at -2 and 2: 1 - 4 pdf(2) / (2 cdf(2) - 1), its root
    has_noise = False
    truncation_scales = False

    @register_to_config
    def __init__(
        self,
        channels: list[int],
        ups: list[int],
        num_classes: int,
        latent_size: int = 128,
        attention: list[int] | None = None,
        image_channels: int = 3,
        steps: int = 51,
        norm_eps: float = 1e-4,
    ) -> None:
        super().__init__()
        attention = attention or []
        check_widths("channels", channels, 2, MOST_BLOCKS + 1)
        last = len(channels) - 2
        for i, (before, after) in enumerate(pairwise(channels)):
            if before < 4 or after not in (before, before // 2):
                raise ValueError(f"block {i} must keep or halve its channels, at least 4, it has {before} and then {after}")
        for block in ups:
            check_size("ups", block, 0, last)
        for block in attention:
            check_size("attention", block, 0, last)
            check_size(f"channels of block {block}, which has attention,", channels[block + 1], least=8)
        check_size("ups", len(set(ups)), 1, (LARGEST_IMAGE // FIRST_RESOLUTION).bit_length() - 1)
        check_size("num_classes", num_classes, most=MOST_CLASSES)
        check_sizes(latent_size=latent_size, image_channels=image_channels)
        check_size("steps", steps, 2, MOST_STEPS)
        check_positive(norm_eps=norm_eps)
        self.resolution, self.image_channels = FIRST_RESOLUTION << len(set(ups)), image_channels
        self.num_classes, self.latent_size, self.w_size = num_classes, latent_size, latent_size + 1
        self.ups = frozenset(ups)
        self.embedding = nn.Linear(num_classes, latent_size, bias=False)
        self.linear = nn.Linear(2 * latent_size, channels[0] * FIRST_RESOLUTION**2)
        self.blocks = nn.ModuleList(
            Block(before, after, i in ups, 2 * latent_size, i in attention, steps, norm_eps)
            for i, (before, after) in enumerate(pairwise(channels))
        )
        self.output = OutputNorm(channels[-1], steps, norm_eps)
        self.to_rgb = nn.Conv2d(channels[-1], image_channels, 3, padding=1)

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "z", FIRST_RESOLUTION),)

    @property
    def feature_layers(self) -> tuple[Layer, ...]:
        found, size, counts = [], FIRST_RESOLUTION, Counter[int]()
        for i in range(len(self.blocks)):
            size <<= i in self.ups
            counts[size] += 1
            found.append(Layer(len(found), f"{size}x{size} block {counts[size]}", size))
        return (*found, Layer(len(found), "to RGB", self.resolution))

    def map(
        self,
        z: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        truncation: float = 1.0,
        cutoff: int | None = None,
    ) -> Float[Tensor, "batch layers w"]:
        """Returns z as it is, with the truncation in one more column; the label has no effect yet.

        Raises:
            ValueError: a truncation outside 0 to 1, for which there are no statistics.
        """
        if not 0 <= truncation <= 1:
            raise ValueError(f"a {self.family} has statistics for truncations from 0 to 1, got {truncation}")
        column = z.new_full((len(z), 1), truncation if cutoff is None or cutoff > 0 else 1.0)
        return torch.cat([z, column], dim=1)[:, None]

    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        z, truncation = ws[:, 0, :-1], ws[:, 0, -1]
        condition = torch.cat([z, self.embedding(self.label_rows(labels, len(ws)))], dim=1)
        x = rearrange(self.linear(condition), "b (h w c) -> b c h w", h=FIRST_RESOLUTION, w=FIRST_RESOLUTION)
        kept = []
        for block in self.blocks:
            x = block(x, truncation, condition)
            kept.append(x)
        kept.append(torch.tanh(self.to_rgb(F.relu(self.output(x, truncation)))))
        return kept[-1], [kept[i] for i in activations]

    def sample_latents(self, count: int, rng: torch.Generator | None = None) -> Float[Tensor, "count latent"]:
        """Returns latents of the distribution that the generator was trained on: normal, cut off at -2 and 2."""
        if rng is None:
            rng = torch.Generator()
            rng.seed()
        z = torch.empty(count, self.latent_size, device=rng.device)
        return nn.init.trunc_normal_(z, a=-2, b=2, generator=rng).to(self.device, self.dtype)

    @property
    def _entries(self) -> list[str]:
        """Names of the layers through which z and the class enter, in order."""
        parts = [f"{part}{i}" for i in range(4) for part in ("gain", "bias")]
        return ["linear", *(f"blocks.{block}.{part}" for block in range(len(self.blocks)) for part in parts)]

    @property
    def tunable(self) -> dict[str, tuple[str, ...]]:
        return {"synthesis": ("linear", "blocks", "output", "to_rgb"), "affine": tuple(self._entries)}

    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        """Returns the weights that meet z: of the linear layer, then of each block's gains and biases; 0 for the truncation."""
        weights = [self.get_submodule(name).get_parameter("weight").detach() for name in self._entries]
        return [F.pad(torch.cat([weight[:, : self.latent_size] for weight in weights]), (0, 1))]
