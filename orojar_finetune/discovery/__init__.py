"""Finds directions of a frozen generator: one file per method, one table of methods."""

from orojar_finetune.discovery.discovering import METHODS, discover

__all__ = ["METHODS", "discover"]
