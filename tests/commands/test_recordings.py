"""`decode --input` takes for recordings what `eval --data` takes, in every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import said

import edgectc
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Recording
from edgectc.data import signals
from edgectc.formats.manifest import pack_array

MODEL = said.recognizer()
ROWS = said.rows(MODEL, [("B AH SIL", "B AH SIL", "d0"), ("K T", "K AH T", "d1")])


def npz(folder: Path) -> Path:
    signals.write(folder / "x.npz", {"test": ROWS})
    return folder / "x.npz"


def lines(folder: Path, pack: Callable = lambda signal: signal.tolist()) -> Path:
    rows = [
        {"signal": pack(row.signal), "target": " ".join(row.target), "group": row.group,
         "name": row.name, "split": "test", "other": 1}
        for row in ROWS
    ]  # fmt: skip
    (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n\n" for row in rows))
    return folder / "x.jsonl"


def packed(folder: Path) -> Path:
    return lines(folder, pack_array)


def table(folder: Path) -> Path:
    text = "name,target,day,split\n"
    for row in ROWS:
        np.save(folder / f"{row.name}.npy", row.signal)
        text += f"{row.name},{' '.join(row.target)},{row.group},test\n"
    (folder / "x.csv").write_text(text)
    return folder / "x.csv"


def hdf5(folder: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    phonemes = ["", *(  # as the data set numbers them
        "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW "
        "V W Y Z ZH SIL"
    ).split()]  # fmt: skip
    for n, row in enumerate(ROWS):
        (folder / "set" / str(row.group)).mkdir(parents=True)
        with h5py.File(folder / "set" / str(row.group) / "data_test.hdf5", "w") as file:
            group = file.create_group(f"trial_{n:04d}")
            group.create_dataset("input_features", data=row.signal)
            group.create_dataset(
                "seq_class_ids", data=np.array([phonemes.index(s) for s in row.target] + [0] * 9)
            )
            group.attrs.update(
                n_time_steps=len(row.signal), session=row.group, block_num=1, trial_num=n,
                seq_len=len(row.target),
            )  # fmt: skip
    return folder / "set"


@pytest.mark.parametrize("make", [npz, lines, packed, table, hdf5])
def test_decode_reads_what_eval_reads(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path)
    found = edgectc.evaluate(MODEL, str(path), split="test", predictions=tmp_path / "p")
    assert found["error_rate"]["value"] == pytest.approx(1 / 6, abs=1e-5)
    assert set(found["by_group"]) == {"d0", "d1"}
    told = [json.loads(line) for line in (tmp_path / "p").read_text().splitlines()]
    decoded = list(edgectc.decode(MODEL, input=path))
    assert [row.error for row in decoded] == [None, None]
    assert [row.decoded.best.text for row in decoded] == ["B AH SIL", "K T"]
    assert [row["candidates"][0]["text"] for row in told] == ["B AH SIL", "K T"]


def test_one_array_is_one_recording(tmp_path: Path) -> None:
    model = said.recognizer("features")
    row = said.recording(model, "TREE RAIN", "")
    np.save(tmp_path / "x.npy", row.signal)
    (only,) = edgectc.decode(model, input=tmp_path / "x.npy")
    assert only.decoded.best.text == "TREE RAIN"
    with pytest.raises(InputError, match="no_label"):
        edgectc.evaluate(model, str(tmp_path / "x.npy"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"signal": [[1.0], [1.0, 2.0]]}, "bad_shape"),
        ({"signal": [1.0, 2.0]}, "bad_shape"),
        ({"signal": {"dtype": "float32", "shape": [9, 2], "data": ""}}, "bad_shape"),
        ({"target": 3}, "bad_field"),
        ({"split": "later"}, "bad_field"),
        ({"group": 4}, "bad_field"),
        ({"group": "d9"}, "unknown_group"),
    ],
)
def test_a_bad_line_costs_itself_alone(change: dict, reason: str, tmp_path: Path) -> None:
    path = lines(tmp_path)
    good = path.read_text()
    first = json.loads(good.splitlines()[0])
    path.write_text(good + json.dumps({**first, **change}) + "\n{\n")
    errors = [row.error.reason if row.error else None for row in edgectc.decode(MODEL, input=path)]
    assert errors == [None, None, reason, "bad_json"]


def test_swipes_are_no_recordings(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"points": [[0, 0, 0]], "word": "a"}\n')
    with pytest.raises(ConfigError, match="holds no recordings"):
        list(edgectc.decode(MODEL, input=tmp_path / "x.jsonl"))


def test_a_row_without_a_day_is_refused_by_a_model_of_days(tmp_path: Path) -> None:
    signals.write(tmp_path / "x.npz", {"": [Recording(ROWS[0].signal, ("B",), "x")] * 2})
    with pytest.raises(InputError, match="no usable recording"):
        list(edgectc.decode(MODEL, input=tmp_path / "x.npz"))
