"""How We Swipe: the study's own logs, one ``.log`` file a user.

A line is one touch event: ``sentence timestamp keyb_width keyb_height event x_pos y_pos x_radius
y_radius angle word is_err``, apart by spaces, words of the sentence apart by ``_``. A gesture runs
from a ``touchstart`` to its ``touchend``; a user who failed tries again, so a word may come twice.
A line of more columns repeats another one with further flags, and is left out.

The keyboard has three letter rows of height h and one of 0.7 h with the space bar, so the letter
area is the upper 3 / 3.7 of ``keyb_height``.

Source: Leiva, Kim, Cui, Bi, Oulasvirta 2021, "How We Swipe" (MobileHCI), its data description and
the keyboard of the study's web page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgectc.core.errors import InputError
from edgectc.core.types import Swipe
from edgectc.data.importers import files, lines, swipe
from edgectc.data.swipe_files import Row

_COLUMNS = 12
_LETTER_SHARE = 3.0 / 3.7
_JUMP, _JUMP_MS = 0.3, 40.0  # keyboard widths within that time: another finger


@dataclass
class _Gesture:
    """Events since a ``touchstart``; ``refused``: the study's page did not take it for its word."""

    where: str
    word: str
    sentence: str
    points: list[tuple[float, float, float]] = field(default_factory=list)
    refused: bool = False


def rows(path: Path) -> Iterator[Row]:
    """Yield a row for each gesture of a log, or of all logs in a folder."""
    index = 0
    for log in files(path, (".log",)):
        for gesture in _gestures(log):
            try:
                if isinstance(gesture, InputError):
                    raise gesture
                yield Row(index, _swipe(gesture, log.stem), None)
            except InputError as error:
                yield Row(index, None, error)
            index += 1


def _gestures(log: Path) -> Iterator[_Gesture | InputError]:
    """Yield what lies between touchstart and touchend, and why a piece is no gesture."""
    now: _Gesture | None = None
    for number, line in lines(log):
        where = f"{log.name} line {number}"
        cells = line.split()
        if cells[0] == "sentence" or len(cells) > _COLUMNS:
            continue
        try:
            point, event = _point(cells), cells[4]
        except (ValueError, IndexError, ZeroDivisionError):
            yield InputError(f"{where}: {line[:60]!r}, expected 12 columns", reason="bad_line")
            continue
        if now is not None and (event == "touchstart" or cells[10] != now.word):
            yield _incomplete(now.where, "without a touchend")
            now = None
        if event == "touchstart":
            now = _Gesture(where, cells[10], cells[0])
        if now is None:
            if event == "touchend":
                yield _incomplete(where, "without a touchstart")
            continue
        now.points.append(point)
        now.refused |= cells[11] != "0"
        if event == "touchend":
            yield now
            now = None
    if now is not None:
        yield _incomplete(now.where, "without a touchend")


def _point(cells: list[str]) -> tuple[float, float, float]:
    """Return x and y in the letter area, t in milliseconds."""
    width, height = float(cells[2]), float(cells[3])
    return float(cells[5]) / width, float(cells[6]) / (height * _LETTER_SHARE), float(cells[1])


def _incomplete(where: str, what: str) -> InputError:
    return InputError(f"{where}: a gesture {what}", reason="incomplete")


def _swipe(gesture: _Gesture, user: str) -> Swipe:
    if gesture.refused:
        raise InputError(f"{gesture.where}: the page refused it", reason="flagged")
    prompt = gesture.sentence.replace("_", " ")
    if gesture.word not in prompt.split():
        raise InputError(
            f"{gesture.where}: the word {gesture.word!r} is not in its prompt", reason="bad_field"
        )
    try:
        made = swipe(gesture.points, gesture.word, user=user, prompt=prompt)
    except InputError as error:
        raise InputError(f"{gesture.where}: {error}", reason=error.reason) from error
    steps = np.diff(made.points, axis=0)
    far = np.hypot(steps[:, 0], steps[:, 1]) > _JUMP
    if (far & (steps[:, 2] < _JUMP_MS)).any():
        raise InputError(f"{gesture.where}: the trace jumps", reason="two_fingers")
    return made
