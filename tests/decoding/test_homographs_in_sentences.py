"""Every word of a spelling competes in the beam: held to a sum over all alignments and texts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from beam_cases import NATIVE, ToyModel, log_softmax

import edgectc
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import beam
from edgectc.language.lexicon import Lexicon

BACKENDS = pytest.mark.parametrize("backend", ["numpy", NATIVE])
TOKENS = Tokens(("-", "a", "b", "|"), 0)
WORDS = {"ab": -3.0, "a'b": -2.9, "Ab": -4.0, "ba": -2.0, "b'a": -2.5, "b": -1.0, "a": -1.5}


def spelled(word: str) -> str:
    return word.lower().replace("'", "")


def said(log_probs: np.ndarray) -> dict[tuple[str, ...], float]:
    """The probability of each sequence of letter words: the definition of CTC."""
    found: dict[tuple[str, ...], float] = {}
    for path in itertools.product(range(4), repeat=len(log_probs)):
        kept = [k for i, k in enumerate(path) if i == 0 or k != path[i - 1]]
        text = "".join(TOKENS.symbols[k] for k in kept if k)
        key = tuple(word for word in text.split("|") if word)
        nats = sum(log_probs[t, k] for t, k in enumerate(path))
        found[key] = found.get(key, 0.0) + math.exp(nats)
    return found


def expected_of(log_probs: np.ndarray, model: ToyModel | None, weight: float) -> dict[str, float]:
    ways: dict[str, list[str]] = {}
    for word in WORDS:
        ways.setdefault(spelled(word), []).append(word)
    scores: dict[str, float] = {}
    for letters, probability in said(log_probs).items():
        if not all(word in ways for word in letters):
            continue
        for words in itertools.product(*(ways[word] for word in letters)):
            lm = 0.0
            if model is None:
                lm = sum(WORDS[word] for word in words)
            else:
                state = model.start()
                for word in words:
                    log_prob, state = model.score(state, word)
                    lm += log_prob
                lm += model.finish(state)
            scores[" ".join(words)] = math.log(probability) + weight * lm
    return scores


@BACKENDS
@pytest.mark.parametrize("model", [None, ToyModel()], ids=["frequencies", "model"])
def test_scores_of_all_word_sequences_are_those_of_every_alignment(
    backend: str, model: ToyModel | None
) -> None:
    rng = np.random.default_rng(80)
    lexicon = Lexicon(tuple(WORDS), np.array([*WORDS.values()]))
    for _ in range(8):
        log_probs = log_softmax(rng.normal(0.0, 1.5, (5, 4)))
        weight = float(rng.choice([0.3, 1.0]))
        options = beam.Options(
            beam_size=4_000, beam_threshold=None, token_threshold=None, lm_weight=weight,
            separator="|", constrain=True,
        )  # fmt: skip
        decode = beam.create(
            options, tokens=TOKENS, lexicon=lexicon, language_model=model, backend=backend
        )
        expected = expected_of(log_probs, model, weight)
        silence = expected.pop("")
        found = {h.text: h.score for h in decode(log_probs, nbest=10_000)}
        if silence > max(expected.values()):
            assert not found
            continue
        assert found == pytest.approx(expected, abs=1e-8)


class Colours:
    """Knows what "its" and "it's" are followed by."""

    order = 2

    def start(self, context: tuple[str, ...] = ()) -> str:
        return context[-1] if context else ""

    def score(self, state: str, word: str) -> tuple[float, str]:
        word = word.lower()  # as every model here knows words
        known = {("its", "color"): -0.2, ("it's", "color"): -9.0, ("it's", "late"): -0.2,
                 ("its", "late"): -9.0}  # fmt: skip
        return known.get((state, word), {"its": -3.0, "it's": -2.9}.get(word, -4.0)), word

    def finish(self, state: str) -> float:
        return 0.0


LETTERS = Tokens(("-", *"acdeilorst", "|"), 0)


def clearly(path: str, tokens: Tokens) -> np.ndarray:
    rows = np.full((2 * len(path), len(tokens)), -8.0)
    for at, symbol in enumerate(path):
        rows[2 * at, tokens.ids[symbol]] = rows[2 * at + 1, 0] = 0.0
    return log_softmax(rows)


@BACKENDS
def test_the_word_behind_says_which_of_them_was_meant(backend: str) -> None:
    lexicon = Lexicon.from_counts({"it's": 9.0, "its": 8.0, "color": 2.0, "late": 2.0, "Late": 1.0})
    decode = beam.create(
        beam.Options(separator="|", lm_weight=1.0), tokens=LETTERS, lexicon=lexicon,
        language_model=Colours(), backend=backend,
    )  # fmt: skip
    color = decode(clearly("its|color", LETTERS), nbest=3, spans=True)
    assert [h.text for h in color][:2] == ["its color", "it's color"]
    assert [word.text for word in color.best.words] == ["its", "color"]
    late = decode(clearly("its|late", LETTERS), nbest=9)
    assert [h.text for h in late][:2] == ["it's late", "its late"]
    # A word that the model takes for another one, by its case, is no second answer.
    assert "it's Late" not in [h.text for h in late]
    stream = decode.stream()
    stream.push(clearly("its|", LETTERS))
    assert stream.partial() == "it's"
    stream.push(clearly("col", LETTERS))
    assert stream.partial() == "it's col"
    stream.push(clearly("or|", LETTERS))
    assert stream.partial() == "its color"
    assert stream.finish().best.text == "its color"


@BACKENDS
def test_words_of_pieces_compete_as_well(backend: str) -> None:
    table = Tokens(("-", "▁it", "s", "▁col", "or", "▁la", "te", "▁its"), 0)
    lexicon = Lexicon.from_counts({"it's": 9.0, "its": 8.0, "color": 2.0, "late": 2.0})
    decode = beam.create(
        beam.Options(lm_weight=1.0), tokens=table, lexicon=lexicon, language_model=Colours(),
        backend=backend,
    )  # fmt: skip
    for first in (["▁it", "s"], ["▁its"]):
        rows = np.full((8, len(table)), -8.0)
        pieces = [*first, "▁col", "or"]
        for at, piece in enumerate(pieces):
            rows[2 * at, table.ids[piece]] = rows[2 * at + 1, 0] = 0.0
        found = decode(log_softmax(rows[: 2 * len(pieces)]), nbest=2)
        assert [h.text for h in found] == ["its color", "it's color"]


@BACKENDS
def test_a_text_of_many_homographs_keeps_its_best_sequences(backend: str) -> None:
    lexicon = Lexicon.from_counts({"it's": 9.0, "its": 8.0})
    decode = beam.create(
        beam.Options(separator="|", lm_weight=1.0), tokens=LETTERS, lexicon=lexicon, backend=backend
    )
    found = decode(clearly("|".join(["its"] * 8), LETTERS), nbest=40)
    assert found.best.text == " ".join(["it's"] * 8)
    assert sum(h.text.replace("'", "") == " ".join(["its"] * 8) for h in found) == 16
    ratio = found[0].score - found[1].score
    assert ratio == pytest.approx(math.log(9 / 8))


@BACKENDS
@pytest.mark.parametrize("kind", [dict, edgectc.Hotwords])
def test_a_hotword_favours_the_word_that_is_written_so(backend: str, kind) -> None:
    counts = {"it's": 9.0, "its": 8.0, "color": 2.0, "rose": 5.0, "rosé": 1.0, "Late": 1.0}

    def answers(path: str, **hotwords: float) -> dict[str, tuple[float, float]]:
        given = {term.replace("_", "'"): nats for term, nats in hotwords.items()}
        if kind is edgectc.Hotwords and given:
            given = {"own": {"terms": [{"text": t, "weight": w} for t, w in given.items()]}}
        decode = beam.create(
            beam.Options(separator="|", lm_weight=1.0), tokens=LETTERS, backend=backend,
            lexicon=Lexicon.from_counts(counts), language_model=Colours(),
            hotwords=kind(given) if given else {},
        )  # fmt: skip
        return {h.text: (h.score, h.parts["hotwords"]) for h in decode(clearly(path, LETTERS))}

    for path, meant, term in (
        ("its|color", "it's color", "it_s"),
        ("its|color", "its color", "its"),
        ("rose", "rosé", "rosé"),
        ("rose", "rose", "rose"),
    ):
        plain, found = answers(path), answers(path, **{term: 20.0})
        assert next(iter(found)) == meant
        for text, (score, nats) in found.items():
            assert nats == (20.0 if text == meant else 0.0)
            assert score == pytest.approx(plain[text][0] + nats)
    # One that the lexicon lacks is any word of its letters; its case is none of its own.
    assert next(iter(answers("late", laté=3.0).values()))[1] == 3.0
    assert next(iter(answers("late", late=3.0).values()))[1] == 3.0
