"""Options of the penalty in the generator loss: its form, what it is computed on, its schedule, and its weight."""

from dataclasses import asdict, field, replace
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from orojar_finetune.config.checked import Count, Fraction, NotNegative, Positive, checked
from orojar_finetune.config.flags import NamedValues, PythonOnly

Form = Literal["cosine", "variance", "hessian"]
AtLeastTwo = Annotated[int, Field(ge=2)]
Config = TypeVar("Config", bound="JacobianPenaltyConfig")
ANNEALED = 30
"""Factor by which annealing divides the weight."""


@checked
class Cosine:
    """Options of the squared cosine between the changes two directions make, with equal weight for every pair."""

    directions: AtLeastTwo | None = None
    """Number of directions compared at each latent, sampled anew each time. If not set: all."""
    epsilon: Positive = 0.1
    """Finite-difference step, in sigmas of each direction."""


@checked
class Variance:
    """Options of the paper's estimate, the variance of |J v|^2 over random signs v, which is dominated by active directions."""

    probes: AtLeastTwo = 2
    """Sign vectors per latent (the paper's K)."""
    epsilon: Positive = 0.1
    """Finite-difference step, in sigmas of each direction."""
    scale_free: bool = True
    """Divide by the squared trace of JᵀJ. False: the paper's form, which can be minimized by directions that change nothing."""


@checked
class Hessian:
    """Options of the Hessian Penalty, the variance over random signs of the second difference of every output value."""

    probes: AtLeastTwo = 2
    """Sign vectors per latent."""
    epsilon: Positive = 0.1
    """Finite-difference step, in sigmas of each direction."""
    scale_free: bool = True
    """Divide by the mean squared slope. False: the authors' form, which can be minimized by directions that change nothing."""


FORMS: dict[Form, type[Cosine | Variance | Hessian]] = {"cosine": Cosine, "variance": Variance, "hessian": Hessian}


@checked
class JacobianPenaltyConfig:
    """OroJaR penalty on all coordinates of z: no two should change the generator's layers in the same way."""

    weight: NotNegative = 0.0
    """Weight of the penalty in the generator loss after warm-up; 0 disables it. 15 worked best on the scenes."""
    form: PythonOnly[Form] = "cosine"
    """cosine, variance (the paper's estimate over random signs), or hessian (the Hessian Penalty)."""
    options: PythonOnly[NamedValues] = field(default_factory=dict)
    """Options of the form: the fields of its class in `FORMS`."""
    on: PythonOnly[Annotated[tuple[str, ...], Field(min_length=1)]] = ("layers",)
    """Outputs to penalize, averaged: image, image/4 (downsampled by 4), layers (the last one of each resolution from 8 x 8 up),
    or layer numbers."""
    every: PythonOnly[Count] = 4
    """Apply the penalty every N steps, scaled by N (lazy regularization)."""
    batch_size: PythonOnly[Count] = 4
    """Latents per evaluation, in total over all processes."""
    warmup_steps: PythonOnly[Annotated[int, Field(ge=0)]] = 300
    """Linear warm-up of the weight from 0, in steps."""
    anneal: PythonOnly[Fraction] = 0.0
    """Final fraction of the run in which the weight is divided by 30, so that image quality recovers."""

    def __post_init__(self) -> None:
        typed = self.of_form
        object.__setattr__(self, "options", {name: getattr(typed, name) for name in self.options})

    @property
    def of_form(self) -> Cosine | Variance | Hessian:
        """The options of the form, defaults included."""
        return FORMS[self.form](**self.options)

    def with_options(self: Config) -> Config:
        """The same config with all options of the form filled in."""
        return replace(self, options=asdict(self.of_form))

    @property
    def annealed_weight(self) -> float:
        """The weight after annealing."""
        return self.weight / ANNEALED


@checked
class PenaltyConfig(JacobianPenaltyConfig):
    """OroJaR penalty on the directions: no two should change the image and the layers in the same way."""

    weight: NotNegative = 15.0
    """Weight of the penalty in the generator loss after warm-up; 0 disables it (control run)."""
    form: Form = "cosine"
    """cosine: squared cosine between the changes two directions make, with equal weight for every pair.
    variance: the paper's estimate over random signs, dominated by the most active directions. hessian: the Hessian Penalty."""
    options: NamedValues = field(default_factory=dict)
    """Options of the form. cosine: directions (number compared at each latent; default all) epsilon=0.1.
    variance, hessian: probes=2 epsilon=0.1 scale_free=True."""
    on: PythonOnly[Annotated[tuple[str, ...], Field(min_length=1)]] = ("layers", "image")
    """Outputs to penalize, averaged: image, image/4 (downsampled by 4), layers (the last one of each resolution from 8 x 8 up),
    or layer numbers."""
    batch_size: PythonOnly[Count] = 6
    """Latents per evaluation, in total over all processes."""
    anneal: PythonOnly[Fraction] = 2 / 3
    """Final fraction of the run in which the weight is divided by 30, so that image quality recovers while directions become
    somewhat less independent. 0 keeps the full weight to the end: more independence, lower image quality."""
    least_activity: PythonOnly[Fraction] = 0.01
    """Drop directions whose activity is below this fraction of the highest: if images vary in fewer ways than there are
    directions, not all can be independent. 0 keeps all."""
    reestimate_every: PythonOnly[Annotated[int, Field(ge=0)] | None] = None
    """Search for the directions again every N steps, on the EMA generator with their own method; each replaces the one it is
    most similar to. If not set: every 500 steps, or never for gradient-descent methods, whose search takes as long as 500
    steps. 0 keeps the starting directions, as do direction sets from elsewhere."""
