"""What the editor has open and what it shows, without any browser: from sliders to pictures."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from orojar_adapters import CheckpointError, Generator
from orojar_finetune import Directions, generate_edited
from orojar_finetune.images import render
from orojar_finetune.latents.editing import latents_of_seeds
from orojar_finetune.latents.opened import open_source
from orojar_finetune.latents.recipe import LAST_SEED, Recipe, fingerprint
from orojar_finetune.runtime.devices import fastest_device

STRENGTH_LIMIT = 4.0
"""Sigmas to either side; nearly all latents of the training distribution lie within."""
HIGHEST_TRUNCATION = 1.2
"""Psi at the right end; beyond 1 pictures leave what the generator was trained on, soon after they fall apart."""
RANDOM_SEEDS = 10**6
"""The random button draws below this: a seed should be short enough to tell someone."""
DRAWN = -1
"""In place of a class: the one that the seed draws, as in every other command."""


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A generator and its direction sets by name, the first being the default.

    Attributes:
        source: what was asked for.
        complaint: why the direction sets that are there could not be read; empty when nothing is wrong.
    """

    source: str
    generator: Generator
    sets: dict[str, Directions] = field(default_factory=dict)
    complaint: str = ""

    @property
    def name(self) -> str:
        """What to call it: the last part of a path, the whole name of a repository."""
        path = Path(self.source).expanduser()
        return path.resolve().name if path.exists() else self.source

    def directions(self, name: str) -> Directions:
        """A direction set by name.

        Raises:
            ValueError: no such set; lists those there are.
        """
        if name not in self.sets:
            raise ValueError(f"no direction set is called {name!r}; there are {', '.join(self.sets) or 'none'}")
        return self.sets[name]


@dataclass(frozen=True)
class View:
    """One picture of an open model: where every control stands.

    Attributes:
        truncation: psi, 1 as trained, 0 the mean image.
        label: class index, or `DRAWN`.
        set_name: of the direction set; None shows the picture without edits.
        strengths: sigmas in the order of the directions; what lies beyond the last direction is ignored.
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
    """A generator on the fastest device here, with all its direction sets.

    Args:
        force: show directions of other weights too.

    Directions that cannot be read are no reason to show nothing: the model opens with samples and a complaint.

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
    """The view that the controls of a page stand for; a page sends every number as it was typed.

    Raises:
        ValueError: a seed that is not a whole number, or a control beyond its range.
    """
    if not float(seed).is_integer():
        raise ValueError(f"the seed must be a whole number from 0 to {LAST_SEED}, got {seed}")
    return View(int(seed), float(truncation), label, set_name, tuple(map(float, strengths)))


def recipe_of(model: OpenModel, view: View) -> Recipe:
    """The recipe of the picture of a view, for `orojar generate --recipe` and for `view_of_recipe`."""
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
        label=None if view.label == DRAWN or not model.generator.num_classes else view.label,
        direction_set=view.set_name if edits else None,
        directions=edited.digest if edits and edited is not None else None,
        edits=edits,
    )


def view_of_recipe(model: OpenModel, recipe: Recipe) -> tuple[View, list[str]]:
    """The view that shows a recipe's first picture, and why it may differ from the one that was saved.

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
    said = recipe.differences(model.generator, model.sets.get(name or ""))
    if recipe.noise != "const" and model.generator.has_noise:
        said.append(f"the recipe's noise is {recipe.noise}, the editor shows the checkpoint's own")
    if len(recipe.seeds) > 1:
        said.append(f"the recipe has {len(recipe.seeds)} seeds, the first is shown")
    label = DRAWN if recipe.label is None else recipe.label
    return View(recipe.seeds[0], recipe.truncation, label, name, tuple(strengths)), said


def another_seed(seed: float | None, rng: random.Random) -> int:
    """A short seed other than the one shown."""
    drawn = rng.randrange(RANDOM_SEEDS - 1)
    return drawn + 1 if seed is not None and drawn >= seed else drawn


def highest_truncation(generator: Generator) -> float:
    """The right end of the slider: 1 where truncation is no straight line that could go on."""
    return HIGHEST_TRUNCATION if generator.truncation_scales else 1.0


def picture(model: OpenModel, view: View) -> Image.Image:
    """The image of a view at full resolution.

    Raises:
        ValueError: an unknown direction set or class, or directions of another generator.
    """
    z, labels = _latents(model, view)
    directions = model.directions(view.set_name) if view.set_name is not None else None
    count = len(directions) if directions is not None else 0
    edits: dict[int | str, float] = {i: strength for i, strength in enumerate(view.strengths[:count]) if strength}
    return render.to_picture(generate_edited(model.generator, z, directions, edits, labels, view.truncation)[0])


def strip(model: OpenModel, view: View, direction: int) -> Image.Image:
    """What one direction alone does to the seed of a view, from -3 to 3 sigmas (`render.STRENGTHS`).

    Raises:
        ValueError: as for `picture`, or no such direction.
    """
    z, labels = _latents(model, view)
    directions = model.directions(view.set_name or "")
    columns = [
        generate_edited(model.generator, z, directions, {direction: strength}, labels, view.truncation)
        for strength in render.STRENGTHS
    ]
    return render.strip(torch.stack(columns, dim=1))


def about(directions: Directions, direction: int) -> str:
    """What a slider says of its direction: how much it does, and where."""
    said = f"activity {directions.activity[direction]:.2g}"
    layers = directions.layers[direction]
    return said if layers is None else f"{said}, layers {layers[0]} to {layers[1] - 1}"


def _latents(model: OpenModel, view: View) -> tuple[Float[Tensor, "1 latent"], Int[Tensor, " 1"] | None]:
    classes = model.generator.num_classes
    return latents_of_seeds(model.generator, [view.seed], None if view.label == DRAWN or not classes else view.label)
