"""Renders TABLE.md from the committed results, so that it cannot say anything else.

python bench/table.py [--check]
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from edgectc.benchmarking import tables

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent / "TABLE.md"
BENCH = (
    "edgectc bench swipe-en swipe-en.tflite swipe-en-int8-dynamic.tflite --runtime "
    "onnx,native,pte,litert,eager,compiled --data DATA --split dev --samples 100"
)
SECTIONS = {
    "pipeline.txt": "From finger-up to five ranked words, 100,000-word lexicon, side by side",
    "bench.json": "Artifacts, schemes and runtimes of the shipped model",
    "startup.txt": "Start-up: imports, and a fresh process to its first word",
    "lexicon.txt": "Decoders: one word of 100,000, generated emissions",
    "decoding.txt": "The exact search on real swipes, compiled and plain",
    "scaling.txt": "By size of the lexicon and length of the signal",
    "sentences.txt": "Decoders: sentences with a word 3-gram",
    "hotwords.txt": "Hotwords: what they cost and what they find",
    "spoken.txt": "Decoders: words from phonemes, 50,000 words and a 3-gram",
    "quantization.txt": "Quantization schemes, untrained networks of every family",
    "conformer.txt": "A conformer of one's own to int8 within a CER budget, one command",
    "ocr.txt": "PP-OCR's recognizer, adopted, beside its package",
    "training.txt": "Training throughput",
    "sharded.txt": "Training from shards: start, memory, speed",
    "instructions.txt": "Instructions of each stage of a keyboard and of the beam, and their gate",
    "gate.txt": "The gate: unchanged code, and a planted slow-down",
}
HEAD = """# Measured

Made by `python bench/table.py` from `results`; do not edit. Each table is headed by its
command and its conditions: machine, versions, threads, repeats. The machine is shared, so trust
ratios within a table before absolute times. What each bench measures is said in its script; the
columns of `edgectc bench` are explained in [docs/benchmark.md](../docs/benchmark.md). Accuracy of
`swipe-en` is here that of a few hundred swipes; of all people it stands in
[its card](../models/swipe-en/CARD.md).

No CUDA device was to be had: there are no figures for one, and its rows say so.
"""


class Part(NamedTuple):
    """One table of a result, and the text before it."""

    text: str
    header: list[str]
    rows: list[list[str]]


def parse(text: str) -> tuple[str, str, list[Part], str]:
    """Return command, conditions, tables, and what is said after them.

    A table is a header, a ruler of dashes that tells the columns, and rows as long as lines keep to
    them.
    """
    command, conditions, *lines = text.splitlines()
    parts: list[Part] = []
    loose: list[str] = []
    at = 0
    while at < len(lines):
        if not re.fullmatch(r"-+(  -+)* *", lines[at]):
            loose.append(lines[at])
            at += 1
            continue
        spans = [match.span() for match in re.finditer(r"-+", lines[at])]
        header, rows = _cells(loose.pop(), spans), []
        at += 1
        while at < len(lines) and _keeps(lines[at], spans):
            rows.append(_cells(lines[at], spans))
            at += 1
        parts.append(Part(_said(loose), header, rows))
        loose = []
    return command, conditions, parts, _said(loose)


def _said(lines: Sequence[str]) -> str:
    """Return lines as they were, each one of its own; empty ones part paragraphs."""
    paragraphs = "\n".join(lines).strip("\n").split("\n\n")
    return "\n\n".join(text.strip("\n").replace("\n", "  \n") for text in paragraphs)


def _keeps(line: str, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether a line is a row of these columns: it has something, and nothing between them."""
    between = itertools.pairwise(spans)
    return bool(line) and all(not line[end:start].strip() for (_, end), (start, _) in between)


def _cells(line: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    ends = [start for start, _ in spans[1:]] + [None]
    return [line[start:end].strip() for (start, _), end in zip(spans, ends, strict=True)]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, numbers to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines)


def _escaped(cell: object) -> str:
    return str(cell).replace("|", "\\|")


def section(name: str, title: str) -> str:
    """Return one part of the page."""
    text = (RESULTS / name).read_text(encoding="utf-8")
    head = f"## {title}\n\n"
    if name.endswith(".json"):
        report = json.loads(text)
        conditions, how, *notes = tables.notes(report)
        body = markdown(tables.HEADER, tables.lines(report))
        said = f"`{BENCH}` ([with charts](results/bench.html))  \n{conditions}; {how}"
        return f"{head}{said}\n\n{body}\n\n" + "".join(f"- {note}\n" for note in notes)
    command, conditions, parts, after = parse(text)
    body = ""
    for part in parts:
        body += (f"{part.text}\n\n" if part.text else "") + markdown(part.header, part.rows)
        body += "\n\n"
    return f"{head}`{command}`  \n{conditions}\n\n{body}" + (f"{after}\n" if after else "")


def page() -> str:
    """Return the whole page."""
    found = [section(name, title) for name, title in SECTIONS.items() if (RESULTS / name).is_file()]
    return "\n".join([HEAD, *(part.rstrip("\n") + "\n" for part in found)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 if the page is not fresh")
    options, _ = parser.parse_known_args()
    if options.check:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
