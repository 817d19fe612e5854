"""Every word of a spelling competes: by its own frequency, context and use."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from edgectc import UserDictionary
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search import compiled
from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import pack
from edgectc.language.spelling import normalize_word, spell

LETTERS = "ab"
TOKENS = Tokens((*LETTERS, "<blank>"), 2)
BACKENDS = ["numpy", *(["native"] if compiled.library() else [])]


def _decoder(words: dict[str, float], backend: str, **given: Any) -> lexicon.LexiconDecoder:
    options = lexicon.Options(**{"lm_weight": 1.0, **given.pop("options", {})})
    known = Lexicon(tuple(words), np.array(list(words.values())))
    return lexicon.create(options, tokens=given.pop("tokens", TOKENS), lexicon=known,
                          backend=backend, **given)  # fmt: skip


def _clear(spelled: str, tokens: Tokens) -> np.ndarray:
    logits = np.zeros((2 * len(spelled) + 1, len(tokens)))
    logits[:, tokens.blank_id] = 4.0
    for i, letter in enumerate(spelled):
        logits[2 * i + 1, tokens.ids[letter]] = 10.0
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def _probability(log_probs: np.ndarray, word: str) -> float:
    """Sum over all paths that collapse to a word: the definition of CTC."""
    total = 0.0
    for path in product(range(3), repeat=len(log_probs)):
        kept = [k for i, k in enumerate(path) if i == 0 or k != path[i - 1]]
        if "".join(LETTERS[k] for k in kept if k < 2) == word:
            total += math.exp(sum(log_probs[t, k] for t, k in enumerate(path)))
    return total


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(20))
def test_scores_ranks_and_shares_are_those_of_all_words(seed: int, backend: str) -> None:
    rng = np.random.default_rng(seed)
    texts = ["ab", "a'b", "AB", "Ab", "ba", "Ba", "a", "A", "bb", "aab", "a'ab"]
    texts = sorted(rng.choice(texts, int(rng.integers(3, 11)), replace=False).tolist())
    words = {text: float(rng.normal(-4.0, 2.0)) for text in texts}
    logits = rng.normal(0.0, 1.5, (5, 3))
    log_probs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    weight, bonus = float(rng.uniform(0.2, 1.5)), float(rng.choice([-0.5, 0.0, 0.7]))
    options = {"lm_weight": weight, "letter_score": bonus, "rescore_size": 1}
    decode = _decoder(words, backend, options={**options, "posterior_width": 0.01})
    score = {}
    for text, log_prob in words.items():
        letters = text.lower().replace("'", "")
        value = math.log(_probability(log_probs, letters)) + weight * log_prob
        score[text] = value + bonus * len(letters)
    ranked = sorted(score, key=lambda text: (-score[text], text))
    found = decode(log_probs, nbest=3).candidates
    assert [h.text for h in found] == ranked[:3]
    assert [h.score for h in found] == pytest.approx([score[t] for t in ranked[:3]], abs=1e-9)
    assert all(h.exact for h in found)
    total = sum(map(math.exp, score.values()))
    for h in found:
        low, high = h.posterior or (1.0, 0.0)
        assert low - 1e-9 <= math.exp(score[h.text]) / total <= high + 1e-9
        assert high - low <= 0.011
    everything = decode(log_probs, nbest=50).candidates
    assert [h.text for h in everything] == ranked


ITS = Tokens(("<blank>", *"its"), 0)


class Colours:
    """Only "its" is likely after "in"."""

    order = 2

    def start(self, context: Any = ()) -> tuple[str, ...]:
        return tuple(context[-1:])

    def score(self, state: Any, word: str) -> tuple[float, Any]:
        return -1.0, (word,)

    def finish(self, state: Any) -> float:
        return 0.0

    def known(self, word: str) -> bool:
        return True

    def following(self, state: Any) -> tuple[list[str], np.ndarray, float]:
        return (["its"], np.array([-0.1]), -1.0) if state == ("in",) else ([], np.zeros(0), 0.0)

    def unigram(self, words: Any) -> np.ndarray:
        return np.full(len(words), -3.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_context_and_use_choose_between_its_and_its(backend: str) -> None:
    words, mine = {"its": -3.0, "it's": -2.9}, UserDictionary()
    decode = _decoder(words, backend, tokens=ITS, language_model=Colours(), dictionary=mine)
    said = _clear("its", ITS)
    assert [h.text for h in decode(said)] == ["it's", "its"]
    assert [h.text for h in decode(said, context=["in"])] == ["its", "it's"]
    mine.add("its", 2000)
    assert [h.text for h in decode(said)] == ["its", "it's"]
    mine.remove("its")
    mine.hide("IT’S")
    assert [h.text for h in decode(said)] == ["its"]
    mine.add("ITS")
    assert {h.text for h in decode(said)} == {"its", "ITS"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_word_that_the_user_taught_is_shown_as_it_was_taught(backend: str) -> None:
    mine = UserDictionary()
    decode = _decoder({"it's": -2.9}, backend, tokens=ITS, dictionary=mine)
    mine.add("its", 21)
    assert [h.text for h in decode(_clear("its", ITS))] == ["it's", "its"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("word", "said", "asked"),
    [("Straße", "strasse", "STRASSE"), ("straße", "straße", "Straße"), ("İT", "it", "it"),
     ("ΟΔΟΣ", "οδοςσ", "Οδος"), ("οδος", "οδος", "ΟΔΟΣ"), ("ᾠδή", "ᾠδή", "ᾨΔΉ"),
     ("ﬁt", "fit", "FIT")],
)  # fmt: skip
def test_context_finds_a_word_by_its_normal_form(
    word: str, said: str, asked: str, backend: str
) -> None:
    assert normalize_word(asked) == normalize_word(word)
    tokens = Tokens(("<blank>", *sorted(set(said))), 0)
    model = Colours()
    model.following = lambda state: ([normalize_word(word)], np.array([-0.1]), -1.0)  # type: ignore[method-assign]
    mine = UserDictionary()
    other = said[::-1] if said[::-1] != said else said * 2
    decode = _decoder(
        {word: -3.0, other: -3.0}, backend, tokens=tokens, language_model=model, dictionary=mine
    )
    spelled = spell(word, set(said)) or ""
    found = decode(_clear(spelled, tokens), context=["x"]).best
    assert found.text == word
    # log P(word | x) - log P(word), of which the back-off is the share of all words.
    assert found.parts["context"] == pytest.approx(-0.1 - -3.0)
    mine.hide(asked)
    assert word not in [h.text for h in decode(_clear(spelled, tokens), context=["x"])]


def test_a_keyboard_with_an_apostrophe_spells_with_it() -> None:
    known = Lexicon(("its", "it's"), np.array([-3.0, -2.9]))
    entries = pack(known, set("its'")).find(["it's", "its"]).tolist()
    assert sorted(entries) == [0, 1]
    # A file that was packed without stays without: its keyboards swipe "it's" over three keys.
    without = pack(pack(known, set("its")), set("its'"))
    assert without.find(["it's"]).tolist() == [-1]
    assert "'" not in without.alphabet
