"""Language models from texts and other language models; writing them."""

from __future__ import annotations

import math
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.files import READ_ERRORS, read_head, read_lines
from edgectc.core.messages import warn
from edgectc.core.types import Array
from edgectc.language import loading
from edgectc.language.lms import arpa
from edgectc.language.ngram import (
    arpa_file,
    codebooks,
    counting,
    kneser_ney,
    lm_file,
    mixture,
    pruning,
    tables,
)
from edgectc.language.ngram.corpus import Corpus, exclusions
from edgectc.language.ngram.tables import NGrams

_STRANGE = 0.01  # of the words: a second script that is told
SUFFIXES = (".arpa", ".arpa.gz", ".lm")


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
        pairs = (pair for text in self.discounts for pair in enumerate(text, start=1))
        return tuple(sorted({n for n, values in pairs if values == kneser_ney.FALLBACK}))


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
        raise ConfigError(f"top is {top}, expected 1 or more", options=["top"])
    if not 1 <= order <= tables.MAX_ORDER:
        raise ConfigError(f"order is {order}, expected 1 to {tables.MAX_ORDER}", options=["order"])
    models = [source for source in inputs if isinstance(source, NGrams)]
    shares, of_models = _shares(inputs, weights)
    corpus = Corpus(exclusions(exclude))
    for text in (source for source in inputs if not isinstance(source, NGrams)):
        corpus.extend(text, apart=weights is not None)
    single = [(w, mixture.single_words(m)) for w, m in zip(of_models, models, strict=True)]
    words, numbers = corpus.limited(vocabulary, top, shares, single)
    _warn_of_scripts(words, numbers)
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
        codebooks.quantize(ngrams) if quantize else ngrams,
        int((numbers == 1).sum()),
        int(((numbers != 1) & (numbers != 2)).sum()),
        int((numbers == 0).sum()),
        corpus.dropped,
        tuple(map(tuple, discounts)),
        threshold,
    )


def _warn_of_scripts(words: Sequence[str], numbers: Array) -> None:
    """Tell words of a second script: lines of another language, or of broken text."""
    counts = Counter[str]()
    times = np.bincount(numbers, minlength=len(words))
    special = len(tables.SPECIALS)
    for word, count in zip(words[special:], times[special:].tolist(), strict=True):
        if script := _script(word):
            counts[script] += count
    (main, most), *others = counts.most_common() or [("", 0)]
    for script, count in others:
        if count >= _STRANGE * counts.total():
            warn(
                f"{count:,} of {counts.total():,} words are {script.title()}, "
                f"{most:,} {main.title()}; a vocabulary of the one language keeps the others out"
            )


def _script(word: str) -> str:
    """Return the script of a word by its first letter, as Unicode names it; "" for no letters."""
    letter = next((char for char in word if char.isalpha()), "")
    named = unicodedata.name(letter, "").partition(" ")[0] if letter else ""
    return "JAPANESE OR CHINESE" if named in ("CJK", "HIRAGANA", "KATAKANA") else named


def _shares(
    inputs: Sequence[Iterable[str] | NGrams], weights: Sequence[float] | None
) -> tuple[list[float], list[float]]:
    """Return weights of the texts and of the models; all sum to 1."""
    models = [isinstance(source, NGrams) for source in inputs]
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


def read_input(path: str | os.PathLike[str]) -> Iterable[str] | NGrams:
    """Return what `build` takes of a file: a language model, told by its content, or lines of text.

    Models are ARPA files (plain or gzip), `.lm` files and binary ones of CMU Sphinx.

    Raises:
        ConfigError: the file cannot be read, is damaged, or is another kind of language model.
    """
    try:
        head = read_head(path)
    except READ_ERRORS:
        head = b""  # reading it as text says what is wrong
    if arpa.recognizes(head):
        return arpa.read(path)
    if (name := loading.format_of(head)) is not None:
        raise ConfigError(
            f"{str(path)!r} is a language model whose n-grams cannot be listed ({name}); "
            "give text, an ARPA file, a .lm file or a binary model of CMU Sphinx"
        )
    return read_lines(path)


def write(path: str | os.PathLike[str], ngrams: NGrams) -> None:
    """Write a model in the format that the name asks for, whole or not at all.

    Raises:
        ConfigError: a name that ends in none of `SUFFIXES`.
    """
    check_suffix(path)
    write_file = lm_file.write if str(path).endswith(".lm") else arpa_file.write
    write_file(path, ngrams)


def check_suffix(path: str | os.PathLike[str], suffixes: Sequence[str] = SUFFIXES) -> None:
    """Do nothing if a file of this name can be written.

    Raises:
        ConfigError: it ends in none of ``suffixes``.
    """
    if not str(path).endswith(tuple(suffixes)):
        raise ConfigError(f"{str(path)!r} must end in {' or '.join(suffixes)}")
