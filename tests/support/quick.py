"""Options with which a method takes next to no time."""

from typing import Any

from orojar_finetune.config import DiscoverConfig, option_names

SMALL = {"latents": 4, "steps": 3, "samples": 64}


def quick(method: str = "orojar-jd", **options: Any) -> dict[str, Any]:
    """Options of a method, small where it is not said otherwise; those that it does not have are left out."""
    known = option_names(method)
    return {name: value for name, value in {**SMALL, **options}.items() if name in known}


def quick_config(
    method: str = "orojar-jd", count: int = 3, options: dict[str, Any] | None = None, **fields: Any
) -> DiscoverConfig:
    """A search that takes next to no time."""
    return DiscoverConfig(method=method, count=count, method_options=quick(method, **(options or {})), **fields)
