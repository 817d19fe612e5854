"""`edgectc.decode`: a file of swipes or recordings to ranked texts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from edgectc.commands.verbs.opening import Model, RuntimeOptions, recognizer_of
from edgectc.commands.verbs.sharing import Shared, shared_out
from edgectc.core.arguments import FileName, Jobs, Nbest, Threads, checked
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.types import Decoded, Recording, Swipe
from edgectc.data import readers, swipe_tables
from edgectc.data.signal_samples import SignalSamples
from edgectc.data.swipe_files import Row
from edgectc.evaluation import sequences
from edgectc.language.ngram.text import context_of
from edgectc.language.user_dictionary import UserDictionary
from edgectc.runtime.recognizer import Recognizer

_NOTHING = Decoded(())
_Numbered: TypeAlias = tuple[int, Recording | InputError]


@dataclass(frozen=True)
class DecodedRow:
    """The answer to one row of a file.

    Attributes:
        index: of the row, from 0.
        decoded: ranked texts; empty for a row that is refused.
        error: why it is refused; None if it is not.
    """

    index: int
    decoded: Decoded
    error: InputError | None = None

    def __repr__(self) -> str:
        if self.error is not None:
            return f"DecodedRow({self.index}, refused: {self.error.reason})"
        texts = ", ".join(f"{c.text!r} {c.probability:.0%}" for c in [*self.decoded][:5])
        return f"DecodedRow({self.index}, {texts or 'no text'})"


@dataclass(frozen=True)
class _Options:
    nbest: int
    layout: str | None
    decoder: str | None
    context: tuple[str, ...] | None


@checked
def decode(
    model: Model = None,
    *,
    input: str | os.PathLike[str],
    nbest: Nbest = 5,
    layout: FileName | None = None,
    strict: bool = False,
    decoder: str | None = None,
    context: str | Sequence[str] | None = None,
    dictionary: UserDictionary | FileName | None = None,
    hotwords: FileName | None = None,
    lexicon: FileName | None = None,
    pronunciations: FileName | None = None,
    language_model: FileName | None = None,
    lm_required: bool = False,
    language: str | Sequence[str] | None = None,
    offensive: bool = False,
    runner: str | None = None,
    threads: Threads = 1,
    trust: FileName | None = None,
    jobs: Jobs = 1,
    engine: str = "processes",
) -> Iterator[DecodedRow]:
    """Return the answers to a file of swipes or recordings, one a row, as they are decoded.

    Args:
        model: path or shipped name, None for the default one; or what `edgectc.load` returned.
        input: swipes, ``.jsonl`` or ``.jsonl.gz``, "-" for standard input; of a model that takes
            none, recordings as `evaluate` reads them, with or without labels.
        nbest: most texts a row.
        layout: keyboard of every row, instead of the rows' own.
        strict: raise at the end if any row was refused.
        decoder: name of one, instead of the preset.
        context: what stands before each swipe, a text or its words, instead of the rows' own.
        dictionary: the user's words.
        hotwords: file of terms to favour.
        lexicon: see `edgectc.load`, as are the rest.
        pronunciations: of words, for a model that answers in phonemes.
        language_model: of words in sentences.
        lm_required: raise where the language model cannot be had.
        language: language packs in place of the model's own words.
        offensive: suggest offensive words too.
        runner: what runs the network.
        threads: of the runner.
        trust: public keys that the model has to be signed with.
        jobs: processes that decode, each with the model opened; the answers are the same.
        engine: "processes", or "ray" for a cluster.

    Raises:
        ConfigError: an option that makes no sense for this model.
        InputError: no row can be used; or, if ``strict``, one cannot.
        UnknownNameError: no such layout, decoder or runner.
    """
    opened: RuntimeOptions = {
        "lexicon": lexicon,
        "pronunciations": pronunciations,
        "language_model": language_model,
        "lm_required": lm_required,
        "dictionary": dictionary,
        "hotwords": hotwords,
        "language": language,
        "offensive": offensive,
        "runner": runner,
        "threads": threads,
        "trust": trust,
    }
    shared = shared_out(model, opened, jobs, engine)
    recognizer = recognizer_of(model, **opened)
    path, words = Path(input), context_of(context) if isinstance(context, str) else context
    options = _Options(nbest, layout, decoder, None if words is None else tuple(words))
    if recognizer.layout:
        return _checked(_answered_swipes(recognizer, path, options, shared), strict, "swipe")
    named = {"layout": layout, "context": context, "dictionary": dictionary}
    _check_recordings(
        recognizer, path, [name for name, value in named.items() if value is not None]
    )
    recognizer.decoder(None, decoder)
    numbered = enumerate(_rows(recognizer, path))
    found = (
        _recording_rows(options, recognizer, numbered)
        if shared is None
        else shared(partial(_of_recordings, options), numbered)
    )
    return _checked(found, strict, "recording")


def _answered_swipes(
    recognizer: Recognizer, path: Path, options: _Options, shared: Shared | None
) -> Iterator[DecodedRow]:
    if path.suffix == ".npz":
        raise ConfigError(f"model {recognizer.name!r} takes swipes (.jsonl), and no {path}")
    # A wrong layout or decoder is the caller's mistake, not a row's.
    recognizer.decoder(recognizer.setting(options.layout or recognizer.layout), options.decoder)
    rows = swipe_tables.read(path, layout=recognizer.layout)
    if shared is None:
        return _swipe_rows(options, recognizer, rows)
    return shared(partial(_of_swipes, options), rows)


def _checked(rows: Iterator[DecodedRow], strict: bool, what: str) -> Iterator[DecodedRow]:
    usable = refused = 0
    for row in rows:
        usable, refused = usable + (row.error is None), refused + (row.error is not None)
        yield row
    if not usable:
        raise InputError(f"no usable {what} in the input", reason="empty")
    if strict and refused:
        raise InputError(f"{refused} of {usable + refused} rows refused", reason="refused_rows")


def _swipe_rows(
    options: _Options, recognizer: Recognizer, rows: Iterable[Row]
) -> Iterator[DecodedRow]:
    for row in rows:
        decoded, error = _NOTHING, row.error
        if row.swipe is not None:
            try:
                decoded = _decode_swipe(recognizer, row.swipe, options)
            except InputError as problem:
                error = problem
        yield DecodedRow(row.index, decoded, error)


def _of_swipes(options: _Options, recognizer: Recognizer, rows: list[Row]) -> list[DecodedRow]:
    return [*_swipe_rows(options, recognizer, rows)]


def _decode_swipe(recognizer: Recognizer, swipe: Swipe, options: _Options) -> Decoded:
    layout = options.layout or _row_layout(recognizer, swipe.layout, options.decoder)
    context = swipe.context if options.context is None else options.context
    return recognizer(
        swipe.points,
        nbest=options.nbest,
        layout=layout,
        decoder=options.decoder,
        context=context,
    )


def _row_layout(recognizer: Recognizer, name: str, decoder: str | None) -> str:
    """Return the layout a row names if it can be decoded on; a row never names a file."""
    if name.endswith(".json"):
        raise InputError(f"a row names the file {name!r} as layout", reason="unknown_layout")
    try:
        recognizer.decoder(recognizer.setting(name), decoder)
    except (ConfigError, UnknownNameError) as error:
        raise InputError(str(error), reason="unknown_layout") from error
    return name


def _check_recordings(recognizer: Recognizer, path: Path, of_swipes: list[str]) -> None:
    if of_swipes:
        raise ConfigError(
            f"{of_swipes[0]} goes with swipes; model {recognizer.name!r} takes none",
            options=of_swipes,
        )
    if not readers.takes(path):
        takes = ", ".join(recognizer.frontend.input_contract())
        raise ConfigError(
            f"input {path} holds no recordings, expected .npz, .npy, JSON lines with a signal, or "
            f"one of the formats {', '.join(readers.names())}; model {recognizer.name!r} takes no "
            f"swipes but {takes}",
            options=["input"],
        )


def _recording_rows(
    options: _Options, recognizer: Recognizer, rows: Iterable[_Numbered]
) -> Iterator[DecodedRow]:
    for index, row in rows:
        decoded, error = _NOTHING, None
        try:
            if isinstance(row, InputError):
                raise row
            decoded = _decode_recording(recognizer, row, options)
        except InputError as problem:
            error = problem
        yield DecodedRow(index, decoded, error)


def _of_recordings(
    options: _Options, recognizer: Recognizer, rows: list[_Numbered]
) -> list[DecodedRow]:
    return [*_recording_rows(options, recognizer, rows)]


def _decode_recording(recognizer: Recognizer, row: Recording, options: _Options) -> Decoded:
    sample = recognizer.prepare(row)
    return recognizer.decode(
        recognizer.run(sample.inputs),
        sample.inputs,
        setting=sample.setting,
        nbest=options.nbest,
        decoder=options.decoder,
    )


def _rows(recognizer: Recognizer, path: Path) -> Iterator[Recording | InputError]:
    """Yield recordings, which need no target here."""
    samples = sequences.samples_of(recognizer)
    return samples.untold(path) if isinstance(samples, SignalSamples) else samples.rows(path)
