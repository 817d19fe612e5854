"""Prefix trees and the packed file that holds one."""

import numpy as np
import pytest

from edgectc.core.errors import ConfigError
from edgectc.language import lexicon_file, packed, tries
from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import pack

LETTERS = {letter: number for number, letter in enumerate("abcd")}
ROOT = tries.ROOT_LETTER


def made(words):
    return tries.build(tries.encode(np.array(words), LETTERS))


def test_breadth_first_with_the_best_weight_below():
    trie, entries = made(["a", "ab", "abc", "b", "bd"])
    assert trie.letter.tolist() == [ROOT, 0, 1, 1, 3, 2]
    assert trie.word.tolist() == [-1, 0, 1, 2, 3, 4]
    assert entries.tolist() == [0, 2, 4, 1, 3]  # in the order of the nodes
    assert trie.count_children(np.arange(6)).tolist() == [2, 1, 1, 1, 0, 0]
    weights = np.array([-5.0, -1.0, -2.0, -4.0, -6.0])[np.argsort(entries)]
    assert trie.best_below(weights).tolist() == [-1.0, -1.0, -4.0, -1.0, -6.0, -2.0]
    assert trie.letters_below().tolist() == [0b1111, 0b0111, 0b1010, 0b0110, 0b1000, 0b0100]
    assert trie.lengths().tolist() == [1, 1, 2, 2, 3]
    assert [trie.letters_of(e) for e in range(5)] == [[0], [1], [0, 1], [1, 3], [0, 1, 2]]
    children, parents = trie.children(np.array([2, 5, 0]))
    assert children.tolist() == [4, 1, 2]
    assert parents.tolist() == [0, 2, 2]


def test_every_word_is_found_and_nothing_else():
    rng = np.random.default_rng(0)
    words = sorted({"".join(rng.choice(list("abcd"), rng.integers(1, 7))) for _ in range(400)})
    trie, entries = made(words)
    held = set(words)
    others = {w + "a" for w in words} | {w[:-1] for w in words if len(w) > 1} | {"dddddddd"}
    asked = [*words, *sorted(others - held)]
    nodes = trie.find(tries.encode(np.array(asked), LETTERS))
    found = np.where(nodes > 0, trie.word[nodes], -1)
    assert found[: len(words)].tolist() == entries.tolist()
    assert set(found[len(words) :].tolist()) == {-1}
    assert ["".join("abcd"[n] for n in row if n != ROOT) for row in trie.spellings()] == [
        words[i] for i in np.argsort(entries)
    ]


COUNTS = {"its": 5, "it's": 3, "Zürich": 2, "zurich": 1, "a": 9, "naïve": 1, "жук": 4}
ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz")


def test_a_packed_lexicon_holds_the_words_by_spelling(tmp_path):
    lexicon = Lexicon.from_counts(COUNTS, ("licence: none",))
    lexicon_file.write(lexicon, tmp_path / "x.tsv")
    lexicon = lexicon_file.read(tmp_path / "x.tsv")  # four digits, as both files have
    lexicon_file.write(pack(lexicon, ALPHABET), tmp_path / "x.trie")
    read = lexicon_file.read(tmp_path / "x.trie")
    assert isinstance(read, packed.PackedLexicon)
    entry = int(read.find(["its"])[0])
    first, last = read.first_word[entry : entry + 2]
    assert [read.text(n) for n in range(first, last)] == ["its", "it's"]  # most frequent first
    assert read.find(["zurich", "naive", "", "жук", "it"]).tolist()[2:] == [-1, -1, -1]
    expected = dict(zip(lexicon.words, lexicon.log_probs.tolist(), strict=True))
    del expected["жук"]  # which these letters cannot spell
    assert dict(zip(read.words, read.log_probs.tolist(), strict=True)) == expected
    assert [read.text(n) for n in range(len(read.words))] == list(read.words)
    assert read.notes == ("licence: none",)
    assert pack(read, ALPHABET) is read
    assert pack(read, ALPHABET | {"ü", "ï"}).find(["zürich"]).tolist() != [-1]


def test_a_packed_lexicon_goes_back_to_the_same_text(tmp_path):
    lexicon = Lexicon.from_counts({w: c for w, c in COUNTS.items() if w != "жук"})
    lexicon_file.write(lexicon, tmp_path / "one.tsv.gz")
    packed = pack(lexicon_file.read(tmp_path / "one.tsv.gz"), ALPHABET)
    lexicon_file.write(packed, tmp_path / "x.trie")
    lexicon_file.write(lexicon_file.read(tmp_path / "x.trie"), tmp_path / "two.tsv.gz")
    assert (tmp_path / "one.tsv.gz").read_bytes() == (tmp_path / "two.tsv.gz").read_bytes()


def test_packing_twice_gives_the_same_bytes(tmp_path):
    for name in ("one.trie", "two.trie"):
        lexicon_file.write(pack(Lexicon.from_counts(COUNTS), ALPHABET), tmp_path / name)
    assert (tmp_path / "one.trie").read_bytes() == (tmp_path / "two.trie").read_bytes()


def test_nothing_to_spell_is_refused():
    with pytest.raises(ConfigError, match="none of the 1 words"):
        pack(Lexicon.from_counts({"жук": 1}), ALPHABET)
