"""Files of generated recordings, and how generated swipes differ from real ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgectc.core import registry
from edgectc.core.arguments import FileName, Seed, checked
from edgectc.core.config import check_options, families, family_config
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.core.types import JSON, Array, Swipe
from edgectc.data import movement, swipe_files
from edgectc.data.generators import swipes
from edgectc.data.movement import Comparison
from edgectc.data.recordings import samples_for
from edgectc.formats import bundle, layouts
from edgectc.language import lexicon_file
from edgectc.language.spelling import spell

SIZES = ("full", "small")


@dataclass(frozen=True)
class Synthesized:
    """A file of generated recordings.

    Attributes:
        path: of the file.
        kind: type of the frontend that takes them.
        samples: how many it holds.
    """

    path: Path
    kind: str
    samples: int


def synth_data(
    kind: str,
    out: str | os.PathLike[str],
    *,
    count: int = 1000,
    seed: int = 0,
    lexicon: str | os.PathLike[str] | None = None,
    layout: str | None = None,
    style: str | None = None,
    size: str = "full",
) -> Synthesized:
    """Write generated recordings of a family, as training reads them.

    Args:
        kind: type of a frontend, e.g. "swipe", "landmarks" or "neural".
        out: file, ``.jsonl(.gz)`` of swipes or ``.npz``.
        count: recordings.
        seed: of all draws.
        lexicon: file of words for swipes to mean; None for those of the shipped model.
        layout: keyboard of swipes; None for qwerty.
        style: of swipes: "plain" or "fitted"; None for the default.
        size: "full" or "small": of the shipped config whose frontend takes them.

    Raises:
        ConfigError: fewer than one recording, or too few for the splits; swipes without words; an
            option that this kind makes nothing of.
        UnknownNameError: nothing is generated under that name, or no such size.
    """
    if size not in SIZES:
        raise UnknownNameError("size", size, SIZES)
    if kind not in registry.names("samples"):
        raise UnknownNameError("kind of samples", kind, registry.names("samples"))
    options: dict[str, JSON] = {} if style is None else {"style": style}
    check_options(options, {f"kind {kind!r}": registry.module("samples", kind).Options})
    keyboard = layouts.load(layout or "qwerty")
    samples = samples_for(_frontend(kind, size), [keyboard], options=options)
    for name, value in {"layout": layout, "lexicon": lexicon}.items():
        if value is not None and name not in samples.made_with:
            raise ConfigError(f"{kind} is made without {name}; leave it out", options=[name])
    words = None
    if "lexicon" in samples.made_with:
        words = lexicon_file.read(os.fspath(lexicon) if lexicon else _shipped_words())
    samples.write(Path(out), samples.synthesize(count, seed=seed, lexicon=words))
    return Synthesized(Path(out), kind, count)


def _shipped_words() -> Path:
    """Return the lexicon of the shipped model.

    Raises:
        ConfigError: it cannot be found here; give a lexicon.
    """
    opened = bundle.read(bundle.locate(None))
    return bundle.find_file(opened.index.lexicon, opened.path, kind="lexicon")


@checked
def sample(word: str = "hello", *, layout: FileName = "qwerty", seed: Seed = 0) -> Array:
    """Return a generated trace of a finger that swipes a word, as `Recognizer` takes it.

    Args:
        word: what is swiped; its letters count, its case and accents do not.
        layout: name of a keyboard, or path of its JSON file.
        seed: of the draws; each makes another finger.

    Returns:
        (n, 3) float64: x, y in 0..1 of the letter area, t in milliseconds.

    Raises:
        ConfigError: the layout has no keys for the word.
        UnknownNameError: no such layout.
    """
    keyboard = layouts.load(layout)
    letters = spell(word, keyboard.letters)
    if not letters:
        raise ConfigError(
            f"layout {keyboard.name!r} has no keys for {word!r}; it has "
            f"{''.join(keyboard.letters)!r}",
            options=["word"],
        )
    return swipes.swipe(letters, keyboard, np.random.default_rng(seed), swipes.FITTED)


def _frontend(kind: str, size: str) -> dict[str, JSON]:
    """Return the frontend of the first family of that type and size; else its defaults."""
    for family, sizes in families().items():
        if size in sizes:
            spec: dict[str, JSON] = family_config(family, size)["model"]["frontend"]
            if spec["type"] == kind:
                return spec
    return {"type": kind}


def compare_data(
    real: str | os.PathLike[str],
    generated: str | os.PathLike[str] | None = None,
    *,
    split: str = "all",
    limit: int | None = None,
    style: str = "plain",
    seed: int = 0,
) -> Comparison:
    """Return how generated swipes differ from real ones.

    Args:
        real: labelled swipes, ``.jsonl`` or ``.jsonl.gz``.
        generated: swipes to compare; None generates each word of ``real`` once.
        split: of ``real``: "all", "train", "dev" or "test".
        limit: at most so many swipes of ``real``, drawn by ``seed``; None for all.
        style: of the generator: "plain" or "fitted".
        seed: of all draws.

    Raises:
        ConfigError: ``limit`` is below 1.
        InputError: a file cannot be read.
        UnknownNameError: no such split or style.
    """
    chosen, rng = swipes.named_style(style), np.random.default_rng(seed)
    rows, _ = swipe_files.load(os.fspath(real), split=split)
    if limit is not None:
        rows = [rows[i] for i in sorted(rng.permutation(len(rows))[:limit])]
    others: list[Swipe]
    if generated is not None:
        others, _ = swipe_files.load(os.fspath(generated))
    else:
        others = list(swipes.again(rows, rng, chosen))
    return movement.compare(rows, others)
