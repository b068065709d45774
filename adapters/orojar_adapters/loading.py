"""Networks out of checkpoints: shapes compared before anything is allocated, then the weights put in place."""

import dataclasses
import os
from typing import TypeVar

import torch
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor

from orojar_adapters.errors import CheckpointError
from orojar_adapters.generator import Generator
from orojar_adapters.readers import detect
from orojar_adapters.readers.checkpoint import Checkpoint, Weights
from orojar_adapters.sources import locate
from orojar_adapters.stylegan2_discriminator import StyleGAN2Discriminator

Network = TypeVar("Network", bound=ModelMixin)


def read_checkpoint(source: str | os.PathLike, families: dict[str, type[Generator]], revision: str | None = None) -> Checkpoint:
    """A source's weights in our names and all that is known of it; nothing in it is run.

    Raises:
        CheckpointError: nothing there, or a file that cannot or must not be read.
    """
    located = locate(source, revision)
    names = {cls.__name__: family for family, cls in families.items()}
    try:
        checkpoint = detect.read(located.path, names, os.fspath(source))
    except CheckpointError as e:
        raise CheckpointError(f"cannot read {os.fspath(source)}: {e}") from e
    except OSError as e:
        raise CheckpointError(f"cannot read {os.fspath(source)}: {e.strerror or e}") from e
    license = checkpoint.facts.license or located.license
    facts = dataclasses.replace(checkpoint.facts, revision=located.revision, license=license)
    return dataclasses.replace(checkpoint, facts=facts)


def build(cls: type[Network], weights: Weights, source: str) -> Network:
    """A network of a class with these weights, in float32, ready for inference.

    Raises:
        CheckpointError: sizes that the class does not have, tensors missing, left over, of another shape or not finite.
    """
    try:
        with torch.device("meta"):
            network = cls(**weights.config)
    except (TypeError, ValueError) as e:
        raise CheckpointError(f"cannot read {source}: {e}") from e
    expected = network.state_dict()
    if problem := _difference(expected, weights.state):
        raise CheckpointError(f"cannot read {source} as {cls.__name__}: {problem}")
    state = {}
    for name in expected:
        tensor = weights.state[name].detach().to(torch.float32, memory_format=torch.contiguous_format, copy=True)
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"cannot read {source}: its tensor {name!r} holds values that are not finite")
        state[name] = tensor
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(True)


def _difference(expected: dict[str, Tensor], found: dict[str, Tensor]) -> str | None:
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing or extra:
        return f"missing tensors {missing[:3]}, unknown tensors {[name[:80] for name in extra[:3]]}"
    for name, tensor in expected.items():
        if tensor.shape != found[name].shape:
            return f"{name!r} should have the shape {tuple(tensor.shape)}, it has {tuple(found[name].shape)}"
        if not found[name].is_floating_point():
            return f"{name!r} should hold floating-point values, it holds {found[name].dtype}"
    return None


def build_generator(checkpoint: Checkpoint, families: dict[str, type[Generator]]) -> Generator:
    """The generator of a checkpoint, with the facts about its source."""
    generator = build(families[checkpoint.family], checkpoint.generator, checkpoint.facts.source)
    generator.source_facts = checkpoint.facts
    return generator


def build_discriminator(checkpoint: Checkpoint) -> StyleGAN2Discriminator:
    """The discriminator of a checkpoint.

    Raises:
        CheckpointError: it holds none.
    """
    if checkpoint.discriminator is None:
        why = checkpoint.discriminator_problem or f"it holds {list(checkpoint.facts.holds)}"
        raise CheckpointError(f"{checkpoint.facts.source} holds no discriminator that can be read: {why}")
    return build(StyleGAN2Discriminator, checkpoint.discriminator, checkpoint.facts.source)
