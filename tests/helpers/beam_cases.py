"""Random cases for the prefix beam search, and the decoders that they describe."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pytest

from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import beam
from edgectc.decoding.search import compiled
from edgectc.language.lexicon import Lexicon

NATIVE = pytest.param(
    "native",
    marks=pytest.mark.skipif(
        not compiled.LIBRARY.exists(), reason="the compiled search was not built here"
    ),
)


class ToyModel:
    """A bigram model over any words, from their letters alone."""

    order = 2

    def start(self, context: Sequence[str] = ()) -> Hashable:
        return context[-1] if context else "<s>"

    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        return -0.3 - (sum(map(ord, f"{state}>{word}")) % 97) / 30, word

    def finish(self, state: Hashable) -> float:
        return -0.1 - (sum(map(ord, str(state))) % 13) / 10


def log_softmax(values: np.ndarray) -> np.ndarray:
    return values - np.logaddexp.reduce(values, axis=1, keepdims=True)


def decoder(made: dict, backend: str, **changed) -> beam.BeamDecoder:
    options = beam.Options(**{**vars(made["options"]), **changed})
    return beam.create(
        options,
        tokens=made["tokens"],
        lexicon=made["lexicon"],
        language_model=made["model"],
        hotwords=made["hotwords"],
        backend=backend,
    )


def random_case(rng: np.random.Generator) -> tuple[dict, np.ndarray]:
    """A narrow beam over a larger table, with multi-letter symbols and blanks anywhere."""
    symbols = ["a", "b", "c", "d", "ch", "e", "'"]
    words = bool(rng.random() < 0.7)
    if words:
        symbols.append(str(rng.choice(["|", " "])))
    separator = symbols[-1] if words else None
    letters = [s for s in symbols if s != separator]
    rng.shuffle(symbols)
    blank = int(rng.integers(0, len(symbols) + 1))
    symbols.insert(blank, "<blank>")
    made: dict = {"tokens": Tokens(tuple(symbols), blank), "model": None, "lexicon": None}
    if rng.random() < 0.6:
        some = {"".join(rng.choice(letters, int(rng.integers(1, 6)))) for _ in range(60)}
        made["lexicon"] = Lexicon.from_counts({w: float(rng.uniform(0.1, 9)) for w in sorted(some)})
    if rng.random() < 0.5:
        made["model"] = ToyModel()
    made["hotwords"] = {}
    if rng.random() < 0.4:
        made["hotwords"] = {"a": 1.0, "ab ch": 2.5, "ch": -1.0, "ab": 0.5}
    made["options"] = beam.Options(
        beam_size=int(rng.choice([1, 2, 5, 16, 50])),
        beam_threshold=rng.choice([None, 3.0, 12.0]),
        token_threshold=rng.choice([None, -0.5, -3.0, -7.0]),
        lm_weight=float(rng.choice([0.0, 0.4, 1.3])),
        word_score=float(rng.choice([0.0, 0.7, -1.1])),
        unknown_score=float(rng.choice([-3.0, 0.0, 0.8])),
        unknown_length=rng.choice([None, 1.5, 4.0]),
        separator=separator,
        constrain=made["lexicon"] is not None and bool(rng.random() < 0.5),
    )
    T, sharpness = int(rng.integers(1, 40)), float(rng.choice([0.0, 0.3, 1.0, 4.0, 12.0]))
    values = rng.normal(0.0, sharpness, (T, len(symbols)))
    values[:, blank] += float(rng.choice([0.0, 4.0]))
    if rng.random() < 0.2:
        values[rng.random(values.shape) < 0.2] = -np.inf
        values[:, -1] = 0.0
    return made, log_softmax(values)
