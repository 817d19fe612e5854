"""The packed lexicon of today beside that of version 1: the same answers in half the bytes."""

from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search import compiled
from edgectc.formats import bundle
from edgectc.language import lexicon_file, packed, packed_file
from edgectc.language.lexicon import Lexicon

FIRST = Path(__file__).parents[1] / "compat" / "files-1" / "words.trie"
BACKENDS = ["numpy", *(["native"] if compiled.library() else [])]


def _answers(words, tokens, *, backend, seed=0, count=30, **options):
    decode = lexicon.create(
        lexicon.Options(**options), tokens=tokens, lexicon=words, backend=backend
    )
    rng = np.random.default_rng(seed)
    answers = []
    for case in range(count):
        logits = rng.normal(0.0, 3.0, (int(rng.integers(2, 24)), len(tokens.symbols)))
        table = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        answers += [(h.text, h.score) for h in decode(table, nbest=5, partial=case % 3 == 0)]
    return answers


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_file_of_version_1_packed_anew_answers_as_it_did(backend, tmp_path):
    assert FIRST.read_bytes().startswith(b"edgelex1")
    first = lexicon_file.read(FIRST)
    made = edgectc.pack_lexicon(FIRST, out=tmp_path / "new.trie")
    assert (tmp_path / "new.trie").read_bytes().startswith(b"edgelex2")
    assert made.left_out == 0
    assert made.words == len(first.words)
    assert made.bytes < 0.6 * FIRST.stat().st_size
    again = lexicon_file.read(tmp_path / "new.trie")
    assert (again.words, again.notes, again.letters) == (first.words, first.notes, first.letters)
    np.testing.assert_array_equal(again.log_probs, first.log_probs)
    np.testing.assert_array_equal(again.first_word, first.first_word)
    odd = [word for word in first.words if word != word.lower() or "'" in word]
    assert odd
    for word in odd:
        assert again.find_normal(word.lower()) == first.find_normal(word.lower())
    tokens = Tokens(("<blank>", *first.letters), 0)
    options = {"backend": backend, "letter_score": 0.4}
    assert _answers(again, tokens, **options) == _answers(first, tokens, **options)


def test_the_shipped_words_take_half_the_bytes(tmp_path):
    shipped = lexicon_file.read(bundle.locate(None) / "lexicon.trie")
    made = edgectc.pack_lexicon(bundle.locate(None) / "lexicon.trie", out=tmp_path / "new.trie")
    assert made.words == 310_960
    assert made.bytes <= 4_700_000
    again = lexicon_file.read(tmp_path / "new.trie")
    np.testing.assert_array_equal(again.log_probs, shipped.log_probs)
    np.testing.assert_array_equal(again.trie.word, shipped.trie.word)
    rng = np.random.default_rng(0)
    some = rng.choice(made.words, 2000).tolist()
    assert [again.text(word) for word in some] == [shipped.text(word) for word in some]


def test_a_file_is_walked_as_it_lies(tmp_path):
    edgectc.pack_lexicon(FIRST, out=tmp_path / "new.trie")
    read = lexicon_file.read(tmp_path / "new.trie")
    assert read.is_file
    for name, array in read.arrays.items():
        assert not len(array) or np.shares_memory(array, read.file_bytes()), name
    assert "log_probs" not in vars(read)  # made when they are asked for


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("letters", [255, 256, 700])
def test_letters_of_one_byte_and_of_two(letters, backend, tmp_path):
    alphabet = [chr(0x4E00 + n) for n in range(letters)]
    rng = np.random.default_rng(letters)
    words = {"".join(rng.choice(alphabet, rng.integers(1, 4))) for _ in range(400)}
    words |= {alphabet[-1] * 2, alphabet[-1] + alphabet[0]}
    log_probs = -np.arange(len(words)) / 100  # of the digits that a file holds
    made = packed.pack(Lexicon(tuple(sorted(words)), log_probs), frozenset(alphabet))
    lexicon_file.write(made, tmp_path / "x.trie")
    read = lexicon_file.read(tmp_path / "x.trie")
    assert read.trie.letter.dtype == (np.uint8 if letters == 255 else np.uint16)
    assert sorted(read.words) == sorted(words)
    tokens = Tokens(("<blank>", *alphabet), 0)
    found = _answers(read, tokens, backend=backend, count=4)
    assert found == _answers(made, tokens, backend=backend, count=4)
    assert len({text for text, _ in found}) > 5


def test_frequencies_are_exact_whether_few_or_many_differ(tmp_path):
    rng = np.random.default_rng(1)
    words = sorted({"".join(rng.choice(list("abcdef"), 6)) for _ in range(500)})
    for step, coded in ((40, True), (1, False)):
        log_probs = -2.0 - np.arange(len(words)) // step / 1e4
        made = packed.pack(Lexicon(tuple(words), log_probs), frozenset("abcdef"))
        lexicon_file.write(made, tmp_path / "x.trie")
        read = lexicon_file.read(tmp_path / "x.trie")
        assert bool(read.header.values) == coded
        held = dict(zip(read.words, read.log_probs.tolist(), strict=True))
        assert held == {w: round(p, 4) for w, p in zip(words, log_probs.tolist(), strict=True)}


def test_pronunciations_and_homographs_are_kept(tmp_path):
    lex = Lexicon(("read", "red", "reed"), np.array([-1.0, -2.0, -3.0]))
    rows, spelled = np.array([0, 0, 1, 2]), ["rEd", "rid", "rEd", "rid"]
    made = packed.pack_spelled(lex, rows, spelled, frozenset("rEdi"))
    lexicon_file.write(made, tmp_path / "x.trie")
    read = lexicon_file.read(tmp_path / "x.trie")
    for entry, letters in enumerate(read.find(["rEd", "rid"]).tolist()):
        first, last = read.first_word[letters : letters + 2].tolist()
        expected = [["read", "red"], ["read", "reed"]][entry]
        assert [read.text(word) for word in range(first, last)] == expected


def test_what_would_lead_a_search_astray_is_refused(tmp_path):
    made = packed.pack(Lexicon.from_counts({"a": 5, "ab": 3, "A": 1, "b": 1}), frozenset("ab"))
    header, good = packed_file.smallest(made.header, made.arrays)
    harm = {
        "first_child": ([1, 4, 3, 4, 4], "not breadth first"),
        "letter": ([255, 0, 2, 1], "beyond the 2 of its alphabet"),
        "ends": ([0b10111], "not numbered"),
        "ends_before": ([1], "not numbered"),
        "several": ([3], "not ascending"),
        "beyond": ([0, 2], "does not rise"),
        "odd": ([4], "not ascending"),
        "odd_start": ([0, 2], "does not rise"),
    }
    for name, (values, message) in harm.items():
        arrays = {**good, name: np.array(values, good[name].dtype)}
        (tmp_path / "x.trie").write_bytes(packed_file.to_bytes(header, arrays))
        with pytest.raises(ConfigError, match=message):
            lexicon_file.read(tmp_path / "x.trie")


def test_numbers_whose_steps_wrap_round_are_refused(tmp_path):
    counts = {word: 9 for word in ("A", "B", "C", "D")}
    made = packed.pack(Lexicon.from_counts(counts), frozenset("abcd"))
    odd = np.array([142863115, 2081003008, -1675532367, 3], np.int32)
    assert np.all(np.diff(odd) > 0)
    data = packed_file.to_bytes(made.header, {**made.arrays, "odd": odd})
    (tmp_path / "x.trie").write_bytes(data)
    with pytest.raises(ConfigError, match="odd words are not ascending"):
        lexicon_file.read(tmp_path / "x.trie")
