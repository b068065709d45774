"""The one way in: a generator and a config to a direction set, measured on latents that no method has seen."""

import dataclasses
from collections.abc import Callable, Generator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

import orojar_adapters as adapters
from orojar_finetune.config import DiscoverConfig
from orojar_finetune.discovery import axes, ganspace, hessian, jacobian, latentclr, orojar, orojar_jd, random, sefa
from orojar_finetune.latents.directions import Directions
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.measures import held_out
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.runtime.reproducible import full_precision

Method = Callable[[LatentSpace, DiscoverConfig, Processes], Float[Tensor, "count size"]]

METHODS: dict[str, Method] = {
    "orojar-jd": orojar_jd.find,
    "orojar": orojar.find,
    "hessian": hessian.find,
    "jacobian": jacobian.find,
    "ganspace": ganspace.find,
    "sefa": sefa.find,
    "latentclr": latentclr.find,
    "axes": axes.find,
    "random": random.find,
}


def discover(
    generator: adapters.Generator, config: DiscoverConfig | None = None, *, progress: bool = True, **options
) -> Directions:
    """Directions of a frozen generator, most active first, with what they do on held-out latents.

    Under `accelerate launch` the processes share the work and all return the same directions as one process would.

    Args:
        generator: its weights and its mode stay as they are; so does its device, unless there are several processes.
        config: how; None means the defaults.
        progress: whether to show a progress bar.
        options: fields of `DiscoverConfig` that replace those of the config, such as `method="sefa"` or `count=5`.

    Raises:
        ValueError: an option that does not fit this generator.
        TypeError: an option that does not exist.
    """
    config = dataclasses.replace(config or DiscoverConfig(), **options)
    space, basis = search(generator, config, progress=progress)
    with _frozen(generator):
        return measured(space, basis, config, Processes(progress))


def search(
    generator: adapters.Generator, config: DiscoverConfig, *, progress: bool = True
) -> tuple[LatentSpace, Float[Tensor, "count size"]]:
    """The basis that a method finds, and the space that it lies in: all of `discover` but the measuring.

    Raises:
        ValueError: an option that does not fit this generator, or weights that are not in float32 or not finite.
    """
    check_method(config.method)
    space = LatentSpace(generator, chosen_space(generator, config), config.layers, config.part, config.layer_groups)
    if config.count > space.size:
        raise ValueError(f"count must be at most {space.size}, the width of this latent, got {config.count}")
    check_activations(generator, config.activations)
    if generator.dtype != torch.float32:
        raise ValueError(f"directions are found in float32, this generator is {generator.dtype}: call generator.float() first")
    if not all(p.isfinite().all() for p in generator.parameters()):
        raise ValueError("the generator has weights that are not finite: are they damaged?")
    processes = Processes(progress)
    processes.place(generator)
    with torch.enable_grad(), _frozen(generator), full_precision():
        return space, METHODS[config.method](space, config, processes)


def check_method(name: str) -> None:
    """Refuses a name that is no method's.

    Raises:
        ValueError: says which there are.
    """
    if name not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {name!r}")


def check_activations(generator: adapters.Generator, named: tuple[int, ...]) -> None:
    """Refuses layers that a generator does not have.

    Raises:
        ValueError: says which there are.
    """
    if any(not 0 <= i < len(generator.feature_layers) for i in named):
        raise ValueError(f"activations must name layers 0..{len(generator.feature_layers) - 1}, got {named}")


def chosen_space(generator: adapters.Generator, config: DiscoverConfig) -> str:
    """The latent space that a config means on this generator."""
    if config.space != "auto":
        return config.space
    return "w" if "w" in generator.spaces and config.part is None else "z"


def measured(
    space: LatentSpace,
    basis: Float[Tensor, "count size"],
    config: DiscoverConfig,
    processes: Processes,
    names: tuple[str, ...] | None = None,
) -> Directions:
    """A basis as a direction set: standard deviations, activity and orthogonality on held-out latents.

    Args:
        names: of the directions, which then keep their order and sign; None sorts them, most active first, and numbers them.
    """
    rng = held_out.rng(config.seed)
    sigmas = (basis @ space.covariance(rng) * basis).sum(dim=1).clamp_min(0).sqrt()
    anchors = space.sample(config.held_out, rng)
    orthogonality, activities = held_out.scores(
        space, anchors, basis * sigmas[:, None], processes, config.epsilon, config.batch_size
    )
    if not activities.isfinite().all():
        raise ValueError("moved images have values that are not finite")
    if names is None:
        order = activities.argsort(descending=True)
        basis, sigmas, activities = _fix_signs(basis[order]), sigmas[order], activities[order]
    facts = space.generator.source_facts
    whole = space.whole(basis)
    lengths = whole.norm(dim=1) / basis.norm(dim=1)  # over 1 where layers are moved alike in w+
    return Directions(
        basis=whole / lengths[:, None],
        sigmas=sigmas * lengths,
        space=space.name,
        method=config.method,
        names=names or tuple(f"direction {i}" for i in range(len(basis))),
        layers=(config.layers,) * len(basis),
        activity=tuple(activities.tolist()),
        groups=space.groups,
        scores={"orthogonality": orthogonality, "activity": activities.mean().item()},
        provenance={
            "base": facts and facts.source,
            "revision": facts and facts.revision,
            "seed": config.seed,
            "config": dataclasses.asdict(config),
        },
        fingerprint=space.generator.fingerprint(),
    )


def _fix_signs(basis: Float[Tensor, "count size"]) -> Float[Tensor, "count size"]:
    """A direction and its opposite are the same line: the largest entry is made positive, so that runs agree."""
    largest = basis.gather(1, basis.abs().argmax(dim=1, keepdim=True))
    return basis * torch.where(largest < 0, -1.0, 1.0)


@contextmanager
def _frozen(generator: adapters.Generator) -> Generator[None]:
    """A generator whose weights gather no gradient, handed back as it was."""
    wanted = [p for p in generator.parameters() if p.requires_grad]
    try:
        for p in wanted:
            p.requires_grad_(False)
        yield
    finally:
        for p in wanted:
            p.requires_grad_(True)
