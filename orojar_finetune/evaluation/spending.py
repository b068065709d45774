"""What a search for directions costs."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import orojar_adapters as adapters


@dataclass
class Spent:
    """Of one search.

    Attributes:
        seconds: by the clock.
        images: that the generator made, one for every latent it was given.
    """

    seconds: float = 0.0
    images: int = 0


@contextmanager
def counting(generator: adapters.Generator) -> Generator[Spent]:
    """Counts the seconds and images between here and the end of the block, which gets the count.

    The generator's own methods stand in the way meanwhile, so it must not be used elsewhere.
    """
    spent, depth = Spent(), 0
    names = ("synthesize", "synthesize_with_activations")

    def counted(method: Callable) -> Callable:
        def call(ws, *rest, **options):
            nonlocal depth
            spent.images += len(ws) if depth == 0 else 0  # one calls the other
            depth += 1
            try:
                return method(ws, *rest, **options)
            finally:
                depth -= 1

        return call

    for name in names:
        setattr(generator, name, counted(getattr(generator, name)))
    before = time.perf_counter()
    try:
        yield spent
    finally:
        spent.seconds = time.perf_counter() - before
        for name in names:
            delattr(generator, name)
