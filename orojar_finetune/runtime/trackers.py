"""TensorBoard, wandb and trackio, through Accelerate."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from accelerate import Accelerator
from accelerate.tracking import TensorBoardTracker, TrackioTracker, WandBTracker, get_available_trackers
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor

PROJECT = "orojar-finetune"


def installed(names: Sequence[str]) -> Sequence[str]:
    """Returns the names of trackers that can be used: all of the given ones.

    Raises:
        ValueError: a tracker whose package is missing; Accelerate itself would ignore it silently.
    """
    known = [str(tracker) for tracker in get_available_trackers()]
    for name in names:
        if name not in known:
            raise ValueError(
                f"report_to: {name} is not installed (pip install {name}); installed: {', '.join(known) or 'none'}"
            )
    return names


class Trackers:
    """The trackers of an accelerator; without any, nothing happens."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator

    def start(self, config: Mapping[str, Any]) -> None:
        """Opens a run in each tracker.

        Args:
            config: flat options, such as `penalty.weight`.
        """
        if self.accelerator.log_with:
            self.accelerator.init_trackers(PROJECT, config=dict(config))

    def log(self, figures: dict[str, float], step: int) -> None:
        """Logs the figures of a step."""
        self.accelerator.log(figures, step=step)

    def show(self, images: dict[str, UInt8[Tensor, "count channels height width"]], step: int) -> None:
        """Logs images, given as bytes."""
        shown = {name: rearrange(rows, "k c h w -> k h w c").numpy() for name, rows in images.items()}
        for tracker in self.accelerator.trackers:
            if isinstance(tracker, TensorBoardTracker):
                tracker.log_images(shown, step=step, dataformats="NHWC")
            elif isinstance(tracker, WandBTracker):
                tracker.log_images(shown, step=step)
            elif isinstance(tracker, TrackioTracker):  # which knows images, but not Accelerate's way to log them
                image = importlib.import_module("trackio").Image
                strips = {name: rearrange(rows, "k h w c -> h (k w) c") for name, rows in shown.items()}
                tracker.log({name: image(strip) for name, strip in strips.items()}, step=step)

    def finish(self) -> None:
        """Lets the trackers write what they still hold. Accelerate's `end_training` would end the group of processes too."""
        for tracker in self.accelerator.trackers:
            tracker.finish()


def flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields nested options as flat ones, such as `penalty.weight`; values other than numbers and strings become strings."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, (int, float, str, bool)) else str(value)
