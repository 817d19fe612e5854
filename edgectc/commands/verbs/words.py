"""Lexicons and language models: built, packed and scored."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

from edgectc.core.arguments import (
    Count,
    File,
    FileName,
    Index,
    NotNegative,
    Order,
    Positive,
    checked,
)
from edgectc.core.console import progress
from edgectc.core.errors import ConfigError
from edgectc.core.files import file_sha256, read_lines
from edgectc.core.messages import say
from edgectc.language import builder, lexicon_file, loading, perplexity, sources
from edgectc.language.lms import arpa as arpa_module
from edgectc.language.ngram import codebooks
from edgectc.language.ngram.tables import NGrams, normalize_word, unusual
from edgectc.language.packed import PackedLexicon, pack
from edgectc.language.perplexity import TextScore


@dataclass(frozen=True)
class BuiltLexicon:
    """A lexicon that was written.

    Attributes:
        path: its file.
        words: how many it holds.
        sha256: of the file.
        dropped: rows of the source that were left out, by reason.
        dropped_share: by reason, their share of the running text that the source counts, 0..1.
        dropped_examples: by reason, the most frequent of them.
    """

    path: Path
    words: int
    sha256: str
    dropped: dict[str, int]
    dropped_share: dict[str, float]
    dropped_examples: dict[str, list[str]]


@dataclass(frozen=True)
class PackedWords:
    """A packed lexicon that was written.

    Attributes:
        path: its file.
        bytes: of the file.
        words: how many it holds.
        left_out: words of the source that its letters cannot spell.
        sha256: of the file.
    """

    path: Path
    bytes: int
    words: int
    left_out: int
    sha256: str


@dataclass(frozen=True)
class PackedModel:
    """A language model that was written.

    Attributes:
        path: its file.
        bytes: of the file.
        ngrams: how many of each length, from 1.
    """

    path: Path
    bytes: int
    ngrams: tuple[int, ...]


@dataclass(frozen=True)
class BuiltModel(PackedModel):
    """A language model that was estimated.

    Attributes:
        sentences: of the texts.
        words: of the texts.
        unknown: words of the texts outside the vocabulary.
        dropped: sentences that were excluded.
        discounts: of each length of n-grams, for counts 1, 2 and more.
        threshold: of pruning, 0 for none.
    """

    sentences: int
    words: int
    unknown: int
    dropped: int
    discounts: tuple[tuple[tuple[float, ...], ...], ...]
    threshold: float


@checked
def build_lexicon(
    source: FileName,
    *,
    out: File,
    letters: str = ascii_lowercase,
    top: Count | None = None,
    max_letters: Count = 24,
    casing: FileName | None = None,
    offensive: FileName | None = None,
    note: Sequence[str] = (),
) -> BuiltLexicon:
    """Return where a lexicon was written: words with natural-log frequencies.

    Args:
        source: ``wordfreq:LANG``, AOSP ``.combined``, a table of counts, or a word list.
        out: ``.tsv``, ``.tsv.gz`` or ``.trie``.
        letters: all letters of the keyboard that a ``.trie`` is packed for.
        top: most words to keep, the most frequent ones.
        max_letters: most letters of a word.
        casing: another source, as whose words lower-case words are written: I, I'm, Monday.
        offensive: AOSP ``.combined`` with ``flags=offensive``, or a list of words: they go to
            ``offensive.tsv`` beside ``out``.
        note: lines on source and licence for the head of the file.

    Raises:
        ConfigError: unreadable source, malformed line, or no usable word.
        MissingDependencyError: the package that the source needs is not installed.
    """
    path = Path(out)
    lexicon, dropped = sources.build(source, top=top, max_letters=max_letters, notes=tuple(note))
    if casing:
        lexicon = sources.recased(lexicon, casing)
    if offensive:
        whole = lexicon
        lexicon, flagged = sources.unoffending(lexicon, offensive)
        if flagged is not None:
            dropped.lose("offensive", whole, lexicon)
            lexicon_file.write(flagged, path.parent / lexicon_file.OFFENSIVE)
    if path.suffix == ".trie":
        whole, lexicon = lexicon, pack(lexicon, frozenset(letters))
        dropped.lose("letters", whole, lexicon)
    lexicon_file.write(lexicon, path)
    return BuiltLexicon(
        path,
        len(lexicon.log_probs),
        file_sha256(path),
        dict(dropped),
        dropped.shares(),
        dropped.examples(),
    )


@checked
def pack_lexicon(source: File, *, out: File, letters: str | None = None) -> PackedWords:
    """Return where a lexicon was packed to: its words and frequencies as they are, mapped.

    Args:
        source: a lexicon: text, or packed, by this version or an earlier one.
        out: ``.trie`` file, of this version.
        letters: all letters of the keyboard. None: those that a packed source has, or a to z.

    Raises:
        ConfigError: no lexicon, a name that does not end in ``.trie``, or no word can be spelled.
    """
    path = Path(out)
    builder.check_suffix(path, [".trie"])
    lexicon = lexicon_file.read(os.fspath(source))
    if letters is None:
        letters = lexicon.letters if isinstance(lexicon, PackedLexicon) else ascii_lowercase
    packed = pack(lexicon, frozenset(letters))
    lexicon_file.write(packed, path)
    left_out = len(lexicon.log_probs) - packed.header.words
    return PackedWords(path, path.stat().st_size, packed.header.words, left_out, file_sha256(path))


@checked
def build_language_model(
    *inputs: File,
    out: File,
    order: Order = 3,
    weights: Sequence[NotNegative] | None = None,
    vocabulary: FileName | None = None,
    top: Count | None = None,
    prune: Sequence[Index] = (0,),
    exclude: Sequence[File] = (),
    max_mb: Positive | None = None,
    quantize: bool = False,
) -> BuiltModel:
    """Return where an n-gram model of texts and other models was written.

    Args:
        inputs: UTF-8 texts, plain or gzip, and models to mix in: ARPA, ``.lm``, CMU Sphinx.
        out: ``.arpa``, ``.arpa.gz`` or ``.lm``.
        order: longest n-gram, 1 to 5.
        weights: one an input: estimate each text by itself and mix them so. None: count all as one.
        vocabulary: lexicon or word list: the words to keep.
        top: most words to keep, the most frequent ones.
        prune: for n = 1, 2, ...: n-grams that the texts have so often or less are left out.
        exclude: files; sentences that equal one of their lines by their letters are dropped.
        max_mb: largest ``.lm`` file; the n-grams that matter least are left out.
        quantize: one byte a number, ``.lm`` only.

    Raises:
        ConfigError: no usable text, or an option out of range.
        BudgetError: the single words alone are larger than ``max_mb``.
    """
    path = Path(out)
    builder.check_suffix(path)
    if path.suffix != ".lm" and (quantize or max_mb is not None):
        raise ConfigError(
            "quantize and max_mb are for .lm files; let out end in .lm",
            options=["quantize", "max_mb", "out"],
        )
    built = builder.build(
        [_read_input(file) for file in inputs],
        order=order,
        weights=weights,
        vocabulary=None if vocabulary is None else sources.build(vocabulary)[0].words,
        top=top,
        prune=prune,
        exclude=exclude,
        max_bytes=None if max_mb is None else int(max_mb * 1e6),
        quantize=quantize,
    )
    for n in built.fallbacks:
        logging.getLogger("edgectc").warning(
            "the counts of %d-grams give no discounts (too little or unnatural text); "
            "0.5, 1 and 1.5 are used",
            n,
        )
    builder.write(path, built.ngrams)
    return BuiltModel(
        path,
        path.stat().st_size,
        built.ngrams.counts,
        sentences=built.sentences,
        words=built.words,
        unknown=built.unknown,
        dropped=built.dropped,
        discounts=built.discounts,
        threshold=built.threshold,
    )


@checked
def pack_language_model(arpa: File, *, out: File, quantize: bool = False) -> PackedModel:
    """Return where an ARPA file was packed to: a file that is mapped and not read.

    Args:
        arpa: ARPA file, plain or gzip, or CMU Sphinx ``.lm.bin``, of orders 1 to 5.
        out: ``.lm`` file.
        quantize: one byte a number.

    Raises:
        ConfigError: no such file, or it cannot be read as one.
    """
    path = Path(out)
    builder.check_suffix(path, [".lm"])
    ngrams = arpa_module.read(arpa)
    if strange := unusual(ngrams.words):
        logging.getLogger("edgectc").warning(
            "edgectc: %s words of %s are not in normal form, e.g. %r, which would be %r: phones "
            "and browsers will not find them, Python is slower; `edgectc lm build` makes a model "
            "of normal words from text",
            f"{len(strange):,}",
            arpa,
            strange[0],
            normalize_word(strange[0]),
        )
    if quantize:
        ngrams = codebooks.quantize(ngrams)
    builder.write(path, ngrams)
    return PackedModel(path, path.stat().st_size, ngrams.counts)


@checked
def score_language_model(model: File, text: File) -> TextScore:
    """Return how well a model predicts a text.

    Args:
        model: ``.lm``, ARPA, binary of KenLM or CMU Sphinx, or a lexicon.
        text: UTF-8, plain or gzip.

    Raises:
        ConfigError: a file cannot be read, or the text holds no word.
    """
    words = loading.load(model, required=True)
    assert words is not None
    return perplexity.score(words, _shown(text, read_lines(text)))


def _check_numbers(option: str, numbers: Sequence[float]) -> None:
    if not all(number >= 0 for number in numbers):
        raise ConfigError(
            f"{option} is {list(numbers)}, expected numbers from 0 up", options=[option]
        )


def _read_input(file: File) -> Iterable[str] | NGrams:
    content = builder.read_input(file)
    return content if isinstance(content, NGrams) else _shown(file, content)


def _shown(file: File, lines: Iterable[str]) -> Iterator[str]:
    yield from progress(lines, f"{os.fspath(file)}: line")
    if sys.stderr.isatty():  # without a total, the line that is rewritten stays open
        say("")
