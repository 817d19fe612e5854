"""`edgectc.measure_hotwords`: what terms to favour bring and cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from edgectc.commands.verbs.opening import (
    Labelled,
    Model,
    RuntimeOptions,
    recognizer_of,
    recordings_of,
    refuse_idle,
    swipes_of,
)
from edgectc.core.arguments import Count, FileName, Share, Threads, check, checked
from edgectc.core.config import Range
from edgectc.core.types import Document
from edgectc.data.refusals import LIMIT
from edgectc.evaluation import accuracy, sequences
from edgectc.evaluation import hotwords as figures_of
from edgectc.evaluation.sequences import Reader
from edgectc.language import pronunciations as dictionaries
from edgectc.language.hotwords import Hotwords
from edgectc.language.lexicon import MOST_NATS

_Weight = Annotated[float, Range(0, MOST_NATS)]


@checked
def measure_hotwords(
    model: Model = None,
    data: Labelled = None,
    *,
    hotwords: Hotwords | FileName,
    split: str = "dev",
    limit: Count | None = None,
    max_dropped: Share = LIMIT,
    weights: Sequence[float] | None = None,
    decoder: str | None = None,
    pronunciations: FileName | None = None,
    lexicon: FileName | None = None,
    language_model: FileName | None = None,
    lm_required: bool = False,
    language: str | Sequence[str] | None = None,
    offensive: bool = False,
    runner: str | None = None,
    threads: Threads = 1,
    trust: FileName | None = None,
) -> Document:
    """Return recall and false alarms of hotwords by weight, see `edgectc.evaluation.hotwords`.

    Args:
        model: path or shipped name, None for the default one; or what `edgectc.load` returned.
        data: file or folder that training reads, None for what EDGECTC_DATA names; or the swipes or
            recordings themselves.
        hotwords: the terms, or a file of them.
        split: "all", "train", "dev" or "test", as training splits the same data.
        limit: at most so many rows, chosen at random.
        max_dropped: share of the rows that may be unusable.
        weights: nats from 0 to 700, each given to every term in turn, beside the terms' own; None
            for 0 to 10.
        decoder: name of one, instead of the preset.
        pronunciations: of words, for a model that answers in phonemes: labels count by its words.
        lexicon: see `edgectc.load`, as are the rest.
        language_model: of words in sentences.
        lm_required: raise where the language model cannot be had.
        language: language packs in place of the model's own words.
        offensive: suggest offensive words too.
        runner: what runs the network.
        threads: of the runner.
        trust: public keys that the model has to be signed with.

    Raises:
        InputError: nothing is labelled, or a file cannot be read.
        ConfigError: no hotwords, or a decoder that takes none.
    """
    tried = figures_of.WEIGHTS if weights is None else tuple(weights)
    for weight in tried:
        check("weights", _Weight, weight, options=["weights"])
    terms = hotwords if isinstance(hotwords, Hotwords) else Hotwords.read(hotwords)
    options: RuntimeOptions = {
        "lexicon": lexicon,
        "pronunciations": pronunciations,
        "language_model": language_model,
        "lm_required": lm_required,
        "language": language,
        "offensive": offensive,
        "runner": runner,
        "threads": threads,
        "trust": trust,
    }
    recognizer = recognizer_of(model, **options)
    if recognizer.layout:
        refuse_idle({"pronunciations": pronunciations}, recognizer)
        swipes, refusals = swipes_of(data, [recognizer], split=split, limit=limit, most=max_dropped)
        rows = [row for row in swipes if accuracy.labelled(row)]
        said = [figures_of.of_swipe(row) for row in rows]
        found = figures_of.measure(recognizer, rows, said, terms, weights=tried, decoder=decoder)
        return Document(found | {"dropped": dict(refusals.counts)})
    found_rows, refusals = recordings_of(
        data, [recognizer], split=split, limit=limit, most=max_dropped
    )
    recordings = list(found_rows)  # read once for each weight
    tokens, reader = sequences.tokens_of(recognizer), None
    if pronunciations is not None:
        reader = Reader(tokens, pronunciations=dictionaries.read(pronunciations))
    said = [figures_of.of_recording(row, tokens, reader) for row in recordings]
    found = figures_of.measure(recognizer, recordings, said, terms, weights=tried, decoder=decoder)
    return Document(found | {"dropped": dict(refusals.counts)})
