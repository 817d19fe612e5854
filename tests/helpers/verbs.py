"""Every verb of the command line that needs no torch, with small work, as a subprocess runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from names import ROOT

SAMPLES = ROOT / "models" / "swipe-en" / "samples.jsonl"
TINY = ROOT / "models" / "swipe-en-tiny"

# {w} is a folder to work in, in which `prepare` has laid files.
PRINTS = {
    "--help": "--help",
    "--version": "--version",
    "export --help": "export --help",
    "list": "list",
    "list --json": "list --json",
    "doctor": "doctor",
    "doctor --errors": "doctor --errors",
    "inspect": f"inspect {TINY}",
    "inspect --json": f"inspect {TINY} --json",
    "verify": f"verify {TINY}/artifacts/swipe-en-tiny.onnx",
    "decode": "decode --input {w}/swipes.jsonl",
    "decode --json": "decode --input {w}/swipes.jsonl --json",
    "eval": "eval --data {w}/swipes.jsonl --split all",
    "eval --json": "eval --data {w}/swipes.jsonl --split all --json",
    "data check": "data check {w}/swipes.jsonl",
    "data check --json": "data check {w}/swipes.jsonl --json",
    "data compare": "data compare {w}/swipes.jsonl {w}/swipes.jsonl",
    "lm score": "lm score {w}/words.lm {w}/text.txt",
}
# and what each of these writes
WRITES = {
    "lexicon build": ("lexicon build {w}/words.txt --out {w}/out/x.trie", "x.trie"),
    "lm build": ("lm build {w}/text.txt --order 2 --out {w}/out/x.lm", "x.lm"),
    "lexicon pack": ("lexicon pack {w}/words.tsv --out {w}/out/x.trie", "x.trie"),
    "lm pack": ("lm pack {w}/words.arpa --out {w}/out/x.lm", "x.lm"),
    "data synth": ("data synth landmarks --count 5 --size small --out {w}/out/x.npz", "x.npz"),
    "data check --html": ("data check {w}/swipes.jsonl --html {w}/out/x.html", "x.html"),
}


def prepare(work: Path) -> None:
    """Lay the files into a folder that the verbs read."""
    import edgectc

    lines = SAMPLES.read_text(encoding="utf-8").splitlines(keepends=True)
    (work / "swipes.jsonl").write_text("".join(lines[:5]), encoding="utf-8")
    (work / "words.txt").write_text("the\t9\nthen\t3\non\t2\n", encoding="utf-8")
    (work / "words.tsv").write_text("# edgectc lexicon 1\nthe\t-0.5\n", encoding="utf-8")
    (work / "text.txt").write_text("one two three\ntwo one\n" * 50, encoding="utf-8")
    (work / "words.arpa").write_text(ARPA, encoding="utf-8")
    edgectc.build_language_model(work / "text.txt", out=work / "words.lm", order=2)
    (work / "out").mkdir()


ARPA = """
\\data\\
ngram 1=4

\\1-grams:
-1.0\t<unk>
-99\t<s>
-0.5\t</s>
-0.5\tone

\\end\\
"""


def command(line: str, work: Path) -> list[str]:
    """Return the command of a line above."""
    words = line.split(" ")
    return [sys.executable, "-m", "edgectc", *(word.format(w=work) for word in words)]


def run(
    line: str, work: Path, *, environment: Mapping[str, str] | None = None, **options: object
) -> subprocess.CompletedProcess[bytes]:
    """Run a line above with some more variables of the environment; return what it printed."""
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        command(line, work), env={**os.environ, **(environment or {})}, timeout=600, **given
    )


def python(
    script: str, *, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a script of Python; return what it printed."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        timeout=600,
    )
