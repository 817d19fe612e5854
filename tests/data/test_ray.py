"""Ray gives the answer of one process; a local cluster of two, where Ray is installed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import edgectc
from edgectc.core import parallel
from edgectc.core.errors import InputError
from edgectc.data import checks

pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
pytestmark = pytest.mark.slow


def square(number: int) -> int:
    if number == 13:
        raise InputError("thirteen", reason="unlucky")
    return number * number


def test_results_come_in_order_and_errors_as_they_are() -> None:
    found = parallel.ordered_map(square, range(12), jobs=2, engine="ray")
    assert [*found] == [n * n for n in range(12)]
    with pytest.raises(InputError, match=r"^thirteen$") as caught:
        [*parallel.ordered_map(square, [13], jobs=2, engine="ray")]
    assert caught.value.reason == "unlucky"


def test_a_check_of_shards_on_ray_is_that_of_one_process(tmp_path: Path) -> None:
    edgectc.synth_data("swipe", out=tmp_path / "swipes.jsonl", count=300)
    edgectc.shard_data(tmp_path / "swipes.jsonl", out=tmp_path / "set", rows=80)
    one, ray = (
        checks.check_data([tmp_path / "set"], jobs=2, engine=engine)
        for engine in ("processes", "ray")
    )
    assert one.summary() == ray.summary()
    for field in dataclasses.fields(one):
        if field.name not in ("statistics", "worst"):
            assert getattr(one, field.name) == getattr(ray, field.name)


def test_an_evaluation_of_shards_on_ray_is_that_of_one_process(tmp_path: Path) -> None:
    edgectc.synth_data("swipe", out=tmp_path / "swipes.jsonl", count=90)
    edgectc.shard_data(tmp_path / "swipes.jsonl", out=tmp_path / "set", rows=40)
    tiny = Path(edgectc.__file__).parents[1] / "models/swipe-en-tiny/artifacts/swipe-en-tiny.onnx"
    told = []
    for jobs, engine in ((1, "processes"), (2, "ray")):
        answers = tmp_path / f"answers.{engine}"
        found = edgectc.evaluate(
            tiny, tmp_path / "set", decoder="greedy", jobs=jobs, engine=engine, predictions=answers
        )
        told.append(({k: v for k, v in found.items() if k != "ms_per_swipe"}, answers.read_bytes()))
    assert told[0] == told[1]
