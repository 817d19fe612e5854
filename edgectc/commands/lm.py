"""Verbs on language models."""

from __future__ import annotations

import json
import logging
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edgectc.core.errors import ConfigError
from edgectc.core.files import read_lines

if TYPE_CHECKING:
    from edgectc.language.ngram.tables import NGrams

T = TypeVar("T", int, float)


def build(options: Namespace) -> int:
    """Build a language model from text and from other models."""
    from edgectc.language import builder as language
    from edgectc.language import sources

    language.check_suffix(options.out)
    if not options.out.endswith(".lm") and (options.quantize or options.max_mb is not None):
        raise ConfigError("--quantize and --max-mb are for .lm files; let --out end in .lm")
    vocabulary = None if options.vocabulary is None else sources.build(options.vocabulary)[0].words
    built = language.build(
        [_input(path) for path in options.inputs],
        order=options.order,
        weights=None if options.weights is None else _numbers("--weights", options.weights, float),
        vocabulary=vocabulary,
        top=options.top,
        prune=_numbers("--prune", options.prune, int),
        exclude=options.exclude,
        max_bytes=None if options.max_mb is None else int(options.max_mb * 1e6),
        quantize=options.quantize,
    )
    for n in built.fallbacks:
        logging.getLogger("edgectc").warning(
            "the counts of %d-grams give no discounts (too little or unnatural text); "
            "0.5, 1 and 1.5 are used",
            n,
        )
    language.write(options.out, built.ngrams)
    about = {
        "path": options.out,
        "bytes": Path(options.out).stat().st_size,
        "ngrams": built.ngrams.counts,
        "sentences": built.sentences,
        "words": built.words,
        "unknown": built.unknown,
        "dropped": built.dropped,
        "discounts": built.discounts,
        "threshold": built.threshold,
    }
    if options.json:
        print(json.dumps(about, sort_keys=True))
        return 0
    print(
        f"text: {built.sentences:,} sentences, {built.words:,} words, "
        f"{built.unknown:,} outside the vocabulary; {built.dropped:,} sentences excluded"
    )
    _print_file(options.out, built.ngrams.counts)
    return 0


def pack(options: Namespace) -> int:
    """Pack an ARPA file into one that is mapped."""
    from edgectc.language import builder as language
    from edgectc.language.ngram import codebooks, model_file

    language.check_suffix(options.out, [".lm"])
    ngrams = model_file.read(options.arpa)
    if options.quantize:
        ngrams = codebooks.quantize(ngrams)
    language.write(options.out, ngrams)
    if options.json:
        size = Path(options.out).stat().st_size
        print(json.dumps({"path": options.out, "bytes": size, "ngrams": ngrams.counts}))
    else:
        _print_file(options.out, ngrams.counts)
    return 0


def score(options: Namespace) -> int:
    """Print how well a model foresees a text."""
    from edgectc.language import loading, perplexity

    model = loading.load(options.model, required=True)
    assert model is not None
    found = perplexity.score(model, _lines(options.text))
    about = {
        **asdict(found),
        "perplexity": found.perplexity,
        "known_perplexity": found.known_perplexity,
    }
    if options.json:
        print(json.dumps(about, sort_keys=True))
        return 0
    print(f"text:        {found.sentences:,} sentences, {found.words:,} words")
    print(f"unknown:     {found.unknown:,} words ({found.unknown / found.words:.2%})")
    print(f"log-prob:    {found.log_prob:.2f} nats")
    print(
        f"perplexity:  {found.perplexity:.2f}, without unknown words {found.known_perplexity:.2f}"
    )
    return 0


def _input(path: str) -> Iterator[str] | NGrams:
    from edgectc.language import builder as language
    from edgectc.language.ngram.tables import NGrams

    found = language.read_input(path)
    return found if isinstance(found, NGrams) else _shown(path, found)


def _lines(path: str) -> Iterator[str]:
    return _shown(path, read_lines(path))


def _shown(path: str, lines: Iterable[str]) -> Iterator[str]:
    from edgectc.core.console import progress

    yield from progress(lines, f"{path}: line")
    if sys.stderr.isatty():  # without a total, the line that is rewritten stays open
        print(file=sys.stderr)


def _numbers(option: str, text: str, kind: type[T]) -> list[T]:
    try:
        found = [kind(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"{option} is {text!r}, expected numbers with commas between") from error
    if not all(number >= 0 for number in found):
        raise ConfigError(f"{option} is {text!r}, expected numbers from 0 up")
    return found


def _print_file(path: str, counts: tuple[int, ...]) -> None:
    sizes = ", ".join(f"{count:,} {n}-grams" for n, count in enumerate(counts, start=1))
    print(f"{path}: {Path(path).stat().st_size / 1e6:.2f} MB, {sizes}")
