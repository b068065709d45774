"""The bundled generator: 32 x 32 pictures of one coloured shape on a coloured ground."""

from pathlib import Path

BUNDLED = Path(__file__).parent / "generator"
"""A model folder with half-precision weights; `load_generator` reads it like any other."""
