"""Where pictures are made, and sums."""

import torch


def fastest_device() -> str:
    """A GPU where there is one: the editor and `orojar generate` choose alike, so that a recipe gives the same bits in both."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def with_float64(device: torch.device) -> torch.device:
    """Where sums of many values are kept: the device itself, or the CPU for one of Apple's, which have no float64."""
    return torch.device("cpu") if device.type == "mps" else device
