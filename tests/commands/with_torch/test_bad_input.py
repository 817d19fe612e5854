"""Values that training and quantization refuse before they open a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import edgectc
from edgectc.core.errors import ConfigError

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
