"""Words are words in every script: in lexicons, language models, user dictionaries and metrics."""

from __future__ import annotations

import sys
import unicodedata

import numpy as np
import pytest

from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon as lexicon_decoder
from edgectc.decoding.search import compiled
from edgectc.language import builder, sources
from edgectc.language.lexicon import Lexicon
from edgectc.language.ngram.corpus import sentences
from edgectc.language.spelling import (
    APOSTROPHES,
    is_word,
    letters,
    normalize_word,
    plain,
    spell,
    words_of,
)
from edgectc.language.user_dictionary import UserDictionary

DUBEOLSIK = "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡㅃㅉㄸㄲㅆㅒㅖ"
THAI = "ที่ เป็น ไม่ ได้ ใน มี จะ ของ และ ให้ น้ำ ผู้ใหญ่ ประเทศไทย ขอบคุณ สวัสดี เมื่อวานนี้ กรุงเทพ"
LANGUAGES = ["hi", "bn", "ta", "ar", "he", "vi", "ko"]
# Variation selectors change how a character looks; the iota subscript folds to a letter.
VARIANTS = {*map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0)), "\u0345"}
BACKENDS = ["numpy", *(["native"] if compiled.library() else [])]


def _category(c: str) -> str:
    return unicodedata.category(c)[0]


def test_every_letter_of_unicode_is_one_and_every_mark_belongs_to_it() -> None:
    for code in range(sys.maxunicode + 1):
        c = chr(code)
        if _category(c) == "L" and c not in APOSTROPHES:
            assert letters(c), hex(code)
            assert is_word(c), hex(code)
        elif _category(c) == "M" and c not in VARIANTS:
            assert letters(c) == "", hex(code)
            assert not is_word(c), hex(code)
            word = unicodedata.normalize("NFC", f"क{c}क")
            assert is_word(word), hex(code)
            assert words_of(word) == [normalize_word(word)], hex(code)
            assert len(letters(word)) == len(word), hex(code)
        elif _category(c) in "NPSZ":
            assert not letters(c), hex(code)


def test_the_normal_form_is_the_caseless_match_of_unicode() -> None:
    """Both sides of a match fold to one: Unicode Standard 3.13, D145, in NFC."""
    for code in range(sys.maxunicode + 1):
        if 0xD800 <= code <= 0xDFFF:
            continue
        c = chr(code)
        once = normalize_word(c)
        assert normalize_word(once) == once, hex(code)
        assert unicodedata.is_normalized("NFC", once), hex(code)
        if c not in "ıİ":  # Turkish has rules of its own
            for other in (c.upper(), c.lower(), unicodedata.normalize("NFD", c)):
                assert normalize_word(other) == once, hex(code)
    assert normalize_word("İ") == normalize_word("i")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी में लिखना।", ["हिन्दी", "में", "लिखना"]),
        ("Re\u0301sume\u0301, L’ÉTÉ", ["résumé", "l'été"]),
        ("rock ’n’ roll, o’clock ‘quoted’", ["rock", "n", "roll", "o'clock", "quoted"]),
        ("می\u200cخواهم \u200c", ["می\u200cخواهم"]),
        ("co\u00adoperate co-op", ["cooperate", "co", "op"]),
        ("м’ята мʼята м'ята", ["м'ята"] * 3),
        ("3rd 1\ufe0f\u20e3 42", ["3rd", "1", "42"]),
        ("ข้าว น้ำ", ["ข้าว", "น้ำ"]),
    ],
)
def test_words_of_running_text(text: str, words: list[str]) -> None:
    assert words_of(text) == words
    assert words_of(unicodedata.normalize("NFD", text)) == words


@pytest.mark.parametrize("text", ["का", "it’s", "co-op", "'tis", "می\u200cشود", "צ׳יפס", "ক্ষ"])
def test_a_word(text: str) -> None:
    assert is_word(text)


@pytest.mark.parametrize("text", ["", "'", "-", "\u093e", "\u200cا", "a b", "4th", "a.b", "😂"])
def test_no_word(text: str) -> None:
    assert not is_word(text)


def test_a_mark_that_the_alphabet_holds_is_kept_and_only_what_it_lacks_is_left_out() -> None:
    assert [spell(word, "क\u093e\u0940") for word in ("का", "की")] == ["का", "की"]
    assert spell("हिन्दी", "हनद") == "हनद"
    assert spell("हिन्दी", "हन") is None  # a letter is never left out


def test_answers_in_hindi_are_told_apart_by_their_marks() -> None:
    assert letters("की") != letters("का")
    assert letters("KI") == letters("ki")


HINDI = [
    "राम ने सीता को देखा",
    "सीता ने राम को देखा",
    "हिन्दी में लिखना सीखो",
    "वह हिन्दी में लिखना चाहती है",
]


def test_a_language_model_of_hindi_has_its_words_and_foresees_them() -> None:
    built = builder.build([HINDI * 3], order=2).ngrams
    assert set(built.words[3:]) == {word for line in HINDI for word in line.split()}
    # Torn at its marks the text has 2.4 times as many "words".
    assert sum(map(len, sentences(HINDI[0]))) == 5


def test_decomposed_text_makes_the_same_model() -> None:
    text = ["Résumé naïve façade", "L’été à Orléans, déjà vu"] * 2
    apart = [unicodedata.normalize("NFD", line) for line in text]
    one, other = (builder.build([lines], order=2).ngrams for lines in (text, apart))
    assert one.words == other.words
    for a, b in zip(one.levels, other.levels, strict=True):
        np.testing.assert_array_equal(a.log_probs[:], b.log_probs[:])


@pytest.mark.parametrize("language", LANGUAGES)
def test_lexicons_of_wordfreq_hold_the_running_text(language: str) -> None:
    pytest.importorskip("wordfreq", reason="needs wordfreq: pip install '.[lexicon]'")
    lexicon, dropped = sources.build(f"wordfreq:{language}")
    shares = dropped.shares()
    # Numbers are said apart: no keyboard of letters spells them.
    assert sum(share for why, share in shares.items() if why != "numbers") <= 0.01
    assert not any(map(str.isalpha, "".join(dropped.examples()["numbers"])))
    spelled = [spell(word, set(plain(word).lower())) for word in lexicon.words[:2000]]
    assert None not in spelled


def _emissions(spelled: str, tokens: list[str]) -> np.ndarray:
    """Return (T, V) log_probs that say a spelling clearly, with a blank after each letter."""
    logits = np.zeros((2 * len(spelled) + 1, len(tokens)))
    logits[:, 0] = 9.0
    for i, letter in enumerate(spelled):
        logits[2 * i + 1, tokens.index(letter)] = 18.0
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def _words(language: str) -> list[str]:
    if language == "th":
        return THAI.split()
    pytest.importorskip("wordfreq", reason="needs wordfreq: pip install '.[lexicon]'")
    script = {"ko": "HANGUL", "hi": "DEVANAGARI", "bn": "BENGALI", "ta": "TAMIL", "ar": "ARABIC",
              "he": "HEBREW", "vi": "LATIN"}[language]  # fmt: skip
    words = sources.build(f"wordfreq:{language}", top=1500)[0].words
    return [word for word in words if unicodedata.name(word[0]).startswith(script)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("language", [*LANGUAGES, "th"])
def test_clear_emissions_are_read_back(language: str, backend: str) -> None:
    words = _words(language)
    alphabet = sorted(set(DUBEOLSIK if language == "ko" else "".join(plain(w) for w in words)))
    if language != "ko":
        alphabet = sorted(set("".join(alphabet).lower()))
    spelled = {word: spell(word, set(alphabet)) for word in words}
    assert None not in spelled.values()
    tokens = ["<blank>", *alphabet]
    decode = lexicon_decoder.create(
        lexicon_decoder.Options(lm_weight=0.3),
        tokens=Tokens(tuple(tokens), 0),
        lexicon=Lexicon.from_counts({word: 1.0 / (i + 1) for i, word in enumerate(words)}),
        backend=backend,
    )
    for word in words[:: max(1, len(words) // 40)]:
        found = decode(_emissions(spelled[word] or "", tokens), nbest=3).candidates
        alike = [h.text for h in found if spelled[h.text] == spelled[word]]
        assert {word, found[0].text} <= set(alike), word


@pytest.mark.parametrize("backend", BACKENDS)
def test_vowel_signs_that_are_tokens_decide(backend: str) -> None:
    tokens = ["<blank>", "क", "\u093e", "\u0940"]
    decode = lexicon_decoder.create(
        lexicon_decoder.Options(lm_weight=1.0),
        tokens=Tokens(tuple(tokens), 0),
        lexicon=Lexicon(("की", "का"), np.array([-1.0, -2.0])),
        backend=backend,
    )
    assert decode(_emissions("का", tokens)).best.text == "का"


def test_hiding_ignores_case() -> None:
    mine = UserDictionary()
    mine.hide("john")
    assert mine.log_prob("John", -3.0) == -np.inf
    mine.add("JOHN")  # whoever writes it, wants it
    assert mine.log_prob("John", -3.0) == -3.0
    mine.hide("it’s")
    mine.hide("IT'S")
    mine.remove("IT'S")
    assert mine.log_prob("it's", -3.0) == -np.inf
    mine.remove("it’s")
    assert mine.log_prob("it's", -3.0) == -3.0
    mine.hide("Straße")
    assert mine.log_prob("STRASSE", -3.0) == -np.inf
