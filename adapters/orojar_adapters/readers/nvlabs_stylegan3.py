"""StyleGAN3 in the names of NVlabs' PyTorch code (stylegan3 repository), which are ours."""

import re
from typing import Any

import torch

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.networks.stylegan3.bands import MOST_LAYERS, OVERSAMPLING, TAPS, all_filters, bands
from orojar_adapters.networks.stylegan3.layers import layer_names
from orojar_adapters.readers.arrays import number
from orojar_adapters.readers.checkpoint import Weights, brief
from orojar_adapters.readers.stylegan2_arguments import mapping_arguments
from orojar_adapters.readers.tensors import Tensors

LAYER = re.compile(r"(L(\d{1,3})_(\d{1,5})_\d{1,5})\..*")
SCHEDULE = {
    "num_critical": "critical",
    "first_cutoff": "first_cutoff",
    "first_stopband": "first_stopband",
    "last_stopband_rel": "stopband_ratio",
    "margin_size": "margin",
}
"""Arguments of `bands` by what NVlabs call them; the defaults are the same."""
FIXED = {"filter_size": TAPS, "lrelu_upsampling": OVERSAMPLING}
"""NVlabs' settings that have only one value here."""


def schedule_of(synthesis: dict[str, Any]) -> dict[str, Any]:
    """Returns arguments of `bands`, as far as the attributes of NVlabs' synthesis network state them.

    Raises:
        CheckpointError: a setting that is not a number, or that has another value than the only one there is here.
    """
    given = synthesis.get("_init_kwargs")
    stated = (given if isinstance(given, dict) else {}) | {name: synthesis[name] for name in SCHEDULE if name in synthesis}
    for name, wanted in FIXED.items():
        if number(stated.get(name, wanted)) != wanted:
            raise CheckpointError(f"its {name} is {brief(stated[name])}, only {wanted} can be computed here")
    schedule: dict[str, Any] = {}
    for name, ours in SCHEDULE.items():
        if name in stated:
            value = number(stated[name])
            schedule[ours] = int(value) if ours in ("critical", "margin") and value == int(value) else float(value)
    return schedule


def generator(
    old: Tensors, schedule: dict[str, Any], lr_multiplier: float, conv_clamp: float | None, output_scale: float
) -> Weights:
    """Returns a generator, its filters compared with those that its settings lead to.

    Args:
        schedule: arguments of `bands`, as far as they are known.
        lr_multiplier: of the mapping network.
        conv_clamp: limit of the activations; None means none.
        output_scale: factor of the last layer's values.
    """
    names, resolution = _layers(old)
    first = f"synthesis.{names[0]}"
    widths = [old.get(f"synthesis.{name}.weight", 4).shape[0] for name in names]
    radial = f"{first}.down_filter" in old and old.get(f"{first}.down_filter").ndim == 2
    _check_schedule(old, names, widths, resolution, schedule, radial)
    kernel_size, w_size = old.get(f"{first}.weight", 4).shape[3], old.get(f"{first}.affine.weight", 2).shape[1]
    state = old.rest()
    config = {
        "resolution": resolution,
        "channels": widths[:-1],
        "image_channels": widths[-1],
        **mapping_arguments(state, w_size, lr_multiplier),
        "kernel_size": kernel_size,
        "radial": radial,
        "conv_clamp": conv_clamp,
        "output_scale": output_scale,
    }
    return Weights(config | {"critical_layers" if key == "critical" else key: value for key, value in schedule.items()}, state)


def _layers(old: Tensors) -> tuple[list[str], int]:
    """Returns the names of the layers in order, and the size of the last one's output."""
    matches = (LAYER.fullmatch(name) for name in old.under("synthesis."))
    found = sorted({(int(match[2]), match[1], int(match[3])) for match in matches if match})
    if not 3 <= len(found) <= MOST_LAYERS + 1 or [index for index, _, _ in found] != list(range(len(found))):
        names = [name for _, name, _ in found[:8]]
        raise CheckpointError(f"expected StyleGAN3's layers L0_SIZE_CHANNELS, L1_... in this generator, found {names}")
    return [name for _, name, _ in found], found[-1][2]


def _check_schedule(
    old: Tensors, names: list[str], widths: list[int], resolution: int, schedule: dict[str, Any], radial: bool
) -> None:
    """Refuses layers of other sizes, or with other filters, than those that the schedule leads to."""
    try:
        found = bands(resolution, len(names) - 1, **schedule)
    except (TypeError, ValueError) as e:
        raise CheckpointError(f"its layers cannot be those of a StyleGAN3: {e}") from e
    for name, wanted in zip(names, layer_names(widths, found), strict=True):
        if name != wanted:
            stated = ", ".join(f"{ours} {value}" for ours, value in schedule.items()) or "the defaults"
            raise CheckpointError(f"its layer {name!r} should be {wanted!r} by its settings ({stated})")
    for name, designed in zip(names, all_filters(found, schedule.get("critical", 2), radial), strict=False):
        for kind, taps in (("up_filter", designed.up_taps), ("down_filter", designed.down_taps)):
            filter = old.get(f"synthesis.{name}.{kind}")
            if filter.shape != taps.shape or not torch.allclose(filter.float(), taps, rtol=0, atol=1e-5):
                shape = "x".join(map(str, filter.shape))
                raise CheckpointError(
                    f"the {kind} ({shape} taps) of its layer {name!r} is not the one that its settings design ({taps.ndim}-D, "
                    f"{len(taps)} taps a side); other filters cannot be computed here"
                )
