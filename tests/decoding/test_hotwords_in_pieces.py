"""Hotwords of a table of word pieces: held to a textbook's beam, harmless, and found."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import textbook_beam
from beam_cases import NATIVE, ToyModel, log_softmax
from textbook_beam import Text, TooClose, Worth

from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import beam
from edgectc.decoding.search import compiled
from edgectc.language.lexicon import Lexicon

BACKENDS = pytest.mark.parametrize("backend", ["numpy", NATIVE])
COUNTS = pytest.mark.parametrize(
    ("backend", "count"), [("numpy", 40), pytest.param("native", 400, marks=NATIVE.marks)]
)


@dataclass(frozen=True)
class Style:
    """A way to mark words, as the makers of such tables describe it."""

    symbols: tuple[str, ...]

    def begins(self, symbol: str) -> bool:
        marked = any(s.startswith("##") for s in self.symbols)
        return not symbol.startswith("##") if marked else symbol.startswith("▁")

    def ends(self, symbol: str) -> bool:
        return symbol.endswith("</w>")

    def words(self, text: Text) -> list[Text]:
        """Return the words of a text, each in its symbols."""
        found: list[Text] = []
        for at, symbol in enumerate(text):
            if not at or self.begins(symbol) or self.ends(text[at - 1]):
                found.append(())
            found[-1] = (*found[-1], symbol)
        return found

    def ways(self, word: str) -> list[Text]:
        """Return the symbol sequences that are ``word`` with its marks."""
        pieces = {s: plain((s,)) for s in self.symbols}
        found: list[Text] = []

        def walk(way: Text, rest: str) -> None:
            if not rest:
                first, last = any(map(self.begins, pieces)), any(map(self.ends, pieces))
                fits = self.words(way) == [way] and (self.begins(way[0]) or not first)
                found.extend([way] if fits and (self.ends(way[-1]) or not last) else [])
                return
            for symbol, piece in pieces.items():
                if piece and rest.startswith(piece):
                    walk((*way, symbol), rest[len(piece) :])

        walk((), word)
        return found


def plain(symbols: Text) -> str:
    return "".join(symbols).replace("▁", "").replace("##", "").replace("</w>", "")


STYLES = {
    "marked": Style(("▁a", "▁b", "▁ab", "a", "b", "c")),
    "goes on": Style(("a", "b", "ab", "##a", "##b", "##c")),
    "end": Style(("a", "b", "a</w>", "b</w>", "ab</w>", "c")),
}


class ByText(dict):
    """What is told of texts, in whatever pieces they are written."""

    def __contains__(self, symbols: object) -> bool:
        return super().__contains__(plain(symbols))  # type: ignore[arg-type]

    def __getitem__(self, symbols: Text) -> float:
        return super().__getitem__(plain(symbols))

    def get(self, symbols: Text, default: float | None = None) -> float | None:
        return super().get(plain(symbols), default)


class PlainModel(ToyModel):
    """The bigram model, of words in pieces."""

    def score(self, state: object, word: str) -> tuple[float, object]:
        return super().score(state, plain((word,)))  # type: ignore[arg-type]


class InPieces(Worth):
    """What texts are worth where marks say which symbols are a word."""

    style: Style

    def split(self, text: Text, ended: bool) -> tuple[list[Text], Text]:
        words = self.style.words(text)
        begun = () if ended or not words else words.pop()
        return words, begun

    def marked(self, text: Text, ended: bool) -> Text:
        found: Text = (self.mark,)
        for at, word in enumerate(self.style.words(text)):
            found += ((self.mark,) if at else ()) + word
        return (*found, self.mark) if ended else found

    def completes(self, text: Text, *, ended: bool = False) -> bool:
        """Return whether hotwords are complete by the last symbol: that it begins a word may be."""
        marked = [self.marked(text, ended)]
        words = self.style.words(text)
        if not ended and len(words) > 1 and len(words[-1]) == 1:
            marked.append(marked[0][:-1])
        return sum(n for m in marked for p, n in self.phrases if m[-len(p) :] == p) > 0


def random_case(rng: np.random.Generator, style: Style) -> dict:
    letters = [*"abc"]
    lexicon = None
    if rng.random() < 0.6:
        some = {"".join(rng.choice(letters, int(rng.integers(1, 5)))) for _ in range(25)}
        counts = {w: float(rng.uniform(0.1, 9)) for w in sorted(some) if style.ways(w)}
        lexicon = Lexicon.from_counts(counts)
    hot = {w: float(rng.choice([6.0, 2.5, 1.0, -1.5]))
           for w in ("ab", "a b", "ba", "acb", "b aab", "bab") if rng.random() < 0.5}  # fmt: skip
    hot = {w: nats for w, nats in hot.items() if all(map(style.ways, w.split()))}
    options = beam.Options(
        beam_size=int(rng.choice([1, 2, 3, 5, 9])),
        beam_threshold=rng.choice([None, 4.0, 12.0]),
        token_threshold=rng.choice([None, -3.0]),
        lm_weight=float(rng.choice([0.4, 1.3])),
        word_score=float(rng.choice([0.0, 0.7, -1.1])),
        unknown_score=float(rng.choice([-3.0, 0.0, 0.8])) if lexicon else 0.0,
        constrain=bool(lexicon) and bool(rng.random() < 0.3),
    )
    model = ToyModel() if rng.random() < 0.5 else None
    return {"options": options, "lexicon": lexicon, "hotwords": hot, "language_model": model}


def worth_of(made: dict, style: Style) -> Worth:
    options, lexicon = made["options"], made["lexicon"]
    hotwords = [
        (way, nats)
        for phrase, nats in made["hotwords"].items()
        for way in itertools.product(*map(style.ways, phrase.split()))
    ]
    words: dict[str, float] = {}
    lent: set[str] = set()
    if lexicon:
        words = dict(zip(lexicon.words, lexicon.log_probs.tolist(), strict=True))
        rarest = min(words.values())
        most: dict[str, float] = {}
        for phrase, nats in made["hotwords"].items():
            for word in phrase.split():
                most[word] = max(nats, most.get(word, nats))
        lent = {word for word, nats in most.items() if nats > 0 and word not in words}
        words = {**dict.fromkeys(most, rarest), **words}
    worth = InPieces(
        single=True,
        words=ByText(words),
        constrain=options.constrain,
        model=PlainModel() if made["language_model"] else None,
        lm_weight=options.lm_weight if lexicon or made["language_model"] else 0.0,
        word_score=options.word_score,
        unknown_score=options.unknown_score,
        hotwords=hotwords,
    )
    worth.style = style
    worth.best, worth.own = begun_by(words), begun_by({w: words[w] for w in words if w not in lent})
    return worth


def begun_by(words: dict[str, float]) -> ByText:
    best: dict[str, float] = {}
    for word, log_prob in words.items():
        for end in range(len(word) + 1):
            best[word[:end]] = max(log_prob, best.get(word[:end], -math.inf))
    return ByText(best)


def expected_of(
    made: dict, style: Style, log_probs: np.ndarray, symbols: tuple[str, ...]
) -> dict[str, float]:
    """Return the score of each text, the terms of those that read the same from the best."""
    worth, options = worth_of(made, style), made["options"]
    kept = textbook_beam.search(
        log_probs, symbols, 0, worth, beam_size=options.beam_size,
        beam_threshold=options.beam_threshold, token_threshold=options.token_threshold,
    )  # fmt: skip
    read: dict[str, list[tuple[float, float]]] = {}
    for text, mass in kept.items():
        value = worth.settled(text, ended=True)
        shown = " ".join(plain(word) for word in style.words(text))
        if value > -math.inf:
            read.setdefault(shown, []).append((mass, value))
    return {
        shown: float(np.logaddexp.reduce([mass for mass, _ in rows])) + max(rows, key=sum)[1]
        for shown, rows in read.items()
    }


def random_frames(rng: np.random.Generator, symbols: tuple[str, ...]) -> np.ndarray:
    T = int(rng.integers(2, 13))
    return log_softmax(rng.normal(0.0, float(rng.choice([1.0, 2.5, 4.0])), (T, len(symbols))))


@BACKENDS
@pytest.mark.parametrize("style", STYLES)
def test_narrow_beams_are_a_textbooks(style: str, backend: str) -> None:
    rng = np.random.default_rng([50, len(style)])
    symbols, done, hot = ("-", *STYLES[style].symbols), 0, 0
    while done < 150:
        made = random_case(rng, STYLES[style])
        log_probs = random_frames(rng, symbols)
        try:
            expected = expected_of(made, STYLES[style], log_probs, symbols)
        except TooClose:
            continue
        done += 1
        decode = beam.create(tokens=Tokens(symbols, 0), backend=backend, **made)
        found = {h.text: h for h in decode(log_probs, nbest=1_000)}
        if expected and max(expected, key=lambda text: expected[text]) == "":
            assert not found
            continue
        expected.pop("", None)
        assert {text: h.score for text, h in found.items()} == pytest.approx(expected, abs=1e-8)
        hot += any(h.parts["hotwords"] for h in found.values())
    assert hot > 20


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.skipif(not compiled.LIBRARY.exists(), reason="the compiled search was not built here")
def test_both_searches_agree_to_the_last_bit_but_rounding(style: str) -> None:
    rng = np.random.default_rng([51, len(style)])
    symbols = ("-", *STYLES[style].symbols)
    for _ in range(150):
        made = random_case(rng, STYLES[style])
        log_probs = log_softmax(rng.normal(0.0, 2.0, (40, len(symbols))))
        one, other = (
            beam.create(tokens=Tokens(symbols, 0), backend=name, **made)(log_probs, nbest=50)
            for name in ("numpy", "native")
        )
        assert [h.text for h in one] == [h.text for h in other]
        assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=1e-9)
        assert [h.timesteps for h in one] == [h.timesteps for h in other]


# ---- sentences -----------------------------------------------------------------------------------

TABLE = ("-", *(f"▁{c}" for c in "abcdefghiklmnop"), *"abcdefghiklmnop", "en", "▁an", "ea", "▁go")
TOKENS = Tokens(TABLE, 0)
WORDS = "cab bad hidden madden golden nap pain an a feed bead pale hole open mind leaf".split()


def pieces_of(rng: np.random.Generator, word: str) -> Iterator[str]:
    at = 0
    while at < len(word):
        mark = "" if at else "▁"
        fits = [n for n in (2, 1) if f"{mark}{word[at : at + n]}" in TABLE and at + n <= len(word)]
        size = int(rng.choice(fits))
        yield f"{mark}{word[at : at + size]}"
        at += size


def utterance(rng: np.random.Generator, words: list[str], noise: float) -> np.ndarray:
    """Frames of two to four words, some pieces hard to tell."""
    rows = []
    for word in rng.choice(words, int(rng.integers(2, 5))):
        for piece in pieces_of(rng, str(word)):
            for symbol in (piece, "-")[: int(rng.integers(1, 3))]:
                row = rng.normal(0.0, noise, len(TABLE))
                row[TABLE.index(symbol)] += 6.0
                rows.append(row)
    return log_softmax(np.array(rows))


def made_of(backend: str, hotwords: dict[str, float], **given) -> beam.BeamDecoder:
    options = beam.Options(beam_size=12, **given.pop("options", {}))
    return beam.create(options, tokens=TOKENS, hotwords=hotwords, backend=backend, **given)


@COUNTS
@pytest.mark.parametrize("helped", ["", "model", "lexicon"])
def test_a_term_that_is_in_no_text_changes_none(backend: str, count: int, helped: str) -> None:
    rng = np.random.default_rng(52)
    terms = {"hiddenlego": 12.0, "goldenmine": 30.0, "cabbage": 8.0, "an open hole": 9.0}
    more = {"language_model": ToyModel(), "options": {"lm_weight": 0.7}} if helped else {}
    if helped == "lexicon":
        more["lexicon"] = Lexicon.from_counts({w: i + 1.0 for i, w in enumerate(WORDS)})
    without, with_terms = made_of(backend, {}, **more), made_of(backend, terms, **more)
    said = 0
    for _ in range(count):
        values = utterance(rng, WORDS, 2.4)
        expected, found = without(values, nbest=12), with_terms(values, nbest=12)
        if any(f" {term} " in f" {h.text} " for term in terms for h in found):
            said += 1
            continue
        assert found == expected  # texts, scores, probabilities, frames
    assert said < 0.05 * count


@COUNTS
def test_a_term_over_several_pieces_is_found(backend: str, count: int) -> None:
    rng = np.random.default_rng(53)
    terms = {"golden": 6.0, "an open mind": 6.0}
    decoders = made_of(backend, {}), made_of(backend, terms)
    hits = [0, 0]
    for _ in range(40):
        values = utterance(rng, ["golden", "an", "open", "mind"], 3.2)
        for at, decode in enumerate(decoders):
            hits[at] += decode(values).best.text.split().count("golden")
    assert hits[1] > 1.3 * hits[0]
