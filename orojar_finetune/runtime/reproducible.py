"""What makes a result the same every time: random draws by seed and purpose, all bits of float32, one choice of device."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager

import torch


def rng(seed: int, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """Returns a random generator that depends on the seed and the purpose alone, as in `rng(0, "latents", step)`.

    A run that is resumed at any step draws what it would have drawn, without a saved state; and since the numbers of a whole
    batch are drawn before it is divided, any number of processes and micro-batches draws the same. Draws differ between kinds
    of device.
    """
    digest = hashlib.blake2b(repr((seed, *purpose)).encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest) >> 1)


@contextmanager
def full_precision() -> Generator[None]:
    """Computes convolutions and matrix products with all 24 bits of float32, forwards and backwards.

    On GPUs cuDNN uses TF32 by default, which keeps 11 bits: its rounding drowns the difference between two images that are
    almost alike, and the gradient of that difference.
    """
    products, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn
    torch.set_float32_matmul_precision("highest")
    try:
        with cudnn.flags(cudnn.enabled, cudnn.benchmark, cudnn.benchmark_limit, cudnn.deterministic, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(products)


def fastest_device() -> str:
    """Returns the name of a GPU if there is one. The editor and `orojar generate` choose alike, for the same bits in both."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def with_float64(device: torch.device) -> torch.device:
    """Returns the device where large sums are kept: the device itself, or the CPU in place of Apple's, which lacks float64."""
    return torch.device("cpu") if device.type == "mps" else device
