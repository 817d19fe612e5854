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


def symbols_of(word: str, tokens: Tokens) -> Text:
    """Return the symbols of a word, the longest first."""
    known, found = set(tokens.symbols), []
    while word:
        size = max(n for n in (1, 2) if word[:n] in known)
        found.append(word[:size])
        word = word[size:]
    return tuple(found)


def worth_of(made: dict) -> Worth:
    """Return what the texts of a random case are worth."""
    options, tokens, lexicon = made["options"], made["tokens"], made["lexicon"]
    hotwords = [
        ([symbols_of(word, tokens) for word in phrase.split()], nats)
        for phrase, nats in made["hotwords"].items()
    ]
    words: dict[Text, float] = {}
    lent: set[Text] = set()
    if lexicon:
        rows = zip(lexicon.words, lexicon.log_probs.tolist(), strict=True)
        words = {symbols_of(word, tokens): log_prob for word, log_prob in rows}
        rarest = min(words.values())
        for phrase, nats in hotwords:
            for word in phrase:
                if nats > 0 and word not in words:
                    lent.add(word)
                words.setdefault(word, rarest)
    return Worth(
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
    shown = {" ".join("".join(text).split(worth.separator)) if worth.separator else "".join(text):
             score for text, score in expected.items()}  # fmt: skip
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
