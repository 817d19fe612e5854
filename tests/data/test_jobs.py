"""Several processes give the very answer of one, in order, and end cleanly."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import edgectc
from edgectc.core import errors, parallel
from edgectc.core.errors import (
    ConfigError,
    InputError,
    MissingDependencyError,
    UnknownNameError,
    install_line,
)
from edgectc.data import checks, signals
from edgectc.data.generators import neural

ROOT = Path(__file__).parents[2]


def square(number: int) -> int:
    if number == 13:
        raise InputError("thirteen", reason="unlucky", name="row 13")
    if number == 14:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def test_results_come_in_order_and_errors_where_they_belong() -> None:
    assert [*parallel.ordered_map(square, range(12), jobs=3)] == [n * n for n in range(12)]
    found = []
    with pytest.raises(InputError, match="thirteen") as caught:
        found += [n for n in parallel.ordered_map(square, range(10, 20, 3), jobs=2)]
    assert (found, caught.value.reason, caught.value.name) == ([], "unlucky", "row 13")
    with pytest.raises(ConfigError, match="use fewer jobs"):
        [*parallel.ordered_map(square, [14, 1], jobs=2)]
    with pytest.raises(UnknownNameError, match="unknown engine 'rey'; did you mean 'ray'"):
        parallel.ordered_map(square, [1], engine="rey")


def test_ray_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=re.escape(install_line("ray"))):
        [*parallel.ordered_map(square, [1], engine="ray")]


@pytest.mark.parametrize(
    "error",
    [
        InputError("x", reason="r", options=["data"], name="n"),
        UnknownNameError("layout", "qwety", ["qwerty"]),
        MissingDependencyError("it", package="p", extra="e"),
        errors.NonFiniteError("x"),
    ],
)
def test_an_error_is_the_same_in_another_process(error: errors.EdgectcError) -> None:
    made = pickle.loads(pickle.dumps(error))
    assert (type(made), str(made), vars(made)) == (type(error), str(error), vars(error))


@pytest.fixture
def swipes(tmp_path: Path) -> Path:
    path = tmp_path / "swipes.jsonl"
    edgectc.synth_data("swipe", out=path, count=1200)
    rows = path.read_text().splitlines()
    rows[700:700] = ["no json", rows[3], rows[1100], '{"points": [[0, 0, 0]]}']
    path.write_text("\n".join(rows))
    return path


def plain(found: checks.Findings) -> dict[str, Any]:
    told = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
    told["statistics"] = {name: column.tolist() for name, column in found.statistics.items()}
    told["worst"] = [(far, swipe.points.tolist()) for far, swipe in found.worst]
    return told


def test_a_check_by_two_is_a_check_by_one(swipes: Path, tmp_path: Path) -> None:
    one = plain(checks.check_data([swipes]))
    assert one["problems"].keys() >= {"bad_json", "duplicate", "one_point"}
    assert plain(checks.check_data([swipes], jobs=2)) == one
    edgectc.shard_data(swipes, out=tmp_path / "set", rows=300)
    of_set = [plain(checks.check_data([tmp_path / "set"], jobs=jobs)) for jobs in (1, 2)]
    assert of_set[0] == of_set[1]
    assert of_set[0]["statistics"] == one["statistics"]
    assert of_set[0]["splits"] == one["splits"]
    assert {k: len(v) for k, v in of_set[0]["problems"].items()} == {
        k: len(v) for k, v in one["problems"].items()
    }


def test_recordings_are_checked_by_two_as_by_one(tmp_path: Path) -> None:
    rows = list(neural.synthesize(1100, seed=0, channels=4))
    signals.write(tmp_path / "x.npz", {"train": rows[::2], "dev": rows[1::2]})
    edgectc.shard_data(tmp_path / "x.npz", out=tmp_path / "set", rows=300)
    for path in ("x.npz", "set"):
        one = plain(checks.check_data([tmp_path / path]))
        assert one["kind"] == "neural"
        assert plain(checks.check_data([tmp_path / path], jobs=2)) == one


def test_the_scale_of_many_recordings_is_looked_at(tmp_path: Path) -> None:
    rows = [
        dataclasses.replace(row, signal=row.signal * 40.0)
        for row in neural.synthesize(450, seed=0, channels=4)
    ]
    signals.write(tmp_path / "x.npz", {"train": rows[::2], "dev": rows[1::2]})
    assert "not_z_scored" in checks.check_data([tmp_path / "x.npz"]).problems


def test_interrupted_workers_end(swipes: Path) -> None:
    for _ in range(4):
        swipes.write_text(swipes.read_text() + "\n" + swipes.read_text())
    command = [sys.executable, "-m", "edgectc", "data", "check", str(swipes), "--jobs", "2"]
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(2.5)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode in (130, 0, 1), told
    assert "Traceback" not in told
    if process.returncode == 130:
        assert told.strip().endswith("interrupted")
    with pytest.raises(ProcessLookupError):
        wait_until_nobody_is_left(process.pid)


def wait_until_nobody_is_left(group: int) -> None:
    for _ in range(200):
        os.killpg(group, 0)
        time.sleep(0.1)


@pytest.mark.slow
def test_a_check_of_many_rows_needs_little_memory(tmp_path: Path) -> None:
    """200,000 rows, the shortest of some swipes again and again, each begun a little elsewhere."""
    edgectc.synth_data("swipe", out=tmp_path / "some.jsonl", count=1000)
    lines = sorted((tmp_path / "some.jsonl").read_text().splitlines(), key=len)[:100]
    parts = []
    for row in map(json.loads, lines):
        (x, y, t), *points = row["points"]
        end = f',{y},{t}],{json.dumps(points)[1:]},"word":"{row["word"]}","user":"user-'
        parts.append((x, end))
    with (tmp_path / "many.jsonl").open("w") as file:
        for n in range(200_000):
            x, end = parts[n % 100]
            file.write(f'{{"points":[[{x + (n // 100) * 1e-4:.4f}{end}{n % 5000}"}}\n')
    script = (
        "import sys\nfrom edgectc.benchmarking import machine\n"
        "from edgectc.commands.cli import main\n"
        "main(sys.argv[1:])\nprint(machine.peak_rss_bytes(), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", script, "data", "check", str(tmp_path / "many.jsonl")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "200000 of 200000 rows usable" in done.stdout
    assert int(done.stderr.split()[-1]) <= 300 * 2**20
