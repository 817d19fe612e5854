"""Words in tokens of several letters: every way to write a word, and what the beam reads of it.

A word piece model was trained on one way of its tokenizer, which its table does not name. So a
lexicon's tree is of letters (UTF-8 bytes), down which a token takes several steps: whatever pieces
come, they spell the word. Where sequences of tokens are needed (hotwords, the lexicon decoder),
those with the fewest tokens are taken, `MOST_WAYS` a word.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array
from edgectc.core.writing import is_byte
from edgectc.decoding.search.beam_tables import BEGINS, ENDS, Pieces, Spelling
from edgectc.language.spelling import APOSTROPHES, spell

MOST_WAYS = 16  # token sequences of a word
_MOST_PHRASES = 64  # of a hotword of several words
_MOST_RESTS = 200_000  # ends of words whose ways are remembered
_PLAIN = dict.fromkeys(map(ord, APOSTROPHES), "'")


class Segmenter:
    """Finds the token sequences of words: as written, or in lower or upper case, or plain letters.

    Args:
        tokens: the table.
        separator: symbol that stands between words and is in none, or None.
    """

    def __init__(self, tokens: Tokens, separator: str | None = None) -> None:
        self._writing = tokens.writing
        between = self._writing.between
        self._pieces: dict[bytes, list[int]] = {}
        for token, piece in enumerate(self._writing.written):
            if piece and tokens.symbols[token] != separator and b" " not in piece:
                self._pieces.setdefault(piece, []).append(token)
        for piece, held in self._pieces.items():  # a byte stands in for what has no token
            others = [token for token in held if not is_byte(tokens.symbols[token])]
            self._pieces[piece] = others or held
        self._lengths = sorted({len(piece) for piece in self._pieces}, reverse=True)
        single = [piece for piece in self._pieces if piece.isascii() or len(piece) > 1]
        self._letters = frozenset(c for c in (p.decode("utf-8", "ignore") for p in single)
                                  if len(c) == 1)  # fmt: skip
        # Characters that no piece writes alone are written, too.
        self._characters = frozenset("".join(p.decode("utf-8", "ignore") for p in self._pieces))
        # A mark alone lets a word begin, or end, with a piece that has none.
        alone = between >= 0 and tokens.symbols[between] == self._writing.marks
        self._must_begin = any(self._writing.begins) and not alone
        self._must_end = any(self._writing.ends) and not alone
        self._alone = between if alone else -1
        self._first, self._within, self._last = self._single()
        self._rests: dict[tuple[bytes, int], list[Spelling]] = {}  # ways to end a word

    def _single(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """Return the characters that a token alone can write first, within, and last in a word."""
        writing, where = self._writing, ([""], [""], [""])
        for piece, held in self._pieces.items():
            letter = piece.decode("utf-8", "ignore")
            for token in held if len(letter) == 1 else ():
                begins, ends = writing.begins[token], writing.ends[token]
                places = (
                    (begins or not self._must_begin) and not ends,
                    not begins and not ends,
                    not begins and (ends or not self._must_end),
                )
                for fits, found in zip(places, where, strict=True):
                    found += [letter] if fits else []
        first, within, last = map(frozenset, where)
        return first, within, last

    def written(self, word: str) -> str | None:
        """Return the form of ``word`` that the tokens can write, None for none."""
        for form in dict.fromkeys((word, word.lower(), word.upper())):
            if form and self._can(form):
                return form
        for letters in (self._letters, self._characters):
            plain = spell(word, letters)
            if plain and self._can(plain):
                return plain
        return None

    def letters(self, word: str) -> Spelling | None:
        """Return the UTF-8 of the form that the tokens can write, None for none.

        Apostrophes of any kind are one, as in `tables`. "new york" is no word.
        """
        form = self.written(word) if len(word.split()) == 1 else None
        return None if form is None else _plain(form.encode())

    def ways(self, word: str, most: int = MOST_WAYS) -> list[Spelling]:
        """Return token sequences that write ``word``, fewest tokens first; none if none does."""
        form = self.written(word)
        if form is None:
            return []
        found = self._segmented(form, most)
        for other in _other_apostrophes(form):
            if self._can(other):
                found = sorted([*found, *self._segmented(other, most)], key=len)[:most]
        return found

    def _segmented(self, form: str, most: int) -> list[Spelling]:
        data = form.encode()
        if len(self._rests) > _MOST_RESTS:
            self._rests.clear()
        rest: list[list[Spelling]] = [[] for _ in data] + [[()]]
        for at in range(len(data) - 1, -1, -1):
            key = (data[at:], most)  # words that end alike have the same ways to do so
            known = self._rests.get(key) if at else None
            if known is None:
                known = [
                    (token, *after)
                    for token, end in self._next(data, at)
                    for after in rest[end]
                ]  # fmt: skip
                known.sort(key=len)  # stable: of as many, the longer first piece
                del known[most:]
                if at:
                    self._rests[key] = known
            rest[at] = known
        return rest[0]

    def whole(self, word: str, most: int = MOST_WAYS) -> list[Spelling]:
        """Return `ways` with the mark alone before, or after, a piece that needs it."""
        found = []
        for way in self.ways(word, most):
            begins, ends = self._writing.begins[way[0]], self._writing.ends[way[-1]]
            if self._alone >= 0 and not any(self._writing.ends) and not begins:
                way = (self._alone, *way)
            elif self._alone >= 0 and any(self._writing.ends) and not ends:
                way = (*way, self._alone)
            found.append(way)
        return found

    def _can(self, form: str) -> bool:
        if (
            len(form) > 1
            and form[0] in self._first
            and form[-1] in self._last
            and self._within.issuperset(form[1:-1])
        ):
            return True
        data, reached = form.encode("utf-8", "ignore"), {0}
        for at in range(len(data)):
            if at in reached:
                reached |= {end for _, end in self._next(data, at)}
        return len(data) in reached

    def _next(self, data: bytes, at: int) -> list[tuple[int, int]]:
        """Return the tokens that may follow at a place of a word, with the place after each."""
        found, writing = [], self._writing
        for length in self._lengths:
            end = at + length
            for token in self._pieces.get(data[at:end], ()) if end <= len(data) else ():
                begins, ends = writing.begins[token], writing.ends[token]
                if (begins if at else self._must_begin and not begins) or (
                    self._must_end and not ends if end == len(data) else ends
                ):
                    continue
                found.append((token, end))
        return found


def _other_apostrophes(form: str) -> list[str]:
    """Return a word with the plain, or the curly, apostrophe in place of all that it has."""
    plain = form.translate(_PLAIN)
    return [other for other in (plain, plain.replace("'", "\u2019")) if other != form]


def _plain(piece: bytes) -> Spelling:
    """Return the bytes of a piece with the plain apostrophe for any other."""
    try:
        return tuple(piece.decode().translate(_PLAIN).encode())
    except UnicodeDecodeError:  # a part of a character
        return tuple(piece)


def tables(tokens: Tokens) -> Pieces:
    """Return what the beam reads of a table: letters and marks of each token."""
    writing = tokens.writing
    marks = [
        BEGINS * begins + ENDS * ends
        for begins, ends in zip(writing.begins, writing.ends, strict=True)
    ]
    return Pieces.of(marks, [_plain(piece) for piece in writing.written])


def phrases(
    hotwords: Mapping[str, float], segmenter: Segmenter, boundary: int
) -> dict[Spelling, float]:
    """Return hotwords as tokens between boundaries, each way; weights of the same way add up.

    Args:
        hotwords: weight of each phrase; its words are apart by spaces.
        segmenter: of the table.
        boundary: token between words.

    Raises:
        ConfigError: a hotword that is empty or cannot be spelled.
    """
    found: dict[Spelling, float] = {}
    for phrase, weight in hotwords.items():
        ways = [segmenter.ways(word) for word in phrase.split()]
        if not ways or not all(ways):
            raise ConfigError(
                f"hotword {phrase!r} cannot be spelled with the tokens of the model; "
                "leave it out or spell it otherwise"
            )
        for words in itertools.islice(itertools.product(*ways), _MOST_PHRASES):
            way: Spelling = (boundary,)
            for word in words:
                way += (*word, boundary)
            found[way] = found.get(way, 0.0) + weight
    return found


def letters_of(pieces: Pieces, ids: Sequence[int]) -> list[int]:
    """Return the letters that tokens write."""
    spans: list[Array] = [pieces.letters[pieces.start[i] : pieces.start[i + 1]] for i in ids]
    return [letter for span in spans for letter in span.tolist()]
