"""How often the right word is first: figures with intervals, by slice, on labelled swipes.

Words are compared by their letters only ("its" and "it's" are one answer), and a word that the
lexicon does not hold counts as wrong.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgectc import bundle as bundles
from edgectc import manifest as manifests
from edgectc import metrics
from edgectc.data.lexicons import letters
from edgectc.errors import InputError
from edgectc.files import sha256
from edgectc.recognizer import Recognizer
from edgectc.report import progress
from edgectc.types import Swipe

_LENGTHS = {"letters 1-3": (1, 3), "letters 4-6": (4, 6), "letters 7+": (7, 99)}


@dataclass(frozen=True)
class Answer:
    """What a recognizer said to one labelled swipe.

    Attributes:
        word: letters of the label.
        said: letters of the candidates, best first.
        user: who swiped, for the intervals.
    """

    word: str
    said: tuple[str, ...]
    user: str

    def rank(self) -> int | None:
        """Return the place of the right word from 1, None if it was not given."""
        return self.said.index(self.word) + 1 if self.word in self.said else None


def evaluate(
    recognizer: Recognizer,
    swipes: Sequence[Swipe],
    *,
    seen_words: frozenset[int] | None = None,
    decoder: str | None = None,
) -> dict[str, Any]:
    """Return accuracy figures of labelled swipes.

    Args:
        recognizer: as returned by `edgectc.load`.
        swipes: samples with a word; others are left out. A sample's context is used with
            the preset, which then needs a language model.
        seen_words: hashes of the training words, see `seen_words`; None drops that slice.
        decoder: "lexicon", "greedy" or None for the preset.

    Returns:
        ``rows``, ``users``, ``top1``, ``top3``, ``top5`` and ``cer`` as ``{"value", "low",
        "high"}`` (95 % bootstrap over users), ``ms_per_swipe`` (median), and ``slices``.

    Raises:
        InputError: no swipe carries a word.
    """
    labelled = [swipe for swipe in swipes if swipe.word and letters(swipe.word)]
    if not labelled:
        raise InputError("no swipe carries a word to compare with", reason="no_labels")
    answers, spent = [], []
    for swipe in progress(labelled, "swipe"):
        began = time.perf_counter()
        answers.append(_answer(recognizer, swipe, decoder))
        spent.append(time.perf_counter() - began)
    figures = _figures(answers)
    figures["ms_per_swipe"] = round(float(np.median(spent)) * 1e3, 3)
    slices = {
        name: [a for a in answers if low <= len(a.word) <= high]
        for name, (low, high) in _LENGTHS.items()
    }
    if seen_words is not None:
        seen = [word_hash(a.word) in seen_words for a in answers]
        slices["seen words"] = [a for a, s in zip(answers, seen, strict=True) if s]
        slices["unseen words"] = [a for a, s in zip(answers, seen, strict=True) if not s]
    figures["slices"] = {name: _figures(part) for name, part in slices.items() if part}
    return figures


def seen_words(place: Path) -> frozenset[int] | None:
    """Return the training-word hashes of a bundle, or of the bundle an artifact was made from.

    The bundle of an artifact is looked for around it and among the shipped models, by the hash of
    its weights; None if there is none, or if it does not say what it was trained on.
    """
    bundle = bundles.read(place) if bundles.is_bundle(place) else _origin(place)
    if bundle is None or bundle.index.seen_words is None:
        return None
    return frozenset(np.frombuffer(bundle.file(bundle.index.seen_words), "<u4").tolist())


def _origin(artifact: Path) -> bundles.Bundle | None:
    _, manifest = manifests.read(artifact)
    shipped = bundles.models_dir()
    folders = [artifact.parent, artifact.parent.parent]
    folders += [shipped / name for name in bundles.shipped_names()] if shipped else []
    for folder in folders:
        if (folder / "bundle.json").is_file():
            bundle = bundles.read(folder)
            weights = bundle.index.files.get("weights.safetensors")
            if weights == manifest.source["weights_sha256"]:
                return bundle
    return None


def word_hash(word: str) -> int:
    """Return the 32-bit hash of a word's letters that ``seen_words.bin`` stores."""
    return int(sha256(letters(word).encode())[:8], 16)


def _answer(recognizer: Recognizer, swipe: Swipe, decoder: str | None) -> Answer:
    context = swipe.context if decoder is None else ()
    decoded = recognizer(
        swipe.points, nbest=5, layout=swipe.layout, decoder=decoder, context=context
    )
    said = dict.fromkeys(letters(candidate.text) for candidate in decoded.candidates)
    return Answer(letters(swipe.word or ""), tuple(said), swipe.user or "")


def _figures(answers: Sequence[Answer]) -> dict[str, Any]:
    users = [answer.user for answer in answers]
    groups = users if len(set(users)) > 1 else None
    ranks = [answer.rank() for answer in answers]
    figures: dict[str, Any] = {"rows": len(answers), "users": len(set(users) - {""})}
    for k in (1, 3, 5):
        hits = [float(rank is not None and rank <= k) for rank in ranks]
        figures[f"top{k}"] = _interval(hits, groups)
    pairs = [(answer.word, answer.said[0] if answer.said else "") for answer in answers]
    figures["cer"] = round(metrics.error_rate(pairs), 5)
    return figures


def _interval(hits: Sequence[float], groups: Sequence[str] | None) -> dict[str, float | None]:
    """Mean and 95 % interval; one sample says nothing of others, so it has no interval."""
    low, high = metrics.bootstrap(hits, groups) if len(hits) > 1 else (None, None)
    return {
        "value": round(float(np.mean(hits)), 5),
        "low": None if low is None else round(low, 5),
        "high": None if high is None else round(high, 5),
    }


def lines(figures: Mapping[str, Any]) -> list[list[str]]:
    """Return table rows of `evaluate`'s figures: name, rows, top-1 with interval, top-3, top-5."""

    def row(name: str, part: Mapping[str, Any]) -> list[str]:
        first = part["top1"]
        return [
            name,
            str(part["rows"]),
            _shown(first),
            f"{part['top3']['value']:.1%}",
            f"{part['top5']['value']:.1%}",
            f"{part['cer']:.1%}",
        ]

    return [row("all", figures), *(row(n, p) for n, p in figures["slices"].items())]


def _shown(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None:
        return f"{figure['value']:.1%}"
    return f"{figure['value']:.1%} [{figure['low']:.1%}, {figure['high']:.1%}]"
