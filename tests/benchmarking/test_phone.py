"""Files of the phone kit: read, shown beside other rows, refused in words where they are none."""

from __future__ import annotations

import copy
import inspect
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench_schema import broken

import edgectc
from edgectc.benchmarking import benchmark, gate, phone
from edgectc.commands import cli
from edgectc.core.errors import ConfigError, InputError

GOOD: dict[str, Any] = {
    "edgectc_phone": 1,
    "host": "android",
    "device": {"name": "Pixel 8", "system": "Android 15", "cores": 8, "memory_bytes": None},
    "model": {"name": "swipe-en", "artifact": "swipe-en.edgectc", "size_bytes": 430_000},
    "parity": {"cases": 16, "passed": True, "reason": ""},
    "times": {"open_ms": 44.0, "first_ms": 9.0, "swipe_ms": [1.0, 2.0, 6.0],
              "network_ms": [0.5], "tap_ms": [1.0], "next_ms": [0.2]},
    "memory": {"bytes": 30_000_000, "of": "the app, at most"},
    "swipes": [{"word": "hello", "rank": rank, "ms": 2.0, "layout": "qwerty",
                "points": [[0.1, 0.2, 0.0]]} for rank in (1, 1, 3, 0)],
}  # fmt: skip


def saved(folder: Path, content: Any) -> Path:
    made = folder / "phone.json"
    made.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return made


def test_a_phone_is_a_row_of_its_own_and_nothing_else_is_measured(tmp_path: Path) -> None:
    page = tmp_path / "bench.html"
    report = edgectc.bench(phones=[saved(tmp_path, GOOD)], html=page)
    assert not broken(report)
    (row,) = report["rows"]
    assert (row["artifact"], row["runtime"], row["device"]) == (
        "swipe-en.edgectc, Pixel 8", "android", "phone",
    )  # fmt: skip
    assert (row["p50_ms"], row["load_ms"], row["network_p50_ms"]) == (2.0, 44.0, 0.5)
    assert (row["top1"], row["top3"], row["labelled"]) == (0.5, 0.75, 4)
    low, high = row["top1_interval"]
    assert (low, high) == pytest.approx((0.15004, 0.84996), abs=1e-5)  # Wilson's, 2 of 4
    assert row["distribution_ms"][0] == 1.0
    assert row["distribution_ms"][-1] == 6.0
    assert "Pixel 8" in page.read_text("utf-8")
    assert "Distribution over samples" in page.read_text("utf-8")
    assert "Where the time goes" not in page.read_text("utf-8"), "a phone tells the whole alone"


def test_a_table_says_what_has_no_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web = copy.deepcopy(GOOD) | {"host": "web"}
    web["device"]["name"] = "Laptop"
    other = tmp_path / "other.json"
    other.write_text(json.dumps(web))
    assert cli.main(["bench", "--phones", str(saved(tmp_path, GOOD)), str(other)]) == 0
    told = capsys.readouterr().out
    assert "Pixel 8 (android, Android 15, 8 cores): 16 reference cases, 4 recorded swipes" in told
    assert "Laptop (web" in told
    assert "nothing was measured here" in told


def test_wrong_answers_of_a_phone_have_no_figures(tmp_path: Path) -> None:
    wrong = copy.deepcopy(GOOD)
    wrong["parity"] |= {"passed": False, "reason": "log_probs differ by 70 thousandths of a nat"}
    page = tmp_path / "bench.html"
    report = edgectc.bench(phones=[saved(tmp_path, wrong)], html=page)
    (row,) = report["rows"]
    assert row["status"] == "not_run"
    assert "70 thousandths" in row["reason"]
    assert "p50_ms" not in row
    assert "70 thousandths" in page.read_text("utf-8")


def test_a_baseline_does_not_judge_phones(tmp_path: Path) -> None:
    report = edgectc.bench(phones=[saved(tmp_path, GOOD)])
    slower = copy.deepcopy(report)
    slower["rows"][0]["p50_ms"] *= 3
    assert not gate.compare(slower, report, 0.1)
    assert not gate.compare({**slower, "rows": []}, report, 0.1)


@pytest.mark.parametrize(
    "asked", [{"data": "x.jsonl"}, {"samples": 3}, {"processes": 1}, {"threads": (2,)}]
)
def test_phones_alone_are_not_measured_as_asked(tmp_path: Path, asked: dict[str, Any]) -> None:
    (name,) = asked
    with pytest.raises(ConfigError, match=rf"{name} is for what is measured here"):
        edgectc.bench(phones=[saved(tmp_path, GOOD)], **asked)


def test_the_usual_bench_is_that_of_the_defaults() -> None:
    given = inspect.signature(edgectc.bench).parameters
    assert {name: given[name].default for name in benchmark.USUAL} == benchmark.USUAL


@pytest.mark.slow
def test_a_phone_stands_beside_what_is_measured_here(tmp_path: Path, shipped: Path) -> None:
    artifact = shipped / "artifacts" / "swipe-en-int8-dynamic.edgectc"
    page = tmp_path / "bench.html"
    report = edgectc.bench(
        artifact, phones=[saved(tmp_path, GOOD)], samples=2, rounds=1, processes=1, html=page
    )
    assert not broken(report)
    assert [row["device"] for row in report["rows"]] == ["cpu", "cpu", "phone"]
    text = page.read_text("utf-8")
    assert "Where the time goes" in text
    assert "2. swipe-en.edgectc, Pixel 8 android phone" in text


def changed(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: Any) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (changed("edgectc_phone", to=2), "edgectc_phone 2, expected 1"),
        (changed("host", to="ios"), "host is 'ios', expected one of android, web"),
        (changed("device", to=[]), "device is [], expected an object"),
        (changed("device", "name", to=""), "device.name is '', expected a name"),
        (changed("device", "name", to="a\x1b[31m"), "device.name"),
        (changed("device", "system", to="x" * 300), "device.system"),
        (changed("device", "cores", to=True), "device.cores is True"),
        (changed("model", "size_bytes", to=-1), "model.size_bytes is -1"),
        (changed("parity", "passed", to=1), "parity.passed is 1, expected true or false"),
        (changed("times", "swipe_ms", to=[]), "times.swipe_ms is [], expected a list"),
        (changed("times", "tap_ms", to=[1.0, "2"]), "times.tap_ms"),
        (changed("times", "open_ms", to=1e9), "times.open_ms"),
        (changed("memory", "bytes", to=1.5), "memory.bytes is 1.5"),
        (changed("swipes", to={}), "swipes is {}, expected a list"),
        (changed("swipes", 1, "rank", to=None), "swipes[1].rank is None"),
        (changed("swipes", 2, to="hello"), "swipes[2] is 'hello', expected an object"),
    ],
)
def test_strange_values_are_named(tmp_path: Path, change: Callable[[Any], None], told: str) -> None:
    content = copy.deepcopy(GOOD)
    change(content)
    with pytest.raises(InputError) as caught:
        phone.read(saved(tmp_path, content))
    assert told in str(caught.value)
    assert caught.value.reason == "bad_field"


@pytest.mark.parametrize("text", ["", "{", "null", "[1]", '{"edgectc_ledger": 1}', "\x00", "{]"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"phone"):
        phone.read(saved(tmp_path, text))
    assert cli.main(["bench", "--phones", str(saved(tmp_path, text))]) == 2


def test_times_that_no_clock_gives_are_refused(tmp_path: Path) -> None:
    for value in (math.nan, math.inf):
        content = copy.deepcopy(GOOD)
        content["times"]["swipe_ms"][0] = value
        with pytest.raises(InputError, match="cannot be read"):
            phone.read(saved(tmp_path, content))
    with pytest.raises(InputError, match="cannot be read"):
        phone.read(tmp_path / "nowhere.json")


def test_every_part_that_lacks_is_named(tmp_path: Path) -> None:
    for name, part in GOOD.items():
        lacking = {key: value for key, value in GOOD.items() if key != name}
        with pytest.raises(InputError, match=name):
            phone.read(saved(tmp_path, lacking))
        for key in part if isinstance(part, dict) else ():
            if (name, key) in (("device", "memory_bytes"), ("memory", "bytes")):
                continue  # null and absent are one
            inner = {k: v for k, v in part.items() if k != key}
            with pytest.raises(InputError, match=rf"{name}\.{key}"):
                phone.read(saved(tmp_path, {**GOOD, name: inner}))
