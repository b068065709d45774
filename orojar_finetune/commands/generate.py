"""`orojar generate`."""

import dataclasses
import logging
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from orojar_adapters import Generator, Noise
from orojar_finetune.images import render
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.editing import latents_of_seeds, one_by_one
from orojar_finetune.latents.opened import Opened, open_source
from orojar_finetune.latents.recipe import Recipe, fingerprint
from orojar_finetune.runtime.reproducible import fastest_device
from orojar_finetune.verbs import Generate

log = logging.getLogger("orojar")


def run(options: Generate) -> None:
    """Writes the requested kinds of images and prints their paths."""
    recipe = Recipe.load(options.recipe) if options.recipe else None
    if recipe is not None:
        options = _follow(options, recipe)
    if not options.source:
        raise ValueError("no model was given: type orojar generate MODEL, or orojar generate --recipe FILE")
    noise = parse_noise(options.noise)
    edits: dict[int | str, float] = dict(recipe.edits) if recipe else parse_edits(options.edits)
    if not options.seeds:
        raise ValueError("--seeds needs at least one seed, such as --seeds 0 1 2")
    opened = open_source(options.source, options.revision)
    generator = opened.generator().to(fastest_device())
    if options.truncation != 1 and not generator.truncates:
        log.warning("--truncation has no effect on a %s: it ignores the length of its latents", generator.title)
    directions = None
    if edits or {"strips", "gif"} & set(options.kinds):
        directions = opened.directions(options.direction_set, force=options.force)
    for difference in recipe.differences(generator, directions) if recipe else ():
        log.warning("%s", difference)
    options.output_dir.mkdir(parents=True, exist_ok=True)
    written = _samples(options, generator, directions, edits, noise)
    if directions is not None:
        written += _traversals(options, generator, directions, noise)
    if "recipe" in options.kinds:
        written.append(options.output_dir / "recipe.json")
        _recipe(options, opened, generator, directions, edits, noise).save(written[-1])
    for path in written:
        print(path)


def _follow(options: Generate, recipe: Recipe) -> Generate:
    """Returns the options with those of a recipe in their place; a model on the command line overrides the recipe's."""
    own = not options.source
    return dataclasses.replace(
        options,
        source=recipe.model if own else options.source,
        revision=options.revision or (recipe.revision if own else None),
        seeds=recipe.seeds,
        truncation=recipe.truncation,
        noise=str(recipe.noise),
        label=recipe.label,
        direction_set=recipe.direction_set,
    )


def _recipe(
    options: Generate,
    opened: Opened,
    generator: Generator,
    directions: Directions | None,
    edits: dict[int | str, float],
    noise: Noise,
) -> Recipe:
    if isinstance(noise, torch.Generator) or noise == "random":
        raise ValueError("--kinds recipe cannot reproduce random noise: use --noise const, none, or a seed")
    facts = generator.source_facts
    edited = directions if edits else None
    strengths: dict[str, float] = defaultdict(float)
    if edited is not None:
        for key, strength in edits.items():  # strengths given for one direction by name and by number add up
            strengths[edited.names[edited.index(key)]] += strength
    return Recipe(
        model=options.source,
        seeds=options.seeds,
        revision=facts.revision if facts else None,
        weights=fingerprint(generator),
        truncation=options.truncation,
        noise=noise,
        label=options.label,
        direction_set=(options.direction_set or opened.direction_sets[0]) if edited else None,
        directions=edited.digest if edited else None,
        edits=dict(strengths),
    )


def _samples(
    options: Generate,
    generator: Generator,
    directions: Directions | None,
    edits: dict[int | str, float],
    noise: Noise,
) -> list[Path]:
    if not {"images", "grid"} & set(options.kinds):
        return []
    z, labels = latents_of_seeds(generator, list(options.seeds), options.label)
    images = one_by_one(generator, z, directions, edits, labels, options.truncation, noise)
    written = []
    if "images" in options.kinds:
        for seed, image in zip(options.seeds, images, strict=True):
            written.append(options.output_dir / f"seed_{seed:04}.png")
            render.to_picture(image).save(written[-1])
    if "grid" in options.kinds:
        written.append(options.output_dir / "grid.png")
        render.grid(images, columns=min(8, len(images))).save(written[-1])
    return written


def _traversals(options: Generate, generator: Generator, directions: Directions, noise: Noise) -> list[Path]:
    written = []
    shown: dict[str, Any] = {"truncation": options.truncation, "noise": noise, "label": options.label}
    if "strips" in options.kinds:
        for i in range(len(directions)):
            traversed = render.traversal(generator, directions, i, options.seeds[:3], **shown)
            written.append(options.output_dir / f"direction_{i:02}.png")
            render.strip(traversed).save(written[-1])
    if "gif" in options.kinds:
        keys = range(len(directions))
        written.append(options.output_dir / "traversal.gif")
        render.save_gif(render.animation(generator, directions, options.seeds[0], keys, **shown), written[-1])
    return written


def parse_edits(words: tuple[str, ...]) -> dict[int | str, float]:
    """Parses words such as `0=2` and `hue=-1.5` into strengths by direction.

    Raises:
        ValueError: a word is not of this form.
    """
    edits: dict[int | str, float] = {}
    for word in words:
        key, _, strength = word.rpartition("=")
        try:
            edits[int(key) if key.isdecimal() else key] = float(strength)
        except ValueError as e:
            raise ValueError(f"--edits takes DIRECTION=SIGMAS, such as 0=2 or hue=-1.5, got {word!r}") from e
        if not key:
            raise ValueError(f"--edits takes DIRECTION=SIGMAS, such as 0=2 or hue=-1.5, got {word!r}")
    return edits


def parse_noise(word: str) -> Noise:
    """Parses a noise setting.

    Raises:
        ValueError: neither const, random, none nor a seed.
    """
    if word == "const" or word == "random" or word == "none":
        return word
    if word.isdecimal():
        return int(word)
    raise ValueError(f"--noise must be const, random, none, or a seed, got {word!r}")
