"""StyleGAN3 in NVlabs' PyTorch pickles (stylegan3 repository). All tensors keep their names."""

import re
from collections.abc import Container, Iterable
from typing import Any

import torch
from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.networks.stylegan3.bands import MOST_LAYERS, OVERSAMPLING, TAPS, all_filters, bands
from orojar_adapters.networks.stylegan3.layers import layer_names
from orojar_adapters.readers.checkpoint import Weights, brief, size_of
from orojar_adapters.readers.nvlabs_stylegan2 import clamp_of, read_mapping
from orojar_adapters.readers.persistence import Meta, modules_of, tensors_of
from orojar_adapters.readers.tensors import number

LAYER = re.compile(r"synthesis\.(L(\d{1,3})_(\d{1,5})_\d{1,5})\.")
SCHEDULE = {
    "num_critical": "critical",
    "first_cutoff": "first_cutoff",
    "first_stopband": "first_stopband",
    "last_stopband_rel": "stopband_ratio",
    "margin_size": "margin",
}
"""NVlabs' settings by what `bands` calls them; the defaults are the same."""
FIXED = {"filter_size": TAPS, "lrelu_upsampling": OVERSAMPLING}


def is_generator(modules: Container[str]) -> bool:
    """Whether a network with these modules is a generator of this family."""
    return "synthesis.input." in modules


def read_generator(meta: Meta) -> Weights:
    """The arguments and weights of a generator, its filters compared with those that its settings design.

    Raises:
        CheckpointError: a variant that cannot be computed here.
    """
    modules, state = dict(modules_of(meta)), tensors_of(meta)
    names, resolution = _layers(modules)
    first = f"synthesis.{names[0]}"
    widths = [size_of(state, f"synthesis.{name}.weight", 0) for name in names]
    settings = _settings(modules["synthesis."])
    radial = f"{first}.down_filter" in state and state[f"{first}.down_filter"].ndim == 2
    _check_schedule(names, widths, resolution, settings, radial, state)
    config = {
        "resolution": resolution,
        "channels": widths[:-1],
        "image_channels": widths[-1],
        **read_mapping(modules, state, size_of(state, f"{first}.affine.weight", 1)),
        "kernel_size": size_of(state, f"{first}.weight", 3),
        "radial": radial,
        "conv_clamp": clamp_of(modules[f"{first}."]),
        "output_scale": float(number(modules["synthesis."]["state"].get("output_scale", 0.25))),
    }
    ours = {"critical": "critical_layers"}
    return Weights(config | {ours.get(name, name): value for name, value in settings.items()}, state)


def _layers(modules: Iterable[str]) -> tuple[list[str], int]:
    """The names of the layers in order, and the size of what the last puts out."""
    found = sorted((int(match[2]), match[1], int(match[3])) for name in modules if (match := LAYER.fullmatch(name)))
    if not 3 <= len(found) <= MOST_LAYERS + 1 or [index for index, _, _ in found] != list(range(len(found))):
        names = [name for _, name, _ in found[:8]]
        raise CheckpointError(f"expected StyleGAN3's layers L0_SIZE_CHANNELS, L1_... in this generator, found {names}")
    return [name for _, name, _ in found], found[-1][2]


def _settings(synthesis: Meta) -> dict[str, Any]:
    """Arguments of `bands`, as far as the network states them in what it was made with or in what it keeps."""
    state = synthesis["state"]
    given = state.get("_init_kwargs")
    stated = (given if isinstance(given, dict) else {}) | {name: state[name] for name in SCHEDULE if name in state}
    for name, wanted in FIXED.items():
        if number(stated.get(name, wanted)) != wanted:
            raise CheckpointError(f"its {name} is {brief(stated[name])}, only {wanted} can be computed here")
    settings: dict[str, Any] = {}
    for name, ours in SCHEDULE.items():
        if name in stated:
            value = number(stated[name])
            settings[ours] = int(value) if ours in ("critical", "margin") and value == int(value) else float(value)
    return settings


def _check_schedule(
    names: list[str], widths: list[int], resolution: int, settings: dict[str, Any], radial: bool, state: dict[str, Tensor]
) -> None:
    """Refuses layers of other sizes, or with other filters, than those that the settings lead to."""
    try:
        found = bands(resolution, len(names) - 1, **settings)
    except (TypeError, ValueError) as e:
        raise CheckpointError(f"its layers cannot be those of a StyleGAN3: {e}") from e
    for name, wanted in zip(names, layer_names(widths, found), strict=True):
        if name != wanted:
            stated = ", ".join(f"{ours} {value}" for ours, value in settings.items()) or "the defaults"
            raise CheckpointError(f"its layer {name!r} should be {wanted!r} by its settings ({stated})")
    for name, designed in zip(names, all_filters(found, settings.get("critical", 2), radial), strict=False):
        for kind, taps in (("up_filter", designed.up_taps), ("down_filter", designed.down_taps)):
            filter = state.get(f"synthesis.{name}.{kind}", taps)  # one that is missing is named with all that are
            if filter.shape != taps.shape or not torch.allclose(filter.float(), taps, rtol=0, atol=1e-5):
                shape = "x".join(map(str, filter.shape))
                raise CheckpointError(
                    f"the {kind} ({shape} taps) of its layer {name!r} is not the one that its settings design ({taps.ndim}-D, "
                    f"{len(taps)} taps a side); other filters cannot be computed here"
                )
