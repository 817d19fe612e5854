"""`edgectc.evaluate` and `edgectc.tune_decoder`: accuracy as a sceptic would measure it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Sequence

from edgectc.commands.verbs.measuring import OfSwipes, Question, on_recordings, on_swipes
from edgectc.commands.verbs.opening import (
    Labelled,
    Model,
    RuntimeOptions,
    other_recognizer,
    recognizer_of,
    recordings_of,
    refuse_idle,
    swipes_of,
)
from edgectc.commands.verbs.sharing import Shared, shared_out
from edgectc.core import lazy, registry
from edgectc.core.arguments import (
    Count,
    File,
    FileName,
    Index,
    Jobs,
    Nbest,
    Share,
    Threads,
    checked,
)
from edgectc.core.errors import ConfigError
from edgectc.core.staging import claimed, write_bytes
from edgectc.core.types import Document, Recording
from edgectc.data.refusals import LIMIT
from edgectc.data.swipe_files import recording
from edgectc.evaluation import accuracy, comparison, tuning
from edgectc.evaluation.tuned import LEAST_LABELS, Tuned, check_resolves
from edgectc.formats import bundle as bundles
from edgectc.runtime.recognizer import Recognizer


@checked
def evaluate(
    model: Model = None,
    data: Labelled = None,
    *,
    split: str = "all",
    limit: Count | None = None,
    decoder: str | None = None,
    nbest: Nbest = accuracy.NBEST,
    predictions: File | None = None,
    pronunciations: FileName | None = None,
    against: Model = None,
    control: bool = False,
    sentences: str | os.PathLike[str] | None = None,
    words: FileName | None = None,
    context: bool = False,
    confusions: Index = 0,
    max_dropped: Share = LIMIT,
    hotwords: FileName | None = None,
    lexicon: FileName | None = None,
    language_model: FileName | None = None,
    lm_required: bool = False,
    language: str | Sequence[str] | None = None,
    offensive: bool = False,
    runner: str | None = None,
    threads: Threads = 1,
    trust: FileName | None = None,
    jobs: Jobs = 1,
    engine: str = "processes",
) -> Document:
    """Return accuracy on labelled swipes or recordings with intervals, see docs/evaluation.md.

    Args:
        model: path or shipped name, None for the default one; or what `edgectc.load` returned.
        data: file or folder that training reads, None for what EDGECTC_DATA names; or the swipes or
            recordings themselves.
        split: "all", "train", "dev" or "test", as training splits the same data.
        limit: at most so many, chosen at random.
        decoder: name of one, instead of the preset.
        nbest: most candidates each; of swipes 5 or more, for the share among the best five.
        predictions: file to write every answer to, see `edgectc.evaluation.predictions`.
        pronunciations: dictionary in the format of CMUdict, of a model of phonemes: words that the
            decoder answers count by their phonemes, and ``predictions`` spell what was said.
        against: another model, or the name of a decoder of this one, for a paired difference.
        control: measure with shuffled labels and a wrong layout, too; see
            `edgectc.evaluation.comparison.CONTROL_LIMIT`.
        sentences: file of natural sentences, for a slice of the swipes whose prompt is among them.
        words: another lexicon, as `build_lexicon` reads it, for slices of the swipes of its words.
        context: give each swipe the two words before it in its prompt.
        confusions: so many of the most frequent mistakes, of each kind.
        max_dropped: share of the rows that may be unusable.
        hotwords: file of terms to favour; `measure_hotwords` tells what they bring by weight.
        lexicon: see `edgectc.load`, as are the rest.
        language_model: of words in sentences.
        lm_required: raise where the language model cannot be had.
        language: language packs in place of the model's own words.
        offensive: suggest offensive words too.
        runner: what runs the network.
        threads: of the runner.
        trust: public keys that the model has to be signed with.
        jobs: processes that answer, each with the model opened; the answers are the same.
        engine: "processes", or "ray" for a cluster.

    Raises:
        InputError: nothing is labelled, or a file cannot be read.
        ConfigError: an option that makes no sense here.
        WriteError: ``predictions`` cannot be written.
    """
    options: RuntimeOptions = {
        "hotwords": hotwords,
        "lexicon": lexicon,
        "language_model": language_model,
        "lm_required": lm_required,
        "language": language,
        "offensive": offensive,
        "runner": runner,
        "threads": threads,
        "trust": trust,
    }
    recognizer = recognizer_of(model, **options)
    asked = Question(
        recognizer, data, split, limit, max_dropped, decoder, nbest, _name(against),
        _other(against, recognizer, options), confusions, predictions,
        _shared((model, against), options, jobs, engine),
    )  # fmt: skip
    if recognizer.layout:
        refuse_idle({"pronunciations": pronunciations}, recognizer)
        return on_swipes(asked, OfSwipes(control, sentences, words, context), model)
    swiped = {"control": control, "sentences": sentences, "words": words, "context": context}
    refuse_idle(swiped, recognizer)
    return on_recordings(asked, pronunciations)


def failed_controls(figures: Document) -> bool:
    """Return whether an evaluation passed that must fail: it does not measure the swipes."""
    return any(v > comparison.CONTROL_LIMIT for v in figures.get("controls", {}).values())


def _name(against: Model) -> str:
    """Return what the report calls the model or decoder to compare with; "" for none."""
    if against is None:
        return ""
    return against.name if isinstance(against, Recognizer) else os.fspath(against)


def _shared(
    models: tuple[Model, Model], options: RuntimeOptions, jobs: int, engine: str
) -> tuple[Shared | None, Shared | None]:
    """Return the processes that answer for a model and for the one it is compared with."""
    model, against = models
    own = shared_out(model, options, jobs, engine)
    if own is None or against is None or against in registry.names("decoders"):
        return own, None
    own_words: RuntimeOptions = options.copy()
    own_words["lexicon"] = None
    return own, shared_out(against, own_words, jobs, engine)


def _other(against: Model, beside: Recognizer, options: RuntimeOptions) -> Recognizer | None:
    """Return the model to compare with; None for another decoder of the same one."""
    if against is None or (isinstance(against, str) and against in registry.names("decoders")):
        return None
    own_words: RuntimeOptions = options.copy()
    own_words["lexicon"] = None
    return other_recognizer(
        against, beside, **({} if isinstance(against, Recognizer) else own_words)
    )


@checked
def tune_decoder(
    model: Model = None,
    data: Labelled = None,
    *,
    split: str = "dev",
    limit: Count | None = None,
    decoder: str | None = None,
    context: bool = False,
    only: Sequence[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    update: bool = False,
    min_labels: Count = LEAST_LABELS,
    max_dropped: Share = LIMIT,
    lexicon: FileName | None = None,
    language_model: FileName | None = None,
    lm_required: bool = False,
    offensive: bool = False,
    runner: str | None = None,
    threads: Threads = 1,
    trust: FileName | None = None,
) -> Tuned:
    """Return the decoder weights that answer labelled recordings best, and what they gain.

    Args:
        model: path or shipped name, None for the default one; or what `edgectc.load` returned.
        data: file or folder that training reads, None for what EDGECTC_DATA names; or the swipes or
            recordings themselves.
        split: "all", "train", "dev" or "test", as training splits the same data.
        limit: at most so many, chosen at random.
        decoder: name of one to begin with, with its defaults, instead of the preset.
        context: give each swipe the two words before it in its prompt, to tune context_weight.
        only: weights to choose; the others stay. None: all that apply.
        out: file to write the preset to, for `pack`.
        update: write the preset into the bundle; its artifacts go, for they hold the old one.
        min_labels: fewest words or symbols that ``out`` and ``update`` write weights from.
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
        InputError: fewer than two labelled rows, or, with ``out`` or ``update``, too few to tell
            weights apart; says how many it takes.
    """
    recognizer = recognizer_of(
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
    if decoder is not None and decoder != recognizer.preset["type"]:
        recognizer = recognizer.replace(preset=registry.complete("decoders", {"type": decoder}))
    rows: Iterable[Recording]
    if recognizer.layout:
        swipes, refusals = swipes_of(data, [recognizer], split=split, limit=limit, most=max_dropped)
        count = units = len(swipes)
        swipes = swipes.changed(accuracy.with_context) if context else swipes
        rows = map(recording, swipes)
    else:
        refuse_idle({"context": context}, recognizer)
        rows, refusals = recordings_of(
            data, [recognizer], split=split, limit=limit, most=max_dropped
        )
        count, units = len(rows), sum(len(row.target) for row in rows)
    if update or out is not None:
        check_resolves(units, count, min_labels)
    with claimed(out):
        tuned = tuning.tune(recognizer, rows, only=only)
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
