"""Language models: loading one whatever its format, building one from text, scoring a text."""

from __future__ import annotations

import functools
import logging
import math
import os
import zlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgectc.core import registry
from edgectc.core.errors import ConfigError, EdgectcError
from edgectc.core.types import LanguageModel
from edgectc.language.lms import arpa
from edgectc.language.lms.kenlm import MAGIC as KENLM_MAGIC
from edgectc.language.ngram import (
    arpa_file,
    counting,
    files,
    kneser_ney,
    mixture,
    pruning,
    sphinx,
    tables,
)
from edgectc.language.ngram import sentences as _text
from edgectc.language.ngram.tables import NGrams, normalize_word

__all__ = [
    "SUFFIXES",
    "Built",
    "TextScore",
    "WordModel",
    "build",
    "check_suffix",
    "load",
    "normalize_word",
    "read_input",
    "read_lines",
    "score",
    "write",
]

SUFFIXES = (".arpa", ".arpa.gz", ".lm")


class WordModel(LanguageModel, Protocol):
    """What every language model of ours is: it also tells which words it knows."""

    def known(self, word: str) -> bool:
        """Return whether ``word`` is in the vocabulary."""
        ...


def load(path: str | os.PathLike[str], *, required: bool = False) -> WordModel | None:
    """Return the language model of a file, or None where it cannot be had and is not required.

    The content says which format it is: `.lm`, ARPA (plain or gzip), a binary of KenLM or CMU
    Sphinx, or a lexicon.
    Nothing is ever downloaded. Without its language model a decoder goes on with the lexicon alone,
    and a warning of the logger "edgectc" says so, once.

    Args:
        path: the file.
        required: raise instead of warning.

    Raises:
        ConfigError: required, and the file is missing, damaged or no language model.
        MissingDependencyError: required, and the file needs the module kenlm.
    """
    try:
        name = _format(Path(path))
        model: WordModel = registry.create("lms", {"type": name}, path=Path(path))
        return model
    except EdgectcError as error:
        if required:
            raise
        warn(str(error))
        return None


@functools.lru_cache(maxsize=256)
def warn(message: str) -> None:
    """Say, once a message, that decoding goes on without a language model."""
    logging.getLogger("edgectc").warning(
        "no language model, decoding goes on with the lexicon alone: %s", message
    )


def read_input(path: str | os.PathLike[str]) -> Iterable[str] | NGrams:
    """Return what `build` takes of a file: a language model, told by its content, or lines of text.

    Models are ARPA files (plain or gzip), `.lm` files and binary ones of CMU Sphinx.

    Raises:
        ConfigError: the file cannot be read, is damaged, or is another kind of language model.
    """
    try:
        name = _named(files.head(path))
    except (OSError, EOFError, zlib.error):
        name = None  # reading it as text says what is wrong
    if name is None:
        return read_lines(path)
    if name != "arpa":
        raise ConfigError(
            f"{str(path)!r} is a language model whose n-grams cannot be listed ({name}); "
            "give text, an ARPA file, a .lm file or a binary model of CMU Sphinx"
        )
    return arpa.read(path)


def _named(head: bytes) -> str | None:
    """Return the registered name of what can read a file, None if nothing can."""
    if head.startswith(KENLM_MAGIC):
        return "kenlm"
    if head.startswith((tables.MAGIC, sphinx.MAGIC)) or b"\\data\\" in head:
        return "arpa"
    if head.startswith(b"# edgectc lexicon"):
        return "unigram"
    return None


def _format(path: Path) -> str:
    """Return the registered name of what can read a file."""
    try:
        head = files.head(path)
    except FileNotFoundError as error:
        raise ConfigError(
            f"no language model {str(path)!r}; build one with `edgectc lm build`"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"cannot read the language model {str(path)!r}: {error}") from error
    if (name := _named(head)) is not None:
        return name
    raise ConfigError(
        f"{str(path)!r} is no language model: expected a .lm file, an ARPA file, a binary of KenLM "
        f"or CMU Sphinx, or a lexicon, got {len(head)} bytes that begin with {head[:24]!r}"
    )


@dataclass(frozen=True)
class Built:
    """A model and how it came about.

    Attributes:
        ngrams: the model.
        sentences: sentences that were counted.
        words: words that were counted.
        unknown: how many of these are outside the vocabulary.
        dropped: sentences that were excluded.
        discounts: for each weighted text (one if none is), D1, D2, D3+ of each order.
        threshold: nats a word of text that a kept n-gram is worth; 0 if none was pruned for size.
    """

    ngrams: NGrams
    sentences: int
    words: int
    unknown: int
    dropped: int
    discounts: tuple[tuple[tuple[float, ...], ...], ...]
    threshold: float

    @property
    def fallbacks(self) -> tuple[int, ...]:
        """Orders at which a text's counts of counts give no discounts."""
        pairs = (pair for found in self.discounts for pair in enumerate(found, start=1))
        return tuple(sorted({n for n, found in pairs if found == kneser_ney.FALLBACK}))


def build(
    inputs: Sequence[Iterable[str] | NGrams],
    *,
    order: int = 3,
    weights: Sequence[float] | None = None,
    vocabulary: Iterable[str] | None = None,
    top: int | None = None,
    prune: Sequence[int] = (),
    exclude: Iterable[str | os.PathLike[str]] = (),
    max_bytes: int | None = None,
    quantize: bool = False,
) -> Built:
    """Return an interpolated modified Kneser-Ney model of some texts, mixed with other models.

    Args:
        inputs: the lines of each text, where a sentence never crosses a line; and language models
            (see `read_input`), of which n-grams up to ``order`` are used.
        order: longest n-gram, 1 to 5.
        weights: estimate each text by itself and mix the inputs so, e.g. (0.7, 0.3); None: count
            all texts as one, where no input is a model.
        vocabulary: words to keep; all others are ``<unk>``, which has its probability as a word
            but is in no longer n-gram. None: all words of the inputs.
        top: most words to keep, the most frequent ones.
        prune: for n = 1, 2, ...: n-grams that the texts have so often or less, and no model has,
            are left out.
        exclude: files; a line or sentence of a text that equals one of their lines by its letters
            is dropped.
        max_bytes: largest `.lm` file; the n-grams that matter least are left out.
        quantize: 256 different numbers a column.

    Raises:
        ConfigError: no usable text, or an option out of range.
        BudgetError: the single words alone are larger than ``max_bytes``.
    """
    if top is not None and top < 1:
        raise ConfigError(f"top is {top}, expected 1 or more")
    if not 1 <= order <= tables.MAX_ORDER:
        raise ConfigError(f"order is {order}, expected 1 to {tables.MAX_ORDER}")
    models = [one for one in inputs if isinstance(one, NGrams)]
    shares, of_models = _shares(inputs, weights)
    corpus = _text.Corpus(_text.exclusions(exclude))
    for text in (one for one in inputs if not isinstance(one, NGrams)):
        corpus.extend(text, apart=weights is not None)
    single = [(w, mixture.single_words(m)) for w, m in zip(of_models, models, strict=True)]
    words, numbers = corpus.limited(vocabulary, top, shares, single)
    components = [mixture.component(model, words) for model in models]
    others = mixture.gathered(components, order)
    levels = counting.count(
        numbers, corpus.sources, len(words), order, texts=len(shares), others=others
    )
    discounts = mixture.mix(levels, components, weights=[*shares, *of_models], prune=prune)
    threshold = 0.0
    if max_bytes is not None:
        threshold = pruning.shrink(levels, words, max_bytes, quantized=quantize)
    ngrams = mixture.packed(levels, words)
    return Built(
        tables.quantized(ngrams) if quantize else ngrams,
        int((numbers == 1).sum()),
        int(((numbers != 1) & (numbers != 2)).sum()),
        int((numbers == 0).sum()),
        corpus.dropped,
        tuple(map(tuple, discounts)),
        threshold,
    )


def _shares(
    inputs: Sequence[Iterable[str] | NGrams], weights: Sequence[float] | None
) -> tuple[list[float], list[float]]:
    """Return weights of the texts and of the models; all sum to 1."""
    models = [isinstance(one, NGrams) for one in inputs]
    if weights is None:
        if any(models):
            raise ConfigError(
                f"{sum(models)} of {len(models)} inputs are language models; state the weights of "
                "all inputs in the mixture"
            )
        return [1.0], []
    if len(weights) != len(inputs) or not all(math.isfinite(w) and w > 0 for w in weights):
        raise ConfigError(f"weights are {list(weights)}, expected {len(inputs)} numbers above 0")
    scaled = [weight / sum(weights) for weight in weights]
    pairs = list(zip(scaled, models, strict=True))
    return [w for w, model in pairs if not model], [w for w, model in pairs if model]


def write(path: str | os.PathLike[str], ngrams: NGrams) -> None:
    """Write a model in the format that the name asks for, whole or not at all.

    Raises:
        ConfigError: a name that ends in none of `SUFFIXES`.
    """
    check_suffix(path)
    writer: Callable[[Any, NGrams], None] = (
        tables.write if str(path).endswith(".lm") else arpa_file.write
    )
    writer(path, ngrams)


def check_suffix(path: str | os.PathLike[str], suffixes: Sequence[str] = SUFFIXES) -> None:
    """Do nothing if a file of this name can be written.

    Raises:
        ConfigError: it ends in none of ``suffixes``.
    """
    if not str(path).endswith(tuple(suffixes)):
        raise ConfigError(f"{str(path)!r} must end in {' or '.join(suffixes)}")


@dataclass(frozen=True)
class TextScore:
    """How well a model foresees a text.

    Attributes:
        log_prob: natural log of the probability of all words and sentence ends.
        sentences: sentences.
        words: words, without sentence ends.
        unknown: words outside the vocabulary.
        known_log_prob: the part of ``log_prob`` without unknown words.
    """

    log_prob: float
    sentences: int
    words: int
    unknown: int
    known_log_prob: float

    @property
    def perplexity(self) -> float:
        """Exp of the mean surprise of a word or sentence end, unknown words included."""
        return math.exp(-self.log_prob / (self.words + self.sentences))

    @property
    def known_perplexity(self) -> float:
        """The same without unknown words, which is what models of one vocabulary compare by."""
        return math.exp(-self.known_log_prob / (self.words - self.unknown + self.sentences))


def score(model: WordModel, lines: Iterable[str]) -> TextScore:
    """Return how well a model foresees a text, sentence by sentence.

    Raises:
        ConfigError: the text holds no word.
    """
    total = known = 0.0
    sentences = words = unknown = 0
    for line in lines:
        for sentence in _text.sentences(line):
            state: Hashable = model.start()
            sentences += 1
            for word in sentence:
                value, state = model.score(state, word)
                words += 1
                total += value
                if model.known(word):
                    known += value
                else:
                    unknown += 1
            value = model.finish(state)
            total += value
            known += value
    if not words:
        raise ConfigError("the text holds no word; nothing to score")
    return TextScore(total, sentences, words, unknown, known)


read_lines = _text.lines
