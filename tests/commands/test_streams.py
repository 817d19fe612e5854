"""Standard streams that are closed, full, or read no more: one line, and a sure exit code."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import verbs

import edgectc
from edgectc.commands import streams

posix = pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
BUFFERED = pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    verbs.prepare(folder)
    return folder


def _environment(buffered: bool) -> dict[str, str]:
    return {"PYTHONUNBUFFERED": "" if buffered else "1"}


def _unread(line: str, work: Path, buffered: bool, *, stderr: bool = False) -> tuple[int, str]:
    """Run a verb whose output nobody reads; return its exit code and what it said of that."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = verbs.run(
            line, work, stdout=write, environment=_environment(buffered),
            **({"stderr": write} if stderr else {}),
        )  # fmt: skip
    finally:
        os.close(write)
    return done.returncode, (done.stderr or b"").decode()


def _some(names: Iterable[str], quick: Iterable[str]) -> list[object]:
    """Return the cases of names with both kinds of buffering; those not named are slow."""
    return [
        pytest.param(
            name, buffered, id=f"{name}-{'buffered' if buffered else 'unbuffered'}",
            marks=[] if name in quick else [pytest.mark.slow],
        )
        for name in names
        for buffered in (True, False)
    ]  # fmt: skip


@posix
@pytest.mark.parametrize(
    ("verb", "buffered"), _some(verbs.PRINTS, ["--help", "list", "doctor", "decode --json"])
)
def test_a_reader_that_leaves_ends_a_verb_in_silence(verb: str, buffered: bool, work: Path) -> None:
    code, said = _unread(verbs.PRINTS[verb], work, buffered)
    helps = verb.endswith(("--help", "--version"))  # argparse lets go what it cannot print
    assert code in ((0, streams.UNREAD) if helps and not buffered else (streams.UNREAD,))
    assert said == ""


@posix
@pytest.mark.parametrize(("verb", "buffered"), _some(verbs.WRITES, ["lexicon build"]))
def test_what_was_written_is_whole_though_nobody_reads(
    verb: str, buffered: bool, work: Path
) -> None:
    line, name = verbs.WRITES[verb]
    code, said = _unread(line, work, buffered)
    assert code == streams.UNREAD
    whole = (work / "out" / name).read_bytes()
    assert [path.name for path in (work / "out").iterdir()] == [name]
    (work / "out" / name).unlink()
    plain = verbs.run(line, work)
    assert (plain.returncode, plain.stderr.decode()) == (0, said)
    assert (work / "out" / name).read_bytes() == whole
    (work / "out" / name).unlink()


@posix
@BUFFERED
def test_a_check_that_failed_is_no_success(buffered: bool, work: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"word": "a", "points": []}\n' * 3)
    line = f"data check {tmp_path}/bad.jsonl"
    assert verbs.run(line, work).returncode == 1
    # Its code, where it came to its end before the output broke.
    assert _unread(line, work, buffered) == (1 if buffered else streams.UNREAD, "")


@posix
@BUFFERED
def test_errors_that_nobody_reads_keep_their_code(buffered: bool, work: Path) -> None:
    assert _unread("decode --input /none", work, buffered, stderr=True)[0] == 2
    assert _unread("decode", work, buffered, stderr=True)[0] == 2
    with open("/dev/full", "wb") as full:
        done = verbs.run(
            "decode --input /none", work, stderr=full, environment=_environment(buffered)
        )
    assert done.returncode == 2


@posix
@BUFFERED
@pytest.mark.parametrize("verb", ["list", "decode --json", "--help"])
def test_an_output_that_is_full(verb: str, buffered: bool, work: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = verbs.run(verbs.PRINTS[verb], work, stdout=full, environment=_environment(buffered))
    if verb == "--help" and not buffered:
        return  # argparse lets go what it cannot print
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert "No space left on device" in line


@posix
@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_closed_streams_are_no_place_for_files(closed: str, work: Path) -> None:
    line, name = verbs.WRITES["lm build"]
    command = " ".join(verbs.command(line, work))
    redirect = " ".join(f"{number}>&-" for number in closed.split())
    done = subprocess.run(["sh", "-c", f"{command} {redirect}"], capture_output=True)
    assert done.returncode == 0, done.stderr
    made = (work / "out" / name).read_bytes()
    (work / "out" / name).unlink()
    plain = verbs.run(line, work)
    assert made == (work / "out" / name).read_bytes()
    assert done.stdout == (b"" if "1" in closed else plain.stdout)
    assert done.stderr == (b"" if "2" in closed else plain.stderr)
    (work / "out" / name).unlink()


@posix
def test_messages_never_take_the_place_of_the_output(work: Path) -> None:
    command = " ".join(verbs.command("decode --input /none --json", work))
    done = subprocess.run(["sh", "-c", f"{command} 2>&-"], capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize("packed", [False, True])
def test_swipes_come_from_standard_input(packed: bool) -> None:
    pytest.importorskip("onnxruntime")
    trace = edgectc.sample("hello").tolist()
    data = "".join(json.dumps({"points": trace}) + "\n" for _ in range(3)).encode()
    done = subprocess.run(
        [sys.executable, "-m", "edgectc", "decode", "--input", "-", "--json"],
        input=gzip.compress(data) if packed else data, capture_output=True, check=True,
    )  # fmt: skip
    best = [json.loads(line)["candidates"][0]["text"] for line in done.stdout.splitlines()]
    assert best == ["hello"] * 3


def test_an_empty_standard_input_is_said() -> None:
    pytest.importorskip("onnxruntime")
    done = subprocess.run(
        [sys.executable, "-m", "edgectc", "decode", "--input", "-"],
        input="", text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.strip() == "edgectc: error: no usable swipe in the input"
