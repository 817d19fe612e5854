"""What running text says of words: how often they stand there, and how they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from edgectc.language.ngram.text import pieces
from edgectc.language.spelling import normalize_word, plain, written_words


@dataclass(frozen=True)
class TextCounts:
    """Words of running text.

    Attributes:
        words: by normal form.
        written: as they are written, but for the first word of each sentence, whose capital says
            nothing.
    """

    words: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)

    def __repr__(self) -> str:
        return f"TextCounts({len(self.words):,} words, {self.words.total():,} of running text)"


def count(lines: Iterable[str]) -> TextCounts:
    """Return the counts of a text of which no sentence crosses a line."""
    counts = TextCounts()
    for line in lines:
        for piece in pieces(line):
            found = [plain(word) for word in written_words(piece)]
            counts.words.update(map(normalize_word, found))
            counts.written.update(found[1:])
    return counts


def total(texts: Iterable[TextCounts]) -> TextCounts:
    """Return the counts of several texts as one."""
    whole = TextCounts()
    for text in texts:
        whole.words.update(text.words)
        whole.written.update(text.written)
    return whole
