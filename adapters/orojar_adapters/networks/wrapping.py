"""Wraps anybody's module as a generator of our contract; whoever has one loads it themselves."""

import os
from collections.abc import Sequence
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from orojar_adapters.contract.generator import Generator, Labels, Layer, Noise


@final
class Wrapped(Generator):
    """A generator that calls a module and shares its weights. It cannot be saved, as the module's code is not ours."""

    family = "wrapped"
    title = "any module from one latent to images"
    spaces = ("z",)
    has_noise = False

    def __init__(
        self,
        module: nn.Module,
        latent_shape: tuple[int, ...],
        num_classes: int,
        image_range: tuple[float, float],
        features: Sequence[str],
    ) -> None:
        super().__init__()
        self.module, self.latent_shape, self.num_classes = module, latent_shape, num_classes
        self.latent_size = self.w_size = torch.Size(latent_shape).numel()
        self.low, self.high = image_range
        self.features = list(features)
        maps, image = self._run(torch.zeros(2, self.latent_size), torch.zeros(2, num_classes) if num_classes else None)
        if image.ndim != 4 or image.shape[2] != image.shape[3] or image.shape[1] not in (1, 3, 4):
            raise ValueError(f"expected square images of 1, 3 or 4 channels, the module returns {tuple(image.shape)}")
        self.image_channels, self.resolution = image.shape[1], image.shape[2]
        sized = [(name, maps[name].shape[-1]) for name in self.features]
        self._feature_layers = tuple(
            Layer(i, name, size) for i, (name, size) in enumerate([*sized, ("image", self.resolution)])
        )

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (Layer(0, "z", self.resolution),)

    @property
    def feature_layers(self) -> tuple[Layer, ...]:
        return self._feature_layers

    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        maps, image = self._run(ws[:, 0], self.label_rows(labels, len(ws)))
        image = (image - self.low) * (2 / (self.high - self.low)) - 1
        named = [*(maps[name] for name in self.features), image] if activations else []
        return image, [named[i] for i in activations]

    def _run(self, z: Tensor, labels: Tensor | None) -> tuple[dict[str, Tensor], Tensor]:
        """Returns the feature maps by name of the submodule, and the module's own output."""
        maps: dict[str, Tensor] = {}
        hooks = [
            self.module.get_submodule(name).register_forward_hook(lambda _, __, out, name=name: maps.__setitem__(name, out))
            for name in self.features
        ]
        try:
            latents = z.reshape(len(z), *self.latent_shape)
            return maps, self.module(latents) if labels is None else self.module(latents, labels)
        finally:
            for hook in hooks:
                hook.remove()

    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        raise ValueError(
            "SeFa needs the first matrix that is applied to z, and a wrapped module does not tell which one that is"
        )

    def save_pretrained(self, save_directory: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
        raise ValueError(
            "a wrapped module cannot be saved, as its code is not ours: keep your class, and save directions alone"
        )


def wrap(
    module: nn.Module,
    latent_size: int | tuple[int, ...],
    num_classes: int = 0,
    image_range: tuple[float, float] = (-1.0, 1.0),
    features: Sequence[str] | None = None,
) -> Wrapped:
    """Wraps a module in memory as a generator; it shares the module's weights, so tuning it tunes the module.

    Args:
        module: maps a batch of z to images, twice differentiable, without noise of its own; it is put into evaluation mode.
            A graph (TorchScript, ONNX) is such a module once its own library has loaded it.
        latent_size: width of z, or its shape, such as (100, 1, 1).
        num_classes: width of the rows of label values that the module takes after z; 0 for none.
        image_range: the module's values of black and of white.
        features: names of the submodules whose outputs are feature maps, from coarse to fine; None means its convolutions.

    Raises:
        ValueError: the module does not return square images of 1, 3 or 4 channels, or the range is empty.
        AttributeError: the module does not have a submodule of that name.
    """
    shape = (latent_size,) if isinstance(latent_size, int) else tuple(latent_size)
    if not image_range[0] < image_range[1]:
        raise ValueError(f"image_range must be the value of black and a larger one of white, got {image_range}")
    convolutions = (nn.Conv2d, nn.ConvTranspose2d)
    named = features or [name for name, part in module.named_modules() if name and isinstance(part, convolutions)]
    with torch.no_grad():
        return Wrapped(module.eval(), shape, num_classes, image_range, named if features != () else ()).eval()
