"""Procedural pictures with known factors, a network that reads them, and the bundled generator of such pictures."""

from pathlib import Path

BUNDLED = Path(__file__).parent / "generator"
"""A model folder with half-precision weights; `load_generator` reads it like any other."""
