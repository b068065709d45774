"""How directions are found: what every method takes, and for each method the options of its own."""

from dataclasses import field, fields
from typing import Annotated, Any, Literal

import tyro
from pydantic import BeforeValidator, Field

from orojar_finetune.config.checked import Count, NotNegative, Positive, checked
from orojar_finetune.config.flags import NamedValues

Space = Literal["auto", "z", "w", "w+"]
AtLeastTwo = Annotated[int, Field(ge=2)]


def _numbers(value: Any) -> Any:
    """`2,4` as it is typed, as numbers."""
    return tuple(filter(None, value.split(","))) if isinstance(value, str) else value


LayerNumbers = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_numbers)]


@checked
class NoOptions:
    """The method has no options of its own."""


@checked
class JacobianOptions:
    """Jacobians at sampled latents."""

    latents: Count = 64
    """Latents at which the Jacobian is sampled."""
    epsilon: Positive = 0.05
    """Step of the central difference, in standard deviations of the latent."""
    activations: LayerNumbers = ()
    """Layers whose activations count beside the image."""


@checked
class DescentOptions:
    """Gradient descent on an orthonormal basis."""

    latents: Count = 16
    """Latents per step, over all processes together."""
    steps: Count = 400
    """Maximum number of steps of Adam."""
    learning_rate: Positive = 0.01
    """Learning rate of Adam."""
    patience: Annotated[int, Field(ge=0)] = 100
    """Stop after this many steps without an improvement of 1 %; 0 never stops early."""
    activations: LayerNumbers = ()
    """Layers whose activations count beside the image; latentclr compares these instead of the image."""


@checked
class PenaltyOptions(DescentOptions):
    """Descent on a penalty along random signs."""

    probes: AtLeastTwo = 2
    """Sign vectors per latent (the papers' K)."""
    epsilon: Positive = 0.1
    """Step of the finite difference, in standard deviations of the latent."""


@checked
class HessianOptions(PenaltyOptions):
    """Descent on the Hessian Penalty as its authors take it."""

    path_size: NotNegative = 5.0
    """The Hessian is taken up to this far along one direction, drawn anew for each latent, in standard deviations."""


@checked
class LatentCLROptions(DescentOptions):
    """Descent on a contrastive loss."""

    latents: AtLeastTwo = 16
    """Latents per step, over all processes together."""
    shift: Positive = 1.0
    """Step along a direction whose effects are compared, in standard deviations of the latent."""
    temperature: Positive = 0.5
    """Temperature of the loss: the smaller, the more the closest pairs count."""


@checked
class GanspaceOptions:
    """Principal components of sampled latents or of their activations."""

    samples: AtLeastTwo | None = None
    """Sampled latents. None takes 200,000 in w, and 10,000 in z, where each costs an image (two with classes or a part)."""
    activations: LayerNumbers = ()
    """In z: layers whose activations are analyzed; by default the first one that the latent changes."""


@checked
class AxesOptions:
    """Coordinates of the latent, ranked by activity."""

    latents: Count = 64
    """Latents at which every coordinate is tried."""


METHOD_OPTIONS: dict[str, Any] = {
    "orojar-jd": JacobianOptions,
    "orojar": PenaltyOptions,
    "orojar-scale-free": PenaltyOptions,
    "hessian": HessianOptions,
    "hessian-scale-free": PenaltyOptions,
    "jacobian": JacobianOptions,
    "ganspace": GanspaceOptions,
    "sefa": NoOptions,
    "latentclr": LatentCLROptions,
    "axes": AxesOptions,
    "random": NoOptions,
}
"""The methods and what each of them takes."""


def option_names(method: str) -> list[str]:
    """The names of a method's own options.

    Raises:
        ValueError: no such method.
    """
    check_methods((method,))
    return [f.name for f in fields(METHOD_OPTIONS[method])]


def check_methods(methods: tuple[str, ...]) -> None:
    """Refuses names that no method has.

    Raises:
        ValueError: says which there are.
    """
    if unknown := [name for name in methods if name not in METHOD_OPTIONS]:
        raise ValueError(f"method must be one of {', '.join(METHOD_OPTIONS)}, got {', '.join(map(repr, unknown))}")


def _described() -> str:
    """The options of each method, as they are typed, with their defaults."""
    methods_with: dict[str, list[str]] = {}
    for method, options in METHOD_OPTIONS.items():
        defaults = {name: getattr(options(), name) for name in option_names(method)}
        typed = " ".join(name if value in (None, ()) else f"{name}={value}" for name, value in defaults.items())
        methods_with.setdefault(typed, []).append(method)
    return " ".join(f"{', '.join(methods)}: {typed}." for typed, methods in methods_with.items() if typed)


@checked
class DiscoverConfig:
    """How directions are found on a frozen generator."""

    method: str = "orojar-jd"
    """orojar-jd (joint diagonalization of sampled Gram matrices JᵀJ), orojar (the paper's loss, by descent), orojar-scale-free
    (its loss relative to the trace), hessian (Hessian Penalty, by descent), hessian-scale-free, jacobian (eigenvectors of the
    mean Gram matrix), ganspace (principal components), sefa, latentclr (contrastive, by descent), axes (the most active
    coordinates) or random."""
    method_options: Annotated[
        NamedValues, tyro.conf.arg(help=f"Options of the method, as in steps=200 activations=2,4. {_described()}")
    ] = field(default_factory=dict)
    space: Space = "auto"
    """Latent space: z (the input), w (the intermediate latent), or w+ (one w per layer: a direction moves every layer its own
    way); auto takes w where the generator has one."""
    part: str | None = None
    """Part of z that the directions stay in, for generators that divide theirs (BigGAN: coarse, mid, fine). If not set: all."""
    layers: tuple[int, int] | None = None
    """First layer and one past the last that the directions move, in w or w+ (`orojar inspect` lists them). If not set: all."""
    count: Count = 10
    """Number of directions."""
    seed: int = 0
    """Seed of everything random."""
    batch_size: Count = 64
    """Maximum number of images generated at once. Descent on a penalty generates all images of a step at once: latents *
    (probes + 1) for orojar, latents * (2 * probes + 1) for hessian."""

    def __post_init__(self) -> None:
        typed = self.options
        object.__setattr__(self, "method_options", {name: getattr(typed, name) for name in self.method_options})
        if self.part is not None and self.space in ("w", "w+"):
            raise ValueError(f"part {self.part!r} is one of z: choose the space z")
        if self.layers is not None:
            if self.space == "z":
                raise ValueError("layers needs the space w or w+: a step in z always moves every layer")
            if not 0 <= self.layers[0] < self.layers[1]:
                raise ValueError(f"layers must be a first layer and one past the last, got {self.layers}")

    @property
    def options(self) -> Any:
        """The options of the method, defaults included.

        Raises:
            ValueError: no such method, an option that it does not have, or a value that the option cannot have.
        """
        known = option_names(self.method)
        if unknown := [name for name in self.method_options if name not in known]:
            raise ValueError(f"{self.method} has no option {unknown[0]!r}; it has: {', '.join(known) or 'none'}")
        return METHOD_OPTIONS[self.method](**self.method_options)
