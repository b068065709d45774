"""How the penalty is taken while weights move."""

from dataclasses import dataclass
from typing import Literal

from orojar_finetune.config.checks import above_zero, at_least, between

SETTLED = 30
"""How many times smaller the weight is in the last part of a run, where nothing else is said."""
Form = Literal["cosine", "variance", "hessian"]


@dataclass(frozen=True)
class JacobianPenaltyConfig:
    """The penalty of a training from nothing: every coordinate of z must change what the generator computes in its own way."""

    weight: float = 0.0
    """Of the penalty in the generator's loss, once the ramp is over; 0 leaves it out, 15 is what won most on scenes."""
    on: tuple[str, ...] = ("layers",)
    """What must change independently: image, image/4 (reduced 4 times), layers (the last of each resolution from 8 x 8 on), or
    numbers of layers; each counts alike."""
    form: Form = "cosine"
    """cosine: squared cosines of every pair of directions, all alike; variance: OroJaR's, of all directions at once along
    random signs, in which the most active ones count most; hessian: the Hessian Penalty, along random signs."""
    every: int = 4
    """Steps from one evaluation to the next; it then counts so many times."""
    batch_size: int = 4
    """Latents per evaluation, over all processes together."""
    probes: int | None = None
    """cosine: directions per latent, drawn anew every time, None means all; the others: sign vectors per latent (the papers'
    K), None means 2."""
    epsilon: float = 0.1
    """Step of the finite difference, in standard deviations of each direction."""
    difference: Literal["forward", "central"] = "forward"
    """Of the finite difference of form variance: forward as the paper, or central, more exact and slower."""
    scale_free: bool = True
    """variance: divide by the squared trace; hessian: by the squared slope. Without it (the papers' form) directions become
    independent by doing nothing."""
    ramp_steps: int = 300
    """Steps over which the weight grows from 0."""
    settle: float = 0.0
    """Part of the run, at its end, in which the weight is `settle_weight`, so that the images recover; 0 is one weight to the
    end."""
    settle_weight: float | None = None
    """Of the penalty in that part; None means a thirtieth of `weight`."""
    max_pull: float | None = None
    """How hard it may pull at a weight tensor, as a multiple of what the images' losses pull (norms of gradients); None means
    any. Adam divides each step by the size of the gradients before: next to a long gradient the others hardly move a weight."""

    @property
    def last_weight(self) -> float:
        """Of the penalty at the end of the run."""
        return self.weight / SETTLED if self.settle_weight is None else self.settle_weight

    def __post_init__(self) -> None:
        for name in ("weight", "ramp_steps"):
            at_least(name, getattr(self, name), 0)
        if self.settle_weight is not None:
            at_least("settle_weight", self.settle_weight, 0)
        for name in ("every", "batch_size"):
            at_least(name, getattr(self, name), 1)
        if self.probes is not None:
            at_least("probes", self.probes, 2)
        above_zero("epsilon", self.epsilon)
        between("settle", self.settle, 0, 1)
        if self.max_pull is not None:
            above_zero("max_pull", self.max_pull)
        if not self.on:
            raise ValueError("on must name what the penalty looks at: image, image/4, layers, or numbers of layers")


@dataclass(frozen=True)
class PenaltyConfig(JacobianPenaltyConfig):
    """The penalty of a fine-tune: every direction of a set must change what the generator computes in its own way."""

    weight: float = 15.0
    """Of the penalty in the generator's loss, once the ramp is over; 0 gives the control."""
    on: tuple[str, ...] = ("layers", "image")
    """What must change independently: image, image/4 (reduced 4 times), layers (the last of each resolution from 8 x 8 on), or
    numbers of layers; each counts alike."""
    batch_size: int = 6
    """Latents per evaluation, over all processes together."""
    through_mapping: bool = False
    """Whether the penalty also moves the latents w at which it is taken, through the mapping; always where the mapping alone is
    tuned."""
    settle: float = 2 / 3
    """Part of the run, at its end, in which the weight is `settle_weight`, so that the images recover. The directions give away
    part of what they have won: 0, one weight to the end, gives more independence for images that are less like the data."""
    least_activity: float = 0.01
    """Directions less active than this part of the most active one are left out: where pictures vary in fewer ways than there
    are directions, these cannot all be independent. 0 keeps all."""
    reestimate_every: int | None = None
    """Steps after which the directions are found anew on the averaged generator, by their own method, each in the place of the
    one that it is most like. None means 500, but never for methods of descent, which search as long as those steps take; 0
    keeps those of the start, as do directions that no method here has found."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reestimate_every is not None:
            at_least("reestimate_every", self.reestimate_every, 0)
        between("least_activity", self.least_activity, 0, 1)
