"""Directions of a frozen generator: one file a method, one table of methods."""

from orojar_finetune.discovery.discovering import METHODS, discover

__all__ = ["METHODS", "discover"]
