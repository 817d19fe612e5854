"""Taps of a keyboard: words right, words made wrong, completions and next words.

    python bench/taps.py TEXT ... [--data DATA] [--sentences 150] [--errors 0.01]
                         [--spreads 0,0.2,...] [--split test] [--model swipe-en] [--out FILE]

TEXT holds plain English, a sentence a line, that the language model was not built from; every word
of the chosen sentences is tapped, after those before it, as they should have been. Offsets are not
those that the library assumes but real touch-downs of people of `--split`, in `_typists.py`, and of
each letter `--errors` is missed, doubled, or swapped with the next, a third each. The spread is
their root mean square in keys on each axis. "As typed" is what the nearest keys spell. A false
correction is a word that was right as typed and for which one of other letters came first, with
Wilson's 95 % interval; in brackets, how many of them the lexicon has.
Keystrokes saved: a suggestion among three is picked as soon as the word is there and costs one
keystroke, as does the space behind a word that was typed to its end.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from _result import heading, publish
from _typists import CENTERS, LETTERS, SEED, Hands, board, mistaken, sentences, taps_of

from edgectc.core import metrics
from edgectc.core.console import progress, table
from edgectc.core.types import Array
from edgectc.data import swipe_files
from edgectc.language.spelling import normalize_word, spell
from edgectc.runtime.keyboard import Keyboard

SPREADS = "0,0.2,0.3,0.4,0.5"


@dataclass
class Row:
    """What came out at one spread."""

    spread: float
    words: int = 0
    typed: int = 0
    first: int = 0
    third: int = 0
    changed: int = 0
    changed_known: int = 0
    times: list[float] = field(default_factory=list)

    def cells(self) -> list[str]:
        share = [f"{100 * n / self.words:.1f}" for n in (self.typed, self.first, self.third)]
        low, high = metrics.wilson(self.changed, max(1, self.typed))
        wrong = f"{100 * self.changed / max(1, self.typed):.2f}"
        wrong += f" ({100 * low:.2f}-{100 * high:.2f}) [{self.changed_known} of {self.changed}]"
        return [f"{self.spread:.1f}", *share, wrong, f"{1e3 * float(np.median(self.times)):.2f}"]


def correct(
    keyboard: Keyboard, text: list[list[str]], hands: Hands, spread: float, errors: float
) -> Row:
    """Tap all words and count those that come out right."""
    rng, row = np.random.default_rng(SEED), Row(spread)
    for words in progress(text, f"spread {spread}"):
        hand = hands.people[hands.draw(rng)]
        for i, word in enumerate(words):
            letters = spell(word, LETTERS)
            assert letters
            keyboard.before(" ".join([*words[:i], ""]))
            keyboard.prepare()
            taps = taps_of(mistaken(letters, errors, rng), hand, spread, rng)
            began = time.perf_counter()
            found = keyboard.tap(taps)
            row.times.append(time.perf_counter() - began)
            right = [normalize_word(one.text) == word for one in found]
            typed = keyboard.typed == letters
            row.words += 1
            row.typed += typed
            row.first += right[0]
            row.third += any(right[:3])
            changed = typed and spell(found[0].text, LETTERS) != letters
            row.changed += changed
            row.changed_known += changed and keyboard.knows(word)
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


def measured(options: argparse.Namespace) -> str:
    """Return the text of the result."""
    text, keyboard = sentences(options.text, options.sentences), board(options.model)
    swipes, _ = swipe_files.load(swipe_files.find(options.data), split=options.split)
    hands = Hands.of(swipes)
    spreads = [float(one) for one in options.spreads.split(",")]
    rows = [correct(keyboard, text, hands, spread, options.errors).cells() for spread in spreads]
    saved, nexts = save_keystrokes(keyboard, text)
    names = ["spread", "as typed %", "first %", "in three %", "false corrections %", "ms"]
    said = (
        f"{options.model}, {sum(map(len, text)):,} words, hands of {len(hands.people)} people, "
        f"{100 * options.errors:g} % of letters mistaken"
    )
    last = f"Keystrokes saved {100 * saved:.1f} %; next word among three {100 * nexts:.1f} %."
    return f"{heading(('numpy',), repeats=said)}\n{table(names, rows)}\n\n{last}\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("text", type=Path, nargs="+")
    parser.add_argument("--data", help="swipes, or the folder of them; default $EDGECTC_DATA")
    parser.add_argument("--split", default="test", choices=("dev", "test"), help="whose hands")
    parser.add_argument("--sentences", type=int, default=150)
    parser.add_argument("--errors", type=float, default=0.01)
    parser.add_argument("--spreads", default=SPREADS, help="of taps, in keys")
    parser.add_argument("--model", default="swipe-en")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    publish(measured(options), options.out)


if __name__ == "__main__":
    main()
