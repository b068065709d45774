"""Pickles of NVlabs' PyTorch code (stylegan2-ada-pytorch, stylegan3 repositories): the networks G, D and G_ema."""

import math
from typing import Any

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.contract.source_facts import SourceFacts
from orojar_adapters.readers import nvlabs_stylegan2, nvlabs_stylegan3
from orojar_adapters.readers.arrays import number
from orojar_adapters.readers.checkpoint import Checkpoint, Weights, attempt, reading
from orojar_adapters.readers.pickled import MODULE, Module
from orojar_adapters.readers.records import called
from orojar_adapters.readers.state_dicts import DISCRIMINATOR
from orojar_adapters.readers.stylegan2_arguments import LR_MULTIPLIER
from orojar_adapters.readers.unpickle import Pickle

GENERATORS = ("G_ema", "G")
"""Names of the generator, averaged weights first."""


def matches(pickle: Pickle) -> bool:
    """Whether a pickle is one of NVlabs' PyTorch pickles."""
    return MODULE in pickle.globals


def read(pickle: Pickle, source: str, file: str) -> Checkpoint:
    """Returns the averaged generator of a training snapshot, or the only one there is, and the discriminator.

    Raises:
        CheckpointError: no generator of these families inside, or a variant that cannot be computed here.
    """
    value = pickle.value if isinstance(pickle.value, dict) else {"G": pickle.value}  # a bare module is the generator
    networks = {str(name): record for name, record in value.items() if _is_network(str(name), record)}
    name = next((name for name in GENERATORS if called(networks.get(name)) == MODULE), None)
    if name is None:
        raise CheckpointError(f"expected a generator (G_ema or G) in this pickle, it holds {sorted(networks) or 'none'}")
    generator = Module(networks[name])
    discriminator, problem = None, None
    if theirs := next((name for name in networks if name not in GENERATORS), None):
        discriminator, problem = attempt(lambda: _discriminator(theirs, networks[theirs]))
    family, weights = _generator(generator)
    facts = SourceFacts(
        source=source,
        file=file,
        origin="nvlabs-pytorch",
        holds=tuple(networks),
        has_discriminator=discriminator is not None,
        pickle_globals=tuple(sorted(pickle.globals)),
        embedded_source_sha256=generator.source_sha256,
    )
    return Checkpoint(family, weights, discriminator, facts, problem)


def _is_network(name: str, record: Any) -> bool:
    """Whether an entry is a generator's module, or anything that may be a discriminator."""
    if name in GENERATORS:
        return called(record) == MODULE
    return bool(DISCRIMINATOR.fullmatch(name)) and (called(record) is not None or (isinstance(record, dict) and bool(record)))


def _generator(module: Module) -> tuple[str, Weights]:
    """Returns the family and the weights."""
    if len(module.tensors.under("synthesis.b4.conv1.")):
        with reading("NVlabs' StyleGAN2"):
            return "stylegan2", _stylegan2(module)
    if len(module.tensors.under("synthesis.input.")):
        with reading("NVlabs' StyleGAN3"):
            return "stylegan3", _stylegan3(module)
    made_of = ", ".join(module.class_names[:8])
    raise CheckpointError(f"expected a StyleGAN2 or StyleGAN3 generator, found one made of {made_of}")


def _stylegan2(module: Module) -> Weights:
    module.require("architecture", "skip")
    module.require("activation", "lrelu", "linear")
    module.require("use_noise", True)
    return nvlabs_stylegan2.generator(module.tensors, _lr_multiplier(module), _clamp(module, "synthesis.b4.conv1."))


def _stylegan3(module: Module) -> Weights:
    synthesis = module.states.get("synthesis.", {})
    first = next((part for part in module.states if part.startswith("synthesis.L0_")), "")
    return nvlabs_stylegan3.generator(
        module.tensors,
        nvlabs_stylegan3.schedule_of(synthesis),
        _lr_multiplier(module),
        _clamp(module, first),
        float(number(synthesis.get("output_scale", 0.25))),
    )


def _discriminator(name: str, record: Any) -> Weights:
    with reading(f"NVlabs' StyleGAN2 discriminator, its {name}"):
        if called(record) != MODULE:
            raise CheckpointError("expected one of NVlabs' modules, found something else")
        module = Module(record)
        module.require("architecture", "resnet")
        group = module.setting("b4.mbstd.", "group_size")
        clamp = _clamp(module, "b4.conv.")
        return nvlabs_stylegan2.discriminator(module.tensors, 4 if group is None else int(number(group)), clamp)


def _lr_multiplier(module: Module) -> float:
    """Returns the mapping's learning-rate multiplier, from the gain that a layer keeps: multiplier / sqrt(width)."""
    in_size = module.tensors.get("mapping.fc0.weight", 2).shape[1]
    if "mapping.fc0." not in module.states:
        raise CheckpointError("expected a module mapping.fc0 in this pickle's generator")
    gain = number(module.setting("mapping.fc0.", "weight_gain", LR_MULTIPLIER / math.sqrt(in_size)))
    return round(gain * math.sqrt(in_size), 9)


def _clamp(module: Module, layer: str) -> float | None:
    """Returns the limit of a layer's activations, None where there is none."""
    clamp = module.setting(layer, "conv_clamp")
    return None if clamp is None else float(number(clamp))
