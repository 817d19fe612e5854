"""Glosses, phonemes, days and channels that a config leaves to its data, as others keep it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import collections_of_others as others
import numpy as np
import pytest

import edgectc
from edgectc.commands.arguments import flag
from edgectc.core.config import family_config
from edgectc.core.errors import BundleMismatchError, InputError
from edgectc.data import signals
from edgectc.data.generators.neural import PHONEMES
from edgectc.data.recordings import samples_for
from edgectc.data.sources import Sources
from edgectc.training import runs, vocabulary
from edgectc.training.preparing import prepare

POINTS = 5 + 4 + 4 + 3  # of the small config


def config(family: str, without: tuple[str, ...], **changes: Any) -> dict[str, Any]:
    values = family_config(family, "small")
    spec = values["model"]["frontend"]
    values["model"]["frontend"] = {k: v for k, v in spec.items() if k not in without}
    return {**values, "epochs": 1, "batch_size": 8, **changes}


def signers(folder: Path, glosses: str, seed: int = 0) -> Path:
    """Write a table and arrays of signers whose glosses are one each."""
    rng, names = np.random.default_rng(seed), glosses.split()
    for split, count in (("train", 12), ("dev", 4)):
        rows = [
            (f"{split}-{n}", f"s{n % 3}{split}", names[n % len(names)], rng.random((14, POINTS, 3)))
            for n in range(count)
        ]
        others.phoenix(folder, split, rows)
    return folder


def activity(path: Path, groups: list[str] | None, count: int = 12) -> Sources:
    """Write recordings of 16 channels, each of its day, or of none."""
    days = (
        {}
        if groups is None
        else {"group": np.array([groups[n % len(groups)] for n in range(count)])}
    )
    values = np.random.default_rng(0).normal(size=(40 * count, 16)).astype("f4")
    np.savez(
        path, signal=values, length=np.full(count, 40), target=np.array(["AA B"] * count), **days
    )
    return Sources((path,))


def test_other_days_than_the_config_names_are_told_and_null_takes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = activity(tmp_path / "x.npz", ["mon", "tue"])
    vocabulary.complete(runs.load_config("gru-small"), data)
    told = capsys.readouterr().err
    assert "the config says days: 3 (day-0, day-1, day-2); the data has 2 (mon, tue)" in told
    remedy = told.split("--set ")[1].split(" takes")[0]
    values = vocabulary.complete(runs.load_config("gru-small", [remedy]), data)
    assert values["model"]["frontend"]["days"] == ["mon", "tue"]
    assert "warning" not in capsys.readouterr().err
    _, _, task = prepare(values, data=data)
    assert sum(task.rows.values()) == 12


def test_a_config_that_names_all_is_compared_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values, data = config("mobilenetv3", ()), Sources((signers(tmp_path, "REGEN"),))
    assert vocabulary.complete(values, data) == values
    told = capsys.readouterr().err
    assert (
        "the config says glosses: 8 (HOUSE, TREE, RAIN, SUN, ...); the data has 1 (REGEN)" in told
    )


def test_recordings_that_are_all_too_long_name_the_setting_that_cuts_them(tmp_path: Path) -> None:
    data = activity(tmp_path / "x.npz", ["day-0"], 40)
    frames = "model.frontend.max_frames=32"
    with pytest.raises(InputError, match="too_long") as refused:
        prepare(runs.load_config("gru-small", [frames]), data=data)
    (remedy,) = re.findall(r"cut them by --set (\S+),", refused.value.spelled(flag))
    _, _, task = prepare(runs.load_config("gru-small", [frames, remedy]), data=data)
    assert task.dropped["truncated"] == task.rows["train"]


def test_no_day_at_all_is_told_and_can_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = activity(tmp_path / "x.npz", None)
    with pytest.raises(InputError, match="no_group"):
        prepare(vocabulary.complete(runs.load_config("gru-small"), data), data=data)
    remedy = capsys.readouterr().err.split("--set ")[1].split("\n")[0]
    values = vocabulary.complete(runs.load_config("gru-small", [remedy]), data)
    assert "warning" not in capsys.readouterr().err
    _, _, task = prepare(values, data=data)
    assert sum(task.rows.values()) == 12


def test_glosses_are_found_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = signers(tmp_path / "x", "WIND REGEN SONNE"), tmp_path / "run"
    values = config("mobilenetv3", ("glosses", "columns"))
    edgectc.train(values, out=run, data=data)
    assert (
        "found in the data: glosses: 3 (REGEN, SONNE, WIND), columns: 4" in capsys.readouterr().err
    )
    spec = json.loads((run / "config.json").read_text())["model"]["frontend"]
    assert (spec["glosses"], spec["columns"]) == (["REGEN", "SONNE", "WIND"], 4)
    bundle = edgectc.pack(run, out=tmp_path / "bundle")
    assert bundle.index.model["frontend"]["glosses"] == ["REGEN", "SONNE", "WIND"]
    edgectc.train(values, out=run, data=data)  # the same run: nothing is trained again
    more = signers(tmp_path / "y", "WIND SCHNEE SONNE", seed=1)
    with pytest.raises(BundleMismatchError, match="begun with other samples"):
        edgectc.train(values, out=run, data=more)
    capsys.readouterr()
    edgectc.train(values, out=run, data=more, accept_changes=True)
    assert "found in the data" not in capsys.readouterr().err, "a run keeps its columns"


def test_what_a_config_names_is_not_looked_for(tmp_path: Path) -> None:
    data = Sources((signers(tmp_path, "WIND"),))
    values = config("mobilenetv3", ())
    assert vocabulary.complete(values, data) == values
    assert vocabulary.complete(config("tcn", ()), None) == config("tcn", ())
    some = vocabulary.complete(config("mobilenetv3", ("columns",)), data)["model"]["frontend"]
    assert some["glosses"] == values["model"]["frontend"]["glosses"]


def test_days_channels_and_phonemes_of_sessions(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="pip install h5py")
    others.brain_25(tmp_path / "x", ["t15.2023.09.01", "t15.2023.08.11"], trials=8, channels=12)
    values = config("gru", ("days", "channels"))
    done = edgectc.train(values, out=tmp_path / "run", data=tmp_path / "x")
    assert done.value is not None
    spec = json.loads((tmp_path / "run/config.json").read_text())["model"]["frontend"]
    assert spec["days"] == ["t15.2023.08.11", "t15.2023.09.01"]
    assert spec["channels"] == 12
    assert spec["phonemes"] == [*PHONEMES]
    assert edgectc.inspect(tmp_path / "run")["identity"]["rows"] == {
        "train": 16,
        "dev": 4,
        "test": 0,
    }


def test_symbols_that_are_no_phonemes_are_columns_of_their_own(tmp_path: Path) -> None:
    spec = {"type": "neural"}
    rows = [*samples_for(family_config("gru", "small")["model"]["frontend"]).synthesize(3, seed=0)]
    assert samples_for(spec).found(rows)["phonemes"] == [*PHONEMES]
    assert samples_for(spec).found(rows)["channels"] == 16
    path = tmp_path / "x.npz"
    letters = [type(row)(row.signal, ("b", "a"), row.name, "day-7") for row in rows]
    signals.write(path, {"train": letters})
    found = vocabulary.complete({"model": {"frontend": spec}}, Sources((path,)))["model"][
        "frontend"
    ]
    assert found == {**spec, "phonemes": ["a", "b"], "channels": 16, "days": ["day-7"]}


def test_an_array_beside_a_table_is_part_of_a_run(tmp_path: Path) -> None:
    data = signers(tmp_path / "x", "WIND REGEN")
    tables = [data / f"PHOENIX-2014-T.{split}.corpus.csv" for split in ("train", "dev")]
    values = config("mobilenetv3", ("glosses", "columns"))
    edgectc.train(values, out=tmp_path / "run", data=tables[0], dev=tables[1])
    file = data / "features/train/train-0.npy"
    np.save(file, np.load(file) + 0.01)
    with pytest.raises(BundleMismatchError, match="begun with other samples"):
        edgectc.train(values, out=tmp_path / "run", data=tables[0], dev=tables[1])


def test_pixels_in_a_table_of_arrays_are_refused_by_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("dev", 4)):
        rows = [
            (f"{split}{n}", "s", "WIND", 500 * rng.random((9, POINTS, 3))) for n in range(count)
        ]
        others.phoenix(tmp_path / "x", split, rows)
    with pytest.raises(InputError) as error:
        edgectc.train(
            config("mobilenetv3", ("glosses", "columns")), out=tmp_path / "r", data=tmp_path / "x"
        )
    assert error.value.reason == "pixel_coordinates"
