"""The tokens of an ONNX file of others: where projects write them down, and how.

Known are: lines or JSON in the metadata of the file (``character`` of PaddleOCR and RapidOCR,
``vocab``, ``vocabulary``, ``tokens``, ``labels``), and beside it ``tokens.txt`` with "symbol id" or
one symbol a line (k2, icefall, sherpa-onnx, WeNet), and ``vocab.json`` (transformers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgectc.core import vocabularies
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import BLANK
from edgectc.core.vocabularies import BLANKS, SURELY

KEYS = ("character", "characters", "vocab", "vocabulary", "tokens", "labels")
BESIDE = ("tokens.txt", "vocab.json", "vocab.txt")
_WORDS = "|"  # stands between words in the alphabets of wav2vec2


@dataclass(frozen=True)
class Alphabet:
    """Tokens as they were written down.

    Attributes:
        symbols: one a column, before a blank or a space that goes without saying is added.
        source: where they stood, for messages.
        blank: the blank's symbol or column as said; None if nothing says it.
    """

    symbols: tuple[str, ...]
    source: str
    blank: str | None = None


def found(
    path: Path, metadata: Mapping[str, str], given: str | None, blank: str | None
) -> Alphabet:
    """Return the tokens of a file: those that are given, its own, or those of a file beside it.

    Args:
        path: of the ONNX file.
        metadata: inside of it.
        given: file of tokens to take.
        blank: the blank's symbol or column; None to find it.

    Raises:
        ConfigError: there are none, they cannot be read, or the file itself says others.
    """
    own = _own(metadata, blank)
    if given is not None:
        said = _read(Path(given), blank)
        if own is not None and own.symbols != said.symbols and not _embedded(own, said):
            raise ConfigError(
                f"{given} is another alphabet than the one inside {path} ({own.source}): "
                f"{_first_difference(said.symbols, own.symbols)}; leave --tokens out"
            )
        return said
    if own is not None:
        return own
    for name in BESIDE:
        if (path.parent / name).is_file():
            return _read(path.parent / name, blank)
    raise ConfigError(
        f"{path} holds no tokens (metadata {sorted(metadata) or 'none'}), and none of "
        f"{', '.join(BESIDE)} lies beside it; name a file with --tokens",
        options=["tokens"],
    )


def _own(metadata: Mapping[str, str], blank: str | None) -> Alphabet | None:
    for key in KEYS:
        text = metadata.get(key, "")
        if text.count("\n") or text.lstrip()[:1] in ("[", "{"):
            symbols = vocabularies.parse(text, f"metadata {key!r}")
            return Alphabet(symbols, f"metadata {key!r}", blank)
    return None


def _embedded(own: Alphabet, said: Alphabet) -> bool:
    """Whether one list is the other with a blank, or a space, that goes without saying."""
    longer, shorter = sorted((own.symbols, said.symbols), key=len, reverse=True)
    return len(longer) - len(shorter) <= 2 and any(
        longer[i : i + len(shorter)] == shorter for i in range(3)
    )


def _first_difference(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return f"column {i} is {a!r} there and {b!r} here"
    return f"{len(one)} tokens there and {len(other)} here"


def _read(path: Path, blank: str | None) -> Alphabet:
    return Alphabet(vocabularies.read_symbols(path), str(path), blank)


def fitted(alphabet: Alphabet, columns: int) -> tuple[tuple[str, ...], int | None, str]:
    """Return one symbol a column, the blank's column if that is known, and what was added.

    Lists leave out what a toolkit adds itself: PaddleOCR a blank before and a space after, NeMo a
    blank after.

    Args:
        alphabet: as it was written down.
        columns: of the answer.

    Raises:
        ConfigError: no such addition makes as many symbols as there are columns.
    """
    symbols, more = list(alphabet.symbols), columns - len(alphabet.symbols)
    named = next((name for name in BLANKS if name in symbols), None)
    said = alphabet.blank
    if more == 0:
        column = _column(symbols, said) if said is not None else None
        if column is None and named is not None:
            column = symbols.index(named)
        return _spaced(symbols), column, "one symbol a column"
    named = next((name for name in SURELY if name in symbols), None)
    if more == 2 and " " not in symbols and named is None and "character" in alphabet.source:
        return (BLANK, *symbols, " "), 0, "a blank before and a space after were added"
    if more == 1 and named is None:
        last = said is not None and said.isdigit() and int(said) == columns - 1
        if last:
            return _spaced([*symbols, BLANK]), columns - 1, "a blank after was added"
        if "character" in alphabet.source or said == "0":
            return _spaced([BLANK, *symbols]), 0, "a blank before was added"
        return _spaced([*symbols, BLANK]), None, "a blank was added"
    raise ConfigError(
        f"{alphabet.source} holds {len(symbols)} tokens and the answer has {columns} columns: "
        f"{abs(more)} {'too few' if more > 0 else 'too many'}; these tokens are of another model, "
        "or lines were lost; give one symbol a column, the blank included"
    )


def _spaced(symbols: list[str]) -> tuple[str, ...]:
    """Return the symbols with a space for wav2vec2's mark between words."""
    return tuple(" " if s == _WORDS and " " not in symbols else s for s in symbols)


def _column(symbols: list[str], said: str) -> int:
    if said in symbols:
        return symbols.index(said)
    if said.isdigit() and int(said) < len(symbols):
        return int(said)
    raise ConfigError(
        f"the blank {said!r} is none of the tokens and no column 0..{len(symbols) - 1}",
        options=["blank"],
    )
