"""Random calls of a library that has sanitizers: ``c_fuzz.py LIBRARY WHAT CASES``.

Run in a process of its own, as a sanitizer ends the one that it finds something in.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keyboard_fuzz
import network_fuzz
import numpy as np

import edgectc
from edgectc.core.contracts import LanguageModel
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import beam
from edgectc.decoding.search import compiled
from edgectc.language import loading
from edgectc.language.lexicon import Lexicon

LETTERS, BLANK = list("abcdefg"), 7
TOKENS = [*LETTERS, "<blank>"]


def word(rng: np.random.Generator, most: int = 8) -> str:
    return "".join(rng.choice(LETTERS, rng.integers(1, most + 1)))


def some_words(rng: np.random.Generator) -> dict[str, float]:
    words = {word(rng) for _ in range(rng.integers(1, 200))}
    return {w: float(rng.normal(-8, 3)) for w in sorted(words)}


def some_log_probs(rng: np.random.Generator, columns: int) -> np.ndarray:
    T = int(rng.integers(1, 40))
    logits = rng.normal(0.0, float(rng.choice([0.1, 2.0, 30.0])), (T, columns))
    logits[rng.random(logits.shape) < 0.1] = -np.inf
    logits[rng.random(logits.shape) < 0.02] = rng.choice([-1e6, -1e10, -1e4])
    logits[:, BLANK] = np.maximum(logits[:, BLANK], -50.0)
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def a_language_model(rng: np.random.Generator, order: int) -> LanguageModel:
    with tempfile.TemporaryDirectory() as folder:
        text, made = Path(folder, "text.txt"), Path(folder, "words.lm")
        words = [word(rng, 3) for _ in range(20)]
        text.write_text("".join(" ".join(rng.choice(words, 5)) + "\n" for _ in range(100)))
        edgectc.build_language_model(text, out=made, order=order, quantize=order == 3)
        return loading.load(made, required=True)


class Said:
    """A language model in Python, with scores of no meaning."""

    order = 2

    def start(self, context=()):
        return context[-1] if context else "<s>"

    def score(self, state, word):
        return -1.0 - (len(word) * 7 + len(state)) % 5, word

    def finish(self, state):
        return -1.0


def lexicon_decodings(rng: np.random.Generator) -> Iterator[None]:
    """Decode with the engine: user's words, contexts, free spelling, partial signals."""
    models = [None, None, *(a_language_model(rng, order) for order in (1, 2, 3))]
    while True:
        user, model = edgectc.UserDictionary(), models[int(rng.integers(len(models)))]
        made = edgectc.make_decoder(
            "lexicon", tokens=TOKENS, blank_id=BLANK, dictionary=user, lexicon=some_words(rng),
            language_model=model,
            letter_score=float(rng.choice([0.0, 1.2, -1.0])), beam_size=int(rng.integers(1, 50)),
            acoustic_scale=float(rng.choice([1.0, 0.6])), budget=int(rng.choice([1, 20, 20_000])),
            unknown_score=[None, -2.0][int(rng.integers(2))], unknown_letter_score=-2.0,
        )  # fmt: skip
        assert made.backend == "native"
        for case in range(50):
            if case % 10 == 0:
                user.add(word(rng, 12))
            context = [word(rng, 3) for _ in range(int(rng.integers(4)))] if model else []
            made(
                some_log_probs(rng, 8), nbest=int(rng.integers(1, 30)), context=context,
                partial=bool(rng.random() < 0.2),
            )  # fmt: skip
            yield


def beam_decodings(rng: np.random.Generator) -> Iterator[None]:
    """Decode with the beam: with and without words, a language model, hotwords, thresholds."""
    models = [None, None, Said(), *(a_language_model(rng, order) for order in (1, 2, 3))]
    tokens = Tokens((*TOKENS, "|"), BLANK)
    while True:
        words = some_words(rng) if rng.random() < 0.5 else None
        lexicon = Lexicon(tuple(words), np.array([*words.values()])) if words else None
        options = beam.Options(
            beam_size=int(rng.choice([1, 2, 7, 50])),
            beam_threshold=[None, 3.0, 14.0, 9e7][int(rng.integers(4))],
            token_threshold=[None, -5.0, 0.0][int(rng.integers(3))],
            lm_weight=float(rng.choice([0.0, 0.5, 2.0])),
            word_score=float(rng.choice([0.0, 1.0, -1.0, 1e6])),
            separator="|" if words or rng.random() < 0.7 else None,
            constrain=bool(words) and bool(rng.random() < 0.5),
            unknown_score=float(rng.choice([-10.0, 3.0, -1e6])),
        )
        hotwords = {word(rng): float(rng.choice([1.0, 50.0])) for _ in range(rng.integers(5))}
        made = beam.create(
            options, tokens=tokens, lexicon=lexicon, hotwords=hotwords, backend="native",
            language_model=models[int(rng.integers(len(models)))],
        )  # fmt: skip
        for _ in range(20):
            made(some_log_probs(rng, 9), nbest=int(rng.integers(1, 30)))
            yield


DECODINGS: dict[str, Callable[[np.random.Generator], Iterator[None]]] = {
    "lexicon": lexicon_decodings,
    "beam": beam_decodings,
    "network": network_fuzz.networks,
    "keyboard": keyboard_fuzz.swipes,
}


def main(library: str, what: str, cases: str) -> None:
    compiled.LIBRARY = Path(library)
    assert compiled.library() is not None, "the library cannot be loaded"
    decodings = DECODINGS[what](np.random.default_rng(0))
    for _ in range(int(cases)):
        next(decodings)
    print("decoded", cases)


if __name__ == "__main__":
    main(*sys.argv[1:])
