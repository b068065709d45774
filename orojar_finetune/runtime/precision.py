"""Arithmetic with all bits of float32, for differences between images that are almost alike."""

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision() -> Generator[None]:
    """Convolutions and products with all 24 bits of float32, forwards and backwards.

    On GPUs cuDNN multiplies in TF32 by default, which keeps 11: its rounding drowns the difference that a small step makes,
    and the gradient of that difference.
    """
    products, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn
    torch.set_float32_matmul_precision("highest")
    try:
        with cudnn.flags(cudnn.enabled, cudnn.benchmark, cudnn.benchmark_limit, cudnn.deterministic, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(products)
