"""Dataclasses of options that pydantic validates on construction, in Python as on the command line."""

import functools
from typing import Annotated, Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

T = TypeVar("T")

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


@dataclass_transform(frozen_default=True)
def checked(cls: type[T]) -> type[T]:
    """Makes a frozen dataclass that rejects wrong types, unknown names, values out of bounds, NaN, and infinity.

    A ValueError says in one sentence which field got what, and what it accepts.
    """
    made: Any = dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))(cls)
    construct = made.__init__

    @functools.wraps(construct)
    def init(self: Any, *arguments: Any, **named: Any) -> None:
        try:
            construct(self, *arguments, **named)
        except ValidationError as e:
            raise ValueError("; ".join(_sentence(made, error) for error in e.errors())) from None

    made.__init__ = init
    return made


def _sentence(cls: Any, error: Any) -> str:
    name, message = ".".join(map(str, error["loc"])), error["msg"]
    if error["type"] == "value_error":  # raised by the class itself
        return message.removeprefix("Value error, ")
    if error["type"] == "unexpected_keyword_argument":
        return f"{cls.__name__} has no option {name!r}; it has: {', '.join(cls.__dataclass_fields__)}"
    if message.startswith("Input should"):
        message = f"must{message.removeprefix('Input should')}"
    return f"{name} {message}, got {error['input']!r}"
