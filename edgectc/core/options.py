"""An option's default, range and old names, said once beside its type.

`edgectc.core.config.from_dict` reads the old names, `check_numbers` the ranges, and
`native/build.py` writes both into the table that the C library checks presets by.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from edgectc.core.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

N = TypeVar("N", int, float, float | None)


@dataclasses.dataclass(frozen=True)
class Range:
    """Finite numbers from ``least`` to ``most``.

    Attributes:
        least: the lowest number, or -inf.
        most: the highest number, or inf.
        above: whether ``least`` itself is too low.
    """

    least: float = -math.inf
    most: float = math.inf
    above: bool = False

    def __contains__(self, value: float) -> bool:
        low = value > self.least if self.above else value >= self.least
        return math.isfinite(value) and low and value <= self.most

    def __str__(self) -> str:
        low = f"{'>' if self.above else '>='} {self.least:g}" if self.least > -math.inf else ""
        high = f"<= {self.most:g}" if self.most < math.inf else ""
        bounds = " and ".join(bound for bound in (low, high) if bound)
        return f"a finite number {bounds}".rstrip()


def number(
    default: N,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float | None = None,
    formerly: Sequence[str] = (),
) -> N:
    """Return the field of a dataclass: a number in a range; None is allowed where it is typed so.

    Args:
        default: value where none is given.
        least: the lowest number.
        most: the highest number.
        above: the number that all are above, in place of ``least``.
        formerly: names that it had; they still work.
    """
    held = Range(least, most) if above is None else Range(above, most, above=True)
    field: N = dataclasses.field(default=default, metadata={"range": held, "formerly": formerly})
    return field


def check_numbers(options: DataclassInstance) -> None:
    """Check every field that `number` made.

    Raises:
        ConfigError: one is out of its range.
    """
    for field in dataclasses.fields(options):
        held: Range | None = field.metadata.get("range")
        value: float | None = getattr(options, field.name)
        if held and value is not None and value not in held:
            raise ConfigError(f"{field.name} is {value}, expected {held}")


@cache
def say_renamed(what: str, old: str, new: str, *, level: int = logging.WARNING) -> None:
    """Say, once a process, that an option or argument has another name now."""
    logging.getLogger("edgectc").log(
        level, "edgectc: %s %r is called %r now; the old name still works", what, old, new
    )
