"""Training from shards sees what training from the file sees; ranks share batches out."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import edgectc
from edgectc.core import column_files
from edgectc.core.column_files import ColumnWriter, Pages, Ragged, Texts
from edgectc.core.config import family_config
from edgectc.core.contracts import Task
from edgectc.core.errors import BundleMismatchError, ConfigError, UnknownNameError
from edgectc.core.parallel import Workers
from edgectc.core.tokens import frames_needed
from edgectc.core.types import Recording
from edgectc.data import signals
from edgectc.data.sources import Sources
from edgectc.language.lexicon import Lexicon
from edgectc.training import mixing, sharded, signal_task
from edgectc.training.loop.feeding import bucketed, shared
from edgectc.training.loop.trainer import train
from edgectc.training.preparing import prepare
from edgectc.training.tasks import swipe

WORDS = Lexicon.from_counts({"hello": 2.0, "world": 1.0})


def swipe_config(**changes: Any) -> dict[str, Any]:
    data = {"synthetic": 0.3, "synthetic_pool": 30, "spliced": 0.5, "spliced_pool": 60}
    values = {**family_config("tcn", "small"), "data": data, "decoder": {"type": "greedy"}}
    return {**values, "epochs": 1, "batch_size": 16, "validate_every": 1, **changes}


@pytest.fixture(scope="module")
def swipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("swipes") / "swipes.jsonl"
    edgectc.synth_data("swipe", out=path, count=160)
    rows = path.read_text().splitlines()
    for place, row in ((5, "no json"), (60, '{"points": [[0, 0, 0], [1, 1, 9]], "word": "hello"}')):
        rows.insert(place, row)
    path.write_text("\n".join(rows))
    return path


@pytest.fixture(scope="module")
def swipe_set(swipes: Path) -> Path:
    out = swipes.parent / "set"
    edgectc.shard_data(swipes, out=out, rows=37)
    return out


def brain(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = [
        Recording(rng.normal(size=(int(n), 16)).astype(np.float32), ("AA", "B"), f"r{i}", day)
        for i, n in enumerate(rng.integers(20, 60, 70))
        for day in [f"day-{i % 2}"]
    ]
    signals.write(folder / "x.npz", {"": rows})
    edgectc.shard_data(folder / "x.npz", out=folder / "set", rows=9)
    return folder / "x.npz"


def seen(task: Task) -> dict[str, Any]:
    """All that training and validation see of a task but for the order."""
    rows = np.arange(len(task.train))
    assert task.test is not None
    return {
        **task.train.batch(rows, torch.Generator().manual_seed(0)).inputs,
        **{f"dev {k}": v for k, v in task.dev_inputs(np.arange(task.dev_rows)).items()},
        **{f"test {k}": v for k, v in task.test.inputs(np.arange(len(task.test))).items()},
        "labels": list(task.train.labels),
        "dropped": dict(task.dropped),
        "rows": dict(task.rows),
        "files": dict(task.files),
        "epoch": task.epoch_rows,
    }


def same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return one.keys() == two.keys() and all(
        torch.equal(one[k], two[k]) if isinstance(one[k], torch.Tensor) else one[k] == two[k]
        for k in one
    )


def test_swipes_of_shards_are_those_of_the_file(
    swipes: Path, swipe_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharded, "_PIECE", 7)
    for held in ({}, {"dev": (swipes,)}, {"test": (swipe_set,)}):
        plain = prepare(swipe_config(), data=Sources((swipes,), **held), lexicon=WORDS)[2]
        for cache in (tmp_path / "cache", None):
            data = Sources((swipe_set,), **held)
            task = prepare(swipe_config(), data=data, lexicon=WORDS, cache=cache)[2]
            assert same(seen(task), seen(plain))
    assert len(list((tmp_path / "cache").iterdir())) == 3
    assert len(list((swipe_set / "prepared").iterdir())) == 3

    def never(*_: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr(swipe.ShardedSwipes, "write", never)
    prepare(swipe_config(), data=Sources((swipe_set,)), lexicon=WORDS)


def columns(config: dict[str, Any], folder: Path, cache: Path, **how: Any) -> dict[str, Any]:
    prepare(config, data=Sources((folder,)), lexicon=WORDS, cache=cache, **how)
    (made,) = cache.iterdir()
    return column_files.read(made)


@pytest.mark.slow
def test_shards_are_prepared_by_two_processes_as_by_one(swipe_set: Path, tmp_path: Path) -> None:
    brain(tmp_path)
    neural = {**family_config("gru", "small"), "decoder": {"type": "greedy"}}
    for name, config, folder in (
        ("swipes", swipe_config(), swipe_set),
        ("brain", neural, tmp_path / "set"),
    ):
        one, two = (
            columns(config, folder, tmp_path / f"{name}-{jobs}", workers=Workers(jobs))
            for jobs in (1, 2)
        )
        assert one.keys() == two.keys()
        assert all(np.array_equal(one[k], two[k]) and one[k].dtype == two[k].dtype for k in one)


@pytest.mark.slow
def test_jobs_go_with_shards(swipes: Path, swipe_set: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"out": tmp_path / "run"}
    with pytest.raises(ConfigError, match="edgectc data shard"):
        edgectc.train(swipe_config(), data=swipes, jobs=2, **how)
    with pytest.raises(ConfigError, match="leave dev, test"):
        edgectc.train(swipe_config(), data=swipe_set, jobs=2, overfit=3, **how)
    with pytest.raises(UnknownNameError, match="did you mean 'ray'"):
        edgectc.train(swipe_config(), data=swipe_set, engine="rey", **how)
    edgectc.train(swipe_config(), data=swipe_set, cache=tmp_path / "c", jobs=2, **how)  # the remedy


def test_recordings_of_shards_are_those_of_the_file(tmp_path: Path) -> None:
    path = brain(tmp_path)
    config = {**family_config("gru", "small"), "decoder": {"type": "greedy"}}
    plain = seen(prepare(config, data=path)[2])
    task = prepare(config, data=Sources((tmp_path / "set",)))[2]
    assert same(seen(task), plain)
    assert isinstance(task.train, signal_task.Signals)
    assert not task.train.frames[0].flags.owndata


def test_files_and_shards_are_not_mixed_and_the_cache_has_a_place(
    swipes: Path, swipe_set: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"make shards of swipes.jsonl too"):
        prepare(swipe_config(), data=Sources((swipe_set, swipes)), lexicon=WORDS)
    monkeypatch.setattr(sharded.os, "access", lambda *_: False)
    with pytest.raises(ConfigError, match="name cache=DIR"):
        prepare(swipe_config(), data=Sources((swipe_set,)), lexicon=WORDS)
    prepare(swipe_config(), data=Sources((swipe_set,)), lexicon=WORDS, cache=tmp_path)


def test_a_run_knows_its_shards(swipe_set: Path, swipes: Path, tmp_path: Path) -> None:
    train(swipe_config(), tmp_path / "run", data=Sources((swipe_set,)), lexicon=WORDS)
    about = json.loads((tmp_path / "run/identity.json").read_text())
    (told,) = about["data"]
    other = edgectc.shard_data(swipes, out=tmp_path / "other", rows=50)
    assert told["sha256"] != other.sha256
    assert sum(about["rows"].values()) == 162
    with pytest.raises(BundleMismatchError, match="begun with other samples"):
        train(swipe_config(), tmp_path / "run", data=Sources((tmp_path / "other",)), lexicon=WORDS)


AUGMENTED = {
    "mirror": 0.3, "reverse": 0.3, "stretch": 0.1, "skew": 0.1, "drop": 0.1, "mask": 0.5,
    "noise": 0.1, "warp": 0.2, "speed": 0.5, "rest": 0.5, "split": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("views", [1, 2])
def test_a_share_of_a_batch_is_what_the_whole_has_there(swipe_set: Path, views: int) -> None:
    config = swipe_config(augment={**AUGMENTED, "views": views})
    samples = prepare(config, data=Sources((swipe_set,)), lexicon=WORDS)[2].train
    rows = np.random.default_rng(0).permutation(len(samples))[:13]
    noise = torch.Generator().manual_seed(4)
    whole = samples.batch(rows, noise)
    for world in (2, 3, 20):
        for rank in range(world):
            share = shared(len(rows), rank, world)
            again = torch.Generator().manual_seed(4)
            part = samples.batch(rows, again, share)
            assert torch.equal(again.get_state(), noise.get_state())
            assert part.labels == tuple(whole.labels[i] for i in share)
            for name, tensor in part.inputs.items():
                own = whole.inputs[name].reshape(views, len(rows), *tensor.shape[1:])[:, share]
                # Sums of other batches are added up in another order.
                torch.testing.assert_close(tensor, own.reshape(tensor.shape), atol=1e-5, rtol=0)


def test_a_share_of_recordings_is_what_the_whole_has_there(tmp_path: Path) -> None:
    config = {**family_config("gru", "small"), "decoder": {"type": "greedy"}}
    samples = prepare(config, data=brain(tmp_path))[2].train
    rows = np.arange(9)
    whole = samples.batch(rows, torch.Generator().manual_seed(4)).inputs["signal"]
    part = samples.batch(rows, torch.Generator().manual_seed(4), np.array([1, 4])).inputs["signal"]
    assert torch.equal(part, whole[[1, 4]])


def test_rows_are_shuffled_by_blocks_and_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixing, "BLOCK_ROWS", 10)
    monkeypatch.setattr(mixing, "BUFFER_ROWS", 40)
    rows = np.r_[np.arange(1000), np.arange(500), 1000 + np.arange(300)]
    order = mixing.nearby(rows, 1000, np.random.default_rng(0))
    assert sorted(order.tolist()) == sorted(rows.tolist())
    stored = order[order < 1000]
    blocks = [{*(stored[i : i + 60] // 10)} for i in range(0, len(stored), 60)]
    assert max(map(len, blocks)) <= 12, "three buffers at most"
    assert np.abs(np.corrcoef(np.arange(len(stored)), stored)[0, 1]) < 0.2
    made = np.flatnonzero(order >= 1000)
    assert np.histogram(made, 6)[0].min() > 30, "generated rows are everywhere"
    other = mixing.nearby(rows, 1000, np.random.default_rng(1))
    assert not np.array_equal(order, other)


def test_buckets_keep_rows_of_a_buffer_together() -> None:
    lengths, rows = np.random.default_rng(0).integers(1, 60, 4000), np.arange(4000)
    order = bucketed(rows, lengths, np.random.default_rng(0), 10, buffer_rows=1000)
    assert sorted(order) == list(range(4000))
    for start in range(0, 4000, 1000):
        assert sorted(order[start : start + 1000]) == list(range(start, start + 1000))
    assert np.array_equal(
        bucketed(rows, lengths, np.random.default_rng(0), 10),
        bucketed(rows, lengths, np.random.default_rng(0), 10, buffer_rows=10_000),
    )


def test_columns_come_back_and_their_pages_can_go(tmp_path: Path) -> None:
    writer = ColumnWriter(tmp_path)
    pieces = [np.random.default_rng(n).normal(size=(n, 3)) for n in (0, 4, 1, 900)]
    for piece in pieces:
        writer.append({"a.b": piece})
    with pytest.raises(ValueError, match="rows of float64"):
        writer.append({"a.b": np.zeros((1, 3), np.float32)})
    writer.put({"text": np.array("héllo"), "none": np.zeros((0, 2))})
    writer.close()
    found = column_files.read(tmp_path)
    assert np.array_equal(found["a.b"], np.concatenate(pieces))
    assert (str(found["text"]), found["none"].shape) == ("héllo", (0, 2))
    pages = Pages(found.values(), every=5)
    for _ in range(3):
        pages.used(4)
        assert np.array_equal(found["a.b"], np.concatenate(pieces))


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_rows_of_any_length(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_files, "_PIECE", piece)
    rng = np.random.default_rng(0)
    for count in (0, 1, 2, 9, 40):
        rows = [tuple(rng.integers(0, 3, rng.integers(0, 6)).tolist()) for _ in range(count)]
        made = Ragged(*column_files.ragged(rows))
        for start, stop in itertools.product((0, count // 3, count), (count // 2, count)):
            part = made[start:stop]
            assert list(part) == rows[start:stop]
            assert part.frames_needed().tolist() == [*map(frames_needed, rows[start:stop])]
        with pytest.raises(IndexError):
            made[count]
    texts = ["", "a", "\udc80é", "日本"]
    found = Texts(*column_files.texts(texts))
    assert (list(found), found[-1], found[1:3]) == (texts, "日本", texts[1:3])
