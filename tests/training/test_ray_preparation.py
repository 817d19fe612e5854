"""Shards that Ray prepares are those of one process; a local cluster, where Ray is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgectc
from edgectc.core import column_files, parallel
from edgectc.core.config import family_config
from edgectc.data.sources import Sources
from edgectc.training.preparing import prepare

pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
pytestmark = pytest.mark.slow


def test_shards_are_prepared_on_ray_as_by_one_process(tmp_path: Path) -> None:
    """As `edgectc train --jobs 2 --engine ray` does it before the first step."""
    edgectc.synth_data("swipe", out=tmp_path / "swipes.jsonl", count=120)
    edgectc.shard_data(tmp_path / "swipes.jsonl", out=tmp_path / "set", rows=30)
    config = {**family_config("tcn", "small"), "data": {"synthetic": 0.0, "spliced": 0.5}}
    config |= {"decoder": {"type": "greedy"}}
    made = []
    for engine in parallel.ENGINES:
        cache, workers = tmp_path / engine, parallel.Workers(2, engine)
        prepare(config, data=Sources((tmp_path / "set",)), cache=cache, workers=workers)
        (folder,) = cache.iterdir()
        made.append(column_files.read(folder))
    one, ray = made
    assert one.keys() == ray.keys()
    assert all((one[name] == ray[name]).all() for name in one)
