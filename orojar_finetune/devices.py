"""Where pictures are made."""

import torch


def fastest_device() -> str:
    """A GPU where there is one: the editor and `orojar generate` choose alike, so that a recipe gives the same bits in both."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
