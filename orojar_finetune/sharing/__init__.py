"""Sharing: the model folder with its previews and card, the Hub, exports. Nothing heavy is imported here."""

from typing import Literal

Previews = Literal["none", "small", "full"]
"""Which pictures a model folder gets."""
