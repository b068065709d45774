"""The designs that the curve compares: what each changes in the defaults."""

import dataclasses
from typing import Any

from orojar_finetune import FinetuneConfig
from orojar_finetune.config import RATE
from orojar_finetune.scenes import bundled_game
from orojar_finetune.scenes.rendering import FACTORS

Options = dict[str, Any]

SIGNS: Options = {"form": "variance", "batch_size": 16}
"""The paper's form, at about as many images an evaluation as the default."""

TEN: Options = {"discover": {"count": 10}}
"""The other designs look for as many directions as there are factors."""


def _penalty(**options: Any) -> Options:
    return {"penalty": options}


def _rate(rate: float) -> Options:
    """Of the generator; the discriminator keeps the usual one."""
    return {"learning_rate": rate, "discriminator_learning_rate": RATE}


def _affine(rate: float, **penalty: Any) -> Options:
    """Only the modulation layers move."""
    return {"trainable": "affine", "gan": _rate(rate), **(_penalty(**penalty) if penalty else {})}


AFFINE = "only affine, rate 0.003"
DEFAULT = f"{AFFINE}, for a third then 0.5"
"""The design that the package's defaults are."""

DESIGNS: dict[str, Options] = {
    "control": _penalty(weight=0.0),
    **{f"layers and image, weight {w:g}": _penalty(weight=w) for w in (0.5, 1.5, 5.0, 15.0, 50.0)},
    **{f"image, weight {w:g}": _penalty(weight=w, on=("image",)) for w in (5.0, 15.0, 50.0)},
    "layers": _penalty(on=("layers",)),
    "image/4": _penalty(on=("image/4",)),
    **{f"signs, weight {w:g}": _penalty(weight=w, **SIGNS) for w in (2.5, 10.0, 40.0)},
    "signs, steps of 1 sigma, central": _penalty(epsilon=1.0, difference="central", **SIGNS),
    "the active ones of ten directions": TEN,
    "ten directions": {**_penalty(least_activity=0.0), **TEN},
    "ten directions, signs": {**_penalty(weight=10.0, least_activity=0.0, **SIGNS), **TEN},
    "steps of 0.5 sigma": _penalty(epsilon=0.5),
    "steps of 1 sigma": _penalty(epsilon=1.0),
    "pairs among 3 directions": _penalty(probes=3, batch_size=16),
    "every step": _penalty(every=1, batch_size=2),
    "directions of the start": _penalty(reestimate_every=0),
    "image, directions of the start": _penalty(on=("image",), reestimate_every=0),
    "through the mapping": _penalty(through_mapping=True),
    "in w+": {"discover": {"space": "w+", "whiten": True, "count": 10}},
    "in w+, two groups of layers": {"discover": {"space": "w+", "layer_groups": (4,), "whiten": True, "count": 8}},
    **{f"weight 15, then {w:g}": _penalty(settle=0.25, settle_weight=w) for w in (0.0, 0.5, 1.5)},
    "pull of at most 1": _penalty(max_pull=1.0),
    "in z": {"discover": {"space": "z"}},
    **{f"only {what}": {"trainable": what} for what in ("mapping", "synthesis", "affine")},
    **{f"only affine, rate {rate:g}": _affine(rate) for rate in (3e-3, 1e-2)},
    **{f"control, only affine, rate {rate:g}": _affine(rate, weight=0.0) for rate in (3e-3, 1e-2)},
    **{f"{AFFINE}, weight {w:g}": _affine(3e-3, weight=w) for w in (1.5, 5.0)},
    f"{AFFINE}, then 0.5": _affine(3e-3, settle=0.25, settle_weight=0.5),
    DEFAULT: _affine(3e-3, settle=2 / 3),
    **{f"{AFFINE}, for half then {w:g}": _affine(3e-3, settle=0.5, settle_weight=w) for w in (0.5, 1.5)},
    f"{AFFINE}, every step": _affine(3e-3, every=1, batch_size=2),
    f"{AFFINE}, every step, for half then 0.5": _affine(3e-3, every=1, batch_size=2, settle=0.5, settle_weight=0.5),
    "only affine, rate 0.01, falling": {"trainable": "affine", "gan": {**_rate(1e-2), "decay": 0.5}},
    "falling rates": {"gan": {"decay": 0.2}},
    "control, falling rates": {**_penalty(weight=0.0), "gan": {"decay": 0.2}},
    "longer average": {"gan": {"ema_rampup": 0.2}},
    "control, longer average": {**_penalty(weight=0.0), "gan": {"ema_rampup": 0.2}},
    "discriminator twice as fast": {"gan": {"discriminator_learning_rate": 2e-3}},
    "control, discriminator twice as fast": {**_penalty(weight=0.0), "gan": {"discriminator_learning_rate": 2e-3}},
    **{f"rate {rate:g}": {"gan": {"learning_rate": rate}} for rate in (3e-4, 2e-3)},
    **{f"control, rate {rate:g}": {**_penalty(weight=0.0), "gan": {"learning_rate": rate}} for rate in (3e-4, 2e-3)},
}


def family_of(name: str) -> str:
    """The designs that differ by their weight alone are a family, which the curve joins."""
    return name.rpartition(", weight")[0] or name


def control_of(name: str) -> str:
    """The design without a penalty of the same game and weights; without such, of the same game; or the usual one."""
    design = DESIGNS[name]

    def likeness(control: str) -> tuple[bool, bool]:
        plain = DESIGNS[control]
        return plain.get("gan") == design.get("gan"), plain.get("trainable") == design.get("trainable")

    return max((each for each in DESIGNS if each.startswith("control")), key=likeness)


def configured(name: str, seed: int, steps: int) -> FinetuneConfig:
    """The defaults with a design's options; where it does not say, all weights move, at the usual rate, under one weight."""
    design = DESIGNS[name]
    config = FinetuneConfig(trainable=design.get("trainable", "all"))
    run = dataclasses.replace(
        config.run,
        seed=seed,
        max_train_steps=steps,
        checkpoints_total_limit=None,
        resume_from_checkpoint="latest",
        validation_steps=1000,
    )
    return dataclasses.replace(
        config,
        run=run,
        discover=dataclasses.replace(config.discover, **{"seed": seed, "count": len(FACTORS), **design.get("discover", {})}),
        penalty=dataclasses.replace(config.penalty, **{"settle": 0.0, **design.get("penalty", {})}),
        gan=dataclasses.replace(bundled_game(), **{"learning_rate": RATE, **design.get("gan", {})}),
        fidelity=dataclasses.replace(config.fidelity, keep="last", max_drift=10.0, images=1024),
    )
