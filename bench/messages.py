"""A message typed as people do: by swipes, by taps, by both, through the C library.

    python bench/messages.py TEXT ... [--data DATA] [--sentences 60] [--model swipe-en] [--out FILE]

TEXT holds plain English, a sentence a line, that the language model was not built from. Somebody
writes each sentence, a person of the test split with that person's hand (`_typists.py`), one word
after the other, by a policy that is the same in all rows: look at the three words that are offered,
pick the right one if it is there, go on with the word otherwise; at its end, leave the first answer
if it is right, pick the right one among the three, or else take the word back and tap it once more,
letter by letter and rightly. The text before a word is always as it should be.

Rows: swipes of people, of that word, by the same person where there is one; a word that nobody of
them has swiped is generated. Swipes that are generated alone. Taps without noise; with noise
(root mean square 0.3 keys on each axis); with noise and 1 % of the letters missed, doubled or
swapped. Mixed: each word by a swipe of people or by such taps, at equal odds.

at first: the first answer is the word, whatever was offered before; after picks: one of three is.
false corrections: words that were right as tapped and came out with other letters. next word: it
is among three before a finger is down. keystrokes saved: against all letters and a space; a swipe,
a pick, taking a word back and each tap cost one; a space sets itself behind a pick and a swipe.
Intervals: 95 %, bootstrap over sentences; of none and of all, by the rule of three.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from _result import heading, publish
from _typists import HIGH, LETTERS, SEED, WIDE, Hands, board, mistaken, sentences, taps_of

import edgectc
from edgectc.core import metrics
from edgectc.core.console import progress, table
from edgectc.core.errors import InputError
from edgectc.core.types import Array, Decoded, Swipe
from edgectc.data import swipe_files
from edgectc.language.spelling import normalize_word, spell
from edgectc.runtime.keyboard import Keyboard

SHOWN, SPREAD, ERRORS = 3, 0.3, 0.01


@dataclass(frozen=True)
class Way:
    """How words are entered: the odds of a swipe, what swipes are, and how taps err."""

    name: str
    swiped: float = 0.0
    generated: bool = False
    spread: float = 0.0
    errors: float = 0.0


WAYS = (
    Way("swipes, real", swiped=1.0),
    Way("swipes, generated", swiped=1.0, generated=True),
    Way("taps, exact"),
    Way("taps, noisy", spread=SPREAD),
    Way("taps, noisy, letters wrong", spread=SPREAD, errors=ERRORS),
    Way("mixed", swiped=0.5, spread=SPREAD, errors=ERRORS),
)


@dataclass
class Counts:
    """Sums over the words of a sentence."""

    words: int = 0
    first: int = 0
    picked: int = 0
    tapped_right: int = 0
    changed: int = 0
    foreseen: int = 0
    keys: int = 0
    letters: int = 0

    def values(self) -> list[int]:
        return [getattr(self, one.name) for one in fields(self)]


class Swipes:
    """Swipes of the test split, by word."""

    def __init__(self, swipes: list[Swipe]) -> None:
        self._of: dict[str, list[tuple[str | None, Array]]] = defaultdict(list)
        for swipe in swipes:
            if swipe.layout == "qwerty" and swipe.word:
                self._of[normalize_word(swipe.word)].append((swipe.user, swipe.points))

    def __contains__(self, word: str) -> bool:
        return word in self._of

    def take(self, word: str, user: str, rng: np.random.Generator) -> Array:
        """Return the points of a swipe, of that person if possible, generated if of nobody."""
        held = self._of.get(word, [])
        own = [points for whose, points in held if whose == user]
        own = own or [points for _, points in held]
        return own[rng.integers(len(own))] if own else generated(word, rng)


def generated(word: str, rng: np.random.Generator) -> Array:
    """Return the points of a generated swipe."""
    return np.array(edgectc.sample(spell(word, LETTERS) or word, seed=int(rng.integers(2**31))))


class Typist:
    """Writes words one way and counts."""

    def __init__(self, keyboard: Keyboard, swipes: Swipes, way: Way) -> None:
        self.keyboard, self.swipes, self.way = keyboard, swipes, way

    def sentence(self, words: list[str], hands: Hands, rng: np.random.Generator) -> Counts:
        """Write a sentence."""
        counts = Counts()
        who = hands.draw(rng)
        for i, word in enumerate(words):
            self.keyboard.before(" ".join([*words[:i], ""]))
            letters = spell(word, LETTERS) or ""
            counts.words += 1
            counts.letters += len(letters) + 1
            foreseen = _shows(self.keyboard.complete(nbest=SHOWN), word)
            counts.foreseen += foreseen
            if rng.random() < self.way.swiped:
                keys = self._swipe(word, hands.names[who], counts, rng)
            else:
                keys = self._tap(word, letters, hands.people[who], counts, rng)
            counts.keys += 1 if foreseen else keys
        return counts

    def _swipe(self, word: str, user: str, counts: Counts, rng: np.random.Generator) -> int:
        """Swipe a word; return what it costs."""
        letters = spell(word, LETTERS) or ""
        if len(letters) < 2:  # nobody swipes a letter
            return self._tap(word, letters, np.zeros((1, 2)), counts, rng)
        drawn = generated(word, rng) if self.way.generated else self.swipes.take(word, user, rng)
        try:
            found = self.keyboard.swipe(drawn * [WIDE, HIGH, 1.0], nbest=SHOWN)
        except InputError:
            found = Decoded(())
        return 1 + self._end(found, word, counts, space=0, again=len(letters) + 2)

    def _tap(
        self, word: str, letters: str, hand: Array, counts: Counts, rng: np.random.Generator
    ) -> int:
        """Tap a word until it is offered; return what it costs."""
        tapped = mistaken(letters, self.way.errors, rng)
        places = taps_of(tapped, hand, self.way.spread, rng)
        offered = None
        for n in range(1, len(places)):
            if _shows(self.keyboard.tap(places[:n], nbest=SHOWN, moving=True), word):
                offered = n
                break
        found = self.keyboard.tap(places, nbest=SHOWN)
        if self.keyboard.typed == letters:
            counts.tapped_right += 1
            counts.changed += spell(found[0].text, LETTERS) != letters
        end = self._end(found, word, counts, space=1, again=len(letters) + 3)
        whole = len(places) + end
        return whole if offered is None else offered + 1

    @staticmethod
    def _end(found: Decoded, word: str, counts: Counts, *, space: int, again: int) -> int:
        """Count how a word came out; return what its space, a pick or tapping it again costs."""
        first, among = _shows(tuple(found)[:1], word), _shows(found, word)
        counts.first += first
        counts.picked += among
        return space if first else 1 if among else again


def _shows(found: Iterable[edgectc.Hypothesis], word: str) -> bool:
    return any(normalize_word(one.text) == word for one in found)


def cells(way: Way, rows: Array) -> list[str]:
    """Return a row of the table from the counts of each sentence, (sentences, fields)."""
    at = {one.name: i for i, one in enumerate(fields(Counts))}
    rng = np.random.default_rng(SEED)
    draws = rows[rng.integers(len(rows), size=(2000, len(rows)))].sum(axis=1)

    def share(part: str, whole: str, *, rest: bool = False, digits: int = 1) -> str:
        if not rows[:, at[whole]].sum():
            return "-"
        values = draws[:, at[part]] / np.maximum(draws[:, at[whole]], 1)
        value = rows[:, at[part]].sum() / rows[:, at[whole]].sum()
        low, high = np.percentile(values, [2.5, 97.5])
        most = metrics.rule_of_three(float(rows[:, at[whole]].sum()))
        low, high = (
            min(low, 1.0 - most if value == 1.0 else low),
            max(high, most if not value else 0),
        )
        if rest:
            value, low, high = 1 - value, 1 - high, 1 - low
        shown = [f"{100 * one:.{digits}f}" for one in (value, low, high)]
        return f"{shown[0]} ({shown[1]}-{shown[2]})"

    return [
        way.name, share("first", "words"), share("picked", "words"),
        share("changed", "tapped_right", digits=2), share("foreseen", "words"),
        share("keys", "letters", rest=True),
    ]  # fmt: skip


def measured(options: argparse.Namespace) -> str:
    """Return the text of the result."""
    text, keyboard = sentences(options.text, options.sentences), board(options.model)
    real, _ = swipe_files.load(swipe_files.find(options.data), split="test")
    hands, swipes = Hands.of(real), Swipes(real)
    rows = []
    for way in WAYS:
        rng, typist = np.random.default_rng(SEED), Typist(keyboard, swipes, way)
        counts = [typist.sentence(one, hands, rng).values() for one in progress(text, way.name)]
        rows.append(cells(way, np.array(counts)))
    own = sum(word in swipes for one in text for word in one)
    words = sum(map(len, text))
    names = [
        "entered by", "at first %", "after picks %", "false corrections %", "next word %",
        "keystrokes saved %",
    ]  # fmt: skip
    said = (
        f"{options.model}, {len(text)} sentences, {words:,} words, {100 * own / words:.0f} % of "
        f"them swiped by people, {len(hands.people)} hands"
    )
    return f"{heading(('numpy',), repeats=said)}\n{table(names, rows)}\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("text", type=Path, nargs="+")
    parser.add_argument("--data", help="swipes, or the folder of them; default $EDGECTC_DATA")
    parser.add_argument("--sentences", type=int, default=60)
    parser.add_argument("--model", default="swipe-en")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    publish(measured(options), options.out)


if __name__ == "__main__":
    main()
