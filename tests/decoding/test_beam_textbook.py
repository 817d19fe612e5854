"""The prefix beam search against a textbook's: the same texts, the same masses, at every width."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import textbook_beam
from beam_cases import NATIVE, decoder, log_softmax, random_case
from textbook_beam import Text, TooClose, Worth

from edgectc.core.tokens import Tokens, collapse
from edgectc.decoding.decoders import beam

BACKENDS = pytest.mark.parametrize("backend", ["numpy", NATIVE])


def ways_of(word: str, tokens: Tokens, every: bool) -> list[Text]:
    """Return the symbol sequences of a word: every one, or that with the longest symbols first."""
    if not word:
        return [()]
    sizes = [n for n in (2, 1) if word[:n] in tokens.symbols and n <= len(word)]
    return [
        (word[:n], *rest)
        for n in (sizes if every else sizes[:1])
        for rest in ways_of(word[n:], tokens, every)
    ]


class ByText(dict):
    """What is told of texts, in whatever symbols they are written."""

    def __contains__(self, symbols: object) -> bool:
        return super().__contains__("".join(symbols))  # type: ignore[call-overload]

    def __getitem__(self, symbols: Text) -> float:
        return super().__getitem__("".join(symbols))

    def get(self, symbols: Text, default: float | None = None) -> float | None:
        return super().get("".join(symbols), default)


def begun_by(words: dict[Text, float]) -> ByText:
    """Return the best frequency of the words that begin so, for each way that one begins."""
    best: dict[str, float] = {}
    for symbols, log_prob in words.items():
        text = "".join(symbols)
        for end in range(len(text) + 1):
            best[text[:end]] = max(log_prob, best.get(text[:end], -math.inf))
    return ByText(best)


def worth_of(made: dict) -> Worth:
    """Return what the texts of a random case are worth."""
    options, tokens, lexicon = made["options"], made["tokens"], made["lexicon"]
    # Where there are words, they are known in whatever symbols they are written.
    every = options.separator is not None or lexicon is not None
    hotwords = [
        (way, nats)
        for phrase, nats in made["hotwords"].items()
        for way in itertools.product(*(ways_of(w, tokens, every) for w in phrase.split()))
    ]
    words: dict[Text, float] = {}
    lent: set[Text] = set()
    if lexicon:
        rows = zip(lexicon.words, lexicon.log_probs.tolist(), strict=True)
        words = {way: log_prob for word, log_prob in rows for way in ways_of(word, tokens, every)}
        rarest = min(words.values())
        for phrase, nats in hotwords:
            for word in phrase:
                if nats > 0 and word not in words:
                    lent.add(word)
                words.setdefault(word, rarest)
    worth = Worth(
        separator=options.separator,
        single=options.separator is None and lexicon is not None,
        words=words,
        lent=frozenset(lent),
        constrain=options.constrain,
        model=made["model"],
        lm_weight=options.lm_weight,
        word_score=options.word_score,
        unknown_score=options.unknown_score,
        unknown_length=options.unknown_length or math.inf,
        hotwords=hotwords,
    )
    if every:
        worth.best = begun_by(words)
        worth.own = begun_by({word: nats for word, nats in words.items() if word not in lent})
    return worth


def widths(options: beam.Options) -> dict:
    names = ("beam_size", "beam_threshold", "token_threshold")
    return {name: getattr(options, name) for name in names}


def check_case(made: dict, log_probs: np.ndarray, backend: str) -> bool:
    """Check one case; False if it hangs on rounding."""
    tokens, worth = made["tokens"], worth_of(made)
    try:
        kept = textbook_beam.search(
            log_probs, tokens.symbols, tokens.blank_id, worth, **widths(made["options"])
        )
    except TooClose:
        return False
    expected = textbook_beam.texts(kept, worth)
    found = decoder(made, backend)(log_probs, nbest=10_000)
    if expected and max(expected, key=lambda text: expected[text]) == ():
        assert found.candidates == ()
        return True
    expected.pop((), None)
    shown: dict[str, float] = {}
    for text, score in expected.items():  # one text may be written in several ways
        written = "".join(text)
        written = " ".join(written.split(worth.separator)) if worth.separator else written
        shown[written] = np.logaddexp(shown.get(written, -math.inf), score)
    scores = {h.text: h.score for h in found}
    assert scores == pytest.approx(shown, abs=1e-8)
    return True


@BACKENDS
@pytest.mark.parametrize("seed", range(10))
def test_2_000_random_beams_are_a_textbooks(seed: int, backend: str) -> None:
    rng = np.random.default_rng([5, seed])
    done = 0
    while done < 200:
        made, log_probs = random_case(rng)
        made["options"] = dataclasses.replace(
            made["options"], beam_size=int(rng.choice([1, 2, 3, 5, 8]))
        )
        done += check_case(made, log_probs[:14], backend)


# A case of wenet's own search: https://github.com/wenet-e2e/wenet, ctc_prefix_beam_search_test.cc.
WENET = np.log([[0.25, 0.40, 0.35], [0.40, 0.35, 0.25], [0.10, 0.50, 0.40]])


@BACKENDS
def test_wenets_case(backend: str) -> None:
    tokens = Tokens(("<blank>", "a", "b"), 0)
    plain = beam.Options(beam_size=3, beam_threshold=None, token_threshold=None)
    found = beam.create(plain, tokens=tokens, backend=backend)(WENET)
    assert [h.text for h in found] == ["ba", "ab", "a"]
    masses = [math.exp(h.parts["ctc"]) for h in found]
    assert masses == pytest.approx([0.2185, 0.1550, 0.1525], abs=1e-12)


def sums(log_probs: np.ndarray, blank: int) -> dict[tuple[int, ...], float]:
    """Return the mass of every text, over all alignments."""
    total: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        text = tuple(token for token, _ in collapse(path, blank))
        score = math.exp(sum(row[token] for row, token in zip(log_probs, path, strict=True)))
        total[text] = total.get(text, 0.0) + score
    return total


@BACKENDS
@pytest.mark.parametrize("seed", range(3))
def test_a_full_beam_that_holds_every_text_loses_no_mass(seed: int, backend: str) -> None:
    rng = np.random.default_rng([6, seed])
    tokens = Tokens(("a", "#", "b"), 1)
    for T in (1, 2, 3, 4, 5, 6):
        log_probs = log_softmax(rng.normal(0.0, 2.0, (T, 3)))
        log_probs[0, 0] += 9.0 * (T % 2)  # an unlikely blank: the empty text has next to no mass
        log_probs = log_softmax(log_probs)
        expected = sums(log_probs, 1)
        # As wide as there are texts at the end: in a full beam each that comes must replace one.
        options = beam.Options(beam_size=len(expected), beam_threshold=None, token_threshold=None)
        found = beam.create(options, tokens=tokens, backend=backend)(log_probs, nbest=len(expected))
        silent = expected.pop(())
        masses = {h.text: math.exp(h.parts["ctc"]) for h in found}
        assert masses == pytest.approx(
            {tokens.decode(text): mass for text, mass in expected.items()}, abs=1e-12
        )
        assert sum(masses.values()) + silent == pytest.approx(1.0, abs=1e-12)
