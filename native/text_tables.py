"""Makes src/text_tables.h and src/spelling_tables.h, for `build.py text`: what Unicode says, in C.

A character that this Python's Unicode lacks is taken for what stands before it: letters of a script
are added where its letters are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache

from edgectc.language import hangul, spelling
from edgectc.language.ngram import text
from edgectc.language.spelling import normalize_word

_JAMO = 0x3130  # the letters of a Korean keyboard follow it
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


def _kinds() -> tuple[list[tuple[int, str]], list[int]]:
    """Return (code, kind) of each run, anew where a plane begins, and the first row of each."""
    rows: list[tuple[int, str]] = []
    planes: list[int] = []
    last = "SPACE"
    for code in range(0x110000):
        now = kind(chr(code)) or (last if last in ("LETTER", "OTHER") else "OTHER")
        if code % 0x10000 == 0:
            planes.append(len(rows))
        if now != last or code % 0x10000 == 0:
            rows.append((code, now))
        last = now
    return rows, [*planes, len(rows)]


def normal(character: str) -> str:
    """Return a character of NFC as `spelling.words_of` writes it in a word."""
    return normalize_word(character)


def _changed() -> Iterator[tuple[int, list[int]]]:
    """Yield each character of NFC whose normal form is another one, and that."""
    for code in range(0x110000):
        c = chr(code)
        known = kind(c) in ("LETTER", "MARK", "OTHER") and unicodedata.normalize("NFC", c) == c
        if known and normal(c) != c:
            yield code, [ord(one) for one in normal(c)]


def _normals() -> Iterator[str]:
    rows: list[list[int]] = []  # first, last, step, more
    for code, (to, *then) in _changed():
        if then:
            continue
        row = rows[-1] if rows else [0, -9, 1, 0]
        gap, alone = code - row[1], row[0] == row[1]
        if to - code == row[3] and (gap == row[2] or (alone and gap == 2)):
            row[1], row[2] = code, gap
        else:
            rows.append([code, code, 1, to - code])
    for first, last, step, more in rows:
        yield f"  {{{first:#x} << 8 | {last - first}, {more} * 4 + {step}}},"


def _several() -> Iterator[str]:
    for code, codes in _changed():
        if len(codes) > 1:
            yield f"  {{{code:#x}, {{{', '.join(map(hex, codes))}}}}},"


def header() -> str:
    """Return the text of the header."""
    rows, planes = _kinds()
    kinds = [name for _, name in rows]
    pairs = [" | ".join([kinds[i], *(f"{k} << 4" for k in kinds[i + 1 : i + 2])])
             for i in range(0, len(kinds), 2)]  # fmt: skip
    return _HEADER.format(
        version=unicodedata.unidata_version,
        planes=", ".join(map(str, planes)),
        starts="\n".join(_wrapped(f"  {code % 0x10000:#x}," for code, _ in rows)),
        kinds="\n".join(_wrapped(f"  {two}," for two in pairs)),
        normals="\n".join(_wrapped(_normals())),
        several="\n".join(_wrapped(_several())),
    )


def typed(character: str) -> str:
    """Return a character of NFC as it is typed, alone: see `spelling.spell`."""
    return spelling._typed(character)


def _numbers() -> Iterator[str]:
    for first, last in _runs(c for c in _characters() if unicodedata.category(c)[0] == "N"):
        yield f"  {ord(first):#x} << 8 | {ord(last) - ord(first)},"


def _typed_otherwise() -> Iterator[str]:
    """Rows of characters that are typed otherwise than `normal` says."""
    rows: list[list[int]] = []  # first, last, more
    for c in _characters():
        known = normal(c) if kind(c) in ("LETTER", "MARK") else c
        if kind(c) in ("APOSTROPHE", "UNSEEN") or typed(c) == known:
            continue
        more = ord(typed(c)) - ord(c)
        if rows and rows[-1][1:] == [ord(c) - 1, more]:
            rows[-1][1] += 1
        else:
            rows.append([ord(c), ord(c), more])
    for first, last, more in rows:
        yield f"  {{{first:#x}, {last:#x}, {more}}},"


def _marks() -> list[int]:
    return sorted({mark for _, _, mark in _joined()})


def _pairs() -> Iterator[str]:
    for letter, base, _ in _joined():
        yield f"  {{{letter:#x}, {base:#x}}},"


def _marks_of_pairs() -> Iterator[str]:
    for _, _, mark in _joined():
        yield f"  {_marks().index(mark)},"


@cache
def _joined() -> list[tuple[int, int, int]]:
    """Return small letters of 16 bits that have a base and a mark, with those."""
    found = []
    for c in _characters():
        parts = unicodedata.decomposition(c).split()
        small = c.isalpha() and typed(c) == c and c < "\U00010000"
        if small and len(parts) == 2 and not parts[0].startswith("<"):
            found.append((ord(c), int(parts[0], 16), int(parts[1], 16)))
    return found


def _without_parts() -> Iterator[str]:
    for c, plain in sorted(spelling._WITHOUT_PARTS.items()):
        first, second = (ord(letter) for letter in plain.ljust(2, "\0"))
        yield f"  {{{ord(c):#x}, {{{first:#x}, {second:#x}}}}},"


def _jamo(first: int, n: int) -> Iterator[str]:
    """Offsets of a keyboard's letters, of `n` conjoining ones."""
    for code in range(first, first + n):
        yield f"  {ord(hangul._of_keyboard(chr(code))) - _JAMO},"


def _jamo_parts() -> Iterator[str]:
    for code in range(_JAMO + 1, 0x3164):
        first, second = (ord(part) - _JAMO for part in hangul._PARTS.get(chr(code), chr(_JAMO) * 2))
        yield f"  {{{first}, {second}}},"


def _characters() -> Iterator[str]:
    """Every character that a text in NFC can hold."""
    for code in [*range(0xD800), *range(0xE000, 0x110000)]:
        if unicodedata.normalize("NFC", chr(code)) == chr(code):
            yield chr(code)


def _runs(characters: Iterator[str]) -> list[tuple[str, str]]:
    """Return first and last of characters that follow each other."""
    runs: list[tuple[str, str]] = []
    for c in characters:
        if runs and ord(runs[-1][1]) == ord(c) - 1:
            runs[-1] = runs[-1][0], c
        else:
            runs.append((c, c))
    return runs


def spelling_header() -> str:
    """Return the text of the header of spelling.c."""
    tables = {
        "numbers": _numbers(),
        "typed": _typed_otherwise(),
        "pairs": _pairs(),
        "marks": (f"  {mark:#x}," for mark in _marks()),
        "marks_of_pairs": _marks_of_pairs(),
        "whole": _without_parts(),
        "leads": _jamo(0x1100, 19),
        "trails": _jamo(0x11A8, 27),
        "parts": _jamo_parts(),
    }
    rows = {name: "\n".join(_wrapped(made)) for name, made in tables.items()}
    return _SPELLING.format(version=unicodedata.unidata_version, **rows)


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

#include "text_kinds.h"

static const uint16_t PLANES[] = {{ /* the first run of each 65,536 code points */
  {planes}
}};

static const uint16_t RUNS[] = {{ /* where in its plane each run of one kind begins */
{starts}
}};

static const uint8_t KINDS[] = {{ /* of two runs each, the second one in the upper bits */
{kinds}
}};

typedef struct {{ /* every `step`-th code point, and what its normal form lies further on */
  uint32_t first;   /* times 256, and how far it is to the last */
  int32_t more;     /* times 4, and the step */
}} Normal;

static const Normal NORMALS[] = {{
{normals}
}};

typedef struct {{
  uint16_t code, to[3];
}} Several;

static const Several SEVERAL[] = {{ /* characters whose normal form has several */
{several}
}};

#endif
"""

_SPELLING = """\
/* How characters are typed, from Unicode {version}. Made by `python native/build.py text` of
 * edgectc/language/spelling.py: edit that, not this. */
#ifndef EDGECTC_SPELLING_TABLES_H
#define EDGECTC_SPELLING_TABLES_H

#include <stdint.h>

static const uint32_t NUMBERS[] = {{ /* where each run begins, times 256, and how many follow */
{numbers}
}};

typedef struct {{
  uint16_t first, last;
  int16_t more; /* what stands for each lies so much further on */
}} Typed;

static const Typed TYPED[] = {{ /* of characters that stay what their normal form is not */
{typed}
}};

typedef struct {{
  uint16_t letter, base;
}} Pair;

static const Pair PAIRS[] = {{ /* small letters of 16 bits that have a base and a mark */
{pairs}
}};
static const uint16_t MARKS[] = {{
{marks}
}};
static const uint8_t MARK_OF[] = {{ /* which of these each pair has */
{marks_of_pairs}
}};

typedef struct {{
  uint16_t letter;
  uint8_t plain[2]; /* the second one is 0 where there is one alone */
}} Whole;

static const Whole WHOLE[] = {{ /* letters without parts, and what stands for them */
{whole}
}};

/* Letters of a Korean keyboard, counted from U+3130: of a syllable's lead and trail, and the two
 * that type each compound one, from U+3131 on. */
static const uint8_t LEADS[] = {{
{leads}
}};
static const uint8_t TRAILS[] = {{
{trails}
}};
static const uint8_t JAMO_PARTS[][2] = {{
{parts}
}};

#endif
"""
