"""Where each word is: held against every alignment that there is, and against torchaudio."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.tokens import Tokens, collapse
from edgectc.core.types import WordSpan
from edgectc.decoding.decoders import beam
from edgectc.decoding.search import compiled
from edgectc.decoding.search.spans import word_spans
from edgectc.language.lexicon import Lexicon

SYMBOLS = ("-", "a", "b", "|")
SEEDS = pytest.mark.parametrize("seed", range(40))


def log_softmax(values: np.ndarray) -> np.ndarray:
    return values - np.logaddexp.reduce(values, axis=1, keepdims=True)


def words_of(path: tuple[int, ...], boundary: int) -> list[tuple[int, ...]]:
    """Return the words that a path says, separators left out."""
    words: list[tuple[int, ...]] = [()]
    for token, _ in collapse(path, 0):
        words = [*words, ()] if token == boundary else [*words[:-1], (*words[-1], token)]
    return [word for word in words if word]


def frames_of(path: tuple[int, ...], boundary: int) -> list[tuple[int, int]]:
    """Return first and last frame + 1 of each word of a path, where each token is emitted."""
    spans: list[tuple[int, int]] = []
    going = False  # within a word
    for t, token in enumerate(path):
        if token == 0:
            continue
        if token == boundary:
            going = False
        elif going:
            spans[-1] = (spans[-1][0], t + 1)
        else:
            spans.append((t, t + 1))
            going = True
    return spans


def every_path(log_probs: np.ndarray):
    T, V = log_probs.shape
    for path in itertools.product(range(V), repeat=T):
        yield path, sum(float(log_probs[t, v]) for t, v in enumerate(path))


@SEEDS
def test_words_between_separators_are_aligned_as_brute_force_says(seed: int) -> None:
    rng = np.random.default_rng([18, seed])
    T = int(rng.integers(3, 8))
    log_probs = log_softmax(rng.normal(0.0, 2.0, (T, 4)))
    paths = list(every_path(log_probs))
    said = {tuple(words_of(path, 3)) for path, _ in paths}
    text = sorted(said - {()})[int(rng.integers(len(said) - 1))]
    found = word_spans(log_probs, [(str(w), w) for w in text], blank=0, boundary=3)
    ours = [p for p in paths if tuple(words_of(p[0], 3)) == text]
    best = max(score for _, score in ours)
    assert [(w.start, w.end) for w in found] in [
        frames_of(path, 3) for path, score in ours if score > best - 1e-9
    ]
    check_confidence(log_probs, text, found, 3)


def check_confidence(log_probs, text, found, boundary) -> None:
    middles = [(a.end + b.start + 1) // 2 for a, b in itertools.pairwise(found)]
    cuts = [0, *middles, len(log_probs)]
    for word, span, (first, last) in zip(text, found, itertools.pairwise(cuts), strict=True):
        window = every_path(log_probs[first:last])
        mass = sum(math.exp(s) for path, s in window if words_of(path, boundary) == [word])
        assert span.confidence == pytest.approx(mass, abs=1e-9)


@SEEDS
def test_tokens_that_are_words_are_aligned_as_brute_force_says(seed: int) -> None:
    rng = np.random.default_rng([19, seed])
    T = int(rng.integers(2, 7))
    log_probs = log_softmax(rng.normal(0.0, 2.0, (T, 4)))
    paths = list(every_path(log_probs))
    texts = {tuple(t for t, _ in collapse(path, 0)) for path, _ in paths} - {()}
    text = sorted(texts)[int(rng.integers(len(texts)))]
    found = word_spans(log_probs, [(SYMBOLS[t], (t,)) for t in text], blank=0)
    runs = {}
    for path, score in paths:
        if tuple(t for t, _ in collapse(path, 0)) == text:
            at, spans = 0, []
            for token, group in itertools.groupby(path):
                size = len(list(group))
                if token:
                    spans.append((at, at + size))
                at += size
            runs[path] = (score, spans)
    best = max(score for score, _ in runs.values())
    assert [(w.start, w.end) for w in found] in [s for v, s in runs.values() if v > best - 1e-9]
    for token, span in zip(text, found, strict=True):
        assert 0.0 < span.confidence <= 1.0
        assert span.text == SYMBOLS[token]


@SEEDS
def test_a_long_clear_signal_is_aligned_as_it_was_made(seed: int) -> None:
    rng = np.random.default_rng([21, seed])
    path: list[int] = []
    while len(path) < 300:
        path += [int(rng.integers(0, 4))] * int(rng.integers(1, 5))
    log_probs = np.log(np.full((len(path), 4), 0.01) + 0.96 * np.eye(4)[path])
    words = [(str(word), word) for word in words_of(tuple(path), 3)]
    found = word_spans(log_probs, words, blank=0, boundary=3)
    assert [(w.start, w.end) for w in found] == frames_of(tuple(path), 3)


TOKENS = ("-", *"abcdeht", "|")


def said(path: str, sure: float = 0.9) -> np.ndarray:
    rows = np.full((len(path), len(TOKENS)), (1 - sure) / (len(TOKENS) - 1))
    for t, symbol in enumerate(path):
        rows[t, TOKENS.index(symbol)] = sure
    return np.log(rows)


BACKENDS = [
    "numpy",
    pytest.param(
        "native", marks=pytest.mark.skipif(not compiled.LIBRARY.exists(), reason="not built")
    ),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("lexicon", [None, ["the", "Cat", "bat"]])
def test_the_beam_tells_words_as_they_are_shown(backend: str, lexicon) -> None:
    words = Lexicon.from_counts({w: 1.0 for w in lexicon}) if lexicon else None
    decode = beam.create(
        beam.Options(separator="|"), tokens=Tokens(TOKENS, 0), lexicon=words, backend=backend
    )
    signal = said("-tthe-||-c-aat--", 0.99)
    best = decode(signal, spans=True).best
    shown = "Cat" if lexicon else "cat"
    assert best.text == f"the {shown}"
    assert [(w.text, w.start, w.end) for w in best.words] == [("the", 1, 5), (shown, 9, 14)]
    assert all(0.8 < w.confidence < 1.0 for w in best.words)
    assert best.words[1].seconds(0.02) == pytest.approx((0.18, 0.28))
    assert decode(signal).best.words == ()
    stream = decode.stream(spans=True)
    for at in range(0, len(signal), 3):
        stream.push(signal[at : at + 3])
    assert stream.finish().best.words == best.words


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("▁ c a t - ▁ s", "cat s"),
        ("▁ - c a t - ▁s", "cat s"),
        ("c a t - ▁ s", "cat s"),
        ("▁c a t - ▁ s", "cat s"),
    ],
)
def test_a_mark_alone_before_the_first_word_takes_no_confidence(path: str, text: str) -> None:
    table = ("-", "▁c", "▁s", "▁", "c", "a", "t", "s")
    rows = [np.where(np.arange(8) == table.index(piece), 0.97, 0.03 / 7) for piece in path.split()]
    answers = [
        edgectc.make_decoder(name, tokens=table, blank_id=0)(np.log(rows), spans=True).best
        for name in ("greedy", "beam")
    ]
    assert [best.text for best in answers] == [text, text]
    assert [(w.start, w.end) for w in answers[0].words] == [
        (w.start, w.end) for w in answers[1].words
    ]
    assert all(w.confidence > 0.8 for best in answers for w in best.words)


def test_a_word_that_the_lexicon_put_in_has_little_confidence() -> None:
    decode = edgectc.make_decoder(
        "beam", tokens=TOKENS, blank_id=0, separator="|", lexicon={"the": -1.0, "bat": -2.0},
        constrain=True, token_threshold=None,
    )  # fmt: skip
    sure, put = decode(said("the|cat", 0.97), spans=True).best.words
    assert (sure.text, put.text) == ("the", "bat")
    assert sure.confidence > 0.8 > 0.1 > put.confidence


def test_greedy_and_lexicon_and_batches() -> None:
    tokens = ["-", "a", "b", " "]
    path = np.log(np.full((6, 4), 0.02) + 0.92 * np.eye(4)[[1, 1, 3, 0, 2, 1]])
    greedy = edgectc.make_decoder("greedy", tokens=tokens, blank_id=0)
    words = greedy(path, spans=True).best.words
    assert [(w.text, w.start, w.end) for w in words] == [("a", 0, 2), ("ba", 4, 6)]
    assert greedy(path).best.words == ()

    lexicon = edgectc.make_decoder(
        "lexicon", tokens=TOKENS, blank_id=0, lexicon={"bad": -1.0, "be": -2.0}
    )
    signal = said("-bb-ad-")
    best = lexicon(signal, spans=True).best
    assert best.words == (WordSpan("bad", 1, 6, pytest.approx(math.exp(best.parts["ctc"]))),)
    assert lexicon(signal).best.words == ()
    with pytest.raises(ConfigError, match="leave spans or partial out"):
        lexicon(signal, spans=True, partial=True)
    assert lexicon(signal, partial=True).best.text == lexicon(signal, spans=True).best.text

    batch = edgectc.decode_batch(lexicon, [signal, said("be")], spans=True)
    assert [d.best.words[0].text for d in batch] == ["bad", "be"]


def test_a_decoder_without_spans_says_so() -> None:
    template = edgectc.make_decoder("template", tokens=TOKENS, blank_id=0, lexicon={"bad": -1.0})
    with pytest.raises(ConfigError, match="does not take spans"):
        edgectc.decode_batch(template, [said("bad")], spans=True)


def test_spans_of_pyctcdecode_are_near_those_of_the_package() -> None:
    package = pytest.importorskip("pyctcdecode")
    signal = said("-tthe-||-c-aat--", 0.99)
    ours = edgectc.make_decoder("pyctcdecode", tokens=TOKENS, blank_id=0, separator="|")
    words = ours(signal, spans=True).best.words
    theirs = package.build_ctcdecoder(["", *TOKENS[1:-1], " "]).decode_beams(signal)[0][2]
    assert [(w.text, (w.start, w.end)) for w in words] == theirs
    pieces = edgectc.make_decoder("pyctcdecode", tokens=("-", "▁a", "b"), blank_id=0)
    values = np.log(np.full((2, 3), 1 / 3))
    with pytest.raises(ConfigError, match="use decoder 'beam'"):
        pieces(values, spans=True)
    instead = edgectc.make_decoder("beam", tokens=("-", "▁a", "b"), blank_id=0)
    assert instead(values, spans=True).best.words


@pytest.mark.parametrize("name", ["greedy", "beam", "lexicon"])
def test_scores_of_any_scale_are_normalized_by_choice(name: str) -> None:
    lexicon = {} if name != "lexicon" else {"lexicon": {"bad": -1.0, "be": -2.0}}
    decode = edgectc.make_decoder(name, tokens=TOKENS, blank_id=0, **lexicon)
    log_probs = said("-bb-ad-", 0.7)
    logits = log_probs + np.random.default_rng(1).normal(0.0, 9.0, (len(log_probs), 1))
    with pytest.raises(InputError, match="normalize=True") as caught:
        decode(logits)
    assert caught.value.reason == "not_log_probs"
    before = logits.copy()
    found = decode(logits, normalize=True)
    assert [h.text for h in found] == [h.text for h in decode(log_probs)]
    assert found.best.score == pytest.approx(decode(log_probs).best.score)
    np.testing.assert_array_equal(logits, before)
    batch = edgectc.decode_batch(decode, [logits], normalize=True)
    assert batch[0].best.text == found.best.text
    logits[2] = -np.inf
    with pytest.raises(InputError, match="frame 2 is -Inf throughout"):
        decode(logits, normalize=True)
