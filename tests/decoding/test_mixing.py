"""Several languages: scores against all alignments, and P(language) against all paths."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.decoding import mixing
from edgectc.decoding.decoders import greedy, lexicon
from edgectc.language.lexicon import Lexicon

TOKENS = Tokens(("a", "b", "<blank>"), 2)
WORDS = {
    "one": {"ab": -0.5, "Ba": -2.0, "aa": -3.0, "b": -1.5},
    "two": {"ab": -4.0, "ba": -0.7, "abb": -1.2, "b": -1.4},
}


UNSAID = {"one": frozenset({"a"}), "two": frozenset[str]()}


def _mixed(
    lm_weight: float = 0.7,
    temperature: float = 1.3,
    unknown_score: float | None = None,
    backend: str = "auto",
) -> mixing.MixedDecoder:
    options = lexicon.Options(
        lm_weight=lm_weight,
        temperature=temperature,
        rescore_size=10,
        unknown_score=unknown_score,
    )
    decoders = {
        name: lexicon.create(
            options,
            tokens=TOKENS,
            lexicon=Lexicon(tuple(words), np.array(list(words.values())), unsaid=UNSAID[name]),
            backend=backend,
        )
        for name, words in WORDS.items()
    }
    return mixing.MixedDecoder(decoders)


def _log_probs(seed: int, frames: int = 5) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(scale=1.5, size=(frames, 3))
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def _probability(log_probs: np.ndarray, word: str) -> float:
    """Return P(word), summed over every one of the 3 ** T alignments."""
    total = 0.0
    for path in product(range(3), repeat=len(log_probs)):
        merged = [c for i, c in enumerate(path) if i == 0 or path[i - 1] != c]
        if [c for c in merged if c != 2] == ["ab".index(c) for c in word.lower()]:
            total += math.exp(sum(log_probs[t, c] for t, c in enumerate(path)))
    return total


def _by_paths(words: list[str], first: float, stay: float) -> list[float]:
    """Return P(language of the next word), summed over every path of languages."""
    shares = [
        [math.exp(next((v for k, v in WORDS[n].items() if k.lower() == w), math.log(1e-8)))
         for w in words]
        for n in WORDS
    ]  # fmt: skip
    total = [0.0, 0.0]
    for path in product((0, 1), repeat=len(words) + 1):
        p = first if path[0] == 0 else 1 - first
        for i in range(len(words)):
            p *= shares[path[i]][i] * (stay if path[i + 1] == path[i] else 1 - stay)
        total[path[-1]] += p
    return [p / sum(total) for p in total]


@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_no_free_spelling_is_a_word_of_another_language(backend):
    decoder, dropped = _mixed(unknown_score=6.0, backend=backend), 0
    known = {n: {w.lower() for w in words} | UNSAID[n] for n, words in WORDS.items()}
    texts = ["".join(letters) for n in range(1, 4) for letters in product("ab", repeat=n)]
    for seed in range(40):
        log_probs, expected = _log_probs(seed, 3), set()
        sums = {text: _probability(log_probs, text) for text in texts}
        for name, words in known.items():
            best = max(
                (t for t in texts if t not in words and sums[t] > 0),
                key=lambda text: math.log(sums[text]) - 3.0 * len(text),
            )
            elsewhere = any(best in other for n, other in known.items() if n != name)
            dropped += elsewhere
            expected |= set() if elsewhere else {best}
        answer = decoder(log_probs, nbest=20)
        assert {one.text for one in answer if "lexicon" not in one.parts} == expected
    assert dropped > 10


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("context", [[], ["ab"], ["ba", "abb"]])
def test_answers_are_those_of_all_alignments_and_languages(seed, context):
    log_probs, decoder = _log_probs(seed), _mixed()
    languages = dict(zip(WORDS, _by_paths(context, mixing.FIRST, mixing.STAY), strict=True))
    scores: dict[str, tuple[float, str]] = {}
    for name, words in WORDS.items():
        for word, share in words.items():
            p = _probability(log_probs, word)
            if p > 0:
                score = math.log(p) + 0.7 * (share + math.log(languages[name]))
                scores[word.lower()] = max((score, word), scores.get(word.lower(), (score, word)))
    expected = sorted(scores.values(), reverse=True)
    found = decoder(log_probs, nbest=10, context=context)
    assert [one.text for one in found] == [word for _, word in expected]
    np.testing.assert_allclose([one.score for one in found], [s for s, _ in expected], atol=1e-9)
    assert [one.text for one in decoder(log_probs, nbest=2, context=context)] == [
        word for _, word in expected[:2]
    ]


def test_probabilities_are_shares_of_all_that_was_compared():
    found = _mixed()(_log_probs(3), nbest=10)
    assert sum(one.probability for one in found) == pytest.approx(1.0, abs=1e-9)
    assert all(a.probability >= b.probability for a, b in zip(found, [*found][1:], strict=False))
    assert all(one.posterior is None for one in found)


@pytest.mark.parametrize(
    "words", [[], ["ab"], ["abb"], ["ba", "ab"], ["abb", "abb", "aa"], ["zzz"], ["<s>", "abb"]]
)
def test_the_language_of_the_next_word_is_that_of_all_paths(words):
    expected = _by_paths([w for w in words if w != "<s>"], mixing.FIRST, mixing.STAY)
    found = _mixed().languages(words)
    assert list(found) == ["one", "two"]
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-9)


def test_a_text_tells_the_language_across_sentences():
    decoder = _mixed()
    assert decoder.languages("Abb abb. ") == decoder.languages(["abb", "abb"])
    assert decoder.languages("abb abb. ")["two"] > 0.8 > decoder.languages("")["two"]


def test_three_languages_share_what_is_left():
    decoders = dict(_mixed()._decoders)
    three = mixing.MixedDecoder({**decoders, "three": decoders["two"]})
    rest = (1 - mixing.FIRST) / 2
    assert three.languages() == {"one": mixing.FIRST, "two": rest, "three": rest}


def test_other_decoders_do_not_mix():
    other = greedy.create(greedy.Options(), tokens=TOKENS)
    with pytest.raises(ConfigError, match="need the decoder 'lexicon'"):
        mixing.mixed({"one": other, "two": other})
