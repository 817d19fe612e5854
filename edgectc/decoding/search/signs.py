"""One character for each token: how the lexicon decoder spells words with tokens of any kind."""

from __future__ import annotations

import functools
import itertools
import unicodedata
from dataclasses import replace

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Decoded, Hypothesis
from edgectc.decoding.search.beam_tables import Spelling
from edgectc.decoding.search.pieces import MOST_WAYS, Segmenter
from edgectc.language.lexicon import Lexicon, say_unspelled
from edgectc.language.packed import PackedLexicon, pack_spelled
from edgectc.language.spelling import APOSTROPHES, HYPHENS

_PRIVATE = 0xF0000  # a plane of characters that mean nothing: token i is the i-th of them


class Signs:
    """Words as strings of characters, each of which stands for a token.

    Args:
        tokens: the table.
        most: spellings of a word, fewest tokens first.
    """

    def __init__(self, tokens: Tokens, most: int = MOST_WAYS) -> None:
        self._most, self._segmenter = most, Segmenter(tokens)
        written, between = tokens.writing.written, tokens.writing.between
        marks = between >= 0 and tokens.symbols[between] == tokens.writing.marks
        self._between = tokens.ids.get(" ", -1 if marks else between)
        self._signs = [
            symbol if len(symbol) == 1 and symbol.encode() == written[token]
            else chr(_PRIVATE + token)
            for token, symbol in enumerate(tokens.symbols)
        ]  # fmt: skip
        self.columns = {
            sign: token for token, sign in enumerate(self._signs)
            if written[token] or token == tokens.writing.between
        }  # fmt: skip
        self._shown = {
            ord(sign): tokens.writing.joined([token])
            for sign, token in self.columns.items()
            if ord(sign) >= _PRIVATE
        }
        self.several = False  # whether a word has several spellings

    def spell(self, word: str) -> str | None:
        """Return the spelling of ``word`` with the fewest tokens, None for none."""
        return next(iter(self._spell(word, 1)), None)

    def _spell(self, word: str, most: int) -> list[str]:
        ways = self._whole(word, most)
        return ["".join(self._signs[token] for token in way) for way in ways]

    def _whole(self, word: str, most: int) -> list[Spelling]:
        """Return the ways to write a word, or several with the token between them."""
        parts = word.split()
        if len(parts) < 2 or self._between < 0:
            return self._segmenter.whole(word, most)
        each = [self._segmenter.whole(part, most) for part in parts]
        joined = [
            functools.reduce(lambda one, other: (*one, self._between, *other), ways)
            for ways in itertools.islice(itertools.product(*each), most)
        ]
        return sorted(joined, key=len)

    def ways(self, word: str, length: int) -> list[Spelling]:
        """Return the ways to write ``word`` with so many tokens."""
        return [way for way in self._whole(word, self._most) if len(way) == length]

    def pack(self, lexicon: Lexicon) -> PackedLexicon:
        """Return the words that the tokens can write, by spelling.

        Raises:
            ConfigError: they can write none of them.
        """
        rows: list[int] = []
        spelled: list[str] = []
        left: list[str] = []
        for row, word in enumerate(lexicon.words):
            ways = self._spell(word, self._most)
            rows += [row] * len(ways)
            spelled += ways
            self.several |= len(ways) > 1
            left += [] if ways else [word]
        if not rows:
            raise ConfigError(
                f"none of the {len(lexicon.words)} words of the lexicon can be spelled with the "
                f"tokens, not even {lexicon.words[0]!r}; use a lexicon for these tokens"
            )
        say_unspelled(left, len(lexicon.words))
        return pack_spelled(lexicon, np.array(rows), spelled, self.columns.keys())

    def shown(self, decoded: Decoded, nbest: int) -> Decoded:
        """Return each word once, by its best spelling, at most ``nbest`` of them."""
        best: dict[str, Hypothesis] = {}
        for found in decoded:
            text = found.text.translate(self._shown)
            if text not in best:
                best[text] = replace(found, text=text, posterior=self._posterior(found))
            else:
                held = best[text]
                share = held.probability + found.probability
                best[text] = replace(held, probability=min(1.0, share))
        return Decoded(tuple(best.values())[:nbest])

    def _posterior(self, found: Hypothesis) -> tuple[float, float] | None:
        """Return the bounds of a word; none where they would be those of one spelling."""
        return None if self.several else found.posterior


def needed(tokens: Tokens) -> bool:
    """Return whether words need `Signs`: not where all tokens are what keyboards spell with."""
    return any(
        piece and not (len(symbol) == 1 and _is_letter(symbol))
        for piece, symbol in zip(tokens.writing.written, tokens.symbols, strict=True)
        if not symbol.startswith("<unused:")
    )


def _is_letter(symbol: str) -> bool:
    small = symbol.isalpha() and symbol == symbol.lower()
    mark = unicodedata.category(symbol) in ("Mn", "Mc", "Cf")
    return small or mark or symbol in APOSTROPHES + HYPHENS
