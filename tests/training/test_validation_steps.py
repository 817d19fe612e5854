"""Validations within an epoch: they change no weight, choose the best, and survive a stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import config_of, difference, rows_of, run, still

from edgectc.training.loop import checkpoints
from edgectc.training.loop.trainer import Trainer
from edgectc.training.task import Score, merged


def test_looks_within_an_epoch_change_no_weight(tmp_path: Path) -> None:
    plain = run(config_of(epochs=2), tmp_path / "plain")
    often = run(config_of(epochs=2, validate_steps=2), tmp_path / "often")
    assert difference(plain, often) == 0.0
    rows = rows_of(tmp_path / "often")
    assert [row["step"] for row in rows] == [2, 3, 4, 6]
    best = checkpoints.read(tmp_path / "often/best.safetensors").progress
    values = {row["step"]: row["dev_per"] for row in rows}
    assert best["value"] == min(values.values())
    assert best["step"] == min(step for step in values if values[step] == best["value"])


def test_a_stop_between_looks_is_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(epochs=2, validate_steps=2, save_steps=1)
    whole, cut = run(config, tmp_path / "whole"), {}
    plain, taken = Trainer.take_step, 0

    def stopping(self: Trainer, *given: object) -> float | None:
        nonlocal taken
        taken += 1
        if taken in (2, 4, 7):
            raise KeyboardInterrupt
        return plain(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "take_step", stopping)
    for _ in range(4):
        try:
            cut = run(config, tmp_path / "cut")
            break
        except KeyboardInterrupt:
            continue
    assert taken > 7
    assert difference(whole, cut) == 0.0
    kept = ("step", "epoch", "dev_per", "loss")
    assert [[row[key] for key in kept] for row in rows_of(tmp_path / "cut")] == [
        [row[key] for key in kept] for row in rows_of(tmp_path / "whole")
    ]


def test_scores_of_parts_add_up() -> None:
    whole = Score.of({"per": (7, 20), "top1": (3, 4)}, [("a", "b"), ("c", "d"), ("e", "f")])
    parts = [
        Score.of({"per": (2, 8), "top1": (1, 2)}, [("a", "b"), ("e", "f")]),
        Score.of({"per": (5, 12), "top1": (2, 2)}, [("c", "d"), ("g", "h")]),
    ]
    assert merged(parts) == whole
    assert whole.figures == {"per": 0.35, "top1": 0.75}


def test_patience_ends_a_run_within_an_epoch(tmp_path: Path) -> None:
    run(still(config_of(epochs=9, validate_steps=1, patience=2)), tmp_path)
    assert max(float(row["epoch"]) for row in rows_of(tmp_path)) <= 2
