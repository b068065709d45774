"""The contract that every generator family keeps."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from orojar_adapters.contract.source_facts import SourceFacts

Noise = Literal["const", "random", "none"] | int | torch.Generator
Labels = Int[Tensor, " batch"] | Float[Tensor, "batch classes"]


class Layer(NamedTuple):
    """One place in the synthesis, from coarse to fine: its index, what is there, and its resolution in pixels."""

    index: int
    name: str
    resolution: int


class Generator(ModelMixin, ConfigMixin, ABC):
    """A pretrained generator of images: latents `z` in, images out, with an intermediate latent `w` on the way.

    The same latent gives the same image unless noise is asked to be random. Images are differentiable twice in the latents
    and in the weights.

    Attributes:
        family: the name in `FAMILIES`.
        title: what people call it; empty means `family`.
        files: the files it is read from beside model folders, as a phrase in Markdown.
        spaces: the latent spaces it has, of `z` (the input), `w` (one per image) and `w+` (one per layer).
        has_noise: whether its images depend on noise maps; the others give the same image whatever noise is asked for.
        truncation_scales: whether truncation draws latents towards their mean in a straight line. Where it does not, it chooses
            the way of synthesis instead, from 0 to 1, and z stays as it is: who wants less varied images scales z too.
        latent_sigma: standard deviation of every coordinate of z.
        latent_size: width of z.
        w_size: width of one w; for families without w that of z, and of what rides behind it.
        resolution: height and width of the image in pixels.
        image_channels: 1 gray, 3 RGB, 4 RGBA.
        num_classes: width of the label, 0 for unconditional generators.
        source_facts: where the weights came from, None for a generator made in memory.
    """

    config_name = "config.json"
    family: ClassVar[str]
    title: ClassVar[str] = ""
    files: ClassVar[str] = ""
    spaces: ClassVar[tuple[str, ...]]
    has_noise: ClassVar[bool] = True
    truncation_scales: ClassVar[bool] = True
    latent_sigma: ClassVar[float] = 1.0
    latent_size: int
    w_size: int
    resolution: int
    image_channels: int
    num_classes: int
    source_facts: SourceFacts | None = None

    @classmethod
    def read_file(cls, path: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """The class's arguments and a state dict, out of a file in a family's own format; None for every other file.

        For families of other packages: those here have their readers in `readers`. It must not run what is in the file.

        Raises:
            CheckpointError: the family's own format, but damaged.
        """
        return None

    @property
    @abstractmethod
    def layers(self) -> tuple[Layer, ...]:
        """The rows of `ws`, in order: where the latent enters. Families without w have one, for their z."""

    @property
    def feature_layers(self) -> tuple[Layer, ...]:
        """The layers whose feature maps can be asked for, in order; where w enters every layer, the rows of `ws`."""
        return self.layers

    @property
    def truncates(self) -> bool:
        """Whether truncation shows in the images at all."""
        return True

    @property
    def latent_ranges(self) -> dict[str, tuple[int, int]]:
        """Parts of z that enter the synthesis apart, by name: first coordinate and one past the last."""
        return {}

    @abstractmethod
    def map(
        self,
        z: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        truncation: float = 1.0,
        cutoff: int | None = None,
    ) -> Float[Tensor, "batch layers w"]:
        """The intermediate latents of z, one row per layer; for families without w one row that begins with z.

        Args:
            labels: class indices, or rows of label values; only and always for conditional generators.
            truncation: psi; 1 leaves w as it is, 0 gives the mean image, negative values the opposite one (but see
                `truncation_scales`).
            cutoff: how many layers, from the coarsest, are truncated; None means all.
        """

    @abstractmethod
    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        """The images, as `synthesize` gives them, and the maps that these `feature_layers` put out, in that order."""

    def synthesize(
        self, ws: Float[Tensor, "batch layers w"], noise: Noise = "const", labels: Labels | None = None
    ) -> Float[Tensor, "batch channels height width"]:
        """Images of intermediate latents, nominally in [-1, 1], not clamped.

        Args:
            noise: `const` the checkpoint's own noise maps, `random` new ones for every image, `none`, a seed: one set of
                maps for the whole batch, or a `torch.Generator` that gives every image its own.
            labels: only for families whose synthesis itself looks at the class.
        """
        return self.synthesize_with_activations(ws, (), noise, labels)[0]

    def forward(
        self,
        z: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        truncation: float = 1.0,
        noise: Noise = "const",
    ) -> Float[Tensor, "batch channels height width"]:
        """Images of latents: `map`, then `synthesize`."""
        return self.synthesize(self.map(z, labels, truncation), noise, labels)

    @abstractmethod
    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        """For each layer the matrix that first meets its latent, which is what SeFa factorizes.

        Raises:
            ValueError: the family has no such matrices.
        """

    @property
    def tunable(self) -> dict[str, tuple[str, ...]]:
        """Names of the submodules that can be tuned apart from the rest, by what they are together.

        `mapping` (z to w), `synthesis` (w to the image) and `affine` (the linear layers through which w modulates the
        synthesis), as far as the family has them.
        """
        return {}

    def recenter(self, samples: int = 10_000, rng: torch.Generator | None = None) -> None:
        """Sets the mean latent that truncation goes to, once the weights have changed; families without one do nothing.

        Args:
            samples: latents whose mean is taken, of all classes.
        """

    def fingerprint(self) -> str:
        """The beginning of a digest of the weights: the same for every file format that one generator is read from."""
        return fingerprint(self.state_dict())

    def sample_latents(self, count: int, rng: torch.Generator | None = None) -> Float[Tensor, "count latent"]:
        """Latents of the distribution that the generator was trained on.

        Args:
            rng: where randomness comes from; None draws fresh entropy.
        """
        rng = rng or _fresh_rng()
        return torch.randn(count, self.latent_size, generator=rng, device=rng.device).to(self.device, self.dtype)

    def sample_labels(self, count: int, rng: torch.Generator | None = None) -> Int[Tensor, " count"] | None:
        """Class indices drawn uniformly; None for unconditional generators."""
        if not self.num_classes:
            return None
        rng = rng or _fresh_rng()
        return torch.randint(self.num_classes, (count,), generator=rng, device=rng.device).to(self.device)

    def label_rows(self, labels: Labels | None, batch: int) -> Float[Tensor, "batch classes"] | None:
        """Labels as the network wants them: one-hot rows from class indices, rows as they are.

        Raises:
            ValueError: labels for an unconditional generator, none for a conditional one, or classes it does not have.
        """
        if not self.num_classes:
            if labels is not None:
                raise ValueError("this generator is unconditional: call it without labels")
            return None
        if labels is None:
            raise ValueError(f"this generator has {self.num_classes} classes: give labels, one class index per latent")
        if labels.ndim == 1:
            if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.num_classes:
                raise ValueError(f"labels must lie in 0..{self.num_classes - 1}, got {labels.tolist()}")
            labels = F.one_hot(labels.long(), self.num_classes)
        if labels.shape != (batch, self.num_classes):
            raise ValueError(f"expected labels for {batch} latents, {self.num_classes} wide, got {tuple(labels.shape)}")
        return labels.to(self.device, self.dtype)


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """The beginning of a digest of a state dict in our names and in float32."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def _fresh_rng() -> torch.Generator:
    rng = torch.Generator()
    rng.seed()
    return rng
