"""bench/robustness.py: what it does to traces, and figures that can be counted by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts

BENCH = Path(__file__).parents[2] / "bench"
QWERTY = layouts.load("qwerty")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCH)
    import robustness

    return robustness


@pytest.fixture
def nuisances(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCH)
    import _nuisances

    return _nuisances


def straight(n: int = 21) -> np.ndarray:
    """A way along the middle row, a point each 10 ms."""
    return np.stack([np.linspace(0.1, 0.9, n), np.full(n, 0.5), 10.0 * np.arange(n)], axis=1)


def test_every_nuisance_gives_a_trace_that_can_be_used(nuisances: ModuleType) -> None:
    from edgectc.data.validation import check_points

    for i, word in enumerate(("on", "hello", "keyboard")):
        points = swipe(word, QWERTY, np.random.default_rng(i))
        for change, _ in nuisances.NUISANCES.values():
            before = points.copy()
            check_points(change(points, np.random.default_rng(i)))
            assert (points == before).all()


def test_a_nuisance_is_of_its_size(nuisances: ModuleType) -> None:
    points, rng = straight(), np.random.default_rng(0)
    made = {name: change(points, rng) for name, (change, _) in nuisances.NUISANCES.items()}
    assert np.allclose(np.diff(made["30 Hz"][:-1, 2]), 1e3 / 30)
    assert np.allclose(np.diff(made["240 Hz"][:-1, 2]), 1e3 / 240)
    assert set(np.diff(made["clock of 100 ms"][:, 2])) == {0.0, 100.0}
    assert set(np.diff(made["clock of 50 ms"][:, 2])) == {0.0, 50.0}
    for where, at in (("start", 0.1), ("middle", 0.5), ("end", 0.9)):
        rest = made[f"rest of 3 s, {where}"]
        assert rest[-1, 2] - rest[0, 2] == pytest.approx(3200.0)
        still = rest[np.isclose(rest[:, 0], at)]
        assert still[-1, 2] - still[0, 2] == pytest.approx(3000.0)
        assert np.diff(still[:, 2]).max() <= 16.0 + 1e-9
    assert made["speed x 2"][-1, 2] == 100.0
    assert made["speed x 0.5"][-1, 2] == 400.0
    instead = made["second finger, in place of 3 points"]
    assert (instead != points).any(axis=1).sum() == 3
    between = made["second finger, between 3 points"]
    assert len(between) == len(points) + 3
    assert {tuple(p) for p in points} <= {tuple(p) for p in between}
    assert len(made["lift, a tenth of the points"]) == 19


def test_boards_lie_under_the_traces_that_are_moved_to_them(nuisances: ModuleType) -> None:
    for name in ("one-handed, 70 % wide", "split, gap of two keys"):
        change, board = nuisances.NUISANCES[name]
        assert board.letters == QWERTY.letters
        centres = np.column_stack([QWERTY.centers, np.arange(26.0)])
        assert np.allclose(change(centres, np.random.default_rng(0))[:, :2], board.centers)
    width = nuisances.SPLIT.key_size[0]
    place = dict(zip(nuisances.SPLIT.letters, nuisances.SPLIT.centers[:, 0], strict=True))
    assert [(place[b] - place[a]) / width for a, b in ("ty", "gh", "vb")] == pytest.approx([3] * 3)
    assert np.ptp(nuisances.ONE_HANDED.centers[:, 0]) == pytest.approx(0.63)


def test_figures_are_counted_and_paired_by_swipe(bench: ModuleType) -> None:
    ours = {"as recorded": [True, True, True, False], "x": [True, False, None, True]}
    theirs = {"as recorded": [True, False, True, False], "x": [False, False, False, True]}
    users = ["a", "a", "b", "b"]
    alone = {row["nuisance"]: row for row in bench.figures([ours], users)}
    assert alone["as recorded"]["difference"]["value"] == 0.0
    assert (alone["x"]["top1"], alone["x"]["refused"]) == (0.5, 1)
    assert alone["x"]["difference"]["value"] == -0.25
    assert alone["x"]["difference"]["low"] <= -0.25 <= alone["x"]["difference"]["high"]
    paired = {row["nuisance"]: row for row in bench.figures([ours, theirs], users)}
    assert paired["as recorded"]["difference"]["value"] == 0.25
    assert paired["x"]["difference"]["value"] == 0.25
    assert "over 2 points" in bench.written(list(alone.values()), False)


def test_a_run_prints_a_row_for_each_nuisance(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    rng = np.random.default_rng(0)
    words = ("hello", "keyboard", "morning", "on")
    made = [
        Swipe(swipe(word, QWERTY, rng), word, user=f"u{i % 2}", split="dev")
        for i, word in enumerate(words)
    ]
    swipe_files.write(tmp_path / "swipes.jsonl", made)
    told = ["robustness.py", "swipe-en-tiny", "--data", str(tmp_path / "swipes.jsonl"),
            "--only", "30 Hz", "split, gap of two keys", "--json"]  # fmt: skip
    monkeypatch.setattr(sys, "argv", told)
    bench.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [row["nuisance"] for row in found["rows"]] == [
        "as recorded", "30 Hz", "split, gap of two keys"
    ]  # fmt: skip
    assert (found["swipes"], found["users"]) == (4, 2)
    assert found["rows"][1]["top1"] >= 0.75
