"""A lexicon as one mapped file that a search walks as it lies: see docs/lexicon_format.md."""

from __future__ import annotations

import mmap
from collections.abc import Sequence, Set
from functools import cached_property
from pathlib import Path

import numpy as np

from edgectc.core.config import check_version
from edgectc.core.errors import ConfigError
from edgectc.core.files import open_plain
from edgectc.core.staging import write_bytes
from edgectc.core.types import Array
from edgectc.language import packed_file, packed_first, tries
from edgectc.language.lexicon import Lexicon, say_unspelled
from edgectc.language.packed_file import MAGIC, NAME, UNIT, VERSION, Header
from edgectc.language.spelling import APOSTROPHES, HYPHENS, normalize_word, spell
from edgectc.language.tries import Trie


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
    _data: Array | None  # the mapped file

    def __init__(
        self,
        header: Header,
        arrays: dict[str, Array],
        log_probs: Array | None = None,
        data: Array | None = None,
        alphabet: Set[str] | None = None,
    ) -> None:
        fields = {
            "letters": header.letters,
            "alphabet": frozenset(header.letters if alphabet is None else alphabet),
            "notes": header.notes,
            "untyped": frozenset(APOSTROPHES + HYPHENS) - {*header.letters},
            "unsaid": frozenset(header.unsaid or ()),
            "trie": packed_file.trie_of(arrays),
            "header": header,
            "arrays": arrays,
            "_data": data,
        }
        if log_probs is not None:
            fields["log_probs"] = log_probs
        self.__dict__.update(fields)  # frozen, like its base

    def __repr__(self) -> str:
        return f"PackedLexicon({self.header.words:,} words over {len(self.letters)} letters)"

    @cached_property
    def log_probs(self) -> Array:
        """Natural log of each word's share of running text, as the file has it; at first use."""
        return packed_file.log_probs(self.header, self.arrays)

    @cached_property
    def first_word(self) -> Array:
        """First word of each entry, and one after the last; made at first use."""
        return packed_file.first_words(self.header, self.arrays)

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
        if spelled:
            return spelled
        entry = np.searchsorted(self.first_word, np.int32(word), side="right") - 1
        return self.spelling(int(entry))

    def _odd(self, word: int) -> str | None:
        """Return a word that is not shown as it is spelled, else None."""
        odd = self.arrays["odd"]
        row = int(np.searchsorted(odd, word))
        return self._odd_text(row) if row < len(odd) and odd[row] == word else None

    def _odd_text(self, row: int) -> str:
        start = self.arrays["odd_start"]
        return bytes(self.arrays["text"][start[row] : start[row + 1]]).decode()

    def find_normal(self, word: str) -> int:
        """Return the entry of a word that is not shown as it is spelled, by normal form, or -1."""
        return self._odd_entries.get(word, -1)

    @cached_property
    def _odd_entries(self) -> dict[str, int]:
        entries: dict[str, int] = {}
        places = np.searchsorted(self.first_word, self.arrays["odd"], "right") - 1
        for row, entry in enumerate(places.tolist()):
            entries.setdefault(normalize_word(self._odd_text(row)), entry)
        return entries

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
        if self._data is not None:
            return self._data
        return np.frombuffer(packed_file.to_bytes(self.header, self.arrays), np.uint8)


def pack(lexicon: Lexicon, alphabet: Set[str]) -> PackedLexicon:
    """Return the words of ``lexicon`` that ``alphabet`` can spell, by spelling.

    One that is packed for these letters is returned itself. One that was packed without an
    apostrophe or hyphen stays without it, words that were added too: "it's" is swiped over "its" on
    every keyboard, then.

    Raises:
        ConfigError: it can spell none of them.
    """
    if isinstance(lexicon, PackedLexicon) and "".join(sorted(alphabet)) == lexicon.letters:
        return lexicon
    usable = alphabet - lexicon.untyped
    spelled = [spell(word, usable) or "" for word in lexicon.words]
    rows = np.flatnonzero(np.array([bool(s) for s in spelled]))
    if not len(rows):
        raise ConfigError(
            f"none of the {len(lexicon.words)} words of the lexicon can be spelled with "
            f"{''.join(sorted(alphabet))!r}; use a lexicon for this layout"
        )
    unspelled = np.flatnonzero(~np.array([bool(s) for s in spelled]))
    say_unspelled([lexicon.words[row] for row in unspelled], len(lexicon.words))
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
        **{k: getattr(trie, k) for k in ("first_child", "letter", "ends", "ends_before")},
        **packed_file.homographs(np.searchsorted(entry, np.arange(len(unique) + 1))),
        "value": np.zeros(0, np.int32),
        "log_prob": np.round(log_probs * UNIT).astype(np.int32),
        "odd": np.array(odd, np.int32),
        "odd_start": np.cumsum([0, *map(len, blobs)]).astype(np.int32),
        "text": np.frombuffer(b"".join(blobs), np.uint8),
    }
    sizes = (len(trie), len(unique), len(rows), len(arrays["several"]), 0, len(odd))
    never = {spell(word, usable or alphabet) or "" for word in lexicon.unsaid} - {""}
    unsaid = tuple(sorted(never)) or None
    header = Header(letters, *sizes, len(arrays["text"]), lexicon.notes, unsaid)
    return PackedLexicon(header, arrays, log_probs, alphabet=usable)


def write(lexicon: PackedLexicon, path: str | Path) -> None:
    """Write the packed file, of this version, whole or not at all."""
    header, arrays = packed_file.smallest(lexicon.header, lexicon.arrays)
    write_bytes(path, bytes(packed_file.to_bytes(header, arrays)))


def is_packed(path: str | Path) -> bool:
    """Return whether a file begins like a packed lexicon, of whatever version."""
    try:
        with open_plain(path) as file:
            head = file.read(len(MAGIC))
            return head.startswith(NAME) and head[len(NAME) :].isdigit()
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
    version = data[len(NAME) : len(MAGIC)]
    is_first = version == b"%d" % packed_first.VERSION
    if data[: len(NAME)] == NAME and version.isdigit() and not is_first:
        check_version(str(path), int(version), VERSION)
    try:
        header, arrays = (packed_first if is_first else packed_file).parse(data)
    except (ConfigError, ValueError) as error:
        raise ConfigError(f"{path} is no usable packed lexicon: {error}") from error
    return PackedLexicon(header, arrays, data=np.frombuffer(data, np.uint8))
