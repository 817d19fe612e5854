"""`edgectc.evaluate` and `edgectc.tune_decoder`: accuracy as a sceptic would measure it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

from edgectc.commands.verbs.opening import (
    Model,
    RuntimeOptions,
    Swipes,
    swipe_recognizer,
    swipes_of,
)
from edgectc.core import lazy, registry
from edgectc.core.arguments import Count, FileName, Index, Share, Threads, checked
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.files import read_plain
from edgectc.core.staging import write_bytes
from edgectc.core.types import Document
from edgectc.data.refusals import LIMIT
from edgectc.data.swipe_files import recording
from edgectc.evaluation import accuracy, comparison, tuning
from edgectc.evaluation.tuning import Tuned
from edgectc.formats import bundle as bundles
from edgectc.language import sources
from edgectc.language.spelling import letters
from edgectc.runtime.recognizer import Recognizer


@checked
def evaluate(
    model: Model = None,
    data: Swipes = None,
    *,
    split: str = "all",
    limit: Count | None = None,
    decoder: str | None = None,
    against: Model = None,
    control: bool = False,
    sentences: str | os.PathLike[str] | None = None,
    words: FileName | None = None,
    context: bool = False,
    confusions: Index = 0,
    max_dropped: Share = LIMIT,
    lexicon: FileName | None = None,
    language_model: FileName | None = None,
    lm_required: bool = False,
    offensive: bool = False,
    runner: str | None = None,
    threads: Threads = 1,
    trust: FileName | None = None,
) -> Document:
    """Return accuracy on labelled swipes with intervals and slices, see docs/decoding.md.

    Args:
        model: path or shipped name, None for the default one; or what `edgectc.load` returned.
        data: file or folder of swipes, None for what EDGECTC_DATA names; or the swipes.
        split: "all", "train", "dev" or "test" users.
        limit: at most so many swipes, chosen at random.
        decoder: name of one, instead of the preset.
        against: another model, or the name of a decoder of this one, for a paired difference.
        control: measure with shuffled labels and a wrong layout, too; see
            `edgectc.evaluation.comparison.CONTROL_LIMIT`.
        sentences: file of natural sentences, for a slice of the swipes whose prompt is among them.
        words: another lexicon, as `build_lexicon` reads it, for slices of the swipes of its words.
        context: give each swipe the two words before it in its prompt.
        confusions: so many of the most frequent mistakes.
        max_dropped: share of the rows that may be unusable.
        lexicon: see `edgectc.load`, as are the rest.
        language_model: of words in sentences.
        lm_required: raise where the language model cannot be had.
        offensive: suggest offensive words too.
        runner: what runs the network.
        threads: of the runner.
        trust: public keys that the model has to be signed with.

    Raises:
        InputError: no swipe carries a word, or a file cannot be read.
        ConfigError: an option that makes no sense here.
    """
    options: RuntimeOptions = {
        "lexicon": lexicon,
        "language_model": language_model,
        "lm_required": lm_required,
        "offensive": offensive,
        "runner": runner,
        "threads": threads,
        "trust": trust,
    }
    recognizer = swipe_recognizer(model, **options)
    other = None if against is None else _other(against, options)
    models = [recognizer] if other is None else [recognizer, other]
    swipes, refusals = swipes_of(data, models, split=split, limit=limit, most=max_dropped)
    rows = accuracy.labelled(swipes)
    if context:
        rows = [accuracy.with_context(row) for row in rows]
    known = _known(model, recognizer, sentences, words)
    answers, ms_per_swipe = accuracy.answer(recognizer, rows, decoder=decoder)
    figures = Document(accuracy.summarize(answers, rows, known))
    figures |= {"ms_per_swipe": ms_per_swipe, "dropped": dict(refusals.counts), "split": split}
    figures["runner"] = recognizer.runner_name
    if confusions:
        figures["confusions"] = accuracy.confusions(answers)[:confusions]
    if against is not None:
        if other is not None:
            theirs, _ = accuracy.answer(other, rows)
        else:
            theirs, _ = accuracy.answer(recognizer, rows, decoder=str(against))
        figures["against"] = {
            "name": against.name if isinstance(against, Recognizer) else os.fspath(against),
            "figures": accuracy.summarize(theirs, rows, known),
            **comparison.compare(answers, theirs),
        }
    if control:
        figures["controls"] = comparison.controls(recognizer, rows, answers)
    return figures


def failed_controls(figures: Document) -> bool:
    """Return whether an evaluation passed that must fail: it does not measure the swipes."""
    return any(v > comparison.CONTROL_LIMIT for v in figures.get("controls", {}).values())


def _known(
    model: Model,
    recognizer: Recognizer,
    sentences: str | os.PathLike[str] | None,
    words: str | None,
) -> accuracy.Known:
    return accuracy.Known(
        seen=None if isinstance(model, Recognizer) else accuracy.seen_words(bundles.locate(model)),
        lexicon=accuracy.spellings(recognizer.lexicon) if recognizer.lexicon else None,
        sentences=None if sentences is None else _sentences(Path(sentences)),
        words=None if words is None else _words(words),
    )


def _other(against: Model, options: RuntimeOptions) -> Recognizer | None:
    """Return the model to compare with; None for another decoder of the same one."""
    if isinstance(against, str) and against in registry.names("decoders"):
        return None
    if isinstance(against, Recognizer):
        return against
    own_words = options.copy()
    own_words["lexicon"] = None
    return swipe_recognizer(against, **own_words)


def _sentences(path: Path) -> frozenset[str]:
    try:
        lines = read_plain(path).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"cannot read the sentences {str(path)!r}: {why}; expected UTF-8 text, a sentence a "
            "line",
            reason="unreadable_file",
        ) from error
    return frozenset(filter(None, map(letters, lines)))


def _words(source: str) -> tuple[str, frozenset[str]]:
    return Path(source).name.partition(".")[0], accuracy.spellings(sources.build(source)[0])


@checked
def tune_decoder(
    model: Model = None,
    data: Swipes = None,
    *,
    split: str = "dev",
    limit: Count | None = None,
    context: bool = False,
    only: Sequence[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    update: bool = False,
    max_dropped: Share = LIMIT,
    lexicon: FileName | None = None,
    language_model: FileName | None = None,
    lm_required: bool = False,
    offensive: bool = False,
    runner: str | None = None,
    threads: Threads = 1,
    trust: FileName | None = None,
) -> Tuned:
    """Return the decoder weights that rank the labels of swipes best, and what they gain.

    Args:
        model: path or shipped name, None for the default one; or what `edgectc.load` returned.
        data: file or folder of swipes, None for what EDGECTC_DATA names; or the swipes.
        split: "all", "train", "dev" or "test" users.
        limit: at most so many swipes, chosen at random.
        context: give each swipe the two words before it in its prompt, to tune context_weight.
        only: weights to choose; the others stay. None: all that apply.
        out: file to write the preset to, for `pack`.
        update: write the preset into the bundle; its artifacts go, for they hold the old one.
        max_dropped: share of the rows that may be unusable.
        lexicon: see `edgectc.load`, as are the rest.
        language_model: of words in sentences.
        lm_required: raise where the language model cannot be had.
        offensive: suggest offensive words too.
        runner: what runs the network.
        threads: of the runner.
        trust: public keys that the model has to be signed with.

    Raises:
        ConfigError: the preset has no weights to tune, or the model cannot be updated.
        UnknownNameError: ``only`` names no weight.
        InputError: fewer than two labelled swipes.
    """
    recognizer = swipe_recognizer(
        model,
        lexicon=lexicon,
        language_model=language_model,
        lm_required=lm_required,
        offensive=offensive,
        runner=runner,
        threads=threads,
        trust=trust,
    )
    bundle = _bundle_to_update(model) if update else None
    swipes, refusals = swipes_of(data, [recognizer], split=split, limit=limit, most=max_dropped)
    if context:
        swipes = [accuracy.with_context(swipe) for swipe in swipes]
    tuned = tuning.tune(recognizer, [*map(recording, swipes)], only=only)
    tuned = dataclasses.replace(tuned, dropped=dict(refusals.counts))
    if out is not None:
        write_bytes(out, json.dumps(dict(tuned.preset), sort_keys=True).encode() + b"\n")
    if bundle is not None:
        with lazy.requires("edgectc.tune_decoder with update"):
            from edgectc.exporting import packing
        packing.repack(bundle, bundle.path, decoder=tuned.preset)
    return tuned


def _bundle_to_update(model: Model) -> bundles.Bundle:
    if isinstance(model, Recognizer):
        raise ConfigError("update goes with the path of a bundle", options=["update"])
    path = bundles.locate(model)
    if not bundles.is_bundle(path):
        raise ConfigError(
            f"{path} is an artifact, whose preset only a new export changes: tune its bundle with "
            "update, then export it",
            options=["update"],
        )
    return bundles.read(path)
