"""Random numbers that depend on nothing but a seed and what they are for.

A run that is stopped at any step and resumed draws what it would have drawn, without a state to save; and since the numbers
of a whole batch are drawn before the batch is divided, any number of processes and micro-batches draws the same.
"""

import hashlib

import torch


def rng(seed: int, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """Random numbers of their own for a purpose, such as `rng(0, "latents", step)`; they differ between kinds of device."""
    digest = hashlib.blake2b(repr((seed, *purpose)).encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest) >> 1)
