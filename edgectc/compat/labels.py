"""The labels of pyctcdecode, as its users have them: what is the blank, what ends a word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from edgectc.core.errors import ConfigError
from edgectc.core.tokens import BLANK, Tokens
from edgectc.language.spelling import APOSTROPHES, HYPHENS

UNKNOWN = "⁇"  # what the package shows for a token such as <unk>
_PIECES = ("▁", "##")
_PAD = re.compile(r"[<\[]pad[>\]]", re.IGNORECASE)
_UNK = re.compile(r"[<\[]unk[>\]]", re.IGNORECASE)


@dataclass(frozen=True)
class Labels:
    """What the columns of logits mean.

    Attributes:
        tokens: a symbol each column; the separator is " ", the last column if ``added``.
        columns: that the logits must have.
        added: whether the separator has no column of theirs, so that a text is one word.
    """

    tokens: Tokens
    columns: int
    added: bool

    def spells(self, word: str) -> bool:
        """Return whether the labels can write a word, letter by letter, as it stands."""
        ids, blank = self.tokens.ids, self.tokens.blank_id
        return bool(word) and all(ids.get(letter, blank) != blank for letter in word)

    def written(self, word: str) -> str | None:
        """Return the form of a word that the labels can write: as it stands, or in NFC or NFD.

        An apostrophe or hyphen that they lack is the one of its kind that they have; the case
        stays. None for a word that they cannot write.
        """
        if self.spells(word):
            return word
        for form in (word, *(unicodedata.normalize(kind, word) for kind in ("NFC", "NFD"))):
            with_theirs = "".join(self._theirs(letter) for letter in form)
            for each in (form, with_theirs):
                if self.spells(each):
                    return each
        return None

    def _theirs(self, letter: str) -> str:
        """Return a letter, an apostrophe or hyphen as one that the labels have."""
        if self.spells(letter):
            return letter
        kind = next((kind for kind in (APOSTROPHES, HYPHENS) if letter in kind), "")
        return next((other for other in kind if self.spells(other)), letter)


def read(labels: Sequence[str]) -> Labels:
    """Return the meaning of labels by the rules of the package.

    ``|`` is the separator where no label is a space; ``<pad>`` or ``[pad]`` in any case is the
    blank, else ``_`` where no label is empty; without any blank one is added as the last column;
    ``<unk>`` or ``[unk]`` is shown as "⁇".

    Raises:
        ConfigError: a label twice, no separator to be had, or word pieces.
    """
    if isinstance(labels, str):
        raise ConfigError(f"labels are the text {labels!r}, expected a list of labels")
    symbols = list(labels)
    if len(set(symbols)) != len(symbols):
        twice = next(label for label in symbols if symbols.count(label) > 1)
        raise ConfigError(f"label {twice!r} is there twice; each column needs a label of its own")
    piece = next((label for label in symbols if label.startswith(_PIECES)), None)
    if piece is not None:
        raise ConfigError(
            f"label {piece!r} is a word piece, which edgectc.compat.pyctcdecode does not read; use "
            "edgectc.make_decoder('pyctcdecode', ...) with the package installed"
        )
    if " " not in symbols:
        symbols = [" " if label == "|" else label for label in symbols]
    symbols = ["" if _PAD.fullmatch(label) else label for label in symbols]
    if "" not in symbols:
        symbols = ["" if label == "_" else label for label in symbols]
    if "" not in symbols:
        symbols.append("")
    symbols = [UNKNOWN if _UNK.fullmatch(label) else label for label in symbols]
    columns, added = len(symbols), " " not in symbols
    if added:
        symbols.append(" ")
    blank = BLANK
    while blank in symbols:
        blank = f"<{blank}>"
    at = symbols.index("")
    return Labels(Tokens((*symbols[:at], blank, *symbols[at + 1 :]), at), columns, added)
