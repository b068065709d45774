"""The small GAN of the paper's first experiment: a stack of transposed convolutions with instance norm, and its discriminator.

Layers, norms and slopes are those of the authors' released code; weights start as torch starts them, as theirs do.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict

import torch
from jaxtyping import Float
from torch import Tensor, nn

from orojar_adapters.networks.dcgan import DCGAN, Stage

SLOPE, EPS = 0.2, 1e-6
"""Of the generator's leaky ReLU, and what its instance norms add to variances."""


def small_generator(widths: Sequence[int], latent_size: int, seed: int) -> DCGAN:
    """From z to a gray picture of 4 pixels, doubled by every width but the first.

    Args:
        widths: feature maps at 4 x 4, 8 x 8 and so on; the paper's at 64 x 64 are 512, 256, 128, 64, 64.
        seed: of its first weights.
    """
    first = Stage(widths[0], kernel=4, stride=1, padding=0, bias=True, norm="none", slope=None)
    doubling = [Stage(width, norm="instance", slope=SLOPE) for width in widths[1:]]
    last = Stage(1, kernel=3, stride=1, padding=1, transposed=False, bias=True, norm="none", slope=None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DCGAN([asdict(stage) for stage in (first, *doubling, last)], latent_size, EPS)


def penalised_layers(generator: DCGAN) -> tuple[int, ...]:
    """Those whose convolutions the penalties look at: all but the last doubling and the image, the paper's 0 to 3 of 0 to 5."""
    return tuple(range(len(generator.feature_layers) - 2))


def activations(generator: DCGAN, z: Float[Tensor, "batch latent"]) -> list[Float[Tensor, "batch _ _ _"]]:
    """What the convolutions of the penalised layers put out, before norm and slope.

    The same as `synthesize_with_activations` gives for them, in half its time: the largest layers, which come after, are not
    computed.
    """
    x, kept = z[:, :, None, None], []
    for i in penalised_layers(generator):
        raw, x = generator.synthesis[i](x)
        kept.append(raw)
    return kept


class SmallDiscriminator(nn.Module):
    """Convolutions that halve the picture down to 4 x 4, with instance norm but for the first, then two linear layers.

    Args:
        widths: feature maps after each halving; the paper's at 64 x 64 are 64, 128, 256, 512.
        embedding: width between the linear layers.
        seed: of its first weights.
    """

    def __init__(self, widths: Sequence[int], embedding: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers: list[nn.Module] = [nn.Conv2d(1, widths[0], 4, 2, 1), nn.ReLU()]
            for before, after in itertools.pairwise(widths):
                layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.InstanceNorm2d(after, EPS, affine=True), nn.ReLU()]
            self.convolutions = nn.Sequential(*layers)
            self.judgement = nn.Sequential(nn.Linear(widths[-1] * 4 * 4, embedding), nn.ReLU(), nn.Linear(embedding, 1))

    def forward(self, images: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, " batch"]:
        """How real each picture looks, on a scale without zero."""
        return self.judgement(self.convolutions(images).flatten(1))[:, 0]


def gradient_penalty(
    discriminator: nn.Module, reals: Float[Tensor, "batch 1 height width"], fakes: Tensor, mixing: Float[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """How far the discriminator's slope is from 1 between real and generated pictures (Gulrajani et al., 2017, equation 3).

    Args:
        mixing: how far from the real picture to the generated one each slope is taken, from 0 to 1.
    """
    between = torch.lerp(reals, fakes, mixing[:, None, None, None]).requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()
