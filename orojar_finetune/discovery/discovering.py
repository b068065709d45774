"""Finds and measures directions: from a generator and a config to a direction set."""

import dataclasses
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

import orojar_adapters as adapters
from orojar_finetune.config import DiscoverConfig, option_names
from orojar_finetune.discovery import baselines, ganspace, jacobian, latentclr, orojar, orojar_jd
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.measures.direction_set import DirectionScores, measure_directions
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import full_precision

SEED_OFFSET = 1 << 20
"""Added to the seed for sigmas, so that their samples differ from those of every method."""

Method = Callable[[LatentSpace, DiscoverConfig, Processes], Float[Tensor, "count size"]]

METHODS: dict[str, Method] = {
    "orojar-jd": orojar_jd.find,
    "orojar": orojar.find_orojar,
    "orojar-scale-free": orojar.find_orojar_scale_free,
    "hessian": orojar.find_hessian,
    "hessian-scale-free": orojar.find_hessian_scale_free,
    "jacobian": jacobian.find,
    "ganspace": ganspace.find,
    "sefa": baselines.find_sefa,
    "latentclr": latentclr.find,
    "axes": baselines.find_axes,
    "random": baselines.find_random,
}
"""By the names of `METHOD_OPTIONS`, where each has its options."""


def discover(
    generator: adapters.Generator, config: DiscoverConfig | None = None, *, progress: bool = True, **options: Any
) -> Directions:
    """Finds directions of a frozen generator, most active first, and measures them on held-out latents.

    Under `accelerate launch` the processes share the work and all return the same directions as one process would.

    Args:
        generator: its weights and its mode stay as they are; so does its device, unless there are several processes.
        config: how to find them; None means the defaults.
        progress: whether to show a progress bar.
        options: fields of `DiscoverConfig` that replace those of the config, and options of the method, as in
            `method="orojar", count=5, steps=200`.

    Raises:
        ValueError: an option that does not fit this generator.
        TypeError: an option that neither `DiscoverConfig` nor the method has.
    """
    config = with_options(config or DiscoverConfig(), options)
    space, basis = search(generator, config, progress=progress)
    with _frozen(generator):
        return measured(space, basis, config, Processes(progress))[0]


def with_options(config: DiscoverConfig, options: dict[str, Any]) -> DiscoverConfig:
    """The config with some of its fields and some options of its method replaced.

    Raises:
        ValueError: a value that an option cannot have.
        TypeError: an option that neither the config nor the method has.
    """
    shared = {f.name for f in dataclasses.fields(config)}
    changed = {name: value for name, value in options.items() if name in shared}
    own = {name: value for name, value in options.items() if name not in shared}
    method = changed.get("method", config.method)
    known = option_names(method)
    if unknown := [name for name in own if name not in known]:
        raise TypeError(
            f"there is no option {unknown[0]!r}; {method} has {', '.join(known) or 'none of its own'}, "
            f"and every method {', '.join(sorted(shared))}"
        )
    kept = config.method_options if method == config.method else {}
    return dataclasses.replace(config, **{"method_options": {**kept, **own}, **changed})


def search(
    generator: adapters.Generator, config: DiscoverConfig, *, progress: bool = True
) -> tuple[LatentSpace, Float[Tensor, "count size"]]:
    """Returns the basis that a method finds and its latent space, without measuring the directions.

    Raises:
        ValueError: an option that does not fit this generator, or weights that are not in float32 or not finite.
    """
    space = LatentSpace(generator, chosen_space(generator, config), config.layers, config.part)
    if config.count > space.size:
        raise ValueError(f"count must be at most {space.size}, the width of this latent, got {config.count}")
    check_activations(generator, getattr(config.options, "activations", ()))
    if generator.dtype != torch.float32:
        raise ValueError(f"directions are found in float32, this generator is {generator.dtype}: call generator.float() first")
    if not all(p.isfinite().all() for p in generator.parameters()):
        raise ValueError("the generator has weights that are not finite: are they damaged?")
    processes = Processes(progress)
    processes.place(generator)
    with torch.enable_grad(), _frozen(generator), full_precision():
        return space, METHODS[config.method](space, config, processes)


def check_activations(generator: adapters.Generator, named: Sequence[int]) -> None:
    """Raises an error for layers that a generator does not have.

    Raises:
        ValueError: says which there are.
    """
    if any(not 0 <= i < len(generator.feature_layers) for i in named):
        raise ValueError(f"activations must name layers 0..{len(generator.feature_layers) - 1}, got {tuple(named)}")


def chosen_space(generator: adapters.Generator, config: DiscoverConfig) -> str:
    """Returns the latent space that a config selects on this generator."""
    if config.space != "auto":
        return config.space
    return "w" if "w" in generator.spaces and config.part is None else "z"


def measured(
    space: LatentSpace,
    basis: Float[Tensor, "count size"],
    config: DiscoverConfig,
    processes: Processes,
    latents: int | None = None,
    activations: Sequence[int] = (),
) -> tuple[Directions, DirectionScores]:
    """Returns a basis as a direction set, most active first, and its scores in the same order.

    Args:
        latents: as for `measure_directions`.
        activations: layers that are measured beside the image.
    """
    unordered = Directions(
        basis=space.whole(basis),
        sigmas=space.sigmas(basis, torch.Generator().manual_seed(config.seed + SEED_OFFSET)),
        space=space.name,
        method=config.method,
        names=tuple(f"direction {i}" for i in range(len(basis))),
        layers=(config.layers,) * len(basis),
        activity=(float("nan"),) * len(basis),
        provenance={**origin(space.generator), "seed": config.seed, "config": dataclasses.asdict(config)},
        fingerprint=space.generator.fingerprint(),
    )
    scores = measure_directions(space.generator, unordered, latents, config.seed, processes, config.batch_size, activations)
    order = scores.activities.mean(dim=0).argsort(descending=True).tolist()
    scores, ordered = scores.take(order), unordered.take(order)
    return scores.on(dataclasses.replace(ordered, basis=_fix_signs(ordered.basis), names=unordered.names)), scores


def remeasured(generator: adapters.Generator, directions: Directions, seed: int, processes: Processes) -> Directions:
    """Returns a direction set measured again on other weights: new sigmas, activity and scores; same basis, order and names."""
    rng = torch.Generator().manual_seed(seed + SEED_OFFSET)
    basis = directions.basis.to(generator.device)
    sigmas = LatentSpace(generator, directions.space).sigmas(basis, rng)
    there = dataclasses.replace(
        directions,
        basis=basis,
        sigmas=sigmas,
        provenance={**directions.provenance, **origin(generator)},
        fingerprint=generator.fingerprint(),
    )
    return measure_directions(generator, there, seed=seed, processes=processes).on(there)


def origin(generator: adapters.Generator) -> dict[str, str | None]:
    """The source of a generator and its commit, as plain data."""
    facts = generator.source_facts
    return {"base": facts.source if facts else None, "revision": facts.revision if facts else None}


def _fix_signs(basis: Float[Tensor, "count size"]) -> Float[Tensor, "count size"]:
    """Makes the largest entry of each direction positive, so that runs agree on the sign."""
    largest = basis.gather(1, basis.abs().argmax(dim=1, keepdim=True))
    return basis * torch.where(largest < 0, -1.0, 1.0)


@contextmanager
def _frozen(generator: adapters.Generator) -> Generator[None]:
    """Yields a generator whose weights need no gradients, and restores it afterwards."""
    wanted = [p for p in generator.parameters() if p.requires_grad]
    try:
        for p in wanted:
            p.requires_grad_(False)
        yield
    finally:
        for p in wanted:
            p.requires_grad_(True)
