"""Decoders against two oracles: every path written out, and the textbook forward recursion."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import greedy, lexicon
from edgectc.decoding.search import prefix_search
from edgectc.language import packed, tries
from edgectc.language.lexicon import Lexicon
from edgectc.language.user_dictionary import UserDictionary

LETTERS = "abc"
SMALL = Tokens((*LETTERS[:2], "<blank>", *LETTERS[2:]), blank_id=2)
WORDS = ["".join(w) for n in range(1, 5) for w in itertools.product(LETTERS, repeat=n)]

deterministic = settings(derandomize=True, deadline=None, max_examples=40, database=None)


def random_log_probs(rng, T, V, spread=2.0, zeros=0.0):
    logits = rng.normal(0.0, spread, (T, V))
    hidden = rng.random((T, V)) < zeros
    hidden[:, 0] = False
    logits[hidden] = -np.inf
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def all_texts(log_probs, tokens):
    """Natural-log probability of every text, summed over all V**T paths."""
    T, V = log_probs.shape
    sums = {}
    for path in itertools.product(range(V), repeat=T):
        text = "".join(
            tokens.symbols[k] for k, _ in itertools.groupby(path) if k != tokens.blank_id
        )
        probability = math.exp(sum(log_probs[t, k] for t, k in enumerate(path)))
        sums[text] = sums.get(text, 0.0) + probability
    return {text: math.log(p) for text, p in sums.items() if p > 0}


def forward(log_probs, label, blank):
    """Natural-log P(label): the recursion over the label with blanks between (Graves 2006)."""
    states = [blank]
    for letter in label:
        states += [letter, blank]
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = log_probs[0, states[:2]]
    for row in log_probs[1:]:
        new = alpha.copy()
        new[1:] = np.logaddexp(new[1:], alpha[:-1])
        for s in range(2, len(states)):
            if states[s] not in (blank, states[s - 2]):
                new[s] = np.logaddexp(new[s], alpha[s - 2])
        alpha = new + row[states]
    return float(np.logaddexp(alpha[-1], alpha[-2]))


def assert_complete(decoded, expected, nbest):
    """The candidates are the ``nbest`` best of ``expected``, in order, with these scores."""
    best = sorted((score for score in expected.values() if score > -np.inf), reverse=True)[:nbest]
    got = [candidate.score for candidate in decoded.candidates]
    assert got == pytest.approx(best, abs=1e-9)
    for candidate in decoded.candidates:
        assert candidate.score == pytest.approx(expected[candidate.text], abs=1e-9)
    assert len({candidate.text for candidate in decoded.candidates}) == len(got)


@deterministic
@given(
    seed=st.integers(0, 2**32 - 1),
    T=st.integers(1, 5),
    zeros=st.sampled_from([0.0, 0.3]),
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=30, unique=True),
    lm_weight=st.sampled_from([0.0, 0.4, 1.0]),
    letter_score=st.sampled_from([-1.0, 0.0, 2.0]),
    nbest=st.sampled_from([1, 3, 100]),
)
def test_sum_over_all_paths(seed, T, zeros, words, lm_weight, letter_score, nbest):
    rng = np.random.default_rng(seed)
    log_probs = random_log_probs(rng, T, len(SMALL), zeros=zeros)
    known = Lexicon.from_counts({word: float(rng.integers(1, 1000)) for word in words})
    options = lexicon.Options(lm_weight=lm_weight, letter_score=letter_score)
    decoded = lexicon.create(options, tokens=SMALL, lexicon=known)(log_probs, nbest=nbest)

    sums = all_texts(log_probs, SMALL)
    expected = {
        word: sums[word] + lm_weight * log_prob + letter_score * len(word)
        for word, log_prob in zip(known.words, known.log_probs, strict=True)
        if word in sums
    }
    assert_complete(decoded, expected, nbest)
    if nbest >= len(expected) > 0:
        assert sum(c.probability for c in decoded.candidates) == pytest.approx(1.0)


def test_sum_over_all_paths_of_six_frames():
    log_probs = random_log_probs(np.random.default_rng(6), 6, len(SMALL))
    known = Lexicon.from_counts(dict.fromkeys([*WORDS, "aabb", "abcabc"], 1))
    decoded = lexicon.create(lexicon.Options(lm_weight=0.0), tokens=SMALL, lexicon=known)(
        log_probs, nbest=1000
    )
    sums = all_texts(log_probs, SMALL)
    assert_complete(decoded, {w: sums[w] for w in known.words if w in sums}, 1000)


@deterministic
@given(seed=st.integers(0, 2**32 - 1), T=st.integers(1, 5))
def test_greedy_is_the_best_path(seed, T):
    log_probs = random_log_probs(np.random.default_rng(seed), T, len(SMALL))
    decoded = greedy.create(greedy.Options(), tokens=SMALL)(log_probs)
    paths = itertools.product(range(len(SMALL)), repeat=T)
    score, path = max((sum(log_probs[t, k] for t, k in enumerate(p)), p) for p in paths)
    text = "".join(SMALL.symbols[k] for k, _ in itertools.groupby(path) if k != SMALL.blank_id)
    assert decoded.best.text == text
    if text:
        assert decoded.best.score == pytest.approx(score, abs=1e-9)
        assert decoded.best.score <= all_texts(log_probs, SMALL)[text] + 1e-9
        assert [path[t] for t in decoded.best.timesteps] == SMALL.encode(text)


LARGE = Tokens((*"etaoinshr", "<blank>", "<unused:0>"), blank_id=9)


@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_no_free_spelling_is_a_word_that_the_user_hides(backend):
    """Nor is one lost that was hidden once, or only counts for less: by every path written out."""
    rng, left_out = np.random.default_rng(16), 0
    known = Lexicon.from_counts({"cab": 3, "abc": 1})
    options = lexicon.Options(unknown_score=-1.0, unknown_letter_score=-0.2)
    for _ in range(12):
        log_probs = random_log_probs(rng, 4, len(SMALL))
        sums, user = all_texts(log_probs, SMALL), UserDictionary()
        made = lexicon.create(
            options, tokens=SMALL, lexicon=known, dictionary=user, backend=backend
        )
        free = {
            text: total - 1.0 - 0.2 * len(text)
            for text, total in sums.items()
            if text and text not in known.words
        }
        ranked = sorted(free, key=free.__getitem__, reverse=True)
        told = [h for h in made(log_probs, nbest=9) if h.text not in known.words]
        assert [h.text for h in told] == ranked[:1]
        user.hide(ranked[0].upper())
        user.boost(ranked[1], -1.0)
        told = [h for h in made(log_probs, nbest=9) if h.text not in known.words]
        assert [h.text for h in told] == ranked[1:2]
        assert told[0].score == pytest.approx(free[ranked[1]], abs=1e-9)
        left_out += free[ranked[0]] > free[ranked[1]]
        user.remove(ranked[0].upper())
        user.remove(ranked[1])
        told = [h for h in made(log_probs, nbest=9) if h.text not in known.words]
        assert [h.text for h in told] == ranked[:1]
    assert left_out == 12


@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_no_free_spelling_is_what_the_lexicon_leaves_unsaid(backend, tmp_path):
    rng = np.random.default_rng(17)
    options = lexicon.Options(unknown_score=-1.0, unknown_letter_score=-0.2)
    for _ in range(12):
        log_probs = random_log_probs(rng, 4, len(SMALL))
        sums = all_texts(log_probs, SMALL)
        free = {text: total - 0.2 * len(text) for text, total in sums.items() if text}
        first, second, *_ = sorted(free, key=free.__getitem__, reverse=True)
        known = Lexicon(("cab",), np.zeros(1), unsaid=frozenset({first.upper(), "no-such"}))
        packed.write(packed.pack(known, frozenset(LETTERS)), tmp_path / "words.trie")
        for words in (known, packed.read(tmp_path / "words.trie")):
            user = UserDictionary()
            made = lexicon.create(
                options, tokens=SMALL, lexicon=words, dictionary=user, backend=backend
            )
            told = [h.text for h in made(log_probs, nbest=9) if h.text != "cab"]
            assert told == [second]
            user.add(first, 9)  # of the user's own accord it is a word
            assert first in {h.text for h in made(log_probs, nbest=9)}


@deterministic
@given(
    seed=st.integers(0, 2**32 - 1),
    T=st.integers(1, 5),
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=20, unique=True),
    backend=st.sampled_from(["numpy", "auto"]),
    unknown_score=st.sampled_from([-200.0, -1.0, 0.5, 200.0, 1e5]),
)
def test_free_spelling_is_the_best_text_that_is_no_word(seed, T, words, backend, unknown_score):
    log_probs = random_log_probs(np.random.default_rng(seed), T, len(SMALL))
    known = Lexicon.from_counts(dict.fromkeys(words, 1))
    options = lexicon.Options(
        letter_score=0.5, unknown_score=unknown_score, unknown_letter_score=-0.7
    )
    made = lexicon.create(options, tokens=SMALL, lexicon=known, backend=backend)
    sums = all_texts(log_probs, SMALL)
    free = {
        text: total + unknown_score - 0.2 * len(text)
        for text, total in sums.items()
        if text and text not in words
    }
    expected = {
        word: sums[word] + log_prob + 0.5 * len(word)
        for word, log_prob in zip(known.words, known.log_probs, strict=True)
        if word in sums
    }
    best = max(free, key=free.__getitem__, default=None)
    if best is not None:
        expected[best] = free[best]
    for nbest in (1, 3, 100):
        decoded = made(log_probs, nbest=nbest)
        assert_complete(decoded, expected, nbest)
        assert all(h.exact for h in decoded)


@deterministic
@given(
    seed=st.integers(0, 2**32 - 1),
    T=st.integers(1, 5),
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=20, unique=True),
    letter_score=st.sampled_from([0.0, 1.3, 0.2, -0.7, 6.0, -9.0]),
    backend=st.sampled_from(["numpy", "auto"]),
)
def test_an_unfinished_signal_ranks_by_every_beginning_of_a_word(
    seed, T, words, letter_score, backend
):
    log_probs = random_log_probs(np.random.default_rng(seed), T, len(SMALL))
    known = Lexicon.from_counts({word: float(len(word)) for word in words})
    options = lexicon.Options(letter_score=letter_score)
    made = lexicon.create(options, tokens=SMALL, lexicon=known, backend=backend)
    sums = all_texts(log_probs, SMALL)
    expected = {}
    for word, log_prob in zip(known.words, known.log_probs, strict=True):
        # Each beginning is paid for its own letters; those that are still to come cost 0.5 nats.
        said = [
            sums.get(word[:n], -math.inf) + letter_score * n - 0.5 * (len(word) - n)
            for n in range(len(word) + 1)
        ]
        expected[word] = float(np.logaddexp.reduce(said)) + log_prob
    for nbest in (1, 4, 100):
        decoded = made(log_probs, nbest=nbest, partial=True)
        assert_complete(decoded, expected, nbest)
        assert all(h.posterior is None and h.timesteps == () for h in decoded)


@deterministic
@given(
    seed=st.integers(0, 2**32 - 1),
    T=st.integers(1, 12),
    width=st.sampled_from([1.0, 0.2, 1e-3]),
    backend=st.sampled_from(["numpy", "auto"]),
)
def test_posteriors_hold_the_true_share_of_all_words(seed, T, width, backend):
    rng = np.random.default_rng(seed)
    known = Lexicon.from_counts({w: float(rng.pareto(1.0) + 1e-3) for w in _random_words(rng, 60)})
    options = lexicon.Options(letter_score=0.7, posterior_width=width)
    log_probs = random_log_probs(rng, T, len(LARGE))
    every = {
        word: forward(log_probs, LARGE.encode(word), LARGE.blank_id) + log_prob + 0.7 * len(word)
        for word, log_prob in zip(known.words, known.log_probs, strict=True)
    }
    total = np.logaddexp.reduce(list(every.values()))
    made = lexicon.create(options, tokens=LARGE, lexicon=known, backend=backend)
    for candidate in made(log_probs, nbest=3):
        low, high = candidate.posterior
        assert low - 1e-12 <= math.exp(every[candidate.text] - total) <= high + 1e-12
        assert high - low <= width + 1e-12


@deterministic
@given(
    seed=st.integers(0, 2**32 - 1),
    T=st.integers(1, 12),
    margin=st.sampled_from([0.01, 1.0, 4.0]),
    nbest=st.sampled_from([1, 3, 200]),
    partial=st.booleans(),
    backend=st.sampled_from(["numpy", "auto"]),
)
def test_within_the_margin_no_word_is_missed(seed, T, margin, nbest, partial, backend):
    rng = np.random.default_rng(seed)
    known = Lexicon.from_counts({w: float(rng.pareto(1.0) + 1e-3) for w in _random_words(rng, 60)})
    log_probs = random_log_probs(rng, T, len(LARGE))

    def made(**how):
        options = lexicon.Options(letter_score=0.7, **how)
        return lexicon.create(options, tokens=LARGE, lexicon=known, backend=backend)

    every = [*made()(log_probs, nbest=200, partial=partial)]
    near = [h for h in every if h.score >= every[0].score - margin][:nbest]
    found = [*made(margin=margin)(log_probs, nbest=nbest, partial=partial)]
    assert len(near) <= len(found) <= nbest
    assert [h.text for h in found[: len(near)]] == [h.text for h in near]
    assert [h.exact for h in found] == [i < len(near) for i in range(len(found))]
    scores = {h.text: h.score for h in every}
    assert [h.score for h in found] == pytest.approx([scores[h.text] for h in found], abs=1e-9)
    total = float(np.logaddexp.reduce([*scores.values()]))
    for h in found if not partial else ():
        low, high = h.posterior
        assert low - 1e-12 <= math.exp(h.score - total) <= high + 1e-12


def _random_words(rng, count):
    letters = np.array(list("etaoinshr"))
    found = {"".join(rng.choice(letters, rng.integers(1, 11))) for _ in range(count)}
    # Neighbours that share prefixes and doubles, where a search would go wrong.
    return sorted(found | {w + w[-1] for w in list(found)[:20]} | {w[:3] for w in list(found)[:20]})


@pytest.mark.parametrize(
    ("backend", "first", "width"), [("auto", 64, 1024), ("numpy", 64, 1024), ("numpy", 1, 2)]
)
@pytest.mark.parametrize("T", [8, 13, 24, 40])
@pytest.mark.parametrize("spread", [0.3, 2.0, 6.0])
def test_textbook_forward(monkeypatch, T, spread, backend, first, width):
    # Tiny widths send every prefix through the waiting lists of the plain search.
    monkeypatch.setattr(prefix_search, "_FIRST_WIDTH", first)
    monkeypatch.setattr(prefix_search, "_WIDTH", width)
    rng = np.random.default_rng([T, int(10 * spread)])
    known = Lexicon.from_counts({w: float(rng.pareto(1.0) + 1e-3) for w in _random_words(rng, 200)})
    log_probs = random_log_probs(rng, T, len(LARGE), spread)
    options = lexicon.Options(
        lm_weight=0.5, letter_score=0.3, acoustic_scale=0.7, blank_penalty=0.4
    )
    made = lexicon.create(options, tokens=LARGE, lexicon=known, backend=backend)
    flat = 0.7 * log_probs
    flat[:, LARGE.blank_id] -= 0.4
    flat -= np.log(np.exp(flat).sum(axis=1, keepdims=True))
    expected = {
        word: forward(flat, LARGE.encode(word), LARGE.blank_id) + 0.5 * log_prob + 0.3 * len(word)
        for word, log_prob in zip(known.words, known.log_probs, strict=True)
    }
    for nbest in (1, 5, 1000):
        assert_complete(made(log_probs, nbest=nbest), expected, nbest)


@pytest.mark.parametrize("backend", ["auto", "numpy"])
@pytest.mark.parametrize("count", [10, 26, 29, 57, 112, 113])  # where vectors of letters end
@pytest.mark.parametrize("T", [3, 21])
def test_alphabets_of_any_size(count: int, T: int, backend: str) -> None:
    """Many letters follow each prefix: the compiled search bounds up to 112 of them at once."""
    rng = np.random.default_rng([count, T])
    alphabet = [chr(0x4E00 + i) for i in range(count)]
    pairs = [a + b for a in alphabet for b in rng.choice(alphabet, min(count, 25)).tolist()]
    words = {*alphabet, *pairs, *(pair + pair[-1] for pair in pairs[:60])}
    known = Lexicon.from_counts({word: float(rng.pareto(1.0) + 1e-3) for word in sorted(words)})
    tokens = Tokens((*alphabet, "<b>"), count)
    log_probs = random_log_probs(rng, T, len(tokens), 2.0)
    options = lexicon.Options(lm_weight=0.5, letter_score=0.3)
    made = lexicon.create(options, tokens=tokens, lexicon=known, backend=backend)
    expected = {
        word: forward(log_probs, tokens.encode(word), count) + 0.5 * log_prob + 0.3 * len(word)
        for word, log_prob in zip(known.words, known.log_probs, strict=True)
    }
    for nbest in (1, 7):
        assert_complete(made(log_probs, nbest=nbest), expected, nbest)


@deterministic
@given(
    seed=st.integers(0, 2**32 - 1),
    T=st.integers(1, 12),
    spread=st.sampled_from([0.5, 8.0]),
    letter_score=st.sampled_from([-1.0, 0.0, 1.5]),
)
def test_no_word_scores_above_the_bound_of_any_of_its_prefixes(seed, T, spread, letter_score):
    rng = np.random.default_rng(seed)
    words = np.unique(rng.choice(WORDS, 40))
    weights = rng.normal(0.0, 3.0, len(words))
    log_probs = random_log_probs(rng, T, 4, spread)
    trie, numbers = tries.build(tries.encode(words, {c: i for i, c in enumerate(LETTERS)}))
    weights, words = weights[np.argsort(numbers)], words[np.argsort(numbers)]
    tree = prefix_search.Tree(trie, weights, prefix_search.Bounds(trie, weights, letter_score))
    lattice = prefix_search.Lattice(log_probs, letter_score)
    bounds = {0: math.inf}
    none = np.zeros(1, np.int64)
    level = prefix_search._waiting(tree, lattice, none, none, lattice.root(), None)
    while len(level.nodes):
        bounds.update(zip(level.nodes.tolist(), level.bounds.tolist(), strict=True))
        grown = lattice.grow(trie.letter[level.nodes], level.before[level.rows])
        level = prefix_search._waiting(tree, lattice, level.nodes, level.depth + 1, grown, None)
    for entry, word in enumerate(words):
        score = forward(log_probs, [LETTERS.index(c) for c in word], 3) + weights[entry]
        for n in range(1, len(word) + 1):
            codes = tries.encode(np.array([word[:n]]), {c: i for i, c in enumerate(LETTERS)})
            node = int(trie.find(codes)[0])
            assert bounds[node] >= score - 1e-9
        assert trie.word[node] == entry


@deterministic
@given(seed=st.integers(0, 2**32 - 1), T=st.integers(8, 40), frames=st.integers(1, 20))
def test_blank_padding_changes_no_score(seed, T, frames):
    rng = np.random.default_rng(seed)
    made = lexicon.create(
        lexicon.Options(),
        tokens=LARGE,
        lexicon=Lexicon.from_counts(dict.fromkeys(_random_words(rng, 50), 1)),
    )
    log_probs = random_log_probs(rng, T, len(LARGE))
    blank = np.full((frames, len(LARGE)), -np.inf)
    blank[:, LARGE.blank_id] = 0.0
    plain, padded = made(log_probs), made(np.concatenate([log_probs, blank]))
    assert [c.text for c in plain.candidates] == [c.text for c in padded.candidates]
    for a, b in zip(plain.candidates, padded.candidates, strict=True):
        assert a.score == pytest.approx(b.score, abs=1e-9)


@deterministic
@given(seed=st.integers(0, 2**32 - 1))
def test_a_word_less_likely_than_the_winner_never_changes_it(seed):
    rng = np.random.default_rng(seed)
    words = _random_words(rng, 40)
    log_probs = random_log_probs(rng, 16, len(LARGE))
    options = lexicon.Options(lm_weight=0.0)
    every = lexicon.create(
        options, tokens=LARGE, lexicon=Lexicon.from_counts(dict.fromkeys(words, 1))
    )(log_probs)
    fewer = [word for word in words if word == every.best.text or rng.random() < 0.5]
    some = lexicon.create(
        options, tokens=LARGE, lexicon=Lexicon.from_counts(dict.fromkeys(fewer, 1))
    )(log_probs)
    assert some.best.text == every.best.text
    assert some.best.score == pytest.approx(every.best.score, abs=1e-9)


@deterministic
@given(seed=st.integers(0, 2**32 - 1), T=st.integers(8, 40))
def test_timesteps_lie_on_a_best_alignment(seed, T):
    rng = np.random.default_rng(seed)
    log_probs = random_log_probs(rng, T, len(LARGE), 4.0)
    known = Lexicon.from_counts(dict.fromkeys(_random_words(rng, 50), 1))
    for candidate in lexicon.create(lexicon.Options(), tokens=LARGE, lexicon=known)(
        log_probs
    ).candidates:
        steps = candidate.timesteps
        assert len(steps) == len(candidate.text)
        assert all(a < b for a, b in itertools.pairwise(steps))
        # No letter can be taken out of its frame: pinning them all keeps the best path's score.
        label = LARGE.encode(candidate.text)
        pinned = log_probs.copy()
        for letter, frame in zip(label, steps, strict=True):
            pinned[frame] = -np.inf
            pinned[frame, letter] = log_probs[frame, letter]
        assert viterbi(pinned, label) == pytest.approx(viterbi(log_probs, label), abs=1e-9)


def viterbi(log_probs, label):
    """Natural-log probability of the best path that spells ``label``."""
    states = [LARGE.blank_id]
    for letter in label:
        states += [letter, LARGE.blank_id]
    score = np.full(len(states), -np.inf)
    score[:2] = log_probs[0, states[:2]]
    for row in log_probs[1:]:
        new = score.copy()
        for s in range(1, len(states)):
            new[s] = max(new[s], score[s - 1])
            if s > 1 and states[s] not in (LARGE.blank_id, states[s - 2]):
                new[s] = max(new[s], score[s - 2])
        score = new + row[states]
    return max(score[-1], score[-2])
