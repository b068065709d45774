"""The designs that the curve compares: what each changes in the defaults."""

import dataclasses
from typing import Any

from orojar_finetune import FinetuneConfig
from orojar_finetune.scenes import bundled_game

Options = dict[str, Any]

COSINE = {"form": "cosine", "probes": 10, "batch_size": 4}
"""All pairs of ten directions at 4 latents: as many images as two sign vectors at 16."""
CONTROL: Options = {"penalty": {"weight": 0.0}}
VARIANCE = {"form": "variance", "probes": 2, "batch_size": 16, "weight": 10.0}


def _cosine(weight: float, *on: str, **options: Any) -> Options:
    return {"penalty": {**COSINE, "weight": weight, "on": on or ("layers", "image"), **options}}


DESIGNS: dict[str, Options] = {
    "control": CONTROL,
    "default": {},
    **{f"all pairs on layers and image, weight {w:g}": _cosine(w) for w in (5.0, 15.0, 50.0, 150.0)},
    **{f"all pairs on the image, weight {w:g}": _cosine(w, "image") for w in (5.0, 15.0, 50.0)},
    "all pairs on the layers, weight 15": _cosine(15.0, "layers"),
    "all pairs on image/4, weight 15": _cosine(15.0, "image/4"),
    "sampled pairs, weight 15": _cosine(15.0, probes=2, batch_size=16),
    "signs, weight 10": {"penalty": VARIANCE},
    "signs, steps of 0.5 sigma, central": {"penalty": {**VARIANCE, "epsilon": 0.5, "difference": "central"}},
    "signs, steps of 1 sigma, central": {"penalty": {**VARIANCE, "epsilon": 1.0, "difference": "central"}},
    "steps of 0.5 sigma": _cosine(15.0, epsilon=0.5),
    "steps of 1 sigma": _cosine(15.0, epsilon=1.0),
    "every step": _cosine(15.0, every=1),
    "directions anew every 250 steps": _cosine(15.0, reestimate_every=250),
    "through the mapping": _cosine(15.0, through_mapping=True),
    "in z": {**_cosine(15.0), "discover": {"space": "z"}},
    **{f"only {what}": {**_cosine(15.0), "trainable": what} for what in ("mapping", "synthesis", "affine")},
    **{f"learning rate {rate:g}": {**_cosine(15.0), "gan": {"learning_rate": rate}} for rate in (3e-4, 2e-3)},
    **{
        f"control, learning rate {rate:g}": {"penalty": {"weight": 0.0}, "gan": {"learning_rate": rate}}
        for rate in (3e-4, 2e-3)
    },
}


def configured(design: Options, seed: int, steps: int) -> FinetuneConfig:
    """The default config with a design's options."""
    config = FinetuneConfig(trainable=design.get("trainable", "all"))
    run = dataclasses.replace(
        config.run,
        seed=seed,
        max_train_steps=steps,
        checkpoints_total_limit=1,
        resume_from_checkpoint="latest",
        validation_steps=500,
    )
    return dataclasses.replace(
        config,
        run=run,
        discover=dataclasses.replace(config.discover, seed=seed, **design.get("discover", {})),
        penalty=dataclasses.replace(config.penalty, **design.get("penalty", {})),
        gan=dataclasses.replace(bundled_game(), **design.get("gan", {})),
        fidelity=dataclasses.replace(config.fidelity, keep="last", max_drift=10.0, images=1024),
    )
