"""Fully connected layers with an equalized learning rate (Karras et al., ICLR 2018, section 4.1)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from orojar_adapters.ops.activation import biased_lrelu


class EqualizedLinear(nn.Linear):
    """A linear layer whose weight is scaled at run time, so that Adam updates every layer at the same speed.

    It is an `nn.Linear` for everything that looks for one, such as peft's LoRA; only the scaling is added.

    Args:
        in_size: width of the input.
        out_size: width of the output.
        bias_init: initial value of the bias; modulation layers use 1.
        lr_multiplier: learning rate relative to the rest of the network, above 0; mapping networks use 0.01.
        lrelu: whether a leaky ReLU (slope 0.2, gain sqrt 2) follows.
    """

    def __init__(
        self, in_size: int, out_size: int, bias_init: float = 0.0, lr_multiplier: float = 1.0, lrelu: bool = False
    ) -> None:
        self.bias_init, self.lr_multiplier, self.lrelu = bias_init, lr_multiplier, lrelu
        super().__init__(in_size, out_size)

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.weight.normal_().div_(self.lr_multiplier)
            self.bias.fill_(self.bias_init)

    @property
    def gain(self) -> float:
        """Factor of the stored weight at run time."""
        return self.lr_multiplier / math.sqrt(self.in_features)

    @torch.no_grad()
    def fold(self, change: Float[Tensor, "out_size in_size"]) -> None:
        """Changes the stored weight so that the output grows by `change @ input`.

        Raises:
            ValueError: the layer ends in a leaky ReLU, after which no change of the weight has that effect.
        """
        if self.lrelu:
            raise ValueError("what is added after its leaky ReLU is not a change of its weight")
        self.weight += (change / self.gain).to(self.weight)

    def forward(self, input: Float[Tensor, "batch in_size"]) -> Float[Tensor, "batch out_size"]:
        weight = self.weight * self.gain
        bias = self.bias * self.lr_multiplier if self.lr_multiplier != 1 else self.bias
        if self.lrelu:
            return biased_lrelu(F.linear(input, weight), bias)
        return F.linear(input, weight, bias)
