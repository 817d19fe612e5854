"""Builds the C library; `build.json` beside this file holds its sources and flags for all hosts.

Python, `scripts/packages` and CMake (`native/CMakeLists.txt`) read that list. The flags let sums be
reordered, so that dot products vectorise; NaN and infinity keep their meaning.

    python native/build.py            builds what Python loads: edgectc/decoding/search/_native.so
    python native/build.py options    makes src/options.h of the lexicon decoder's Options
    python native/build.py text       makes src/text_tables.h and src/spelling_tables.h of what
                                      Python knows of characters
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "edgectc" / "decoding" / "search" / "_native.so"
OPTIONS = ROOT / "native" / "src" / "options.h"
TEXT = ROOT / "native" / "src" / "text_tables.h"
SPELLING = ROOT / "native" / "src" / "spelling_tables.h"


class Build(TypedDict):
    """What `build.json` holds; paths are from the root of the repository."""

    standard: str
    flags: list[str]
    include: list[str]
    engine: list[str]
    beam: list[str]
    network: list[str]
    keyboard: list[str]


def read() -> Build:
    """Return the sources and flags."""
    build: Build = json.loads((ROOT / "native" / "build.json").read_text(encoding="ascii"))
    return build


def flags() -> list[str]:
    """Return the flags of every compiler, those that find the headers included."""
    build = read()
    include = [f"-I{ROOT / folder}" for folder in build["include"]]
    return [build["standard"], *build["flags"], *include]


def sources(*, beam: bool, network: bool = False) -> list[str]:
    """Return the files to compile; a host of the engine alone leaves the rest out.

    The keyboard comes with the network that it is made of.
    """
    build = read()
    more = [*(build["beam"] if beam else ()), *(build["network"] if network else ())]
    more += build["keyboard"] if network else ()
    return [str(ROOT / name) for name in (*build["engine"], *more)]


def compiler() -> list[str] | None:
    """Return the command of a C compiler, None where there is none."""
    found = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    return found.split() if found else None


def library(out: Path = LIBRARY) -> None:
    """Build what Python loads; the file appears whole or not at all.

    Raises:
        OSError: there is no compiler.
        subprocess.CalledProcessError: it failed.
    """
    command = compiler()
    if command is None:
        raise FileNotFoundError("no C compiler (cc, gcc or $CC)")
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        made = [*command, *flags(), "-shared", "-fPIC", "-o", str(temporary)]
        subprocess.run([*made, *sources(beam=True, network=True), "-lm"], check=True)
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def options_header() -> str:
    """Return the C table of the decoder's options: names, old names, ranges and defaults."""
    sys.path.insert(0, str(ROOT))
    from edgectc.decoding.search.options import Options

    fields, rows = [], []
    defaults = [f".{f.name} = {_number(f.default)}" for f in dataclasses.fields(Options)]
    for field in dataclasses.fields(Options):
        held, whole = field.metadata["range"], int(field.type == "int")
        nullable = int("None" in str(field.type))
        fields.append(f"  double {field.name};")
        for name in (field.name, *field.metadata["formerly"]):
            now = "NULL" if name == field.name else f'"{field.name}"'
            rows.append(
                f'  {{"{name}", {now}, offsetof(Options, {field.name}), {_number(held.least)}, '
                f"{_number(held.most)}, {int(held.above)}, {whole}, {nullable}}},"
            )
    return _HEADER.format(
        fields="\n".join(fields), rows="\n".join(rows), defaults=", \\\n    ".join(defaults)
    )


def _number(value: float | None) -> str:
    """Return a number as C writes it; NAN stands for null."""
    if value is None:
        return "NAN"
    if math.isinf(value):
        return "HUGE_VAL" if value > 0 else "-HUGE_VAL"
    return repr(float(value))


_HEADER = """\
/* The options of the lexicon decoder, as edgectc/decoding/search/options.py declares them. Made by
 * `python native/build.py options`: edit that file, not this one. */
#ifndef EDGECTC_OPTIONS_H
#define EDGECTC_OPTIONS_H

#include <math.h>
#include <stddef.h>

typedef struct {{ /* NaN stands for null */
{fields}
}} Options;

typedef struct {{
  const char *name, *now; /* now: what it is called today, NULL if so */
  size_t offset;          /* in Options */
  double least, most;
  int above, whole, nullable; /* above: `least` itself is too low; whole: no fraction */
}} Option;

static const Option OPTIONS[] = {{
{rows}
}};

#define DEFAULT_OPTIONS ((Options){{ \\
    {defaults}}})

#endif
"""


def text_headers() -> dict[Path, str]:
    """Return the C tables of characters: in running text, and as they are typed."""
    sys.path.insert(0, str(ROOT))
    import text_tables

    return {TEXT: text_tables.header(), SPELLING: text_tables.spelling_header()}


if __name__ == "__main__":
    if sys.argv[1:] == ["text"]:
        for path, text in text_headers().items():
            path.write_text(text, encoding="ascii")
    elif sys.argv[1:] == ["options"]:
        OPTIONS.write_text(options_header(), encoding="ascii")
    else:
        library()
