"""Ledgers of a keyboard: what is read, what is refused, figures counted by hand, budgets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import edgectc
from edgectc.commands.cli import main
from edgectc.core.errors import ConfigError, InputError

HEAD = {"edgectc_ledger": 1, "host": "web", "model": "swipe-en"}
PAGE = Path(__file__).parents[2] / "docs" / "ledger.md"


def written(path: Path, rows: list[Any], head: Any = HEAD) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in [head, *rows]))
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """30 swipes, of which 24 right at first, 3 at the second place; 10 taps; 2 picks."""
    swipes = [{"by": "gesture", "rank": 1, "probability": 0.8, "ms": 10.0, "foreseen": False}] * 24
    swipes += [{"by": "gesture", "rank": 2, "probability": 0.8, "ms": 20.0}] * 3
    swipes += [{"by": "gesture", "rank": 0, "probability": 0.8, "ms": 40.0}] * 3
    taps = [{"by": "taps", "rank": 1, "probability": 0.6, "corrected": False}] * 6
    taps += [{"by": "taps", "rank": 1, "probability": 0.6, "corrected": True}] * 3
    taps += [{"by": "taps", "rank": 1, "probability": 0.6, "corrected": True, "undone": True}]
    picks = [{"by": "next", "rank": 2}, {"by": "completion", "rank": 1, "foreseen": True}]
    return written(tmp_path / "ledger.jsonl", [*swipes, *taps, *picks])


def test_figures_are_those_counted_by_hand(ledger: Path) -> None:
    told = edgectc.report(ledger)
    assert told["words"] == 42
    assert told["by"] == {"gesture": 30, "taps": 10, "completion": 1, "next": 1}
    value = {name: figure["value"] for name, figure in told["figures"].items()}
    assert value["first"] == pytest.approx(33 / 40)
    assert value["picked"] == pytest.approx(27 / 30)
    assert value["undone"] == pytest.approx(1 / 4)
    assert value["foreseen"] == pytest.approx(2 / 26)
    assert value["p50_ms"] == 10.0
    assert value["p95_ms"] == 40.0
    # 30 answers of confidence 0.8, 24 right; 10 of 0.6, 9 right
    assert value["calibration"] == pytest.approx((30 * 0.0 + 10 * 0.3) / 40)
    assert told["ranks"] == {"0": 3, "1": 24, "2": 3}
    low, high = told["figures"]["first"]["interval"]
    assert low < 33 / 40 < high
    both = edgectc.report(ledger, ledger)
    assert both["words"] == 84
    assert both["figures"]["first"]["value"] == value["first"]


def test_budgets_are_an_exit_code_and_the_page_holds_the_table(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    command = ["report", str(ledger), "--html", str(page), "--budgets"]
    assert main([*command, "first=0.8,p95_ms=50,undone=0.3"]) == 0
    assert "met" in capsys.readouterr().out
    assert main([*command, "first=0.9,p95_ms=50"]) == 1
    assert re.search(r"first .* 90\.0 % +missed", capsys.readouterr().out)
    text = page.read_text()
    assert text.count("<svg") == 3
    assert re.search(r'class="missed"><td>first</td><td>82\.5 %', text)
    assert "http" not in text
    few = written(tmp_path / "few.jsonl", [{"by": "gesture", "rank": 1}])
    assert main(["report", str(few), "--budgets", "p95_ms=5", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["verdicts"] == [
        {"figure": "p95_ms", "budget": 5.0, "value": None, "verdict": "not_run"}
    ]


@pytest.mark.parametrize("text", ["first", "first=x", "frist=0.9", "first=nan", ""])
def test_what_is_no_budget_is_refused_with_those_there_are(ledger: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="NAME is one of first, picked"):
        edgectc.report(ledger, budgets=text)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"by": "gesture", "rank": 1, "word": "secret"}, "no text"),
        ({"by": "voice", "rank": 1}, "expected by of gesture"),
        ({"by": "gesture", "rank": -1}, "rank from 0"),
        ({"by": "gesture"}, "rank from 0"),
        ({"by": "gesture", "rank": 1.5}, "expected a int"),
        ({"by": "gesture", "rank": True}, "expected a int"),
        ({"by": "gesture", "rank": 1, "probability": 1.2}, "probability"),
        ({"by": "gesture", "rank": 1, "ms": float("nan")}, "ms from 0"),
        ({"by": "gesture", "rank": 1, "undone": "secret"}, "expected a bool"),
        (["gesture", 1], "expected a JSON object"),
    ],
)
def test_lines_that_are_no_words_are_refused(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        edgectc.report(written(tmp_path / "x.jsonl", [{"by": "gesture", "rank": 1}, row]))
    assert "line 3" in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    rows = [{"by": "gesture", "rank": 1}]
    for head in ({"edgectc_ledger": 2}, {"word": "hello"}):
        with pytest.raises(InputError, match="expected a ledger"):
            edgectc.report(written(tmp_path / "x.jsonl", rows, head))
    with pytest.raises(InputError, match="hold no word"):
        edgectc.report(written(tmp_path / "none.jsonl", []))
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match="expected a ledger"):
        edgectc.report(tmp_path / "empty.jsonl")
    with pytest.raises(InputError, match="cannot read"):
        edgectc.report(tmp_path / "absent.jsonl")


def test_the_example_of_the_manual_is_a_ledger_and_its_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands, example = re.findall(r"```\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "ledger.jsonl").write_text(example)
    monkeypatch.chdir(tmp_path)
    for line in commands.strip().splitlines():
        assert main(line.split()[1:]) == 0, line
    assert (tmp_path / "report.html").is_file()
