"""What the editor has open and what it shows, without any browser: from the values of controls to pictures."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from orojar_adapters import CheckpointError, Generator
from orojar_finetune import Directions, generate_edited
from orojar_finetune.images import render
from orojar_finetune.latents.editing import latents_of_seeds
from orojar_finetune.latents.opened import open_source
from orojar_finetune.latents.recipe import LAST_SEED, Recipe, fingerprint
from orojar_finetune.runtime.reproducible import fastest_device

STRENGTH_LIMIT = 4.0
"""Sigmas to either side of a slider; nearly all latents of the training distribution lie within."""
HIGHEST_TRUNCATION = 1.2
"""Psi at the right end of the slider; above 1 latents lie outside of the training distribution and images soon break."""
RANDOM_SEEDS = 10**6
"""The random button draws seeds below this, short enough to tell someone."""
DRAWN = -1
"""Stands for the class that the seed draws, as in every other command."""


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A generator and its direction sets by name, the default first.

    Attributes:
        source: as it was typed.
        complaint: why its direction sets could not be read; empty if they could.
    """

    source: str
    generator: Generator
    sets: dict[str, Directions] = field(default_factory=dict)
    complaint: str = ""

    @property
    def name(self) -> str:
        """The last part of a path, or the whole name of a repository."""
        path = Path(self.source).expanduser()
        return path.resolve().name if path.exists() else self.source

    def directions(self, name: str) -> Directions:
        """Returns a direction set by name.

        Raises:
            ValueError: no such set; the message lists the sets there are.
        """
        if name not in self.sets:
            raise ValueError(f"no direction set is called {name!r}; there are {', '.join(self.sets) or 'none'}")
        return self.sets[name]


@dataclass(frozen=True)
class View:
    """One image of an open model: the values of all controls.

    Attributes:
        truncation: psi; 1 is none, 0 gives the mean image.
        label: class index, or `DRAWN`.
        set_name: name of the direction set; None shows the image without edits.
        strengths: sigmas in the order of the directions; values beyond the last direction are ignored.
    """

    seed: int
    truncation: float = 1.0
    label: int = DRAWN
    set_name: str | None = None
    strengths: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= LAST_SEED:
            raise ValueError(f"the seed must be a whole number from 0 to {LAST_SEED}, got {self.seed}")
        if not 0 <= self.truncation <= HIGHEST_TRUNCATION:
            raise ValueError(f"truncation must lie between 0 and {HIGHEST_TRUNCATION}, got {self.truncation}")
        for strength in self.strengths:
            if not abs(strength) <= STRENGTH_LIMIT:
                raise ValueError(
                    f"strengths must lie between -{STRENGTH_LIMIT:g} and {STRENGTH_LIMIT:g} sigmas, got {strength}"
                )


def open_model(source: str, revision: str | None = None, force: bool = False) -> OpenModel:
    """Opens a generator on the fastest device of this machine, with all its direction sets.

    A model whose directions cannot be read opens with samples and a complaint.

    Args:
        force: accept directions that were found on other weights.

    Raises:
        CheckpointError: the generator cannot or must not be read.
    """
    opened = open_source(source, revision)
    generator = opened.generator().to(fastest_device())
    try:
        sets = {name: opened.directions(name, force=force) for name in opened.direction_sets}
    except CheckpointError as e:
        return OpenModel(source, generator, complaint=str(e))
    return OpenModel(source, generator, sets)


def view_of(seed: float, truncation: float, label: int, set_name: str | None, strengths: Sequence[float]) -> View:
    """Returns the view of a page's controls; the page sends every number as it was typed.

    Raises:
        ValueError: a seed that is not a whole number, or a control beyond its range.
    """
    if not float(seed).is_integer():
        raise ValueError(f"the seed must be a whole number from 0 to {LAST_SEED}, got {seed}")
    return View(int(seed), float(truncation), label, set_name, tuple(map(float, strengths)))


def recipe_of(model: OpenModel, view: View) -> Recipe:
    """Returns the recipe of a view's image, for `orojar generate --recipe` and for `view_of_recipe`."""
    edited = model.sets.get(view.set_name or "")
    strengths = dict(zip(edited.names, view.strengths, strict=False)) if edited is not None else {}
    edits = {name: strength for name, strength in strengths.items() if strength}
    facts = model.generator.source_facts
    return Recipe(
        model=model.source,
        seeds=(view.seed,),
        revision=facts.revision if facts is not None else None,
        weights=fingerprint(model.generator),
        truncation=view.truncation,
        label=_label(model, view),
        direction_set=view.set_name if edits else None,
        directions=edited.digest if edits and edited is not None else None,
        edits=edits,
    )


def view_of_recipe(model: OpenModel, recipe: Recipe) -> tuple[View, list[str]]:
    """Returns the view of a recipe's first image, and why it may differ from the one that was saved.

    Raises:
        ValueError: no such direction or class here, or a control beyond its range.
    """
    name = recipe.direction_set if recipe.direction_set in model.sets else next(iter(model.sets), None)
    strengths: list[float] = []
    if recipe.edits:
        directions = model.directions(recipe.direction_set or name or "")
        strengths = [0.0] * len(directions)
        for key, strength in recipe.edits.items():
            strengths[directions.index(key)] = strength
    if recipe.label is not None and recipe.label >= model.generator.num_classes:
        raise ValueError(f"the recipe shows class {recipe.label}, this generator has {model.generator.num_classes}")
    differences = recipe.differences(model.generator, model.sets.get(name or ""))
    if recipe.noise != "const" and model.generator.has_noise:
        differences.append(f"the recipe's noise is {recipe.noise}, but the editor shows that of the checkpoint")
    if len(recipe.seeds) > 1:
        differences.append(f"the recipe has {len(recipe.seeds)} seeds, of which the first is shown")
    label = DRAWN if recipe.label is None else recipe.label
    return View(recipe.seeds[0], recipe.truncation, label, name, tuple(strengths)), differences


def another_seed(seed: float | None, rng: random.Random) -> int:
    """Draws a short seed other than the one shown."""
    drawn = rng.randrange(RANDOM_SEEDS - 1)
    return drawn + 1 if seed is not None and drawn >= seed else drawn


def highest_truncation(generator: Generator) -> float:
    """Returns the right end of the slider: 1 where truncation is not a straight line that can be extended."""
    return HIGHEST_TRUNCATION if generator.truncation_scales else 1.0


def picture(model: OpenModel, view: View) -> Image.Image:
    """Draws the image of a view at full resolution.

    Raises:
        ValueError: an unknown direction set or class, or directions of another generator.
    """
    z, labels = latents_of_seeds(model.generator, [view.seed], _label(model, view))
    directions = model.directions(view.set_name) if view.set_name is not None else None
    count = len(directions) if directions is not None else 0
    edits: dict[int | str, float] = {i: strength for i, strength in enumerate(view.strengths[:count]) if strength}
    return render.to_picture(generate_edited(model.generator, z, directions, edits, labels, view.truncation)[0])


def strip(model: OpenModel, view: View, direction: int) -> Image.Image:
    """Draws what one direction alone does to the seed of a view, at the strengths `render.STRENGTHS`.

    Raises:
        ValueError: as in `picture`, or no such direction.
    """
    directions, label = model.directions(view.set_name or ""), _label(model, view)
    return render.strip(
        render.traversal(model.generator, directions, direction, [view.seed], truncation=view.truncation, label=label)
    )


def about(directions: Directions, direction: int) -> str:
    """Returns the caption of a slider: the activity of its direction and the layers it moves."""
    activity, layers = directions.activity[direction], directions.layers[direction]
    caption = "activity not measured" if math.isnan(activity) else f"activity {activity:.2g}"
    return caption if layers is None else f"{caption}, layers {layers[0]} to {layers[1] - 1}"


def _label(model: OpenModel, view: View) -> int | None:
    """Returns the class of a view; None lets the seed draw one."""
    return None if view.label == DRAWN or not model.generator.num_classes else view.label
