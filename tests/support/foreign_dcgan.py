"""DCGANs as other people write them: stacks of torch's own layers with random weights and statistics."""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn


class Stack(nn.Module):
    """Layers under some attribute's name, from z to the image."""

    def __init__(self, name: str, layers: nn.Sequential | nn.ModuleList) -> None:
        super().__init__()
        self.name = name
        setattr(self, name, layers)

    def forward(self, z: Tensor) -> Tensor:
        x = z[:, :, None, None]
        for layer in getattr(self, self.name):
            x = layer(x)
        return x


def _stack(name: str, layers: nn.Sequential | nn.ModuleList, seed: int = 0) -> Stack:
    draws = torch.Generator().manual_seed(seed)
    stack = Stack(name, layers)
    for key, tensor in stack.state_dict().items():
        if key.endswith("running_var"):
            tensor.uniform_(0.1, 1, generator=draws)
        elif tensor.is_floating_point():
            tensor.normal_(1.0 if tensor.ndim == 1 and key.endswith("weight") else 0.0, 0.2, generator=draws)
    return stack.eval()


def tutorial(name: str = "main", image_channels: int = 3, bias: bool = False) -> Stack:
    """The generator of PyTorch's tutorial, at 16 x 16."""
    sizes = [5, 12, 8]
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(pairwise(sizes)):
        conv = nn.ConvTranspose2d(before, after, 4, 2 if i else 1, 1 if i else 0, bias=bias)
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU(True)]
    return _stack(name, nn.Sequential(*layers, nn.ConvTranspose2d(8, image_channels, 4, 2, 1, bias=bias), nn.Tanh()))


def blocks_without_padding(kernels: list[int], strides: list[int]) -> Stack:
    """A generator of DeepLearning.AI's course on GANs: `gen.N.M`."""
    sizes = [*[5, 16, 12, 8, 6][: len(kernels)], 1]
    blocks = []
    for i, (kernel, stride) in enumerate(zip(kernels, strides, strict=True)):
        layers: list[nn.Module] = [nn.ConvTranspose2d(sizes[i], sizes[i + 1], kernel, stride)]
        layers += [nn.Tanh()] if i == len(kernels) - 1 else [nn.BatchNorm2d(sizes[i + 1]), nn.ReLU()]
        blocks.append(nn.Sequential(*layers))
    return _stack("gen", nn.Sequential(*blocks))


def final_convolution() -> Stack:
    """From 7 x 7 without norms, a kernel of 2 that doubles, and two plain convolutions after that."""
    return _stack(
        "network",
        nn.Sequential(
            nn.ConvTranspose2d(5, 8, 7),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 8, 2, 2),
            nn.BatchNorm2d(8, affine=False),
            nn.ReLU(),
            nn.Conv2d(8, 6, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(6, 3, 3, padding=1),
            nn.Tanh(),
        ),
    )


def small_gan(first_norm: bool = False, norm: str = "instancenorm", image_channels: int = 1) -> Stack:
    """OroJaR's small GAN as its authors build it, at 16 x 16."""

    def block(conv: nn.Module, width: int, normed: bool, activation: nn.Module | None) -> nn.Module:
        norms = {"instancenorm": nn.InstanceNorm2d(width, affine=True, eps=1e-6), "batchnorm": nn.BatchNorm2d(width, eps=1e-3)}
        layers = [("conv", conv), *([(norm, norms[norm])] if normed else []), *([("active", activation)] if activation else [])]
        inner = Stack("layers", nn.Sequential(OrderedDict(layers)))
        inner.forward = inner.layers.forward  # within the stack it gets images
        return inner

    lrelu = nn.LeakyReLU(0.2)
    first = block(nn.ConvTranspose2d(5, 12, 4, bias=not first_norm), 12, first_norm, lrelu if first_norm else None)
    up = [block(nn.ConvTranspose2d(before, 8, 4, 2, 1, bias=False), 8, True, lrelu) for before in (12, 8)]
    last = block(nn.Conv2d(8, image_channels, 3, padding=1), image_channels, False, nn.Tanh())
    return _stack("layers", nn.ModuleList([first, *up, last]))
