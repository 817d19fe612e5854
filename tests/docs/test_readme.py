"""README is run from top to bottom, as a newcomer would: each command, each line of Python."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pages
import pytest

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
import ways

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
# Commands that other checks run: the empty environments of `.ci/run` and `scripts/check-wheel`, the
# demos' own tests (tests/commands/test_demo_server.py, web_demo, android_demo), and this very test.
ELSEWHERE = (
    "pip install", "scripts/build-demo", "edgectc demo", "android_demo/build_apk",
    "scripts/quickstart", "scripts/test",
)  # fmt: skip


def section(name: str) -> str:
    text = README.read_text(encoding="utf-8")
    return text.partition(f"## Your own {name}\n")[2].partition("\n## ")[0]


@pytest.mark.slow
@pytest.mark.parametrize("part", ["own network", "all else"])
def test_every_line_of_readme_runs(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("torch", "onnx", "onnxscript", "executorch", "onnxruntime", "lightning"):
        pytest.importorskip(package)
    whole = README.read_text(encoding="utf-8")
    own = section("network")
    printed = pages.run(
        own if part == "own network" else whole.replace(own, ""), tmp_path, monkeypatch, ELSEWHERE
    )
    assert len(printed) == {"own network": 5, "all else": 13}[part]
    verified = [text for line, text in printed.items() if line.startswith("edgectc verify")]
    assert len(verified) == {"own network": 2, "all else": 1}[part]
    assert all("verdict: pass" in text for text in verified)
    evaluated = [text for line, text in printed.items() if line.startswith("edgectc eval models/")]
    assert len(evaluated) == (part == "all else")
    for text in evaluated:  # by words, as of letters there is one answer a swipe
        ((first, three),) = re.findall(
            r"^all +\d+ +([\d.]+)% \[.*?\] +([\d.]+)%", text, re.MULTILINE
        )
        assert float(three) > float(first) > 60


def test_the_first_lines_answer_what_they_promise() -> None:
    first = next(code for kind, code in pages.blocks(README) if kind == "python")
    *before, last = first.strip().splitlines()
    expression, promised = last.split("  # ")
    program = "\n".join([*before, f"print({expression})"])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=True
    )
    assert done.stdout.strip() == promised.strip('"')


def test_each_way_in_has_the_commands_that_it_says() -> None:
    """At most five; those that `scripts/ways.py` goes, of the page as it is, in order."""
    text = README.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:first word|\[.*\]\(#your-own-\w+\)) \| (\d)\b", text, re.MULTILINE)
    going = {way: ways.commands(text, way) for way in ways.WAYS}
    assert [int(number) for number in rows] == [len(lines) for lines in going.values()]
    assert max(map(int, rows)) <= 5
    for way, verb in {"network": "verify", "int8": "verify", "data": "eval"}.items():
        first, *_, last = going[way]
        assert first.startswith("pip install ")
        assert last.startswith(f"edgectc {verb}")
    assert not any(line.startswith("edgectc export") for line in going["int8"])
    # What the test above runs are the same lines.
    everywhere = {line for block in pages.commands(README) for line in block}
    assert {line for lines in going.values() for line in lines} <= everywhere


def test_the_torch_to_install_is_the_one_that_is_tested() -> None:
    """By hand it would grow old in README, in the manual and in the message of `doctor`."""
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    (pinned,) = re.findall(r"^torch==([\d.]+)$", constraints, re.MULTILINE)
    for page in [README, *(ROOT / "docs").rglob("*.md")]:
        named = re.findall(r"torch==(\d[\d.]*\d)", page.read_text(encoding="utf-8"))
        assert {*named} <= {pinned}, page
