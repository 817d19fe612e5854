"""How often the right word is first: figures with intervals, by slice, on labelled swipes.

Words are compared by their letters only ("its" and "it's" are one answer), and once more as they
are shown, with case and apostrophe (``top1_shown``). A word that the lexicon does not hold counts
as wrong. `edgectc.evaluation.comparison` compares two models.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from edgectc.core import metrics
from edgectc.core.console import progress
from edgectc.core.errors import InputError
from edgectc.core.types import Hypothesis, Swipe
from edgectc.data.refusals import Refusals
from edgectc.data.swipe_files import recording
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.language.lexicon import Lexicon
from edgectc.language.ngram.text import context_of
from edgectc.language.spelling import letters, plain, word_hash
from edgectc.runtime.recognizer import Recognizer

_LENGTHS = {"letters 1-3": (1, 3), "letters 4-6": (4, 6), "letters 7+": (7, 99)}
NBEST = 5
# JSON of figures by name; `summarize` says which.
Figures: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a recognizer said to one labelled swipe.

    Attributes:
        word: letters of the label.
        said: letters of the candidates, best first.
        user: who swiped, for the intervals.
        probability: that the best one is right, by the recognizer.
        candidates: the texts as they were given.
        shown: whether the best one is the label as it is written, case and apostrophe too.
        label: the word as it is written.
        prompt: the text that was to be written, "" where that is not known.
    """

    word: str
    said: tuple[str, ...]
    user: str
    probability: float = 0.0
    candidates: tuple[Hypothesis, ...] = ()
    shown: bool = False
    label: str = ""
    prompt: str = ""

    def kept(self, same: dict[str, str]) -> Answer:
        """Return what the figures need, about 250 bytes: without the candidates, equal texts once.

        Args:
            same: texts of the answers before, which is added to.
        """
        said = tuple(same.setdefault(text, text) for text in self.said)
        word, user, prompt = (same.setdefault(t, t) for t in (self.word, self.user, self.prompt))
        return replace(
            self, word=word, said=said, user=user, prompt=prompt, label="", candidates=()
        )

    def rank(self) -> int | None:
        """Return the place of the right word from 1, None if it was not given."""
        return self.said.index(self.word) + 1 if self.word in self.said else None

    def right(self) -> bool:
        """Return whether the first candidate is the right word."""
        return self.said[:1] == (self.word,)


@dataclass(frozen=True)
class Known:
    """What is known about words, to tell slices apart.

    Attributes:
        seen: hashes of the training words, see `seen_words`; None drops those slices.
        lexicon: letters of each word that can be found; None drops that slice.
        sentences: letters of natural sentences: prompts that are among them against all others;
            None drops these slices.
        words: name and words of another lexicon, as letters: figures of systems whose lexicons
            differ compare on the words that both hold; None drops these slices.
    """

    seen: frozenset[int] | None = None
    lexicon: frozenset[str] | None = None
    sentences: frozenset[str] | None = None
    words: tuple[str, frozenset[str]] | None = None


def evaluate(
    recognizer: Recognizer,
    swipes: Sequence[Swipe],
    *,
    seen_words: frozenset[int] | None = None,
    decoder: str | None = None,
) -> Figures:
    """Return accuracy figures of labelled swipes; `summarize` says which.

    Args:
        recognizer: as returned by `edgectc.load`.
        swipes: samples with a word; others are left out. A sample's context is used with
            the preset, which then needs a language model.
        seen_words: hashes of the training words, see `seen_words`; None drops that slice.
        decoder: "lexicon", "greedy" or None for the preset.

    Raises:
        InputError: no swipe carries a word.
    """
    rows = [swipe for swipe in swipes if labelled(swipe)]
    check_labels(len(rows))
    answers, spent = answer(recognizer, rows, decoder=decoder)
    return {**summarize(answers, Known(seen_words)), "ms_per_swipe": spent}


def labelled(swipe: Swipe) -> bool:
    """Return whether a swipe carries a word."""
    return bool(swipe.word and letters(swipe.word))


def check_labels(count: int) -> None:
    """Raise `InputError` if no swipe carries a word."""
    if not count:
        raise InputError("no swipe carries a word to compare with", reason="no_labels")


def usable(
    swipes: Iterable[Swipe], recognizers: Sequence[Recognizer], refusals: Refusals
) -> tuple[list[int], list[int]]:
    """Return the places of the swipes that every one of the models can be given; count the others.

    The second list is of those among them, counted by themselves, that carry a word.
    """
    kept, words = list[int](), list[int]()
    for row, swipe in enumerate(swipes):
        try:
            for recognizer in recognizers:
                recognizer.prepare(recording(swipe))
        except InputError as error:
            refusals.add(error, f"swipe {row}")
        else:
            words += [len(kept)] if labelled(swipe) else []
            kept.append(row)
    return kept, words


def answer(
    recognizer: Recognizer,
    swipes: Iterable[Swipe],
    *,
    decoder: str | None = None,
    nbest: int = NBEST,
) -> tuple[list[Answer], float]:
    """Return the answer to each labelled swipe, and the median of milliseconds for one.

    Args:
        recognizer: as returned by `edgectc.load`.
        swipes: labelled ones.
        decoder: name of one, None for the preset.
        nbest: most candidates each; the figures of the best five need as many.
    """
    pairs = [*answered(recognizer, swipes, decoder=decoder, nbest=nbest)]
    spent = round(float(np.median([ms for _, ms in pairs])), 3)
    return [answer for answer, _ in pairs], spent


def answered(
    recognizer: Recognizer, swipes: Iterable[Swipe], *, decoder: str | None, nbest: int = NBEST
) -> Iterator[tuple[Answer, float]]:
    """Yield what `answer` returns, one after another, each with its milliseconds."""
    for swipe in progress(swipes, "swipe"):
        began = time.perf_counter()
        found = _answer(recognizer, swipe, decoder, nbest)
        yield found, (time.perf_counter() - began) * 1e3


def summarize(answers: Sequence[Answer], known: Known) -> Figures:
    """Return figures of all answers and of their slices.

    Args:
        answers: one a swipe.
        known: what the slices need.

    Returns:
        ``rows``, ``users``, ``top1``, ``top3``, ``top5`` and ``top1_shown`` as
        ``{"value", "low", "high"}`` (95 %, by user, see `edgectc.core.metrics.interval`) and
        ``cer``; the same by slice in ``slices``; ``user_p10``, top-1 of the user at the 10th
        percentile;
        `edgectc.core.metrics.calibration_error`.
    """
    slices = {name: keep for name, keep in _slices(answers, known).items() if any(keep)}
    parts = {
        name: _figures([a for a, kept in zip(answers, keep, strict=True) if kept])
        for name, keep in slices.items()
    }
    return {**_figures(answers), **_overall(answers), "slices": parts}


def _slices(answers: Sequence[Answer], known: Known) -> dict[str, list[bool]]:
    slices = {
        name: [low <= len(a.word) <= high for a in answers]
        for name, (low, high) in _LENGTHS.items()
    }
    held = {}
    if known.lexicon is not None:
        held["in the lexicon"] = [a.word in known.lexicon for a in answers]
    if known.words is not None:
        held[f"in {known.words[0]}"] = [a.word in known.words[1] for a in answers]
    slices |= held
    if known.seen is not None:
        seen = [word_hash(a.word) in known.seen for a in answers]
        slices["seen words"] = seen
        slices["unseen words"] = [not s for s in seen]
        for name, keep in held.items():
            slices[f"unseen, {name}"] = [k and not s for k, s in zip(keep, seen, strict=True)]
    if known.sentences is not None:
        natural = [letters(answer.prompt) in known.sentences for answer in answers]
        slices["natural sentences"] = natural
        slices["other prompts"] = [not n for n in natural]
    return slices


def with_context(swipe: Swipe, words: int = 2) -> Swipe:
    """Return a swipe whose context is what its prompt has before the first place of its word.

    That is read as a keyboard reads the text before its cursor, see `context_of`; a word that is
    not in the prompt has no context.
    """
    prompt, word = swipe.prompt or "", letters(swipe.word or "")
    places = (at.start() for at in re.finditer(r"\S+", prompt) if letters(at.group()) == word)
    place = next(places, None)
    context = [] if place is None else context_of(prompt[:place])
    return replace(swipe, context=tuple(context[-words:]))


def spellings(lexicon: Lexicon) -> frozenset[str]:
    """Return the letters of each word of a lexicon."""
    return frozenset(map(letters, lexicon.words))


def confusions(answers: Sequence[Answer]) -> list[tuple[str, str, int]]:
    """Return (right word, word given instead, times), the most frequent first."""
    pairs = Counter((a.word, a.said[0] if a.said else "") for a in answers if not a.right())
    return [(*pair, n) for pair, n in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))]


def seen_words(model: Path | bundles.Bundle) -> frozenset[int] | None:
    """Return the training-word hashes of a bundle, or of the bundle an artifact was made from.

    The bundle of an artifact is looked for around it and among the shipped models, by the hash of
    its weights; None if there is none, or if it does not say what it was trained on.
    """
    bundle: bundles.Bundle | None
    if isinstance(model, bundles.Bundle):
        bundle = model
    else:
        bundle = bundles.read(model) if bundles.is_bundle(model) else origin(model)
    if bundle is None or bundle.index.seen_words is None:
        return None
    return frozenset(np.frombuffer(bundle.file(bundle.index.seen_words), "<u4").tolist())


def origin(artifact: Path) -> bundles.Bundle | None:
    """Return the bundle that an artifact was made from, around it or shipped; None if not there."""
    _, manifest = manifests.read(artifact)
    shipped = bundles.models_dir()
    folders = [artifact.parent, artifact.parent.parent]
    folders += [shipped / name for name in bundles.shipped_names()] if shipped else []
    for folder in folders:
        if (folder / "bundle.json").is_file():
            bundle = bundles.read(folder)
            weights = bundle.index.files.get("weights.safetensors")
            if weights == manifest.source.weights_sha256:
                return bundle
    return None


def _answer(
    recognizer: Recognizer, swipe: Swipe, decoder: str | None, nbest: int = NBEST
) -> Answer:
    context = swipe.context if decoder is None else ()
    sample = recognizer.prepare(recording(swipe))
    decoded = recognizer.decode(
        recognizer.run(sample.inputs),
        sample.inputs,
        setting=sample.setting,
        nbest=2 * nbest,  # words that differ in case or apostrophe alone count as one here
        decoder=decoder,
        context=context,
    )
    said = dict.fromkeys(letters(candidate.text) for candidate in decoded.candidates)
    word, user = letters(swipe.word or ""), swipe.user or ""
    best = decoded.best
    shown = plain(best.text) == plain(swipe.word or "")
    given = decoded.candidates[:nbest]
    return Answer(
        word, tuple(said)[:nbest], user, best.probability, given, shown,
        label=swipe.word or "", prompt=swipe.prompt or "",
    )  # fmt: skip


def _figures(answers: Sequence[Answer]) -> Figures:
    users = [answer.user for answer in answers]
    groups = users if len(set(users)) > 1 else None
    ranks = [answer.rank() for answer in answers]
    figures: Figures = {"rows": len(answers), "users": len(set(users) - {""})}
    for k in (1, 3, 5):
        hits = [float(rank is not None and rank <= k) for rank in ranks]
        figures[f"top{k}"] = _interval(hits, groups)
    figures["top1_shown"] = _interval([float(answer.shown) for answer in answers], groups)
    pairs = [(answer.word, answer.said[0] if answer.said else "") for answer in answers]
    figures["cer"] = round(metrics.error_rate(pairs), 5)
    return figures


def _overall(answers: Sequence[Answer]) -> dict[str, float]:
    """Return what a few rows cannot tell: how the worst users fare, and if probabilities hold."""
    by_user = defaultdict(list)
    for found in answers:
        by_user[found.user].append(found.right())
    worst = np.quantile([np.mean(v) for v in by_user.values()], 0.1)
    stated = [found.probability for found in answers]
    error = metrics.calibration_error(stated, [found.right() for found in answers])
    return {"user_p10": round(float(worst), 5), "calibration_error": round(error, 5)}


def _interval(hits: Sequence[float], groups: Sequence[str] | None) -> dict[str, float | None]:
    """Mean and 95 % interval; one sample says nothing of others, so it has no interval.

    Where all are right, or none, or as many of each person, nothing varies that an interval could
    be drawn from; Wilson's holds, with people in place of rows where they are known.
    """
    low: float | None = None
    high: float | None = None
    if len(hits) > 1:
        low, high = metrics.interval(hits, groups) or (None, None)
        if low is None or high is None or high - low < 1e-12:
            trials = len({*groups}) if groups else len(hits)
            low, high = metrics.wilson(float(np.mean(hits)) * trials, trials)
    return {
        "value": round(float(np.mean(hits)), 5),
        "low": None if low is None else round(max(0.0, low), 5),
        "high": None if high is None else round(min(1.0, high), 5),
    }


def lines(figures: Mapping[str, Any]) -> list[list[str]]:
    """Return table rows of `evaluate`'s figures: name, rows, top-1 with interval, top-3..."""

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
