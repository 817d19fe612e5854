"""Taps of a keyboard: words right, words made wrong, completions and next words.

    python bench/taps.py TEXT ... [--data DATA] [--sentences 150] [--errors 0.01]
                         [--spreads 0,0.2,...] [--split test] [--model swipe-en] [--out FILE]
                         [--thresholds 3,4,5,6]

TEXT holds plain English, a sentence a line, that the language model was not built from; every word
of the chosen sentences is tapped, after those before it, as they should have been. Offsets are not
those that the library assumes but real touch-downs of people of `--split`, in `_typists.py`, and of
each letter `--errors` is missed, doubled, or swapped with the next, a third each. The spread is
their root mean square in keys on each axis. "As typed" is what the nearest keys spell. A false
correction is a word that was right as typed and for which one of other letters came first, with
Wilson's 95 % interval; in brackets, how many of them the lexicon has.
Keystrokes saved: a suggestion among three is picked as soon as the word is there and costs one
keystroke, as does the space behind a word that was typed to its end.

`--thresholds` tells instead what others would do than the one by which a typed word is left alone,
in nats that another one must be likelier: a library without any is built for that, and all are
applied to its answers.
"""

from __future__ import annotations

import argparse
import runpy
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from _result import heading, publish
from _typists import CENTERS, LETTERS, SEED, Hands, board, mistaken, sentences, taps_of

from edgectc.core import metrics
from edgectc.core.console import progress, table
from edgectc.core.types import Array
from edgectc.data import swipe_files
from edgectc.decoding.search import compiled
from edgectc.language.spelling import normalize_word, spell
from edgectc.runtime.keyboard import Keyboard

SPREADS = "0,0.2,0.3,0.4,0.5"
BUILD = Path(__file__).parents[1] / "native" / "build.py"


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


def typing(
    keyboard: Keyboard, text: list[list[str]], hands: Hands, spread: float, errors: float
) -> Iterator[tuple[str, str, Array]]:
    """Yield each word, its letters and its taps, when the keyboard is ready for them."""
    rng = np.random.default_rng(SEED)
    for words in progress(text, f"spread {spread}"):
        hand = hands.people[hands.draw(rng)]
        for i, word in enumerate(words):
            letters = spell(word, LETTERS)
            assert letters
            keyboard.before(" ".join([*words[:i], ""]))
            keyboard.prepare()
            yield word, letters, taps_of(mistaken(letters, errors, rng), hand, spread, rng)


def correct(
    keyboard: Keyboard, text: list[list[str]], hands: Hands, spread: float, errors: float
) -> Row:
    """Tap all words and count those that come out right."""
    row = Row(spread)
    for word, letters, taps in typing(keyboard, text, hands, spread, errors):
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


def never_leave_alone(folder: Path) -> None:
    """Have keyboards made from now on by a library that leaves no word alone as it was typed."""
    build, compiled.LIBRARY = runpy.run_path(str(BUILD)), folder / "taps.so"
    command = [*build["compiler"](), *build["flags"](), "-DKEPT=-HUGE_VAL", "-shared", "-fPIC"]
    sources = build["sources"](beam=True, network=True)
    subprocess.run([*command, "-o", str(compiled.LIBRARY), *sources, "-lm"], check=True)


def compared(
    keyboard: Keyboard, text: list[list[str]], hands: Hands, options: argparse.Namespace
) -> str:
    """Return a table of what thresholds do, a column of words right at first for each spread."""
    spreads = [float(one) for one in options.spreads.split(",")]
    thresholds = [float(one) for one in options.thresholds.split(",")]
    columns = [_by_threshold(keyboard, text, hands, one, options, thresholds) for one in spreads]
    words = sum(map(len, text))
    names = ["threshold", *(f"changed at {spread:g} %" for spread in spreads[:2])]
    rows = []
    for row, threshold in enumerate(thresholds):
        cells = [f"{threshold:g}"]
        for typed, _, changed in columns[:2]:
            low, high = metrics.wilson(int(changed[row]), max(1, typed))
            share = 100 * changed[row] / max(1, typed)
            cells.append(f"{share:.2f} ({100 * low:.2f}-{100 * high:.2f})")
        rows.append([*cells, *(f"{100 * first[row] / words:.1f}" for _, first, _ in columns)])
    return table([*names, *(f"first at {spread:g} %" for spread in spreads)], rows)


def _by_threshold(
    keyboard: Keyboard, text: list[list[str]], hands: Hands, spread: float,
    options: argparse.Namespace, thresholds: list[float],
) -> tuple[int, Array, Array]:  # fmt: skip
    """Return the words right as typed, and by threshold those right at first and those changed."""
    typed = 0
    first, changed = (np.zeros(len(thresholds), int) for _ in range(2))
    for word, letters, taps in typing(keyboard, text, hands, spread, options.errors):
        found = keyboard.tap(taps, nbest=60)
        own = [one for one in found if spell(one.text, LETTERS) == keyboard.typed]
        typed += keyboard.typed == letters
        for row, threshold in enumerate(thresholds):
            left = own and found[0].score - own[0].score <= threshold
            best = own[0].text if left else found[0].text
            first[row] += normalize_word(best) == word
            changed[row] += keyboard.typed == letters and spell(best, LETTERS) != letters
    return typed, first, changed


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
    said = (
        f"{options.model}, {sum(map(len, text)):,} words, hands of {len(hands.people)} people, "
        f"{100 * options.errors:g} % of letters mistaken"
    )
    head = heading(("numpy",), repeats=said)
    if options.thresholds:
        return f"{head}\n{compared(keyboard, text, hands, options)}\n"
    spreads = [float(one) for one in options.spreads.split(",")]
    rows = [correct(keyboard, text, hands, spread, options.errors).cells() for spread in spreads]
    saved, nexts = save_keystrokes(keyboard, text)
    names = ["spread", "as typed %", "first %", "in three %", "false corrections %", "ms"]
    last = f"Keystrokes saved {100 * saved:.1f} %; next word among three {100 * nexts:.1f} %."
    return f"{head}\n{table(names, rows)}\n\n{last}\n"


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
    parser.add_argument("--thresholds", default="", help="of typed words, in nats")
    parser.add_argument("--model", default="swipe-en")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.thresholds:
            never_leave_alone(Path(folder))
        publish(measured(options), options.out)


if __name__ == "__main__":
    main()
