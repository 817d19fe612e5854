"""People who type, simulated: what they write, where thumbs land, which letters are wrong.

Offsets of taps are real: where people of how-we-swipe put their finger down for the first letter
of a word, from the middle of its key. A sentence is typed by one of them, with that person's bias
and spread. The study refused touch-downs beyond about two keys, so the distance from the person's
own middle is multiplied by the mixing of Student's t of 5 degrees, which gives back the tails.
All offsets together are scaled, on each axis, to the root mean square that is asked for.
"""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgectc.core.types import Array, Swipe
from edgectc.formats import layouts
from edgectc.language.spelling import spell, words_of
from edgectc.runtime.keyboard import Keyboard

SEED = 5
WIDE, HIGH = 1080.0, 480.0  # pixels of the letters
FEWEST = 30  # swipes by which a person's hand is known
QWERTY = layouts.shipped("qwerty")
LETTERS = set(QWERTY.letters)
CENTERS = {
    c: np.array(at) * [WIDE, HIGH] for c, at in zip(QWERTY.letters, QWERTY.centers, strict=True)
}
KEY = np.array(QWERTY.key_size) * [WIDE, HIGH]


def board(model: str) -> Keyboard:
    """Return a keyboard with the keys of QWERTY."""
    corner = KEY / 2
    return Keyboard(
        model, keys=[(c, *(at - corner).tolist(), *KEY.tolist()) for c, at in CENTERS.items()]
    )


def sentences(paths: list[Path], count: int) -> list[list[str]]:
    """Return sentences of words that the keyboard can spell, those of letters alone.

    Args:
        paths: plain text, a sentence a line, possibly packed (.gz).
        count: the most to return; chosen by a seed.
    """
    lines = [line for path in paths for line in _lines(path) if not re.search(r"\d", line)]
    order = np.random.default_rng(SEED).permutation(len(lines))[: 2 * count]
    made = ([w for w in words_of(lines[i]) if spell(w, LETTERS)] for i in order)
    return [words for words in made if len(words) > 1][:count]


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return text.decode("utf-8").splitlines()


@dataclass(frozen=True)
class Hands:
    """Real offsets of touch-downs: of each person (n, 2), in keys, scaled to 1 together."""

    people: tuple[Array, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, swipes: Iterable[Swipe]) -> Hands:
        """Return the hands of the people who made some swipes."""
        found: dict[str, list[Array]] = defaultdict(list)
        for swipe in swipes:
            letters = spell(swipe.word, LETTERS)
            if swipe.layout == "qwerty" and letters and swipe.user:
                place = swipe.points[0, :2] * [WIDE, HIGH]
                found[swipe.user].append((place - CENTERS[letters[0]]) / KEY)
        people = {name: np.array(rows) for name, rows in found.items() if len(rows) >= FEWEST}
        scale = np.sqrt(np.mean(np.concatenate([*people.values()]) ** 2, axis=0))
        return cls(tuple(rows / scale for rows in people.values()), tuple(people))

    def draw(self, rng: np.random.Generator) -> int:
        """Return the place of somebody."""
        return int(rng.integers(len(self.people)))


def taps_of(letters: str, hand: Array, spread: float, rng: np.random.Generator) -> Array:
    """Return where somebody taps for letters, (n, 2) in pixels.

    Source: Student's t is a normal deviate over the root of chi-squared / degrees; of 5 degrees
    it has the variance 5 / 3, which is taken out again.
    """
    middle = hand.mean(axis=0)
    drawn = hand[rng.integers(len(hand), size=len(letters))] - middle
    tails = np.sqrt(3.0 / rng.chisquare(5.0, (len(letters), 1)))
    return np.array([CENTERS[c] for c in letters]) + (middle + drawn * tails) * spread * KEY


def mistaken(word: str, rate: float, rng: np.random.Generator) -> str:
    """Return the letters that are tapped: some are missed, doubled or swapped, a third each."""
    made, i = "", 0
    while i < len(word):
        kind = rng.random() / rate if rate else 1.0
        if kind < 1 / 3 and len(word) > 1:
            pass  # missed
        elif kind < 2 / 3:
            made += word[i] * 2
        elif kind < 1 and i + 1 < len(word):
            made += word[i + 1] + word[i]
            i += 1
        else:
            made += word[i]
        i += 1
    return made or word
