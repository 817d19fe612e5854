"""Binaries of KenLM are checked before KenLM sees them: it would follow any pointer in them.

The files were made from words.arpa of tests/compat by ``build_binary probing``, ``trie``,
``-q 8 -b 8 trie`` and ``-a 22 trie`` of KenLM 0.3.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from edgectc.core.errors import ConfigError
from edgectc.language import loading
from edgectc.language.ngram import kenlm_file

FILES = Path(__file__).parent / "kenlm"
ARPA = Path(__file__).parents[1] / "compat/files-1/words.arpa"
NAMES = ("hash-table", "trie", "quantized-trie")
COUNTS = 108  # where the number of n-grams of each order stands


def strings(data: bytes) -> int:
    """Where the words stand, the last part of a file, and no table any more."""
    return data.index(b"<unk>\0")


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_passes(name: str) -> None:
    kenlm_file.check(FILES / f"{name}.bin")


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_end_where_the_words_begin(name: str, tmp_path: Path) -> None:
    data = (FILES / f"{name}.bin").read_bytes()
    end = strings(data)
    path = tmp_path / "x.bin"
    path.write_bytes(data[:end])
    kenlm_file.check(path)
    path.write_bytes(data[: end - 1])
    with pytest.raises(ConfigError, match=r"x\.bin' is a damaged binary of KenLM: .*at least"):
        kenlm_file.check(path)


@pytest.mark.parametrize("name", NAMES)
def test_every_count_and_size_of_the_header_is_checked(name: str, tmp_path: Path) -> None:
    data = bytearray((FILES / f"{name}.bin").read_bytes())
    path = tmp_path / "x.bin"
    for at, form, values in (
        (88, "<B", (0, 1, 7, 255)),  # order
        (92, "<f", (float("nan"), float("inf"), 0.5, -1.0, 1e30)),  # multiplier
        (96, "<i", (-1, 6, 2**31 - 1)),  # kind
        *((COUNTS + 8 * i, "<Q", (2**63, 2**64 - 1, 10**6)) for i in range(3)),
    ):
        for value in values:
            changed = bytearray(data)
            struct.pack_into(form, changed, at, value)
            path.write_bytes(changed)
            with pytest.raises(ConfigError, match="damaged binary"):
                kenlm_file.check(path)


def test_a_word_number_outside_is_refused(tmp_path: Path) -> None:
    data = bytearray((FILES / "hash-table.bin").read_bytes())
    start = 132 + 4 + 8  # header, then version and bound of the vocabulary
    path = tmp_path / "x.bin"
    struct.pack_into("<I", data, start + 8, 10**6)
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="a word number 1000000 of 40 words"):
        kenlm_file.check(path)


def test_a_full_table_is_refused(tmp_path: Path) -> None:
    data = bytearray((FILES / "hash-table.bin").read_bytes())
    start, buckets = 144 - 8 + 8, 60
    for i in range(buckets):
        struct.pack_into("<QI", data, start + 12 * i, i + 1, 1)
    (tmp_path / "x.bin").write_bytes(data)
    with pytest.raises(ConfigError, match="a full hash table"):
        kenlm_file.check(tmp_path / "x.bin")


@pytest.mark.parametrize("name", ["trie", "quantized-trie"])
def test_a_pointer_outside_or_back_is_refused(name: str, tmp_path: Path) -> None:
    data = (FILES / f"{name}.bin").read_bytes()
    refused = 0
    for at in range(136, strings(data) - 8):
        changed = bytearray(data)
        struct.pack_into("<Q", changed, at, 2**64 - 1)
        (tmp_path / "x.bin").write_bytes(changed)
        try:
            kenlm_file.check(tmp_path / "x.bin")
        except ConfigError:
            refused += 1
    assert refused > 600


def test_pointers_that_cannot_be_checked_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"array-trie\.bin.*build it without -a, or give the ARPA"
    ):
        kenlm_file.check(FILES / "array-trie.bin")


@pytest.mark.parametrize("name", NAMES)
def test_kenlm_answers_as_the_arpa_file(name: str) -> None:
    pytest.importorskip("kenlm")
    theirs = loading.load(FILES / f"{name}.bin", required=True)
    ours = loading.load(ARPA, required=True)
    assert theirs is not None
    assert ours is not None
    tolerance = 1e-4 if name != "quantized-trie" else 0.2
    for word in ("the", "quick", "brown", "zz"):
        scores = [model.score(model.start(), word)[0] for model in (theirs, ours)]
        assert scores[0] == pytest.approx(scores[1], abs=tolerance)
