"""Makes src/text_tables.h, for `build.py text`: what Unicode says of each character, as C tables.

A character that this Python's Unicode lacks is taken for what stands before it: letters of a script
are added where its letters are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from edgectc.language import spelling
from edgectc.language.ngram import text
from edgectc.language.spelling import normalize_word

KINDS = (
    "OTHER", "LETTER", "MARK", "JOINER", "APOSTROPHE", "UNSEEN", "SPACE", "END", "BREAK", "CLOSER"
)  # fmt: skip
_SETS = {
    "BREAK": text.BREAKS,
    "UNSEEN": spelling.UNSEEN,
    "JOINER": spelling.JOINERS,
    "END": text.ENDS,
    "CLOSER": text.CLOSERS,
}


def kind(character: str) -> str | None:
    """Return what a character is to words and sentences, None if it is assigned to nothing."""
    category = unicodedata.category(character)
    for name, members in _SETS.items():
        if character in members:
            return name
    if category[0] in "LN":
        return "LETTER"
    if character in spelling.APOSTROPHES:
        return "APOSTROPHE"
    if spelling.is_mark(character):
        return "MARK"
    if character.isspace():
        return "SPACE"
    return None if category == "Cn" else "OTHER"


def _kinds() -> Iterator[str]:
    last = "SPACE"
    for code in range(0x110000):
        now = kind(chr(code)) or (last if last in ("LETTER", "OTHER") else "OTHER")
        if now != last or code == 0:
            yield f"  {code:#x} << 4 | {now},"
        last = now


def normal(character: str) -> str:
    """Return a character of NFC as `spelling.words_of` writes it in a word."""
    return normalize_word(character)


def _normals() -> Iterator[str]:
    rows: list[list[int]] = []  # first, last, step, more
    for code in range(0x110000):
        c = chr(code)
        if (
            kind(c) not in ("LETTER", "MARK")
            or unicodedata.normalize("NFC", c) != c
            or normal(c) == c
        ):
            continue
        more, then = ord(normal(c)[0]) - code, [ord(one) for one in normal(c)[1:]]
        row = rows[-1] if rows else [0, -9, 1, 0]
        gap = code - row[1]
        alone = row[0] == row[1]
        if not then and more == row[3] and (gap == row[2] or (alone and gap == 2)) and not row[4:]:
            row[1], row[2] = code, gap
        else:
            rows.append([code, code, 1, more, *then])
    for first, last, step, more, *then in rows:
        yield f"  {{{first:#x}, {last:#x}, {step}, {more}, {{{', '.join(map(hex, then)) or 0}}}}},"


def header() -> str:
    """Return the text of the header."""
    return _HEADER.format(
        version=unicodedata.unidata_version,
        names=", ".join(KINDS),
        kinds="\n".join(_wrapped(_kinds())),
        normals="\n".join(_wrapped(_normals())),
    )


def _wrapped(rows: Iterator[str]) -> Iterator[str]:
    line = ""
    for row in rows:
        if len(line) + len(row) > 108:
            yield line
            line = ""
        line += row if not line else row[1:]
    yield line


_HEADER = """\
/* What characters are to words and sentences, from Unicode {version}. Made by
 * `python native/build.py text` of edgectc/language/spelling.py: edit that, not this. */
#ifndef EDGECTC_TEXT_TABLES_H
#define EDGECTC_TEXT_TABLES_H

#include <stdint.h>

enum {{ {names} }};

static const uint32_t KINDS[] = {{ /* where each run of one kind begins, times 16, and the kind */
{kinds}
}};

typedef struct {{ /* every `step`-th code point, and what its normal form lies further on */
  int32_t first, last, step, more;
  uint16_t then[2]; /* more code points of it */
}} Normal;

static const Normal NORMALS[] = {{
{normals}
}};

#endif
"""
