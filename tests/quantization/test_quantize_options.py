"""What `edgectc.quantize` is given: files, rows and budgets, and what is said of wrong ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError, InputError
from edgectc.data import splits
from edgectc.formats import manifest
from edgectc.quantization import accuracy_drop, job, timing


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are not what is tested here."""
    monkeypatch.setattr(timing, "_ROUNDS", 1)


def test_the_decoder_is_tuned_on_the_rows_that_are_measured(
    swipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows without a word or too short are none of them, whichever rows the limit draws."""
    rows = [json.loads(line) for line in swipes.read_text().splitlines()]
    for n, row in enumerate(row for row in rows if splits.split_of(row["user"]) == "dev"):
        row.update({} if n % 3 else {"word": "..."})
    some = tmp_path / "some.jsonl"
    some.write_text("".join(json.dumps(row) + "\n" for row in rows))
    measured, tuned = list[Any](), list[Any]()
    real, tune = accuracy_drop.AccuracyEvaluator.__init__, job.tuning.tune

    def evaluator(self: Any, samples: Any, seen: Any, words: Any, dev: Any, before: Any) -> None:
        measured.extend(dev.recordings)
        real(self, samples, seen, words, dev, before)

    def tuning(recognizer: Any, recordings: Any) -> Any:
        tuned.extend(recordings)
        return tune(recognizer, recordings, only=["temperature"])

    monkeypatch.setattr(accuracy_drop.AccuracyEvaluator, "__init__", evaluator)
    monkeypatch.setattr(job.tuning, "tune", tuning)
    edgectc.quantize(
        target="onnx", scheme="int8-weight", dev=str(some), limit=8, retune_decoder=True,
        out=tmp_path,
    )  # fmt: skip
    assert [one.name for one in tuned] == [one.name for one in measured]
    assert len(tuned) == 8


def test_what_measures_is_from_the_file_that_calibrates(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"target": "onnx", "scheme": "int8-dynamic", "out": tmp_path}
    done = edgectc.quantize(small("tcn"), calibration=str(swipes), limit=4, **given)
    assert done.report["dev"]["file"] == swipes.name


@pytest.mark.parametrize("option", ["calibration", "dev"])
def test_a_file_that_is_not_there_is_named_by_its_option(
    option: str, small: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for family in ("tcn", "gru"):
        given: dict[str, Any] = {"target": "onnx", "out": tmp_path, option: "nowhere"}
        with pytest.raises(InputError, match=rf"'nowhere'.*pass {option}=PATH"):
            edgectc.quantize(small(family), scheme="int8-weight", **given)
    arguments = ["quantize", str(small("tcn")), "--target", "onnx", f"--{option}", "nowhere"]
    assert cli.main([*arguments, "--scheme", "int8-weight"]) == 2
    assert f"pass --{option} PATH" in capsys.readouterr().err


@pytest.mark.parametrize("budget", ["max_drop", "min_speedup"])
def test_a_budget_is_named_as_the_caller_named_it(
    budget: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {"target": "onnx", budget: -1.0}
    with pytest.raises(ConfigError, match=f"^{budget} is -1"):
        edgectc.quantize(**given)
    flag = f"--{budget.replace('_', '-')}"
    assert cli.main(["quantize", "--target", "onnx", f"{flag}=-1"]) == 2
    assert f"{flag} is -1" in capsys.readouterr().err


@pytest.mark.slow
def test_without_recordings_as_many_are_generated_as_the_budget_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four errors in so many are the budget; fewer could not tell it."""
    monkeypatch.delenv("EDGECTC_DATA", raising=False)
    given = ["--target", "onnx", "--samples", "64", "--max-drop", "4", "--out", str(tmp_path)]
    assert cli.main(["quantize", *given]) == 0
    text = capsys.readouterr().out
    assert "100 generated recordings of split dev" in text
    assert "ranges from 64 of 64 usable samples of what was generated" in text
    assert "--calibration FILE" in text
    (made,) = tmp_path.iterdir()
    report = manifest.read(made)[1].source.quantization
    assert report is not None
    assert report["calibration"]["file"] == report["dev"]["file"] == "generated"
