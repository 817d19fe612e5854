"""Taps of a keyboard: words right, words made wrong, completions and next words.

    python bench/taps.py TEXT [--sentences 150] [--errors 0.01] [--model swipe-en] [--out FILE]

TEXT holds plain English, a sentence a line, that the language model was not built from; every word
of the chosen sentences is tapped, after those before it, as they should have been. The simulator is
not the model that the library decodes with: offsets are Student's t of 4 degrees (heavy tails), of
the given standard deviation in keys on each axis, around a point that each sentence's thumb moves
by 0.1 keys; of each letter, `--errors` is missed, doubled, or swapped with the next, a third each.
"As typed" is what the nearest keys spell. A false correction is a word that was right as typed and
for which one of other letters came first. Keystrokes saved: a suggestion among three is picked as
soon as the word is there and costs one keystroke, as does the space behind a word that was typed
to its end.
"""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from _result import heading, publish

from edgectc.core.console import progress, table
from edgectc.core.types import Array
from edgectc.formats import layouts
from edgectc.language.spelling import normalize_word, spell, words_of
from edgectc.runtime.keyboard import Keyboard

SEED, SPREADS, BIAS = 5, (0.0, 0.2, 0.3, 0.4, 0.5), 0.1
WIDE, HIGH = 1080.0, 480.0  # pixels
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


def sentences(path: Path, count: int) -> list[list[str]]:
    """Return sentences of words that the keyboard can spell, those of letters alone."""
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if not re.search(r"\d", line)
    ]
    chosen = np.random.default_rng(SEED).permutation(len(lines))[: 2 * count]
    made = ([w for w in words_of(lines[i]) if spell(w, LETTERS)] for i in chosen)
    return [words for words in made if len(words) > 1][:count]


def mistaken(word: str, rate: float, rng: np.random.Generator) -> str:
    """Return the letters that are tapped for a word."""
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


def taps_of(word: str, spread: float, bias: Array, rng: np.random.Generator) -> Array:
    """Return taps (n, 2), in pixels."""
    noise = rng.standard_t(4, (len(word), 2)) / np.sqrt(2.0) * spread  # of deviation 1 before
    return np.array([CENTERS[c] for c in word]) + (noise + bias) * KEY


@dataclass
class Row:
    """What came out at one spread."""

    spread: float
    words: int = 0
    typed: int = 0
    first: int = 0
    third: int = 0
    changed: int = 0
    times: list[float] = field(default_factory=list)

    def cells(self) -> list[str]:
        share = [f"{100 * n / self.words:.1f}" for n in (self.typed, self.first, self.third)]
        wrong = f"{100 * self.changed / max(1, self.typed):.2f}"
        return [f"{self.spread:.1f}", *share, wrong, f"{1e3 * float(np.median(self.times)):.2f}"]


def correct(keyboard: Keyboard, text: list[list[str]], spread: float, errors: float) -> Row:
    """Tap all words and count those that come out right."""
    rng, row = np.random.default_rng(SEED), Row(spread)
    for words in progress(text, f"spread {spread}"):
        bias = rng.normal(0.0, BIAS if spread else 0.0, 2)
        for i, word in enumerate(words):
            letters = spell(word, LETTERS)
            assert letters
            keyboard.before(" ".join([*words[:i], ""]))
            keyboard.prepare()
            taps = taps_of(mistaken(letters, errors, rng), spread, bias, rng)
            began = time.perf_counter()
            found = keyboard.tap(taps)
            row.times.append(time.perf_counter() - began)
            right = [normalize_word(one.text) == word for one in found]
            typed = keyboard.typed == letters
            row.words += 1
            row.typed += typed
            row.first += right[0]
            row.third += any(right[:3])
            row.changed += typed and spell(found[0].text, LETTERS) != letters
    return row


def save_keystrokes(keyboard: Keyboard, text: list[list[str]]) -> tuple[float, float]:
    """Return the share of keystrokes saved, and of next words that were among three."""
    plain = typed = nexts = words_seen = 0
    for words in progress(text, "completions"):
        for i, word in enumerate(words):
            letters = spell(word, LETTERS) or ""
            keyboard.before(" ".join([*words[:i], ""]))
            places = np.array([CENTERS[c] for c in letters])
            shown = (_shows(keyboard, places[:n], word) for n in range(len(letters)))
            needed = next((n for n, there in enumerate(shown) if there), len(letters))
            plain += len(letters) + 1
            typed += needed + 1
            nexts += needed == 0
            words_seen += 1
    return 1.0 - typed / plain, nexts / words_seen


def _shows(keyboard: Keyboard, places: Array, word: str) -> bool:
    found = keyboard.tap(places, nbest=3, moving=True)
    return any(normalize_word(one.text) == word for one in found)


def measured(model: str, path: Path, count: int, errors: float) -> str:
    """Return the text of the result."""
    text, keyboard = sentences(path, count), board(model)
    rows = [correct(keyboard, text, spread, errors).cells() for spread in SPREADS]
    saved, nexts = save_keystrokes(keyboard, text)
    names = ["spread", "as typed %", "first %", "in three %", "false corrections %", "ms"]
    said = f"{model}, {sum(map(len, text)):,} words, {100 * errors:g} % of letters mistaken"
    last = f"Keystrokes saved {100 * saved:.1f} %; next word among three {100 * nexts:.1f} %."
    return f"{heading(('numpy',), repeats=said)}\n{table(names, rows)}\n\n{last}\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--sentences", type=int, default=150)
    parser.add_argument("--errors", type=float, default=0.01)
    parser.add_argument("--model", default="swipe-en")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    publish(measured(given.model, given.text, given.sentences, given.errors), given.out)


if __name__ == "__main__":
    main()
