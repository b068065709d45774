"""Options of the search for directions: those of every method, and those of each method alone."""

from dataclasses import field, fields
from typing import Annotated, Any, Literal

import tyro
from pydantic import BeforeValidator, Field

from orojar_finetune.config.checked import Count, NotNegative, Positive, checked
from orojar_finetune.config.flags import NamedValues

Space = Literal["auto", "z", "w", "w+"]
AtLeastTwo = Annotated[int, Field(ge=2)]


def _numbers(value: Any) -> Any:
    """Splits `2,4`, as typed, into its numbers."""
    return tuple(filter(None, value.split(","))) if isinstance(value, str) else value


LayerNumbers = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_numbers)]


@checked
class NoOptions:
    """The method has no options of its own."""


@checked
class JacobianOptions:
    """Options of methods that sample Jacobians."""

    latents: Count = 64
    """Latents at which the Jacobian is sampled."""
    epsilon: Positive = 0.05
    """Step of the central difference, in standard deviations of the latent."""
    activations: LayerNumbers = ()
    """Layers whose activations are used in addition to the image."""


@checked
class DescentOptions:
    """Options of gradient descent on an orthonormal basis."""

    latents: Count = 16
    """Latents per step, over all processes together."""
    steps: Count = 400
    """Maximum number of steps of Adam."""
    learning_rate: Positive = 0.01
    """Learning rate of Adam."""
    patience: Annotated[int, Field(ge=0)] = 100
    """Stop after this many steps without a 1% improvement; 0 disables early stopping."""
    activations: LayerNumbers = ()
    """Layers whose activations are used in addition to the image (latentclr: instead of the image)."""


@checked
class PenaltyOptions(DescentOptions):
    """Options of descent on a penalty that is estimated along random sign vectors."""

    probes: AtLeastTwo = 2
    """Sign vectors per latent (the papers' K)."""
    epsilon: Positive = 0.1
    """Step of the finite difference, in standard deviations of the latent."""


@checked
class HessianOptions(PenaltyOptions):
    """Options of descent on the Hessian Penalty in its authors' form."""

    path_size: NotNegative = 5.0
    """Each latent is first moved by up to this many standard deviations along one random direction."""


@checked
class LatentCLROptions(DescentOptions):
    """Options of descent on a contrastive loss."""

    latents: AtLeastTwo = 16
    """Latents per step, over all processes together."""
    shift: Positive = 1.0
    """Step along each direction, in standard deviations of the latent."""
    temperature: Positive = 0.5
    """Temperature of the NT-Xent loss; lower values emphasize the hardest pairs."""


@checked
class GanspaceOptions:
    """Options of principal components of sampled latents or of their activations."""

    samples: AtLeastTwo | None = None
    """Sampled latents. If not set: 200,000 in w; 10,000 in z, where each costs one image (two with classes or `part`)."""
    activations: LayerNumbers = ()
    """Layers whose activations are analyzed, in z only. If not set: the first one that the latent changes."""


@checked
class AxesOptions:
    """Options of ranking the coordinates of the latent by activity."""

    latents: Count = 64
    """Latents at which the activity of every coordinate is measured."""


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
"""The options class of each method."""


def option_names(method: str) -> list[str]:
    """The names of a method's own options.

    Raises:
        ValueError: no such method.
    """
    check_methods((method,))
    return [f.name for f in fields(METHOD_OPTIONS[method])]


def check_methods(methods: tuple[str, ...]) -> None:
    """Raises an error if a name is not that of a method.

    Raises:
        ValueError: lists the methods.
    """
    if unknown := [name for name in methods if name not in METHOD_OPTIONS]:
        raise ValueError(f"method must be one of {', '.join(METHOD_OPTIONS)}, got {', '.join(map(repr, unknown))}")


def _described() -> str:
    """Returns the options of each method as they are typed, with their defaults."""
    methods_with: dict[str, list[str]] = {}
    for method, options in METHOD_OPTIONS.items():
        defaults = {name: getattr(options(), name) for name in option_names(method)}
        typed = " ".join(name if value in (None, ()) else f"{name}={value}" for name, value in defaults.items())
        methods_with.setdefault(typed, []).append(method)
    return "\n".join(f"{', '.join(methods)}: {typed}" for typed, methods in methods_with.items() if typed)


@checked
class DiscoverConfig:
    """How directions are found on a frozen generator."""

    method: str = "orojar-jd"
    """orojar-jd: OroJaR by joint diagonalization of sampled Gram matrices JᵀJ.
    orojar: the paper's loss, by gradient descent.
    orojar-scale-free: the same loss, divided by the squared trace.
    hessian, hessian-scale-free: Hessian Penalty, by gradient descent.
    jacobian: eigenvectors of the mean Gram matrix.
    ganspace: principal components.
    sefa: closed form from the weights.
    latentclr: contrastive, by gradient descent.
    axes: the most active coordinates.
    random: a random orthonormal basis."""
    method_options: Annotated[
        NamedValues,
        tyro.conf.arg(
            help=f"Options of the method, such as steps=200 activations=2,4. By method, with defaults:\n{_described()}"
        ),
    ] = field(default_factory=dict)
    space: Space = "auto"
    """Latent space: z (input), w (intermediate latent), w+ (a separate w for every layer), or
    auto (w if the generator has one, otherwise z)."""
    part: str | None = None
    """Restrict directions to one part of z, for generators that split it (BigGAN: coarse, mid, fine). If not set: all of z."""
    layers: tuple[int, int] | None = None
    """Layers that the directions move, in w or w+: START END, END excluded (`orojar inspect` lists them). If not set: all."""
    count: Count = 10
    """Number of directions."""
    seed: int = 0
    """Random seed."""
    batch_size: Count = 64
    """Maximum number of images generated at once.
    The searches of orojar* and hessian* ignore it: a step generates latents * (probes + 1) or latents * (2 * probes + 1)."""

    def __post_init__(self) -> None:
        typed = self.options
        object.__setattr__(self, "method_options", {name: getattr(typed, name) for name in self.method_options})
        if self.part is not None and self.space in ("w", "w+"):
            raise ValueError(f"part {self.part!r} is a part of z: it needs --space z, got {self.space}")
        if self.layers is not None:
            if self.space == "z":
                raise ValueError("layers needs --space w or w+: a step in z moves every layer")
            if not 0 <= self.layers[0] < self.layers[1]:
                raise ValueError(
                    f"layers must be START END with START < END, such as 0 4, got {self.layers[0]} {self.layers[1]}"
                )

    @property
    def options(self) -> Any:
        """The options of the method, defaults included.

        Raises:
            ValueError: an unknown method, an option it does not have, or an invalid value.
        """
        known = option_names(self.method)
        if unknown := [name for name in self.method_options if name not in known]:
            raise ValueError(f"{self.method} has no option {unknown[0]!r}; it has: {', '.join(known) or 'none'}")
        return METHOD_OPTIONS[self.method](**self.method_options)
