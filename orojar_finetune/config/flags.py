"""Annotations that say how options appear on the command line."""

from typing import Annotated, Any, TypeVar

import tyro

T = TypeVar("T")

FLAT = tyro.conf.arg(name="")
"""The options of this group have no prefix: `--learning-rate`, not `--gan.learning-rate`."""
PythonOnly = Annotated[T, tyro.conf.Fixed, tyro.conf.Suppress]
"""An option that few people set: a field of the config in Python, but not a flag."""


def _parsed(words: list[str]) -> dict[str, Any]:
    pairs = [word.partition("=") for word in words]
    if wrong := [name for name, sign, _ in pairs if not name or not sign]:
        raise ValueError(f"expected NAME=VALUE, got {wrong[0]!r}")
    return {name: value for name, _, value in pairs}


NamedValues = Annotated[
    dict[str, Any],
    tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar="NAME=VALUE",
        instance_from_str=_parsed,
        is_instance=lambda value: isinstance(value, dict),
        str_from_instance=lambda values: [f"{name}={value}" for name, value in values.items()],
    ),
]
"""Values by name, typed as `probes=4 epsilon=0.05`; the config that receives them validates them."""
