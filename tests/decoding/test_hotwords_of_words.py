"""Hotwords of the lexicon decoder: as if the lexicon's frequencies were others; and their names."""

from __future__ import annotations

import math

import numpy as np
import pytest
from beam_cases import NATIVE, log_softmax

from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Hypothesis, WordSpan
from edgectc.decoding.decoders import beam, lexicon, spoken
from edgectc.decoding.search.naming import Names
from edgectc.language.hotwords import Hotwords
from edgectc.language.lexicon import Lexicon
from edgectc.language.pronunciations import pronounce
from edgectc.language.pronunciations import spoken as pronounced
from edgectc.language.user_dictionary import UserDictionary

BACKENDS = pytest.mark.parametrize("backend", ["numpy", NATIVE])
LETTERS = "abcdefg"
TOKENS = Tokens(("-", *LETTERS), 0)


def words_of(rng: np.random.Generator, count: int) -> list[str]:
    some = {"".join(rng.choice([*LETTERS], int(rng.integers(1, 6)))) for _ in range(count)}
    return sorted(some)


def made(backend: str, words: dict[str, float], options: dict | None = None, **given):
    lex = Lexicon(tuple(words), np.array([*words.values()]))
    return lexicon.create(
        lexicon.Options(**(options or {})), tokens=TOKENS, lexicon=lex, backend=backend, **given
    )


def frames(rng: np.random.Generator) -> np.ndarray:
    return log_softmax(rng.normal(0.0, 2.0, (int(rng.integers(3, 11)), len(TOKENS))))


@BACKENDS
def test_a_hotword_is_a_word_of_another_frequency(backend: str) -> None:
    rng, new = np.random.default_rng(70), 0
    for _ in range(60):
        words = {w: float(rng.uniform(-9, -1)) for w in words_of(rng, 40)}
        hot = {w: float(rng.choice([-3.0, 2.0, 6.0])) for w in words_of(rng, 4)}
        weight = float(rng.choice([0.4, 1.0, 2.0]))
        rarest = min(words.values())
        other = dict(words)
        for word, nats in hot.items():
            if word in words or nats > 0:
                other[word] = words.get(word, rarest) + nats / weight
        new += len(other) > len(words)
        options = {"lm_weight": weight, "letter_score": float(rng.choice([0.0, 0.7, -0.5]))}
        log_probs = frames(rng)
        expected = made("numpy", other, options)(log_probs, nbest=6)
        found = made(backend, words, options, hotwords=hot)(log_probs, nbest=6)
        assert [h.text for h in found] == [h.text for h in expected]
        assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-9)
        assert [h.exact for h in found] == [h.exact for h in expected]
        for one, its in zip(found, expected, strict=True):
            # Both bound the same share.
            assert one.posterior[0] <= its.posterior[1] + 1e-9
            assert its.posterior[0] <= one.posterior[1] + 1e-9
            assert one.parts.get("hotwords", 0.0) == (hot.get(one.text, 0.0))
            assert one.score == pytest.approx(
                one.parts["ctc"] + weight * one.parts["lexicon"] + one.parts.get("hotwords", 0.0)
                + options["letter_score"] * len(one.text), abs=1e-9,
            )  # fmt: skip
    assert new > 20


@BACKENDS
def test_a_term_is_as_frequent_as_its_word_in_another_case(backend: str) -> None:
    words = {"abba": -2.0, "Abba": -5.0, "cab": -4.0}
    decode = made(backend, words, hotwords={"ABBA": 1.0})
    found = {h.text: h for h in decode(frames(np.random.default_rng(71)), nbest=9)}
    assert found["ABBA"].score == pytest.approx(found["abba"].score + 1.0)
    assert found["ABBA"].parts["lexicon"] == -2.0


@BACKENDS
def test_every_spelling_leads_to_the_term_once(backend: str) -> None:
    terms = Hotwords({
        "products": {"weight": 9.0, "terms": [{"text": "G D", "spellings": ["gee dee"]},
                                              {"text": "ABC", "spellings": ["abeced", "abeceda"]}]}
    })  # fmt: skip
    words = {"abeced": -3.0, "bead": -3.0, "gee": -2.0}
    decode = made(backend, words, hotwords=terms)
    rng = np.random.default_rng(72)
    for spelling in ("abeced", "abc", "abeceda"):
        row = np.full((2 * len(spelling), len(TOKENS)), -6.0)
        for at, letter in enumerate(spelling):
            row[2 * at, TOKENS.ids[letter]] = row[2 * at + 1, 0] = 0.0
        found = decode(log_softmax(row + rng.normal(0, 0.1, row.shape)), nbest=4)
        assert found.best.text == "ABC"
        assert [h.text for h in found].count("ABC") == 1
        assert len(found) == 4
    gee = np.full((6, len(TOKENS)), -6.0)
    for at, letter in enumerate("g-e-e-"):
        gee[at, TOKENS.ids[letter]] = 0.0
    assert decode(log_softmax(gee), nbest=1).best.text == "G"  # of a phrase each word


@BACKENDS
def test_what_the_user_hides_stays_hidden(backend: str) -> None:
    mine = UserDictionary()
    mine.hide("abba")
    mine.add("deed", 40)
    decode = made(backend, {"cab": -4.0}, dictionary=mine, hotwords={"Abba": 9.0, "deed": 2.0})
    log_probs = frames(np.random.default_rng(73))
    found = {h.text: h for h in decode(log_probs, nbest=9)}
    assert "Abba" not in found
    # Both count: its frequency is the lexicon's rarest and 40 uses, and its nats are added.
    frequency = math.log(math.exp(-4.0) + 40 * 1e-5)
    assert found["deed"].parts["lexicon"] == pytest.approx(frequency)
    assert found["deed"].parts["hotwords"] == 2.0
    mine.remove("abba")
    assert "Abba" in {h.text for h in decode(log_probs, nbest=9)}
    mine.remove("deed")
    rest = {h.text: h for h in decode(log_probs, nbest=9)}
    assert rest["deed"].parts["lexicon"] == -4.0


@pytest.mark.slow
@BACKENDS
def test_ten_thousand_terms_that_are_not_meant_change_no_score(backend: str) -> None:
    rng = np.random.default_rng(74)
    letters = [*LETTERS]
    terms = {"".join(rng.choice(letters, 12)): 5.0 for _ in range(10_000)}
    words = {w: float(rng.uniform(-9, -1)) for w in words_of(rng, 300)}
    plain, hot = made(backend, words), made(backend, words, hotwords=terms)
    for _ in range(20):
        log_probs = frames(rng)[:8]  # no room for 12 letters
        one, other = plain(log_probs, nbest=5), hot(log_probs, nbest=5)
        assert [(h.text, h.probability, h.timesteps) for h in one] == [
            (h.text, h.probability, h.timesteps) for h in other
        ]
        assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=1e-12)


def test_what_cannot_be_spelled_is_said_and_the_rest_is_found(
    caplog: pytest.LogCaptureFixture,
) -> None:
    decode = made("numpy", {"cab": -1.0}, hotwords=["abba", "quiz"])
    assert "1 of 2 spellings of hotwords are left out" in caplog.text
    assert "'quiz'" in caplog.text
    assert {h.text for h in decode(frames(np.random.default_rng(75)), nbest=9)} == {"abba", "cab"}


# ---- names in sentences --------------------------------------------------------------------------

SENTENCES = Tokens(("-", *"abcdefghijklmnopqrstuvwxyz", "|"), 0)
TERMS = Hotwords({
    "contacts": {"weight": 6.0, "terms": ["Łódź", "Anna Kowalska"]},
    "products": {"terms": [{"text": "SQL", "spellings": ["sequel", "s q l"], "weight": 4.0}]},
})  # fmt: skip


def clearly(path: str, tokens: Tokens = SENTENCES) -> np.ndarray:
    rows = np.full((2 * len(path), len(tokens)), -8.0)
    for at, symbol in enumerate(path):
        rows[2 * at, tokens.ids[symbol]] = rows[2 * at + 1, 0] = 0.0
    return log_softmax(rows)


@BACKENDS
def test_terms_of_a_sentence_are_shown_as_they_are_written(backend: str) -> None:
    options = beam.Options(separator="|", hotword_score=1.5)
    decode = beam.create(options, tokens=SENTENCES, hotwords=TERMS, backend=backend)
    found = decode(clearly("in|lodz|anna|kowalska|ran|s|q|l"), spans=True).best
    assert found.text == "in Łódź Anna Kowalska ran SQL"
    assert found.parts["hotwords"] == 16.0
    assert [w.text for w in found.words] == ["in", "Łódź", "Anna", "Kowalska", "ran", "SQL"]
    assert (found.words[-1].start, found.words[-1].end) == (52, 61)
    stream = decode.stream()
    stream.push(clearly("my|sequel"))
    assert stream.partial() == "my SQL"
    assert stream.finish().best.parts["hotwords"] == 4.0
    free = Hotwords({"any": {"terms": ["my"]}})
    decode = beam.create(options, tokens=SENTENCES, hotwords=free, backend=backend)
    assert decode(clearly("my")).best.parts["hotwords"] == 1.5


@BACKENDS
def test_terms_in_word_pieces_and_of_a_lexicon_keep_their_names(backend: str) -> None:
    table = Tokens(("-", "▁se", "quel", "▁s", "▁q", "▁l", "▁my"), 0)
    decode = beam.create(beam.Options(), tokens=table, hotwords=TERMS, backend=backend)
    for pieces in (["▁my", "▁se", "quel"], ["▁my", "▁s", "▁q", "▁l"]):
        rows = np.full((2 * len(pieces), len(table)), -8.0)
        for at, piece in enumerate(pieces):
            rows[2 * at, table.ids[piece]] = rows[2 * at + 1, 0] = 0.0
        assert decode(log_softmax(rows)).best.text == "my SQL"
    words = Lexicon.from_counts({"Lodz": 5.0, "in": 9.0})
    options = beam.Options(separator="|", constrain=True)
    decode = beam.create(
        options, tokens=SENTENCES, hotwords=TERMS, lexicon=words, backend=backend
    )  # fmt: skip
    assert decode(clearly("in|lodz")).best.text == "in Łódź"


@BACKENDS
def test_words_that_are_said_keep_their_names(backend: str) -> None:
    phonemes = Tokens(("-", "S", "IY", "K", "W", "AH", "L", "SIL"), 0)
    words = pronounced(None, {"sequel": "S IY K W AH L", "see": "S IY"})
    decode = spoken.create(
        spoken.Options(), tokens=phonemes, lexicon=words, hotwords=TERMS, backend=backend
    )
    rows = np.full((12, len(phonemes)), -8.0)
    for at, symbol in enumerate(["S", "IY", "K", "W", "AH", "L"]):
        rows[2 * at, phonemes.ids[symbol]] = rows[2 * at + 1, 0] = 0.0
    assert decode(log_softmax(rows)).best.text == "SQL"


def test_spellings_of_one_text_are_one_answer() -> None:
    names = Names({("sequel",): "SQL", ("s", "q", "l"): "SQL"})
    words = (WordSpan("s", 1, 2, 0.9), WordSpan("q", 3, 4, 0.5), WordSpan("l", 5, 6, 0.8))
    found = names.merged([
        Hypothesis("s q l", -1.0, 0.5, (1, 3, 5), words=words),
        Hypothesis("sequel", -1.5, 0.3, (1,)), Hypothesis("seek well", -2.0, 0.2, (1,)),
    ])  # fmt: skip
    assert [(h.text, h.score, h.probability) for h in found] == [
        ("SQL", -1.0, 0.8), ("seek well", -2.0, 0.2)
    ]  # fmt: skip
    assert found[0].words == (WordSpan("SQL", 1, 6, 0.5),)


# ---- files ---------------------------------------------------------------------------------------


def test_a_file_has_classes_weights_and_spellings(tmp_path) -> None:
    file = tmp_path / "terms.toml"
    file.write_text(
        "schema_version = 1\n[contacts]\nweight = 6.0\nterms = ['Łódź', 'Anna Kowalska', 'ANNA']\n"
        "[products]\nterms = [{text = 'SQL', spellings = ['sequel'], weight = 4.0}, 'Anna']\n",
        encoding="utf-8",
    )
    terms = Hotwords.read(file)
    assert repr(terms) == "Hotwords(3 contacts, 2 products)"
    assert [(p.term, p.written, p.weight, p.kind) for p in terms.phrases()] == [
        ("Łódź", "Łódź", 6.0, "contacts"), ("Anna Kowalska", "Anna Kowalska", 6.0, "contacts"),
        ("ANNA", "ANNA", 6.0, "contacts"),  # it weighs more than the Anna of the products
        ("SQL", "SQL", 4.0, "products"), ("SQL", "sequel", 4.0, "products"),
    ]  # fmt: skip
    assert {p.weight for p in terms.at(2.5).phrases()} == {2.5}
    plain = tmp_path / "names.txt"
    plain.write_text("\ufeffZyxgle\r\nAnna Kowalska\t7.5\n\n", encoding="utf-8")
    assert [(p.term, p.weight, p.kind) for p in Hotwords.read(plain).phrases()] == [
        ("Zyxgle", 5.0, "names"), ("Anna Kowalska", 7.5, "names")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[a]\nterms = []\n", "hold no term"),
        ("[a]\nwords = ['x']\n", "expected a table with a list of terms"),
        ("[a]\nterms = ['x']\nwieght = 3\n", "did you mean 'weight'"),
        ("[a]\nterms = [{text = 'x', spelling = ['y']}]\n", "did you mean 'spellings'"),
        ("[a]\nterms = [' ']\n", "is no term"),
        ("[a]\nterms = ['x']\nweight = 1e4\n", "weight"),
        ("schema_version = 2\n[a]\nterms = ['x']\n", "version 2"),
        ("terms = ['x']\n", "expected a table"),
    ],
)
def test_a_file_that_cannot_be_honoured_is_refused(tmp_path, text: str, why: str) -> None:
    file = tmp_path / "terms.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=why):
        Hotwords.read(file)


def test_no_decoder_takes_terms_that_it_cannot_spell() -> None:
    with pytest.raises(ConfigError, match="none of the 1 hotwords can be found"):
        beam.create(
            beam.Options(separator="|"),
            tokens=SENTENCES,
            hotwords=Hotwords({"a": {"terms": ["9"]}}),
        )


# ---- apostrophes ---------------------------------------------------------------------------------

APOSTROPHES = pytest.mark.parametrize("other", ["it's", "it’s"])


@APOSTROPHES
@pytest.mark.parametrize("given", ["it's", "it’s"])
def test_an_apostrophe_of_either_kind_is_one_where_words_are_said(other: str, given: str) -> None:
    phonemes = Tokens(("-", "IH", "T", "S", "SIL"), 0)
    rows = np.full((6, len(phonemes)), -8.0)
    for at, symbol in enumerate(["IH", "T", "S"]):
        rows[2 * at, phonemes.ids[symbol]] = rows[2 * at + 1, 0] = 0.0
    words = pronounced(Lexicon.from_counts({given: 1.0}), {other: "IH T S"})
    decode = spoken.create(
        spoken.Options(), tokens=phonemes, lexicon=words, hotwords={other: 2.0}, backend="numpy"
    )
    found = decode(log_softmax(rows)).best
    assert (found.text, found.parts["hotwords"]) == (given, 2.0)
    assert pronounce(f"{given} here", {"it's": ("IH", "T", "S"), "here": ("HH",)}) == (
        "IH", "T", "S", "SIL", "HH", "SIL"
    )  # fmt: skip


@BACKENDS
@APOSTROPHES
def test_an_apostrophe_of_either_kind_is_one_in_pieces(backend: str, other: str) -> None:
    table = Tokens(("-", "▁it", "'", "’", "s", "▁it's"), 0)
    hot = beam.create(beam.Options(), tokens=table, hotwords={other: 3.0}, backend=backend)
    known = beam.create(
        beam.Options(constrain=True), tokens=table, lexicon=Lexicon.from_counts({other: 1.0}),
        backend=backend,
    )  # fmt: skip
    for pieces in (["▁it's"], ["▁it", "'", "s"], ["▁it", "’", "s"]):
        rows = np.full((2 * len(pieces), len(table)), -8.0)
        for at, piece in enumerate(pieces):
            rows[2 * at, table.ids[piece]] = rows[2 * at + 1, 0] = 0.0
        assert hot(log_softmax(rows)).best.parts["hotwords"] == 3.0
        assert known(log_softmax(rows)).best.text == other
