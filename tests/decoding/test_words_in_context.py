"""User words and previous words: both searches against the formula, written out."""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import edgectc
from edgectc import UserDictionary
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search import compiled
from edgectc.language.lexicon import Lexicon

LETTERS = "abcd"
TOKENS = Tokens((*LETTERS, "<blank>"), 4)
BACKENDS = ["numpy", "native"] if compiled.LIBRARY.exists() else ["numpy"]


class Model:
    """P(word | last word) of a random table; other words back off."""

    order = 2

    def __init__(self, rng, words):
        self.words = words
        self.base = {word: float(rng.normal(-5, 1)) for word in words}
        self.after = {
            last: {w: float(rng.normal(-3, 2)) for w in rng.choice(words, 6)} for last in words
        }
        self.off = {last: float(rng.normal(-1, 0.5)) for last in words}

    def start(self, context=()):
        return context[-1] if context and context[-1] in self.after else None

    def score(self, state, word):
        return self.base[word] + self.gain(word, (state,)), word

    def finish(self, state):
        return 0.0

    def following(self, state):
        if state is None:
            return [], np.zeros(0), 0.0
        after = self.after[state]
        return list(after), np.array(list(after.values())), self.off[state]

    def unigram(self, words):
        return np.array([self.base[word] for word in words])

    def gain(self, word, context):
        """log P(word | context) - log P(word), as the protocol defines it."""
        state = self.start(context)
        if state is None:
            return 0.0
        word = word.lower()
        if word in self.after[state]:
            return self.after[state][word] - self.base[word]
        return self.off[state]


def forward(log_probs, word):
    states = [4]
    for letter in word:
        states += [LETTERS.index(letter), 4]
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = log_probs[0, states[:2]]
    for row in log_probs[1:]:
        new = alpha.copy()
        new[1:] = np.logaddexp(new[1:], alpha[:-1])
        for s in range(2, len(states)):
            if states[s] not in (4, states[s - 2]):
                new[s] = np.logaddexp(new[s], alpha[s - 2])
        alpha = new + row[states]
    return float(np.logaddexp(alpha[-1], alpha[-2]))


def spelled(word):
    return word.lower().replace("'", "")


def some_words(rng, count):
    made = {"".join(rng.choice(list(LETTERS), rng.integers(1, 6))) for _ in range(count)}
    words = sorted(made)
    return [*words, words[0].upper(), f"{words[1]}'" + "a", words[2].title()]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(8))
def test_scores_are_the_formula(seed, backend):
    rng = np.random.default_rng(seed)
    words = list(dict.fromkeys(some_words(rng, 60)))
    known = Lexicon.from_counts({w: float(rng.uniform(1, 100)) for w in words})
    model = Model(rng, sorted({w.lower() for w in words}))
    user = UserDictionary(share=0.01)
    options = lexicon.Options(lm_weight=0.7, letter_score=0.4, context_weight=0.6)
    made = lexicon.create(
        options, tokens=TOKENS, lexicon=known, language_model=model, dictionary=user,
        backend=backend,
    )  # fmt: skip
    log_probs_of = dict(zip(known.words, known.log_probs.tolist(), strict=True))
    mine = ["dddd", "abcdabcd", *rng.choice(words, 4)]
    for step in range(12):
        word = str(rng.choice(mine))
        change = rng.integers(4)
        if change == 0:
            user.hide(word)
        elif change == 1:
            user.boost(word, float(rng.normal(0, 2)))
        elif change == 2 and word in user:
            user.remove(word)
        else:
            user.add(word, float(rng.integers(1, 9)))
        context = () if step % 3 == 0 else (str(rng.choice(model.words)),)
        logits = rng.normal(0.0, 2.0, (int(rng.integers(4, 16)), 5))
        signal = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        scores = {}
        for text in {*words, *user}:  # every word of a spelling competes
            frequency = user.log_prob(text, log_probs_of.get(text, -math.inf))
            score = forward(signal, spelled(text)) + 0.7 * frequency + 0.4 * len(spelled(text))
            scores[text] = score + 0.6 * model.gain(text, context)
        possible = sorted((-score, text) for text, score in scores.items() if score > -math.inf)
        expected = [(-score, text) for score, text in possible[:7]]
        found = made(signal, nbest=7, context=context)
        assert [h.score for h in found] == pytest.approx([s for s, _ in expected], abs=1e-9)
        assert [h.text for h in found] == [text for _, text in expected]
        for h in found:
            parts = h.parts["ctc"] + 0.7 * h.parts["lexicon"] + 0.4 * len(spelled(h.text))
            parts += 0.6 * h.parts.get("context", 0.0)
            assert h.score == pytest.approx(parts, abs=1e-9)
            assert h.exact


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_decode_while_words_are_learnt(backend):
    rng = np.random.default_rng(0)
    words = some_words(rng, 80)
    known = Lexicon.from_counts(dict.fromkeys(dict.fromkeys(words), 1.0))
    user = UserDictionary(share=0.01)
    made, plain = (
        lexicon.create(
            lexicon.Options(), tokens=TOKENS, lexicon=known, dictionary=user, backend=which
        )
        for which in (backend, "numpy")
    )
    logits = rng.normal(0.0, 2.0, (200, 9, 5))
    signals = logits - np.logaddexp.reduce(logits, axis=2, keepdims=True)
    # Each once, and none that the lexicon has: a word has one score from when it is there.
    taught = ["".join(w) for w in itertools.product(LETTERS, repeat=6)][:: 4**6 // 67]

    def work(i):
        if i % 3 == 0:
            user.add(taught[i // 3])
        return made(signals[i])

    with ThreadPoolExecutor(8) as pool:
        while_learning = list(pool.map(work, range(200)))
    for signal, found in zip(signals, while_learning, strict=True):
        # Words of the lexicon keep their score; a word of the user has it as soon as it is there.
        score = {h.text: h.score for h in plain(signal, nbest=1000)}
        assert len(found) == 5
        assert {h.text for h in found} <= score.keys()
        assert [h.score for h in found] == pytest.approx([score[h.text] for h in found], abs=1e-9)
        rivals = sorted((s for text, s in score.items() if text in words), reverse=True)
        assert found[-1].score >= rivals[4] - 1e-9
        now = made(signal)
        assert [h.text for h in now] == [h.text for h in plain(signal)]
        assert [h.score for h in now] == pytest.approx([h.score for h in plain(signal)], abs=1e-9)
    assert "edgectc" in repr(edgectc)


def test_a_dictionary_is_saved_whole_and_read_back(tmp_path):
    user = UserDictionary(share=1e-4)
    user.add("Zyx", 3)
    user.boost("the", 1.5)
    user.hide("darn")
    user.save(tmp_path / "mine.json")
    read = UserDictionary.read(tmp_path / "mine.json")
    assert (read.share, {w: read[w] for w in read}) == (1e-4, {w: user[w] for w in user})
    head = '{"schema_version": 1, "share": 0.1, "words": {"a": '
    late = '{"schema_version": 9, "share": 1, "words": {}}'
    wrong = (head + '{"count": -1}}}', head + '{"cuont": 1}}}', late, "", "[]", '{"words": 1}')
    for content in wrong:
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(ConfigError):
            UserDictionary.read(tmp_path / "bad.json")
    with pytest.raises(ConfigError):
        UserDictionary.read(tmp_path / "none.json")
    for word in ("", "123", "two\nlines"):
        with pytest.raises(ConfigError):
            user.add(word)
    with pytest.raises(ConfigError):
        user.remove("never")
