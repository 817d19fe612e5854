"""Keys of a layout on a screen, for the keyboard of the C library."""

from __future__ import annotations

from edgectc.core.types import Array
from edgectc.formats.layouts import Layout
from edgectc.runtime.keyboard import Key

WIDE, HIGH, LEFT, TOP = 1080.0, 480.0, 13.0, 700.0  # pixels


def keys_of(layout: Layout) -> list[Key]:
    """The keys of a layout on a screen."""
    width, height = layout.key_size
    return [
        (letter, (x - width / 2) * WIDE + LEFT, (y - height / 2) * HIGH + TOP, width * WIDE,
         height * HIGH)
        for letter, (x, y) in zip(layout.letters, layout.centers, strict=True)
    ]  # fmt: skip


def pixels(points: Array) -> Array:
    return points * [WIDE, HIGH, 1.0] + [LEFT, TOP, 0.0]
