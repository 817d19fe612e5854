"""Finger traces on a keyboard: one word each."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from edgectc.core.contracts import Frontend, Samples
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import JSON, Recording
from edgectc.data import shards, signals, splits, swipe_files, swipe_tables
from edgectc.data.generators import swipes
from edgectc.formats.layouts import Layout
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import letters, spell, word_hash

_PEOPLE = 50  # generated users, so that swipes can be split by user
_SHORT = 3  # letters
_WORDS = ("the", "keyboard", "edge", "hello", "world", "phone", "running", "letters")
_REFERENCE = {
    "qwerty": ("hello", "the", "edge", "keyboard", "bookkeeper", "i"),
    "azerty": ("bonjour", "quick"),
    "dvorak": ("thanks",),
}


@dataclass(frozen=True)
class Options:
    """How swipes are generated.

    Attributes:
        style: "plain" or "fitted", see `edgectc.data.generators.swipes`.
    """

    style: str = "plain"


def create(options: Options, *, frontend: Frontend, layouts: Mapping[str, Layout]) -> SwipeSamples:
    """Return the swipes on ``layouts``.

    Raises:
        UnknownNameError: no such style.
    """
    return SwipeSamples(swipes.named_style(options.style), layouts)


class SwipeSamples(Samples):
    """Swipes of ``.jsonl`` files, split by user; measured by the words that are wrong."""

    metric = "top-1 error"
    decoder = "lexicon"
    tunable = ("lexicon",)
    stands_in: ClassVar[Mapping[str, JSON] | None] = {"style": "fitted"}
    made_with = ("layout", "lexicon")

    def __init__(self, style: swipes.Style, layouts: Mapping[str, Layout]) -> None:
        self._style, self._layouts = style, dict(layouts)

    def locate(self, data: str | None, *, option: str = "data") -> Path | None:
        """Return the file of swipes that ``data`` or EDGECTC_DATA names; there ``.npz`` is none."""
        named = data or os.environ.get("EDGECTC_DATA", "")
        if not named or (not data and named.endswith(signals.SUFFIX)):
            return None
        return swipe_files.find(data, option=option)

    def rows(self, path: Path) -> Iterator[Recording | InputError]:
        """Yield the swipes of a file; those that name no keyboard were made on the first."""
        layout = next(iter(self._layouts), swipe_files.DEFAULT_LAYOUT)
        for row in swipe_tables.read(path, layout=layout):
            name = f"row {row.index}"
            if row.swipe is None:
                assert row.error is not None
                row.error.name = name
                yield row.error
            else:
                yield swipe_files.recording(row.swipe, name)

    def read(self, path: Path, split: str | None = None) -> Iterator[Recording | InputError]:
        """Yield the swipes of a split, all of them for None."""
        if shards.is_set(path):
            layout = next(iter(self._layouts), swipe_files.DEFAULT_LAYOUT)
            return shards.of_split(path, split or "all", default=layout)
        return splits.of_split(self.rows(path), split or "all")

    def synthesize(
        self, count: int, *, seed: int, lexicon: Lexicon | None = None, natural: bool = False
    ) -> Iterator[Recording]:
        """Yield generated swipes on the layouts in turn, or natural ones on the first."""
        if natural:
            return self._natural(count, seed, lexicon)
        if lexicon is None:
            raise ConfigError("generated swipes need words; pass lexicon=FILE", options=["lexicon"])
        return self._drawn(count, seed, lexicon)

    def _drawn(self, count: int, seed: int, lexicon: Lexicon) -> Iterator[Recording]:
        layouts = list(self._layouts.values())
        for layout in layouts:
            if not any(spell(word, layout.letters) for word in lexicon.words):
                raise ConfigError(f"{layout.name} can spell no word of the lexicon")
        # Words that a layout cannot spell are drawn, and left out; the next seed fills the gap.
        many = itertools.chain.from_iterable(
            swipes.generate(
                lexicon,
                layouts,
                count=count,
                words=len(lexicon.words),
                seed=draw,
                style=self._style,
            )
            for draw in itertools.count(seed * 1_000_000)
        )
        for n, swipe in enumerate(itertools.islice(many, count)):
            user = f"synthetic-{seed}-{n % _PEOPLE}"
            yield swipe_files.recording(replace(swipe, user=user), f"swipe-{seed}-{n}")

    def _natural(self, count: int, seed: int, lexicon: Lexicon | None) -> Iterator[Recording]:
        rng = np.random.default_rng(seed)
        layout = next(iter(self._layouts.values()))
        words: Sequence[str] = _WORDS if lexicon is None else lexicon.words
        share = np.ones(len(words)) if lexicon is None else np.exp(lexicon.log_probs)
        drawn = rng.choice(len(words), 4 * count, p=share / share.sum())
        spelled = [(words[i], s) for i in drawn if (s := spell(words[i], layout.letters))]
        for n, (word, spelling) in enumerate(spelled[:count]):
            points = np.round(swipes.swipe(spelling, layout, rng, self._style), 4)
            yield Recording(points, (word,), f"swipe-{seed}-{n}", setting=layout.name)

    def reference(self, *, seed: int) -> list[Recording]:
        """Return generated swipes of the layouts that have reference words."""
        rng = np.random.default_rng(seed)
        recordings = [
            Recording(
                np.round(swipes.swipe(word, layout, rng), 4),
                (word,),
                f"{name}-{word}",
                setting=name,
            )
            for name, layout in self._layouts.items()
            for word in _REFERENCE.get(name, ())
        ]
        if not recordings:
            raise ConfigError(f"no layout of {[*self._layouts]} has reference words")
        return recordings

    def write(self, path: Path, recordings: Iterable[Recording]) -> None:
        """Write swipes as JSON lines; their users say which split they are of."""
        swipe_files.write(path, map(swipe_files.from_recording, recordings))

    def shipped(self, *, seed: int) -> bytes:
        """Return the reference swipes as JSON lines."""
        return b"".join(
            map(swipe_files.line, map(swipe_files.from_recording, self.reference(seed=seed)))
        )

    def labelled(self, recording: Recording) -> bool:
        """Return whether there is a word of letters."""
        return bool(recording.target and letters(recording.target[0]))

    def errors(self, target: Sequence[str], text: str, separator: str) -> tuple[int, int]:
        """Return whether the word is wrong, by its letters; of no word where there is no label."""
        word = letters(target[0]) if target else ""
        return int(letters(text) != word), int(bool(word))

    def slices(
        self, recordings: Sequence[Recording], seen: frozenset[int] | None
    ) -> dict[str, list[bool]]:
        """Return short words, and words that were never seen in training."""
        words = [letters(row.target[0]) for row in recordings]
        parts = {f"words of {_SHORT} letters or fewer": [len(w) <= _SHORT for w in words]}
        if seen is not None:
            parts["words never seen in training"] = [word_hash(w) not in seen for w in words]
        return parts
