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

from orojar_adapters.contract.sizes import resolutions
from orojar_adapters.contract.source_facts import SourceFacts

Noise = Literal["const", "random", "none"] | int | torch.Generator
Labels = Int[Tensor, " batch"] | Float[Tensor, "batch classes"]


class Layer(NamedTuple):
    """A place in the synthesis network: its index from coarse to fine, its name, and its resolution in pixels."""

    index: int
    name: str
    resolution: int


class Generator(ModelMixin, ConfigMixin, ABC):
    """A pretrained generator: from latents `z`, through intermediate latents `w`, to images.

    The same latent gives the same image unless noise is asked to be random. Images are twice differentiable in the latents
    and in the weights.

    Attributes:
        family: the name in `FAMILIES`.
        title: what people call it; empty means `family`.
        files: the files that it is read from besides model folders, as a phrase in Markdown.
        spaces: its latent spaces, of `z` (the input), `w` (one per image) and `w+` (one per layer).
        has_noise: whether its images depend on noise maps; without, they are the same whatever noise is asked for.
        truncation_scales: whether truncation scales latents toward their mean. Where it does not, it lies from 0 to 1 and
            selects how images are synthesized, and z stays as it is: for less varied images scale z too.
        latent_sigma: standard deviation of every coordinate of z.
        latent_size: width of z.
        w_size: width of one w; for families without w the width of z and of what is appended to it.
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
        """Reads a file in a family's own format; for families of other packages, since those here are read in `readers`.

        It must not run anything in the file.

        Returns:
            The arguments of the class and a state dict; None for a file in another format.

        Raises:
            CheckpointError: the family's own format, but damaged.
        """
        return None

    @property
    @abstractmethod
    def layers(self) -> tuple[Layer, ...]:
        """The places where the latent enters, in the order of the rows of `ws`. Families without w have one, for z."""

    @property
    def feature_layers(self) -> tuple[Layer, ...]:
        """The layers whose feature maps can be asked for, in order; by default `layers`."""
        return self.layers

    @property
    def truncates(self) -> bool:
        """Whether truncation has any effect on the images."""
        return True

    @property
    def latent_ranges(self) -> dict[str, tuple[int, int]]:
        """Ranges of z that enter the synthesis separately, by name: first coordinate and one past the last."""
        return {}

    def map(
        self,
        z: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        truncation: float = 1.0,
        cutoff: int | None = None,
    ) -> Float[Tensor, "batch layers w"]:
        """Returns the intermediate latents of z, one row per layer; by default, without w, one row: z times the truncation.

        Args:
            labels: class indices, or rows of label values; required for conditional generators, refused by the others.
            truncation: psi; 1 leaves w as it is, 0 gives the mean image, negative values the opposite image (but see
                `truncation_scales`).
            cutoff: number of layers, from the coarsest, that are truncated; None means all.
        """
        if not self.num_classes:
            self.label_rows(labels, len(z))
        return z[:, None] * (truncation if cutoff is None or cutoff > 0 else 1.0)

    @abstractmethod
    def synthesize_with_activations(
        self,
        ws: Float[Tensor, "batch layers w"],
        activations: Sequence[int],
        noise: Noise = "const",
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "batch channels height width"], list[Float[Tensor, "batch _ _ _"]]]:
        """Returns images as `synthesize` does, and the outputs of the `feature_layers` with these indices, in that order."""

    def synthesize(
        self, ws: Float[Tensor, "batch layers w"], noise: Noise = "const", labels: Labels | None = None
    ) -> Float[Tensor, "batch channels height width"]:
        """Returns images of intermediate latents, nominally in [-1, 1], not clamped.

        Args:
            noise: `const` takes the checkpoint's own noise maps, `random` new ones for every image, `none` none, a seed one
                set of maps for the whole batch, a `torch.Generator` draws them for every image.
            labels: as in `map`, for families whose synthesis depends on the class.
        """
        return self.synthesize_with_activations(ws, (), noise, labels)[0]

    def forward(
        self,
        z: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        truncation: float = 1.0,
        noise: Noise = "const",
    ) -> Float[Tensor, "batch channels height width"]:
        """Returns images of latents: `map`, then `synthesize`."""
        return self.synthesize(self.map(z, labels, truncation), noise, labels)

    @abstractmethod
    def modulation_weights(self) -> list[Float[Tensor, "_ w"]]:
        """Returns for each layer the first matrix that is applied to its latent, which is what SeFa factorizes.

        Raises:
            ValueError: the family has no such matrices.
        """

    @property
    def tunable(self) -> dict[str, tuple[str, ...]]:
        """Names of the submodules that can be tuned separately, by group.

        The groups are `mapping` (z to w), `synthesis` (w to the image) and `affine` (the linear layers through which w
        modulates the synthesis), as far as the family has them.
        """
        return {}

    def recenter(self, samples: int = 10_000, rng: torch.Generator | None = None) -> None:
        """Estimates the mean latent for truncation anew, after the weights have changed; families without one do nothing.

        Args:
            samples: number of latents, of all classes, whose mean is taken.
        """

    def fingerprint(self) -> str:
        """Returns the beginning of a digest of the weights, which is the same for all file formats of one generator."""
        return fingerprint(self.state_dict())

    def sample_latents(self, count: int, rng: torch.Generator | None = None) -> Float[Tensor, "count latent"]:
        """Samples latents from the distribution that the generator was trained on.

        Args:
            rng: source of randomness; None draws fresh entropy.
        """
        rng = rng or _fresh_rng()
        return torch.randn(count, self.latent_size, generator=rng, device=rng.device).to(self.device, self.dtype)

    def sample_labels(self, count: int, rng: torch.Generator | None = None) -> Int[Tensor, " count"] | None:
        """Samples class indices uniformly; None for unconditional generators."""
        if not self.num_classes:
            return None
        rng = rng or _fresh_rng()
        return torch.randint(self.num_classes, (count,), generator=rng, device=rng.device).to(self.device)

    def label_rows(self, labels: Labels | None, batch: int) -> Float[Tensor, "batch classes"] | None:
        """Returns labels as rows: one-hot rows of class indices, rows as they are.

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


def block_layers(first: Sequence[str], blocks: int) -> list[Layer]:
    """Returns the layers of a network that doubles its image block by block: those at 4 x 4, then two for each size."""
    named = [(name, 4) for name in first]
    named += [(name, size) for size in resolutions(blocks)[1:] for name in ("up conv", "conv")]
    return [Layer(i, f"{size}x{size} {name}", size) for i, (name, size) in enumerate(named)]


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """Returns the beginning of a digest of a state dict in our names and in float32."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def _fresh_rng() -> torch.Generator:
    rng = torch.Generator()
    rng.seed()
    return rng
