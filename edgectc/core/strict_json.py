"""JSON of others, read within bounds: how large, how deep, and only what JSON can say."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from edgectc.core.errors import ConfigError

MOST_BYTES = 1 << 28
MOST_DEPTH = 100
# Possessive, so that a text without end is read once and never again.
_NESTING = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def parse(text: str | bytes, *, start: int = 0) -> Any:
    """Return the value of a JSON text.

    Args:
        text: UTF-8 where it is bytes.
        start: where the value begins; from another place than 0, more may follow the value.

    Raises:
        ConfigError: it is no JSON, too large, nested too deep, or holds NaN or Infinity.
    """
    if not start and len(text) > MOST_BYTES:
        raise ConfigError(f"{len(text):,} bytes of JSON, expected at most {MOST_BYTES:,}")
    try:
        whole = text if isinstance(text, str) else text.decode("utf-8")
        _check_depth(whole, start)
        decoder = json.JSONDecoder(parse_constant=_refuse)
        return decoder.raw_decode(whole, start)[0] if start else decoder.decode(whole)
    except ConfigError:
        raise
    except ValueError as error:  # also of UTF-8, and of a number with thousands of digits
        raise ConfigError(f"not JSON: {error}") from error


def _check_depth(text: str, start: int) -> None:
    depth = 0
    for found in _NESTING.finditer(text, start):
        first = text[found.start()]
        if first in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise ConfigError(f"nested deeper than {MOST_DEPTH}")
        elif first in "]}":
            depth -= 1
            if start and depth == 0:
                return  # what follows is no part of the value


def _refuse(name: str) -> NoReturn:
    raise ConfigError(f"it holds {name}, expected finite numbers")


def safetensors_notes(data: bytes) -> dict[str, str]:
    """Return the texts that the header of a safetensors file holds beside its tensors.

    Raises:
        ConfigError: there is no such header, or it holds something else there.
    """
    size = int.from_bytes(data[:8], "little")
    header = parse(data[8 : 8 + size])
    notes = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not (isinstance(notes, dict) and all(isinstance(text, str) for text in notes.values())):
        raise ConfigError("its header has no __metadata__ of texts")
    return notes
