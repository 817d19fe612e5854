"""File names that are no UTF-8, and terminals that know ASCII alone: read, written, valid JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import verbs

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a file name is always Unicode"
)
LOCALES = {
    "C": {"LC_ALL": "C"},
    "C, no UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
}
OWN = {
    "inspect --json": "inspect {w}/b --json",
    "verify --json": "verify {w}/b/artifacts/swipe-en-tiny.onnx --json",
    "decode --json": "decode {w}/b --input {w}/swipes.jsonl --json",
    "eval --json": "eval {w}/b --data {w}/swipes.jsonl --split all --json",
    "tune-decoder": "tune-decoder {w}/b --data {w}/swipes.jsonl --split all --min-labels 1 "
    "--out {w}/out/t --json",
    "data compare --html": "data compare {w}/swipes.jsonl {w}/swipes.jsonl --html {w}/out/c.html",
    "lm score --json": "lm score {w}/words.lm {w}/text.txt --json",
}
QUICK = ("inspect --json", "decode --json", "lexicon build", "data check --html")
LINES = {**OWN, **{name: line for name, (line, _) in verbs.WRITES.items()}}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose name has a letter of Latin-1."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path_factory.mktemp("names")) + b"/w\xe9rk"))
    folder.mkdir()
    verbs.prepare(folder)
    shutil.copytree(verbs.TINY, folder / "b")
    shutil.copy(verbs.ROOT / "models/swipe-en/lexicon.trie", folder)
    return folder


@pytest.mark.parametrize(
    ("verb", "locale"),
    [
        pytest.param(verb, locale, marks=[] if verb in QUICK else [pytest.mark.slow])
        for verb in LINES
        for locale in LOCALES
    ],
)
def test_a_verb_reads_and_writes(verb: str, locale: str, work: Path) -> None:
    done = verbs.run(LINES[verb], work, environment=LOCALES[locale])
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    if verb.endswith("--json"):
        for line in done.stdout.splitlines():
            json.loads(line)
    for made in (work / "out").iterdir():
        assert made.stat().st_size
        made.unlink()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("decode --input {w}/none", 2),
        ("inspect {w}/none", 2),
        ("verify {w}/none.onnx --json", 2),
        ("lexicon build {w}/none --out {w}/out/x.trie", 2),
        ("lexicon build {w}/words.txt --out {w}/words.txt/x.trie", 2),
    ],
)
def test_a_refusal_is_one_line(line: str, code: int, locale: str, work: Path) -> None:
    done = verbs.run(line, work, environment=LOCALES[locale])
    assert (done.returncode, done.stdout) == (code, b"")
    (said,) = done.stderr.decode("ascii" if locale != "C" else "utf-8").splitlines()
    assert said.startswith("edgectc: error: ")
    assert r"w\udce9rk" in said
    assert "internal" not in said


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_words_of_all_alphabets_are_valid_json(encoding: str) -> None:
    script = (
        "from edgectc.commands import output, streams\n"
        "streams.prepare()\n"
        "output.print_readable({'text': 'größe \\u0939 \\udce9'})\n"
    )
    done = verbs.python(script, environment={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode(encoding)) == {"text": "größe ह \udce9"}


def test_an_argument_that_is_no_utf_8_is_told_where_a_file_cannot_hold_it(work: Path) -> None:
    note = os.fsdecode(b"caf\xe9")
    done = verbs.run("lexicon build {w}/words.txt --out {w}/out/x.tsv --note " + note, work)
    if done.returncode == 0:
        (work / "out" / "x.tsv").unlink()
        pytest.fail("the file holds what is no text")
    assert done.returncode == 2
    (said,) = done.stderr.decode().splitlines()
    assert r"caf\udce9" in said
    assert "no text in UTF-8" in said
    assert [*(work / "out").iterdir()] == []
