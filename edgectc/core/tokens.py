"""The output alphabet: one token per column of log_probs, with the blank as data."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.writing import Writing

BLANK = "<blank>"


@dataclass(frozen=True)
class Tokens:
    """Token table. ``symbols[i]`` is column i of log_probs; ``blank_id`` is its CTC blank.

    Both directions are derived from one tuple, so they cannot disagree. ``separator`` stands
    between symbols in a text: "" for letters and word pieces, " " for phonemes and glosses.
    `writing` says what word pieces, bytes and special tokens write.

    Raises:
        ConfigError: empty, duplicate or multi-line symbols, lines of "symbol id" taken for
            symbols, or a blank id out of range.
    """

    symbols: tuple[str, ...]
    blank_id: int
    separator: str = ""

    def __repr__(self) -> str:
        return f"Tokens({len(self.symbols)} symbols, blank {self.blank_id})"

    def __post_init__(self) -> None:
        if len(set(self.symbols)) != len(self.symbols):
            twice = sorted({s for s in self.symbols if self.symbols.count(s) > 1})
            raise ConfigError(f"tokens occur twice: {twice}; every column needs its own token")
        if any(not s or s.splitlines() != [s] for s in self.symbols):
            raise ConfigError("a token is empty or holds a line break")
        if len(self) > 1 and all(s.split()[1:] == [str(i)] for i, s in enumerate(self.symbols)):
            raise ConfigError(
                f"the tokens are lines of 'symbol id', such as {self.symbols[1]!r}; expected the "
                "symbols alone, or `edgectc.read_tokens(path)`"
            )
        if not 0 <= self.blank_id < len(self.symbols):
            raise ConfigError(
                f"blank_id is {self.blank_id}, expected 0..{len(self.symbols) - 1} "
                f"for {len(self.symbols)} tokens"
            )

    @cached_property
    def ids(self) -> dict[str, int]:
        """Symbol to column."""
        return {symbol: i for i, symbol in enumerate(self.symbols)}

    @cached_property
    def writing(self) -> Writing:
        """What each token writes."""
        return Writing.of(self.symbols, self.blank_id)

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, symbols: Iterable[str]) -> list[int]:
        """Return the column of each symbol.

        Raises:
            InputError: reason ``unknown_letters``; the blank is never a label.
        """
        labels = list(symbols)
        unknown = sorted({s for s in labels if s not in self.ids or self.ids[s] == self.blank_id})
        if unknown:
            raise InputError(
                f"{''.join(labels)!r} holds {unknown}, which the token table does not; "
                "use a layout or alphabet that has them",
                reason="unknown_letters",
            )
        return [self.ids[s] for s in labels]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token ids: blanks and special tokens are skipped, repeats are kept.

        Words of pieces, or with a token such as ``|`` between them, have one space between.
        """
        writing = self.writing
        if self.separator or not (writing.marks or writing.between >= 0):
            shown = (i for i in ids if i != self.blank_id and i not in writing.hidden)
            if self.separator:
                return self.separator.join(self.symbols[i] for i in shown)
            return writing.joined(shown)
        return writing.text(ids)

    def joined(self, ids: Iterable[int]) -> str:
        """Return the symbols of token ids, one after the other."""
        return "".join(map(self.symbols.__getitem__, ids))

    def to_text(self) -> str:
        """Return the ``tokens.txt`` form: one symbol a line; the blank's line is ``<blank>``."""
        lines = [BLANK if i == self.blank_id else s for i, s in enumerate(self.symbols)]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Tokens:
        """Return the table of a ``tokens.txt``.

        Raises:
            ConfigError: there is not exactly one ``<blank>`` line.
        """
        lines = text.removesuffix("\n").split("\n")
        if lines.count(BLANK) != 1:
            raise ConfigError(f"tokens need exactly one {BLANK} line, got {lines.count(BLANK)}")
        return cls(tuple(lines), lines.index(BLANK))


def collapse(ids: Sequence[int], blank_id: int) -> list[tuple[int, int]]:
    """Return (token, frame of its first frame) after CTC's merge of repeats and removal of blanks.

    Source: Graves et al. 2006, "Connectionist Temporal Classification", the map B.
    """
    previous, out = blank_id, []
    for frame, token in enumerate(ids):
        if token not in (previous, blank_id):
            out.append((token, frame))
        previous = token
    return out


def output_length(length: int, stride: int, window: int = 1) -> int:
    """Return the valid output frames of ``length`` input frames: the length map of every model.

    max(0, floor((length - window) / stride) + 1); with a window of 1 that is ceil(length / stride).
    """
    return max(0, (length - window) // stride + 1)


def frames_needed(ids: Sequence[int]) -> int:
    """Return the least frames CTC needs to emit ``ids``: one each, and one blank per repeat."""
    return len(ids) + sum(a == b for a, b in itertools.pairwise(ids))
