"""Low-rank adapters (LoRA, Hu et al., ICLR 2022), folded into the weights that they change."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from orojar_adapters.ops.linear import EqualizedLinear

LARGEST_RANK = 8192
LARGEST_ALPHA = 1e6


@dataclass(frozen=True)
class Adapter:
    """A low-rank change of a generator's linear layers, which adds alpha / rank * B A x to their outputs.

    Attributes:
        base: the generator that it changes: `user/repo`, `user/repo/file` or the absolute path of a file or folder; None for
            one made in memory.
        revision: commit of the base on the Hub.
        rank: of every change, from 1 to 8192.
        alpha: strength of the change, above 0, up to 1e6.
        factors: A (rank x in) and B (out x rank) by the name of the layer.

    Raises:
        ValueError: numbers out of range, or factors of another shape, missing or not finite.
    """

    base: str | None
    revision: str | None
    rank: int
    alpha: float
    factors: dict[str, tuple[Tensor, Tensor]]

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= LARGEST_RANK:
            raise ValueError(f"the rank must be a whole number from 1 to {LARGEST_RANK}, got {str(self.rank)[:20]}")
        if not 0 < self.alpha <= LARGEST_ALPHA:
            raise ValueError(f"alpha must lie above 0, up to {LARGEST_ALPHA:.0f}, got {self.alpha:.3g}")
        if not self.factors:
            raise ValueError("an adapter must change at least one layer, this one has no factors")
        for name, (down, up) in self.factors.items():
            shapes = tuple(down.shape), tuple(up.shape)
            if (down.ndim, up.ndim) != (2, 2) or down.shape[0] != self.rank or up.shape[1] != self.rank:
                raise ValueError(
                    f"A and B of {name[:80]!r} must be {self.rank} x in and out x {self.rank}, their shapes are {shapes}"
                )
            for factor in (down, up):
                if not factor.is_floating_point():
                    raise ValueError(f"A and B of {name[:80]!r} must hold floating-point values, one holds {factor.dtype}")
                if not torch.isfinite(factor.float()).all():
                    raise ValueError(f"A or B of {name[:80]!r} holds values that are NaN or infinite")

    @property
    def base_is_a_path(self) -> bool:
        """Whether the base is a file or folder on this machine, which means nothing on others."""
        return self.revision is None and self.base is not None and Path(self.base).is_absolute()

    @torch.no_grad()
    def fold_into(self, generator: nn.Module) -> None:
        """Adds the change to the generator's weights.

        Raises:
            ValueError: a layer that the generator does not have, or that the change does not fit.
        """
        layers = dict(generator.named_modules())
        for name, (down, up) in self.factors.items():
            layer, named = layers.get(name), f"the adapter changes {name[:80]!r}"
            if not isinstance(layer, nn.Linear):
                raise ValueError(f"{named}, which is not a linear layer of this {type(generator).__name__}")
            if (up.shape[0], down.shape[1]) != (layer.out_features, layer.in_features):
                found = f"{up.shape[0]} x {down.shape[1]}"
                raise ValueError(f"{named} by {found} values, its weight has {layer.out_features} x {layer.in_features}")
            change = (up.cpu().double() @ down.cpu().double()) * (self.alpha / self.rank)
            try:
                _fold(layer, change)
            except ValueError as e:
                raise ValueError(f"{named}: {e}") from e
            if not torch.isfinite(layer.weight).all():
                raise ValueError(f"{named} so much that its weight is NaN or infinite")


def _fold(layer: nn.Linear, change: Tensor) -> None:
    if isinstance(layer, EqualizedLinear):
        layer.fold(change)
    elif type(layer) is nn.Linear:
        layer.weight += change.to(layer.weight)
    else:
        raise ValueError(f"it is not known what {type(layer).__name__} does with its weight")
