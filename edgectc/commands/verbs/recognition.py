"""`edgectc.decode`: a file of swipes or recordings to ranked texts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgectc.commands.verbs.opening import Model, recognizer_of
from edgectc.core.arguments import FileName, Nbest, Threads, checked
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.types import Decoded, Recording, Swipe
from edgectc.data import readers, signals, swipe_tables
from edgectc.evaluation import sequences
from edgectc.language.ngram.text import context_of
from edgectc.language.user_dictionary import UserDictionary
from edgectc.runtime.recognizer import Recognizer

_NOTHING = Decoded(())


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
    lexicon: FileName | None = None,
    pronunciations: FileName | None = None,
    language_model: FileName | None = None,
    lm_required: bool = False,
    language: str | Sequence[str] | None = None,
    offensive: bool = False,
    runner: str | None = None,
    threads: Threads = 1,
    trust: FileName | None = None,
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
        lexicon: see `edgectc.load`, as are the rest.
        pronunciations: of words, for a model that answers in phonemes.
        language_model: of words in sentences.
        lm_required: raise where the language model cannot be had.
        language: language packs in place of the model's own words.
        offensive: suggest offensive words too.
        runner: what runs the network.
        threads: of the runner.
        trust: public keys that the model has to be signed with.

    Raises:
        ConfigError: an option that makes no sense for this model.
        InputError: no row can be used; or, if ``strict``, one cannot.
        UnknownNameError: no such layout, decoder or runner.
    """
    recognizer = recognizer_of(
        model,
        lexicon=lexicon,
        pronunciations=pronunciations,
        language_model=language_model,
        lm_required=lm_required,
        dictionary=dictionary,
        language=language,
        offensive=offensive,
        runner=runner,
        threads=threads,
        trust=trust,
    )
    path, words = Path(input), context_of(context) if isinstance(context, str) else context
    options = _Options(nbest, layout, decoder, None if words is None else tuple(words))
    if recognizer.layout:
        if path.suffix == ".npz":
            raise ConfigError(f"model {recognizer.name!r} takes swipes (.jsonl), and no {path}")
        # A wrong layout or decoder is the caller's mistake, not a row's.
        recognizer.decoder(recognizer.setting(layout or recognizer.layout), decoder)
        return _checked(_swipes(recognizer, path, options), strict, "swipe")
    named = {"layout": layout, "context": context, "dictionary": dictionary}
    _check_recordings(
        recognizer, path, [name for name, value in named.items() if value is not None]
    )
    recognizer.decoder(None, decoder)
    return _checked(_recordings(recognizer, path, options), strict, "recording")


def _checked(rows: Iterator[DecodedRow], strict: bool, what: str) -> Iterator[DecodedRow]:
    usable = refused = 0
    for row in rows:
        usable, refused = usable + (row.error is None), refused + (row.error is not None)
        yield row
    if not usable:
        raise InputError(f"no usable {what} in the input", reason="empty")
    if strict and refused:
        raise InputError(f"{refused} of {usable + refused} rows refused", reason="refused_rows")


def _swipes(recognizer: Recognizer, path: Path, options: _Options) -> Iterator[DecodedRow]:
    for row in swipe_tables.read(path, layout=recognizer.layout):
        decoded, error = _NOTHING, row.error
        if row.swipe is not None:
            try:
                decoded = _decode_swipe(recognizer, row.swipe, options)
            except InputError as problem:
                error = problem
        yield DecodedRow(row.index, decoded, error)


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


def _recordings(recognizer: Recognizer, path: Path, options: _Options) -> Iterator[DecodedRow]:
    for index, row in enumerate(_rows(recognizer, path)):
        decoded, error = _NOTHING, None
        try:
            if isinstance(row, InputError):
                raise row
            decoded = _decode_recording(recognizer, row, options)
        except InputError as problem:
            error = problem
        yield DecodedRow(index, decoded, error)


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
    """Yield recordings, which need no target here, with their day where the model has days."""
    if path.suffix != signals.SUFFIX:
        yield from sequences.samples_of(recognizer).rows(path)
        return
    days = bool(recognizer.frontend.settings)
    for index, (signal, group) in enumerate(signals.recordings(path)):
        yield Recording(
            signal, name=f"row {index}", group=group, setting=group or "" if days else ""
        )
