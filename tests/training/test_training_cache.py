"""Prepared samples that are kept: the same to the bit, never stale, never in the way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgectc.core.config import family_config
from edgectc.core.contracts import Task
from edgectc.formats import layouts
from edgectc.language.lexicon import Lexicon
from edgectc.training import cache as _cache
from edgectc.training import signal_task
from edgectc.training.preparing import prepare
from edgectc.training.tasks import swipe

FEW = {"tcn": {"synthetic_pool": 30}, "gru": {"train": 12, "dev": 5}}
FEW["mobilenetv3"] = FEW["gru"]


def task_of(family: str, cache: Path | None, file: Path | None = None, **changes: Any) -> Task:
    values = {**family_config(family, "small"), "data": FEW[family], "decoder": {"type": "greedy"}}
    words = Lexicon.from_counts({"hello": 2.0, "world": 1.0})
    return prepare({**values, **changes}, data=file, lexicon=words, cache=cache)[2]


def seen(task: Task) -> dict[str, Any]:
    """All that training and validation see of a task."""
    rows = np.arange(len(task.train))
    batch = task.train.batch(rows, torch.Generator().manual_seed(0))
    return {
        **batch.inputs,
        **{f"dev {k}": v for k, v in task.dev_inputs(np.arange(task.dev_rows)).items()},
        "labels": batch.labels,
        "names": [task.train.name(row) for row in rows],
        "dropped": dict(task.dropped),
        "files": dict(task.files),
        "order": task.order(np.random.default_rng(0)).tolist(),
    }


def same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return one.keys() == two.keys() and all(
        torch.equal(one[k], two[k]) if isinstance(one[k], torch.Tensor) else one[k] == two[k]
        for k in one
    )


@pytest.mark.parametrize("family", FEW)
def test_what_was_kept_is_what_was_made(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = seen(task_of(family, None))
    assert same(seen(task_of(family, tmp_path)), plain)
    assert len(list(tmp_path.iterdir())) == 1

    def never(*_: object) -> None:
        raise AssertionError("prepared again")

    with monkeypatch.context() as patch:
        patch.setattr(swipe, "assemble", never)
        patch.setattr(signal_task, "_prepared", never)
        assert same(seen(task_of(family, tmp_path)), plain)
        with pytest.raises(AssertionError, match="again"):
            task_of(family, None)


def test_whatever_changes_makes_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files() -> int:
        return len(list(tmp_path.iterdir()))

    task_of("gru", tmp_path)
    task_of("gru", tmp_path, epochs=3, augment={"noise": 0.1}, optimizer={"lr": 1e-3})
    assert files() == 1, "what does not touch the samples"
    task_of("gru", tmp_path, seed=1)
    task_of("gru", tmp_path, data={**FEW["gru"], "train": 13})
    assert files() == 3
    for planted in (1.0, 2.0):
        np.savez(
            tmp_path.parent / "x.npz",
            signal=np.full((60, 16), planted, np.float32),
            length=np.array([30, 30]),
            target=np.array(["AA", "B"]),
            split=np.array(["train", "dev"]),
            group=np.array(["day-0", "day-1"]),
        )
        task = task_of("gru", tmp_path, file=tmp_path.parent / "x.npz")
        assert float(task.train.batch(np.array([0])).inputs["signal"][0, 0, 0]) == planted
    assert files() == 5
    _cache.source_sha256.cache_clear()
    monkeypatch.setattr(_cache, "_PREPARING", ("data",))  # as if the code were another
    task_of("gru", tmp_path)
    assert files() == 6
    _cache.source_sha256.cache_clear()


@pytest.fixture
def source() -> Iterator[Callable[[], str]]:
    def fresh() -> str:
        _cache.source_sha256.cache_clear()
        return _cache.source_sha256()

    yield fresh
    _cache.source_sha256.cache_clear()


@pytest.mark.parametrize(
    "name",
    [
        "formats/keyboards/qwerty.json",
        "formats/layouts.py",
        "language/spelling.py",
        "data/generators/swipes.py",
        "data/frontends/neural.py",
        "training/signal_task.py",
        "training/swipes/arrays.py",
    ],
)
def test_the_key_holds_all_that_prepares(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Callable[[], str]
) -> None:
    package = tmp_path / "edgectc"
    kept = shutil.ignore_patterns("*.so", "__pycache__", "site*")
    shutil.copytree(Path(signal_task.__file__).parents[1], package, ignore=kept)
    monkeypatch.setattr(_cache.resources, "files", lambda _: package)
    before = source()
    assert source() == before
    (package / name).write_text((package / name).read_text() + "\n")
    assert source() != before


def test_the_key_holds_plugins_of_other_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Callable[[], str]
) -> None:
    about, package = tmp_path / "theirs-1.0.dist-info", tmp_path / "theirs"
    about.mkdir()
    package.mkdir()
    for name in ("__init__", "task", "helper"):
        (package / f"{name}.py").write_text("")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    points = "[edgectc.tasks]\ntheirs = theirs.task\ngone = nowhere.task\n"
    (about / "entry_points.txt").write_text(points)
    alone = source()
    monkeypatch.syspath_prepend(str(tmp_path))
    seen = [alone, source()]
    for name in ("task", "helper"):
        (package / f"{name}.py").write_text("NUMBER = 1\n")
        seen.append(source())
    assert len({*seen}) == 4


def test_a_damaged_file_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = seen(task_of("tcn", tmp_path))
    (folder,) = tmp_path.iterdir()
    path = folder / "train.trace.npy"
    for damaged in (path.read_bytes()[:-300], b"", b"PK\x03\x04 nothing", None):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        assert same(seen(task_of("tcn", tmp_path)), plain)
        assert "made again" in capsys.readouterr().err
    assert same(seen(task_of("tcn", tmp_path)), plain)
    assert "made again" not in capsys.readouterr().err


def test_rows_of_any_length_come_back() -> None:
    for rows in ([], [()], [(1, 2), (), (3,)], [(5,)]):
        assert list(_cache.rows_of(_cache.flat(rows, "x"), "x")) == rows


def test_the_key_holds_the_keyboards_and_the_length_map(tmp_path: Path) -> None:
    """A keyboard is a file of the user's, and its name says nothing of where its keys lie."""
    layout = layouts.describe(layouts.load("qwerty"))
    file = tmp_path / "mine.json"
    cache, how = tmp_path / "cache", {"synthetic_layouts": [str(file)], "layout": str(file)}
    for title, width in (("a", 0.1), ("a", 0.1), ("a", 0.09)):
        rows = [{**row, "key_width": width} for row in layout["rows"]]
        file.write_text(json.dumps({**layout, "name": "mine", "title": title, "rows": rows}))
        own = {"task": {"type": "swipe"}, "data": {**FEW["tcn"], **how}}
        task = task_of("tcn", cache, **own)
        assert float(task.dev_inputs(np.array([0]))["key_size"][0, 0]) == pytest.approx(width)
    assert len(list(cache.iterdir())) == 2
    encoder = family_config("tcn", "small")["model"]
    for channels in (8, 16):  # the length map stays
        encoder["encoder"] = {**encoder["encoder"], "channels": channels}
        task_of("tcn", cache, model=encoder)
    assert len(list(cache.iterdir())) == 3
    gru = family_config("gru", "small")["model"]
    for window in (14, 7):
        gru["encoder"] = {**gru["encoder"], "window": window}
        task_of("gru", cache, model=gru)
    assert len(list(cache.iterdir())) == 5
