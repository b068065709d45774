"""The penalty in the generator loss: its form with that form's options, what it is computed on, when and how strongly."""

from dataclasses import asdict, field, replace
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from orojar_finetune.config.checked import Count, Fraction, NotNegative, Positive, checked
from orojar_finetune.config.flags import NamedValues, PythonOnly

Form = Literal["cosine", "variance", "hessian"]
AtLeastTwo = Annotated[int, Field(ge=2)]
Config = TypeVar("Config", bound="JacobianPenaltyConfig")
ANNEALED = 30
"""How many times smaller the weight is once it is annealed."""


@checked
class Cosine:
    """Squared cosines between the changes that two directions make, every pair counting alike."""

    directions: AtLeastTwo | None = None
    """Directions that are compared at each latent, drawn anew each time; None compares all."""
    epsilon: Positive = 0.1
    """Step of the finite difference, in standard deviations of each direction."""


@checked
class Variance:
    """The paper's estimate: the variance over random signs v of |J v|^2, in which the most active directions count most."""

    probes: AtLeastTwo = 2
    """Sign vectors per latent (the paper's K)."""
    epsilon: Positive = 0.1
    """Step of the finite difference, in standard deviations of each direction."""
    scale_free: bool = True
    """Divide by the squared trace of J'J. False is the paper's form, which directions can lower by changing nothing."""


@checked
class Hessian:
    """The Hessian Penalty: the variance over random signs of the second difference of every output value."""

    probes: AtLeastTwo = 2
    """Sign vectors per latent."""
    epsilon: Positive = 0.1
    """Step of the finite difference, in standard deviations of each direction."""
    scale_free: bool = True
    """Divide by the mean squared slope. False is the authors' form, which directions can lower by changing nothing."""


FORMS: dict[Form, type[Cosine | Variance | Hessian]] = {"cosine": Cosine, "variance": Variance, "hessian": Hessian}


@checked
class JacobianPenaltyConfig:
    """The penalty when training from scratch: every coordinate of z must change what the generator computes in its own way."""

    weight: NotNegative = 0.0
    """Weight of the penalty in the generator loss after warm-up; 0 disables it, 15 worked best on the scenes."""
    form: PythonOnly[Form] = "cosine"
    """cosine, variance (the paper's estimate along random signs) or hessian (the Hessian Penalty)."""
    options: PythonOnly[NamedValues] = field(default_factory=dict)
    """Options of the form: fields of its class in `FORMS`."""
    on: PythonOnly[Annotated[tuple[str, ...], Field(min_length=1)]] = ("layers",)
    """What the directions must change independently: image, image/4 (downsampled 4 times), layers (the last one of each
    resolution from 8 x 8 on), or layers by number. The penalty is the mean over all of them."""
    every: PythonOnly[Count] = 4
    """Apply the penalty every N steps, scaled by N (lazy regularization)."""
    batch_size: PythonOnly[Count] = 4
    """Latents per evaluation, over all processes together."""
    warmup_steps: PythonOnly[Annotated[int, Field(ge=0)]] = 300
    """Steps over which the weight grows linearly from 0."""
    anneal: PythonOnly[Fraction] = 0.0
    """Fraction of the run, at its end, in which the weight is a thirtieth, so that image quality recovers."""

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
        """The weight at the end of an annealed run."""
        return self.weight / ANNEALED


@checked
class PenaltyConfig(JacobianPenaltyConfig):
    """The penalty of a fine-tune: every direction of a set must change what the generator computes in its own way."""

    weight: NotNegative = 15.0
    """Weight of the penalty in the generator loss after warm-up; 0 disables it (control run)."""
    form: Form = "cosine"
    """cosine: squared cosines between the changes of two directions, every pair counting alike; variance: the paper's estimate
    along random signs, in which the most active directions count most; hessian: the Hessian Penalty."""
    options: NamedValues = field(default_factory=dict)
    """Options of the form. cosine: directions (compared at each latent), epsilon. variance and hessian: probes, epsilon,
    scale_free."""
    on: PythonOnly[Annotated[tuple[str, ...], Field(min_length=1)]] = ("layers", "image")
    """What the directions must change independently: image, image/4 (downsampled 4 times), layers (the last one of each
    resolution from 8 x 8 on), or layers by number. The penalty is the mean over all of them."""
    batch_size: PythonOnly[Count] = 6
    """Latents per evaluation, over all processes together."""
    anneal: PythonOnly[Fraction] = 2 / 3
    """Fraction of the run, at its end, in which the weight is a thirtieth, so that image quality recovers. Directions lose
    some of their independence meanwhile; 0 keeps one weight to the end: more independence, at some cost in image quality."""
    least_activity: PythonOnly[Fraction] = 0.01
    """Directions less active than this fraction of the most active one are dropped: where images vary in fewer ways than
    there are directions, not all of them can be independent. 0 keeps all."""
    reestimate_every: PythonOnly[Annotated[int, Field(ge=0)] | None] = None
    """Search the directions again every N steps, on the averaged generator and by their own method, each taking the place of
    the one it is most similar to. None: every 500 steps, but never for methods of gradient descent, whose search takes as
    long as those steps. 0, and direction sets of no method of ours, keep the directions of the start."""
