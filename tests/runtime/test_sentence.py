"""Sentences whose last words stay open: against every text of the words, and the user's choices."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import ConfigError, InputError
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts
from edgectc.runtime.sentence import CANDIDATES, Sentence

QWERTY = layouts.load("qwerty")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> edgectc.Recognizer:
    """A model whose language model has seen a few sentences alone."""
    place = tmp_path_factory.mktemp("sentence")
    text = "the cat sat on the mat\nthe car can go far\nwe see the sea\nthe fat cat ran\n" * 20
    (place / "text.txt").write_text(text)
    edgectc.build_language_model(place / "text.txt", out=place / "words.lm")
    return edgectc.load("swipe-en-tiny", language_model=place / "words.lm")


def _trace(word: str, seed: int = 0) -> np.ndarray:
    return swipe(word, QWERTY, np.random.default_rng(seed))


def _brute(model: edgectc.Recognizer, traces: list[np.ndarray], weight: float) -> tuple[str, ...]:
    """Return the best of all texts of the candidates, each scored by itself from its beginning."""
    lm = model.language_model
    found = [model(trace, nbest=CANDIDATES) for trace in traces]
    best, most = (), -np.inf
    for text in itertools.product(*found):
        state, total = lm.start([]), 0.0
        for one in text:
            word = one.text.lower()
            log_prob, state = lm.score(state, word)
            alone = float(lm.unigram([word])[0])
            total += one.score + weight * (log_prob - alone)
        if total > most:
            best, most = tuple(one.text for one in text), total
    return best


@pytest.mark.parametrize("words", [["the", "cat", "sat"], ["we", "see", "sea"], ["car", "can"]])
@pytest.mark.parametrize("weight", [0.0, 0.65, 3.0])
def test_open_words_are_the_best_of_all_texts(model, words, weight):
    traces = [_trace(word, seed) for seed, word in enumerate(words)]
    sentence = Sentence(model, context=["<s>"], open_words=len(words), context_weight=weight)
    for trace in traces:
        written = sentence.swipe(trace)
    assert written.words == sentence.words == _brute(model, traces, weight)


def _between(first: str, second: str) -> np.ndarray:
    """Return a trace between those of two words of the same length, nearer to the first."""
    a, b = (_trace(word) for word in (first, second))
    n = min(len(a), len(b))
    mixed = 0.55 * a[np.linspace(0, len(a) - 1, n).astype(int)]
    return mixed + 0.45 * b[np.linspace(0, len(b) - 1, n).astype(int)]


def test_a_later_word_revises_an_earlier_one_and_the_user_takes_it_back(model):
    sentence = Sentence(model, context=["<s>"], context_weight=2.0)
    doubtful = _between("car", "cat")
    sentence.swipe(_trace("the"))
    first = sentence.swipe(doubtful).words[1]
    other = {"car": "sat", "cat": "can"}[first]  # what follows the other of the two
    written = sentence.swipe(_trace(other))
    wanted = {"car": "cat", "cat": "car"}[first]
    assert written.words == ("the", wanted, other)
    (revision,) = written.revisions
    assert (revision.place, revision.before, revision.after) == (1, first, wanted)
    assert sentence.choose(revision.place, revision.before) == ("the", first, other)
    assert sentence.swipe(_trace("on")).words[:2] == ("the", first)


def test_what_was_chosen_stays_and_counts_as_context(model):
    sentence = Sentence(model, open_words=3, context_weight=4.0)
    sentence.swipe(_trace("the"))
    sentence.swipe(_trace("mat"))
    assert sentence.choose(1, "Zanzibar")[1] == "Zanzibar"
    written = sentence.swipe(_trace("sat"))
    assert written.words[:2] == ("the", "Zanzibar")
    assert not written.revisions
    assert sentence.choose(0, "The") == ("The", "Zanzibar", written.words[2])


def test_one_open_word_never_changes_an_earlier_one(model):
    sentence = Sentence(model, open_words=1, context_weight=3.0)
    before: tuple[str, ...] = ()
    for seed, word in enumerate(["the", "fat", "cat", "sat", "on", "the", "mat"]):
        written = sentence.swipe(_trace(word, seed))
        assert written.words[:-1] == before
        assert not written.revisions
        assert written.candidates[0] == written.words[-1]
        before = written.words


def test_the_text_before_counts(model):
    doubtful = _between("car", "cat")
    after_fat = Sentence(model, context="The fat ", context_weight=6.0).swipe(doubtful)
    assert after_fat.words == ("cat",)
    unknown = Sentence(model, context=[], context_weight=6.0).swipe(doubtful)
    assert unknown.words == (model(doubtful).best.text,)  # nothing is known of what was before


def test_a_refused_trace_leaves_the_sentence(model):
    sentence = Sentence(model)
    sentence.swipe(_trace("the"))
    with pytest.raises(InputError):
        sentence.swipe([])
    assert sentence.words == ("the",)
    assert repr(sentence) == "Sentence('the', 1 open)"


@pytest.mark.parametrize("options", [{"open_words": 0}, {"open_words": 99}, {"context_weight": -1}])
def test_numbers_out_of_range_are_refused(model, options):
    with pytest.raises(ConfigError, match="expected 1 to 8 and 0 to"):
        Sentence(model, **options)


def test_a_place_that_is_not_there_is_refused(model):
    with pytest.raises(ConfigError, match="the sentence has 0 words"):
        Sentence(model).choose(0, "x")


def test_a_model_without_language_model_is_refused(tmp_path: Path):
    (tmp_path / "words.tsv").write_text("the\t3\ncat\t2\n")
    pack = edgectc.build_language("en", source=str(tmp_path / "words.tsv"), out=tmp_path / "en")
    plain = edgectc.load("swipe-en-tiny", language=pack.path)
    with pytest.raises(ConfigError, match="needs one language model"):
        Sentence(plain)
    with pytest.raises(ConfigError, match="several languages"):
        Sentence(edgectc.load("swipe-en-tiny", language=["own", str(pack.path)]))
