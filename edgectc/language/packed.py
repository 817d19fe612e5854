"""A lexicon as one mapped file that a search walks as it lies: see docs/lexicon_format.md."""

from __future__ import annotations

import json
import mmap
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edgectc.core.config import check_version, from_dict, to_dict
from edgectc.core.errors import ConfigError
from edgectc.core.files import open_plain
from edgectc.core.staging import write_bytes
from edgectc.core.types import Array
from edgectc.language import tries
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import APOSTROPHES, HYPHENS, normalize_word, spell
from edgectc.language.tries import Trie

VERSION = 1
_NAME = b"edgelex"
MAGIC = _NAME + b"%d" % VERSION
_UNIT = 1e4  # the file holds natural logs in ten-thousandths, as many digits as a text lexicon
_ALIGN = 8


@dataclass(frozen=True)
class Header:
    """Sizes of the arrays, and what is not an array."""

    letters: str
    nodes: int
    entries: int
    words: int
    odd: int
    text_bytes: int
    notes: tuple[str, ...] = ()

    def arrays(self) -> dict[str, tuple[str, int]]:
        """Return type and length of each array, in the order of the file."""
        return {
            "first_child": ("<i4", self.nodes),
            "word": ("<i4", self.nodes),
            "n_children": ("<u2", self.nodes),
            "letter": ("<u2", self.nodes),
            "first_word": ("<i4", self.entries + 1),
            "log_prob": ("<i4", self.words),
            "odd": ("<i4", self.odd),
            "odd_start": ("<i4", self.odd + 1),
            "text": ("u1", self.text_bytes),
        }


class PackedLexicon(Lexicon):
    """A lexicon by spelling: an entry is one spelling, and holds the words that share it.

    Attributes:
        header: sizes of the arrays, as its file holds them.
        arrays: the arrays themselves, by the names of docs/lexicon_format.md.
        letters: all letters of the keyboard, ascending; the place of one is its number in ``trie``.
        alphabet: those that words are spelled with: all, but for apostrophes and hyphens where the
            words are from a packed lexicon that spells without them.
        trie: tree of the entries.
        first_word: (entries + 1,) int32: words first_word[e] to first_word[e + 1] are spelled
            alike, the most frequent one first.
        log_probs: (words,) float64 natural log of each word's share of running text.
    """

    header: Header
    arrays: dict[str, Array]
    letters: str
    alphabet: frozenset[str]
    trie: Trie
    first_word: Array
    _data: Array | None  # the mapped file

    def __init__(
        self,
        header: Header,
        arrays: dict[str, Array],
        log_probs: Array,
        data: Array | None = None,
        alphabet: Set[str] | None = None,
    ) -> None:
        fields = {
            "letters": header.letters,
            "alphabet": frozenset(header.letters if alphabet is None else alphabet),
            "notes": header.notes,
            "trie": Trie(*(arrays[k] for k in ("first_child", "n_children", "letter", "word"))),
            "first_word": arrays["first_word"],
            "log_probs": log_probs,
            "header": header,
            "arrays": arrays,
            "_data": data,
        }
        self.__dict__.update(fields)  # frozen, like its base

    def __repr__(self) -> str:
        size, letters = len(self.log_probs), len(self.letters)
        return f"PackedLexicon({size:,} words over {letters} letters)"

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Every word, in the order of ``log_probs``; made at first use."""
        entry = np.repeat(np.arange(len(self.first_word) - 1), np.diff(self.first_word))
        texts: list[str] = self._spelled[entry].tolist()
        for word in self.arrays["odd"].tolist():
            texts[word] = self._odd(word) or ""
        return tuple(texts)

    @cached_property
    def _spelled(self) -> Array:
        codes = np.zeros(tries.ROOT_LETTER + 1, np.uint32)
        codes[: len(self.letters)] = [ord(letter) for letter in self.letters]
        spelled = np.ascontiguousarray(codes[self.trie.spellings()])
        return spelled.view(f"<U{spelled.shape[1]}")[:, 0]

    def spelling(self, entry: int) -> str:
        """Return the letters of an entry."""
        return "".join(self.letters[letter] for letter in self.trie.letters_of(entry))

    def text(self, word: int, spelled: str | None = None) -> str:
        """Return a word as it is shown; ``spelled`` is its spelling, if that is known."""
        if odd := self._odd(word):
            return odd
        return spelled or self.spelling(int(np.searchsorted(self.first_word, word, "right")) - 1)

    def _odd(self, word: int) -> str | None:
        """Return a word that is not shown as it is spelled, else None."""
        row = self._odd_rows.get(word)
        if row is None:
            return None
        start = self.arrays["odd_start"]
        return bytes(self.arrays["text"][start[row] : start[row + 1]]).decode()

    def find_normal(self, word: str) -> int:
        """Return the entry of a word that is not shown as it is spelled, by normal form, or -1."""
        return self._odd_entries.get(word, -1)

    @cached_property
    def _odd_entries(self) -> dict[str, int]:
        entries: dict[str, int] = {}
        places = np.searchsorted(self.first_word, self.arrays["odd"], "right") - 1
        for word, entry in zip(self.arrays["odd"].tolist(), places.tolist(), strict=True):
            entries.setdefault(normalize_word(self._odd(word) or ""), entry)
        return entries

    @cached_property
    def _odd_rows(self) -> dict[int, int]:
        return {word: row for row, word in enumerate(self.arrays["odd"].tolist())}

    def find(self, spelled: Sequence[str]) -> Array:
        """Return (n,) the entries of spellings, -1 where there is none."""
        known = {letter: number for number, letter in enumerate(self.letters)}
        usable = [s if s and all(c in known for c in s) else "" for s in spelled]
        if not any(usable):
            return np.full(len(usable), -1)
        nodes = self.trie.find(tries.encode(np.array(usable), known))
        return np.where(nodes > 0, self.trie.word[nodes], -1)

    @property
    def is_file(self) -> bool:
        """Whether it is a packed file, mapped: then it holds ``log_probs`` as they are."""
        return self._data is not None

    def file_bytes(self) -> Array:
        """Return the (bytes,) uint8 of the packed file, mapped or made in memory."""
        return np.frombuffer(_file(self), np.uint8) if self._data is None else self._data


def pack(lexicon: Lexicon, alphabet: Set[str]) -> PackedLexicon:
    """Return the words of ``lexicon`` that ``alphabet`` can spell, by spelling.

    One that is packed for these letters is returned itself. One that was packed without an
    apostrophe or hyphen stays without it: "it's" is swiped over "its" on every keyboard, then.

    Raises:
        ConfigError: it can spell none of them.
    """
    usable = alphabet
    if isinstance(lexicon, PackedLexicon):
        if "".join(sorted(alphabet)) == lexicon.letters:
            return lexicon
        usable = alphabet - (frozenset(APOSTROPHES + HYPHENS) - lexicon.alphabet)
    spelled = [spell(word, usable) or "" for word in lexicon.words]
    rows = np.flatnonzero(np.array([bool(s) for s in spelled]))
    if not len(rows):
        raise ConfigError(
            f"none of the {len(lexicon.words)} words of the lexicon can be spelled with "
            f"{''.join(sorted(alphabet))!r}; use a lexicon for this layout"
        )
    return pack_spelled(lexicon, rows, [spelled[row] for row in rows], alphabet, usable)


def pack_spelled(
    lexicon: Lexicon,
    rows: Array,
    spelled: Sequence[str],
    alphabet: Set[str],
    usable: Set[str] | None = None,
) -> PackedLexicon:
    """Return words of ``lexicon`` with given spellings; one may have several, and none is ''.

    Args:
        lexicon: the words.
        rows: (n,) int64 place of the word that each spelling is of, n >= 1.
        spelled: n spellings in characters of ``alphabet``.
        alphabet: all letters.
        usable: those that words are spelled with; None for all.
    """
    unique, entry = np.unique(np.array(spelled), return_inverse=True)
    letters = "".join(sorted(alphabet))
    trie, numbers = tries.build(tries.encode(unique, {c: n for n, c in enumerate(letters)}))
    entry = numbers[entry]
    order = np.lexsort((rows, -lexicon.log_probs[rows], entry))
    rows, entry = rows[order], entry[order]
    texts = [lexicon.words[row] for row in rows]
    # A word whose normal form is another ("straße") is odd too, so that it is found by that.
    odd = [
        i
        for i, row in enumerate(order.tolist())
        if not spelled[row] == texts[i] == normalize_word(texts[i])
    ]
    blobs = [texts[i].encode() for i in odd]
    log_probs = lexicon.log_probs[rows]
    arrays = {
        **{k: getattr(trie, k) for k in ("first_child", "word", "n_children", "letter")},
        "first_word": np.searchsorted(entry, np.arange(len(unique) + 1)).astype(np.int32),
        "log_prob": np.round(log_probs * _UNIT).astype(np.int32),
        "odd": np.array(odd, np.int32),
        "odd_start": np.cumsum([0, *map(len, blobs)]).astype(np.int32),
        "text": np.frombuffer(b"".join(blobs), np.uint8),
    }
    sizes = (len(trie), len(unique), len(rows), len(odd), len(arrays["text"]))
    header = Header(letters, *sizes, lexicon.notes)
    return PackedLexicon(header, arrays, log_probs, alphabet=usable)


def write(lexicon: PackedLexicon, path: str | Path) -> None:
    """Write the packed file whole or not at all."""
    write_bytes(path, bytes(_file(lexicon)))


def _file(lexicon: PackedLexicon) -> bytearray:
    """Return the bytes of the packed file."""
    head = json.dumps(to_dict(lexicon.header), sort_keys=True).encode()
    out = bytearray(MAGIC + len(head).to_bytes(8, "little") + head)
    for name, (kind, _) in lexicon.header.arrays().items():
        out += b"\0" * (-len(out) % _ALIGN)
        out += np.ascontiguousarray(lexicon.arrays[name], kind).tobytes()
    return out


def is_packed(path: str | Path) -> bool:
    """Return whether a file begins like a packed lexicon, of whatever version."""
    try:
        with open_plain(path) as file:
            head = file.read(len(MAGIC))
            return head.startswith(_NAME) and head[len(_NAME) :].isdigit()
    except OSError:
        return False


def read(path: str | Path) -> PackedLexicon:
    """Return the lexicon of a packed file, mapped, not copied.

    Raises:
        ConfigError: the file cannot be read, or no search would be safe on it.
    """
    try:
        with open_plain(path) as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise ConfigError(f"cannot read the packed lexicon {path}: {error}") from error
    version = data[len(_NAME) : len(MAGIC)]
    if data[: len(_NAME)] == _NAME and version.isdigit():
        check_version(str(path), int(version), VERSION)
    try:
        return _parse(data)
    except (ConfigError, ValueError) as error:
        raise ConfigError(f"{path} is no usable packed lexicon: {error}") from error


def _parse(data: mmap.mmap) -> PackedLexicon:
    if data[: len(MAGIC)] != MAGIC:
        raise ConfigError(f"it does not begin with {MAGIC.decode()!r}")
    start = len(MAGIC) + 8
    length = int.from_bytes(data[len(MAGIC) : start], "little")
    if length > len(data) - start:
        raise ConfigError("its header is cut off")
    header = from_dict(Header, json.loads(data[start : start + length].decode("ascii")))
    arrays, at = {}, start + length
    for name, (kind, count) in header.arrays().items():
        at += -at % _ALIGN
        size = count * np.dtype(kind).itemsize
        if count < 0 or at + size > len(data):
            raise ConfigError(f"its array {name} of {count} is cut off")
        arrays[name] = np.frombuffer(data, kind, count, at)
        at += size
    if at != len(data):
        raise ConfigError(f"{len(data) - at} bytes follow its last array")
    _check(header, arrays)
    whole = np.frombuffer(data, np.uint8)
    return PackedLexicon(header, arrays, arrays["log_prob"] / _UNIT, whole)


def _check(header: Header, arrays: dict[str, Array]) -> None:
    """Check that every index stays within its array."""
    trie = Trie(*(arrays[k] for k in ("first_child", "n_children", "letter", "word")))
    tries.check(trie, n_letters=len(header.letters), n_entries=header.entries)
    if header.entries < 1 or "".join(sorted(set(header.letters))) != header.letters:
        raise ConfigError(f"it has no entry, or its letters {header.letters!r} do not ascend")
    rises = (("first_word", header.words, 1), ("odd_start", header.text_bytes, 0))
    for name, last, least in rises:
        values = arrays[name]
        if values[0] != 0 or values[-1] != last or not np.all(np.diff(values) >= least):
            raise ConfigError(f"its {name} does not rise from 0 to {last}")
    odd = arrays["odd"]
    if len(odd) and not (odd[0] >= 0 and odd[-1] < header.words and np.all(np.diff(odd) > 0)):
        raise ConfigError(f"its odd words are not ascending below {header.words}")
    bytes(arrays["text"]).decode()  # a ValueError is refused like the rest
