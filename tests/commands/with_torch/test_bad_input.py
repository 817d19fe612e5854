"""Values that training and quantization refuse before they open a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError
from edgectc.training import settings

WRONG: list[Any] = ["3", True, [], 1.5, -1, 10**30, float("nan"), Path("x")]


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("option", ["threads", "overfit", "overfit_steps"])
def test_a_number_of_another_kind_is_refused(option: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"^{option} is .*, expected ") as caught:
        edgectc.train("gru-small", out=tmp_path / "run", **{option: value})
    assert caught.value.options == (option,)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("value", [3, True, [3], b"x", "", "a\0b"], ids=repr)
def test_what_is_no_path_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="expected "):
        edgectc.train(value, out="run")
    with pytest.raises(ConfigError, match="expected "):
        edgectc.quantize(value, target="onnx")


def test_other_wrong_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="max_drop is nan"):
        edgectc.quantize(target="onnx", max_drop=float("nan"))
    with pytest.raises(ConfigError, match="overrides is 3"):
        edgectc.train("gru-small", out=tmp_path / "run", overrides=3)  # type: ignore[arg-type]


SETTINGS = [
    (f"{table}.{field.name}" if table else field.name, hint)
    for table, cls in {
        "": settings.Settings,
        "optimizer": settings.Optimizer,
        "schedule": settings.Schedule,
        "loss": settings.Loss,
    }.items()
    for field in dataclasses.fields(cls)
    for hint in [str(field.type)]
    if hint in ("int", "float")
]


@pytest.mark.parametrize("value", ["-1", "nan", "1e308", "x", "[]"])
@pytest.mark.parametrize(("key", "hint"), SETTINGS)
def test_a_setting_out_of_range_is_named(
    key: str,
    hint: str,
    value: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code = cli.main(["train", "gru-small", "--out", "run", f"--set={key}={value}"])
    err = capsys.readouterr().err
    assert code == 2, err
    assert err.startswith("edgectc: error: ")
    assert err.count("\n") == 1
    assert key.rpartition(".")[2] in err
    assert [*tmp_path.iterdir()] == []


def test_the_settings_are_all_there() -> None:
    assert len(SETTINGS) >= 25
