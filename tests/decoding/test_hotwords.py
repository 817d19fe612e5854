"""Hotwords do no harm: one that no text holds changes nothing, and one that is said is found."""

from __future__ import annotations

import numpy as np
import pytest
from beam_cases import ToyModel, log_softmax

from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import beam
from edgectc.language.lexicon import Lexicon

TOKENS = Tokens(("-", *"abcdefghijklmnop", "|"), 0)
BACKENDS = pytest.mark.parametrize(("backend", "count"), [("numpy", 60), ("native", 500)])
WORDS = "cab bad hidden madden golden nap pain an a feed bead pale hole open mind leaf".split()


def utterance(rng: np.random.Generator, words: list[str], noise: float = 2.6) -> np.ndarray:
    """Frames of two to four words, some letters hard to tell."""
    path = "|".join(rng.choice(words, int(rng.integers(2, 5))))
    rows = []
    for letter in path:
        for symbol in (letter, "-")[: int(rng.integers(1, 3))]:
            row = rng.normal(0.0, noise, len(TOKENS))
            row[TOKENS.ids[symbol]] += 6.0
            rows.append(row)
    return log_softmax(np.array(rows))


def made(backend: str, hotwords, **given) -> beam.BeamDecoder:
    options = {"beam_size": 12, "separator": "|", **given.pop("options", {})}
    return beam.create(
        beam.Options(**options), tokens=TOKENS, hotwords=hotwords, backend=backend, **given
    )


def skip_unbuilt(backend: str) -> None:
    if backend == "native":
        from edgectc.decoding.search import compiled

        if not compiled.LIBRARY.exists():
            pytest.skip("the compiled search was not built here")


@BACKENDS
@pytest.mark.parametrize("helped", ["", "model", "lexicon", "long unknown words"])
def test_a_term_that_is_in_no_text_changes_none(backend: str, count: int, helped: str) -> None:
    skip_unbuilt(backend)
    rng = np.random.default_rng(40)
    terms = {"hiddenlego": 12.0, "goldenmine": 30.0, "cabbage": 8.0, "an open hole": 9.0}
    more = {"language_model": ToyModel(), "options": {"lm_weight": 0.7}} if helped else {}
    if helped == "long unknown words":
        more["options"] |= {"unknown_length": 2.0, "unknown_score": -1.5}
    if helped in ("lexicon", "long unknown words"):
        more["lexicon"] = Lexicon.from_counts({w: i + 1.0 for i, w in enumerate(WORDS)})
    plain, with_terms = made(backend, (), **more), made(backend, terms, **more)
    said = 0
    for _ in range(count):
        values = utterance(rng, WORDS)
        expected, found = plain(values, nbest=12), with_terms(values, nbest=12)
        if any(f" {term} " in f" {h.text} " for term in terms for h in found):
            said += 1
            continue
        assert found == expected  # texts, scores, probabilities, frames
    assert said < 0.05 * count


@BACKENDS
def test_what_is_said_is_found(backend: str, count: int) -> None:
    skip_unbuilt(backend)
    rng = np.random.default_rng(41)
    plain, with_terms = made(backend, ()), made(backend, {"kong": 6.0, "lamp of god": 6.0})
    hits = [0, 0]
    for _ in range(60):
        values = utterance(rng, ["kong", "lamp|of|god"], 3.2)
        for at, decode in enumerate((plain, with_terms)):
            text = decode(values).best.text
            hits[at] += text.split().count("kong") + text.count("lamp of god")
    assert hits[1] > 1.5 * hits[0]


@BACKENDS
def test_many_terms_stay_exact_in_both_searches(backend: str, count: int) -> None:
    skip_unbuilt(backend)
    rng = np.random.default_rng(42)
    letters = list("abcdefghijklmnop")
    terms = {"".join(rng.choice(letters, 7)): 5.0 for _ in range(2_000)}
    decode, plain = made(backend, terms), made(backend, ())
    for _ in range(10):
        values = utterance(rng, WORDS)
        found = decode(values, nbest=12)
        if not any(word in terms for h in found for word in h.text.split()):
            assert found == plain(values, nbest=12)


def test_a_lexicon_still_takes_its_hotwords_as_words() -> None:
    lexicon = Lexicon.from_counts(dict.fromkeys(WORDS, 1.0))
    options = {"constrain": True, "token_threshold": None}
    decode = made("numpy", {"kong": 4.0}, lexicon=lexicon, options=options)
    values = utterance(np.random.default_rng(43), ["kong"], 0.5)
    assert set(decode(values).best.text.split()) == {"kong"}


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("said", ["'", "\u2019"])
@pytest.mark.parametrize("written", ["it's", "it\u2019s"])
def test_of_two_apostrophes_each_writes_a_word(backend: str, said: str, written: str) -> None:
    """A table may have both; a word of the lexicon, or a hotword, is one word with either."""
    skip_unbuilt(backend)
    tokens = Tokens(("-", " ", *"abdeist", "'", "\u2019"), 0)
    rows = []
    for symbol in ("i", "t", said, "s", " ", "b", "a", "d"):
        row = np.full(len(tokens), 0.01)
        row[tokens.ids[symbol]] = 1.0
        blank = np.full(len(tokens), 0.01)
        blank[0] = 1.0
        rows += [row / row.sum(), blank / blank.sum()]
    values, options = np.log(np.array(rows)), beam.Options(separator=" ", constrain=True)
    lexicon = Lexicon.from_counts({written: 1, "its": 5, "bad": 3})
    found = beam.create(options, tokens=tokens, lexicon=lexicon, backend=backend)(values).best
    assert found.text == f"{written} bad"
    options = beam.Options(separator=" ")
    found = beam.create(options, tokens=tokens, hotwords={written: 2.0}, backend=backend)(values)
    assert found.best.parts["hotwords"] == 2.0
    assert found.best.text == f"it{said}s bad"  # as it was said
