"""Recordings in the formats of others, made here: what is read, and what is refused and why."""

from __future__ import annotations

import json
import re
import struct
import sys
from pathlib import Path

import collections_of_others as others
import numpy as np
import pytest

import edgectc
from edgectc.commands.cli import main
from edgectc.core import files
from edgectc.core.errors import (
    ConfigError,
    InputError,
    MissingDependencyError,
    UnknownNameError,
    install_line,
)
from edgectc.core.types import Recording
from edgectc.data import readers, signals
from edgectc.data.readers import Choices
from edgectc.data.recordings import samples_for

# Where our own points come from in an array in Kaggle's order: face, left hand, pose, right hand.
OURS = others.OURS_IN_KAGGLE


def usable(path: Path) -> dict[str, Recording]:
    return {row.name: row for row in readers.read(path) if isinstance(row, Recording)}


def refused(path: Path) -> dict[str, str]:
    return {row.name: row.reason for row in readers.read(path) if isinstance(row, InputError)}


def body(T: int, seed: int) -> np.ndarray:
    """A signer in Kaggle's order, a hand unseen in the first frame."""
    points = np.random.default_rng(seed).random((T, 543, 3)).astype(np.float32)
    points[0, 468:489] = np.nan
    return points


def test_sessions_of_hdf5(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="pip install h5py")
    held = others.brain_25(tmp_path, ["t15.2023.08.11", "t15.2023.08.13"])
    found = usable(tmp_path)
    assert found.keys() == held.keys()  # the test of the competition has no labels
    for name, (signal, said) in held.items():
        row = found[name]
        np.testing.assert_array_equal(row.signal, signal)
        assert row.target == (*said,)
        assert row.group == name.split()[0]
        assert row.split == ("train" if "train" in name else "dev")
    one = [*readers.read(tmp_path / "t15.2023.08.11/data_test.hdf5")]
    assert [row.target for row in one if isinstance(row, Recording)] == [(), ()]


def test_trials_that_are_none_cost_themselves_alone(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="pip install h5py")
    held = others.brain_25(tmp_path, ["day"], trials=7)
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file.create_group("trial").create_dataset("input_features", data=np.zeros((3, 512)))
    path = tmp_path / "day/data_train.hdf5"
    with h5py.File(path, "a") as file:
        del file["trial_0000/input_features"]
        file["trial_0001/seq_class_ids"][0] = 41
        del file["trial_0002"]
        file["trial_0002"] = h5py.ExternalLink("../secret.h5", "trial")
        del file["trial_0003/input_features"]
        file["trial_0003/input_features"] = h5py.ExternalLink(
            "../secret.h5", "trial/input_features"
        )
        file["trial_0004/more"] = 3
        del file["trial_0005"]
        file["trial_0005"] = 3.0
        del file["trial_0006/input_features"]
        file["trial_0006"].create_dataset("input_features", (1 << 20, 512), "f4", chunks=True)
    found = refused(path)
    expected = dict.fromkeys((0, 1, 2, 3, 5), "bad_field") | {6: "bad_shape"}
    assert found == {f"day data_train trial_{n:04d}": reason for n, reason in expected.items()}
    assert [*usable(path)] == ["day data_train trial_0004"]
    assert "day data_train trial_0004" in held


def test_a_day_of_mat_is_scaled_by_block_and_said_in_phonemes(tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="pip install scipy")
    blocks = [2, 2, 3, 3, 3]
    texts = ["Go, now!", "well-known", "go on", "it's Zyx", "on"]
    path = tmp_path / "train/t12.2022.04.28.mat"
    crossings, powers = others.brain_24(path, texts, blocks)
    others.brain_24(tmp_path / "test/t12.2022.04.28.mat", ["go"], [9], seed=1)
    others.brain_24(tmp_path / "competitionHoldOut/t12.2022.04.28.mat", [" "], [1], seed=2)
    (tmp_path / "words").write_text(
        ";;; comment\nGO  G OW1\nNOW  N AW1\nWELL  W EH1 L\nKNOWN  N OW1 N\nON  AA1 N\n"
        "ON(2)  AO1 N\nIT'S  IH1 T S # a comment\n"
    )
    out = tmp_path / "x.npz"
    source = f"brain_to_text_24:{tmp_path}"
    made = edgectc.import_data(source, out=out, pronunciations=tmp_path / "words")
    assert made.recordings == 5
    assert made.splits == {"train": 4, "dev": 1}
    assert made.refused == {"no_pronunciation": 1}
    found = {row.name: row for row in signals.read(out) if isinstance(row, Recording)}
    said = {name: " ".join(row.target) for name, row in found.items() if row.split == "train"}
    day = "t12.2022.04.28"
    assert said == {
        f"{day} train 0": "G OW SIL N AW SIL",
        f"{day} train 1": "W EH L N OW N SIL",
        f"{day} train 2": "G OW SIL AA N SIL",
        f"{day} train 4": "AA N SIL",
    }
    assert {row.group for row in found.values()} == {day}
    # Each value by its textbook definition, over all frames of its block.
    for n in (0, 1, 2, 4):
        block = [i for i, b in enumerate(blocks) if b == blocks[n]]
        for column, part, values in ((5, 5, crossings), (127, 127, crossings), (128, 0, powers)):
            everything = np.concatenate([values[i][:, part] for i in block]).astype(float)
            expected = (values[n][:, part] - everything.mean()) / everything.std()
            got = found[f"{day} train {n}"].signal[:, column]
            np.testing.assert_allclose(got, expected, atol=1e-5)
    with pytest.raises(InputError, match=r"--pronunciations FILE") as error:
        usable(path)
    assert error.value.reason == "no_pronunciations"


def test_signs_and_phrases_of_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pip install pyarrow")
    signs = [("26734", "100", "TV", body(3, 0)), ("9", "200", "thank you", body(2, 1))]
    others.kaggle_signs(tmp_path / "signs", signs)
    for path in (tmp_path / "signs", tmp_path / "signs/train.csv"):
        found = usable(path)
        assert [row.target for row in found.values()] == [("TV",), ("thank-you",)]
        assert [row.group for row in found.values()] == ["26734", "9"]
        for row, (*_, points) in zip(found.values(), signs, strict=True):
            np.testing.assert_array_equal(row.signal, points[:, OURS].reshape(len(points), -1))
    phrases = [("1", str(n), text, body(70 + n, n)) for n, text in enumerate(["3 creek", "a/b"])]
    others.kaggle_phrases(tmp_path / "letters", "5414471", phrases)
    found = usable(tmp_path / "letters")
    assert [row.target for row in found.values()] == [(*"3|creek",), (*"a/b",)]
    for row, (*_, points) in zip(found.values(), phrases, strict=True):
        np.testing.assert_array_equal(row.signal, points[:, OURS].reshape(len(points), -1))


def test_a_table_that_names_what_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pip install pyarrow")
    others.kaggle_signs(tmp_path / "set", [("1", "100", "TV", body(2, 0))])
    table = tmp_path / "set/train.csv"
    held = table.read_text()
    (tmp_path / "set/junk.parquet").write_bytes(b"PAR1 no")
    table.write_text(
        held
        + "../x.parquet,2,1,A\nmissing.parquet,3,1,B\njunk.parquet,4,1,C\n".replace(
            ",2,1,", ",1,2,"
        )
        .replace(",3,1,", ",1,3,")
        .replace(",4,1,", ",1,4,")
    )
    reasons = {"1 2": "bad_field", "1 3": "unreadable_file", "1 4": "unreadable_file"}
    assert refused(tmp_path / "set") == reasons
    assert len(usable(tmp_path / "set")) == 1


def test_a_table_and_a_folder_of_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = rng.random((4, 543, 3)).astype(np.float32)
    flat = rng.random((5, 12))
    others.phoenix(tmp_path, "train", [("11August_2010-1", "Signer01", "REGEN SCHNEE", points)])
    others.phoenix(tmp_path, "dev", [("12August_2010-1", "Signer04", "__ON__ SONNE", flat)])
    found = usable(tmp_path)
    one, two = found["11August_2010-1"], found["12August_2010-1"]
    assert (one.target, one.group, one.split) == (("REGEN", "SCHNEE"), "Signer01", "train")
    assert (two.target, two.group, two.split) == (("__ON__", "SONNE"), "Signer04", "dev")
    np.testing.assert_array_equal(one.signal, points.reshape(4, 1629))
    np.testing.assert_array_equal(two.signal, flat)


def test_parts_in_another_order_are_put_in_ours(tmp_path: Path) -> None:
    points = body(3, 0)
    np.save(tmp_path / "a.npy", points)
    np.save(tmp_path / "b.npy", points.reshape(3, 1629))
    (tmp_path / "rows.csv").write_text("file,gloss,signer,split\na.npy,A,x,train\nb,B,x,val\n")
    line = ["data", "import", f"array_table:{tmp_path}", "--out", str(tmp_path / "x.npz")]
    order = "face,left_hand,pose,right_hand"
    assert main([*line, "--points", order]) == 0
    rows = [row for row in signals.read(tmp_path / "x.npz") if isinstance(row, Recording)]
    assert [(row.split, row.group) for row in rows] == [("train", "x"), ("dev", "x")]
    for row in rows:
        np.testing.assert_array_equal(row.signal, points[:, OURS].reshape(3, -1))
    assert main([*line, "--points", "face,hand"]) == 2
    for choice in ("pose,face,left_hand", "face,face,left_hand,right_hand"):
        how = Choices(points=tuple(choice.split(",")))
        rows = [*readers.import_format("array_table", tmp_path, how)]
        assert [row.reason for row in rows if isinstance(row, InputError)] == ["bad_shape"] * 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("../a,A,", "bad_field"),
        ("/etc/passwd,A,", "bad_field"),
        ("gone,A,", "unreadable_file"),
        (",A,", "bad_field"),
        ("pickle,A,", "unreadable_file"),
        ("text,A,", "unreadable_file"),
        ("deep,A,", "bad_shape"),
        ("a,A,elsewhere", "bad_field"),
        ("twice,A,", "unreadable_file"),
    ],
)
def test_a_row_of_a_table_that_cannot_be_used(tmp_path: Path, line: str, reason: str) -> None:
    folder = tmp_path / "set"
    for name in ("", "one", "two"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        np.save(folder / name / ("twice.npy" if name else "a.npy"), np.zeros((2, 3)))
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    np.save(folder / "pickle.npy", np.array([object()], object), allow_pickle=True)
    (folder / "text.npy").write_text("no array")
    np.save(folder / "deep.npy", np.zeros((2, 2, 2, 2)))
    (folder / "rows.csv").write_text(f"name,label,split\na,B,\n{line}\n")
    assert [*refused(folder).values()] == [reason]
    assert [row.target for row in usable(folder).values()] == [("B",)]


@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_an_hdf5_that_is_longer_than_it_says_is_refused(tmp_path: Path, version: str) -> None:
    h5py = pytest.importorskip("h5py")
    file = tmp_path / "day" / "data_train.hdf5"
    file.parent.mkdir()
    with h5py.File(file, "w", libver=version) as made:
        made.create_group("t").create_dataset("input_features", data=np.ones((3, 4), np.float32))
    assert [row.signal.shape for row in readers.read(file)] == [(3, 4)]
    data = file.read_bytes()
    file.write_bytes(data[:500] + b"x" + data[500:])
    with pytest.raises(InputError, match="copy or make it again"):
        list(readers.read(file))


def test_a_head_that_numpy_cannot_parse_is_refused(tmp_path: Path) -> None:
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head
    (tmp_path / "a.npy").write_bytes(data)
    (tmp_path / "rows.csv").write_text("name,label\na,B\n")
    assert refused(tmp_path) == {"a": "unreadable_file"}


def test_a_damaged_parquet_is_refused_in_one_line(tmp_path: Path) -> None:
    others.kaggle_signs(tmp_path, [("1", "2", "hello", body(3, 0))])
    (file,) = tmp_path.rglob("*.parquet")
    data = bytearray(file.read_bytes())
    data[4:200] = b"\xff" * 196
    file.write_bytes(data)
    (row,) = readers.read(tmp_path)
    assert isinstance(row, InputError)
    assert row.reason == "unreadable_file"
    assert len(str(row).splitlines()) == 1


def test_a_mat_file_that_would_take_much_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    savemat = pytest.importorskip("scipy.io").savemat
    how = Choices(pronunciations={"go": ("G",)})
    zeros = {"tx1": np.zeros((4000, 256), np.float32)}
    savemat(tmp_path / "packed.mat", zeros, do_compression=True)
    monkeypatch.setattr(files, "_UNPACKED", 1 << 20)
    with pytest.raises(InputError, match=r"packed\.mat.*unpacks to"):
        list(readers.import_format("brain_to_text_24", tmp_path / "packed.mat", how))

    cells = np.empty((3, 1), object)
    cells[:, 0] = [np.ones((2, 2))] * 3
    savemat(tmp_path / "cells.mat", {"tx1": cells})
    data = (tmp_path / "cells.mat").read_bytes()
    stated = struct.pack("<ii", 3, 1)
    assert data.count(stated) == 1
    (tmp_path / "cells.mat").write_bytes(data.replace(stated, struct.pack("<ii", 1 << 28, 1)))
    with pytest.raises(InputError, match=r"cells\.mat.*states 268,435,456 values"):
        list(readers.import_format("brain_to_text_24", tmp_path / "cells.mat", how))


def test_an_array_that_states_a_huge_size_is_not_read(tmp_path: Path) -> None:
    head = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 3)}
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, head)
    (tmp_path / "rows.csv").write_text("name,label\na,B\n")
    assert refused(tmp_path) == {"a": "bad_shape"}


def test_what_is_no_collection_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in {"a.h5": "no", "a.mat": "no", "rows.csv": "a,b\n1,2\n"}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "words").write_text("go G OW\n")
    out = tmp_path / "x.npz"
    for source, choice, needs in (
        ("brain_to_text_25:a.h5", {}, "h5py"),
        ("brain_to_text_24:a.mat", {"pronunciations": tmp_path / "words"}, "scipy"),
        ("array_table:rows.csv", {}, "numpy"),
    ):
        pytest.importorskip(needs)
        name, _, file = source.partition(":")
        with pytest.raises(InputError, match=f"cannot read .*{file}"):
            edgectc.import_data(f"{name}:{tmp_path / file}", out=out, **choice)
    with pytest.raises(ConfigError, match=r"expected a \.npz"):
        edgectc.import_data(f"array_table:{tmp_path}", out=tmp_path / "x.jsonl")
    with pytest.raises(ConfigError, match="makes nothing of points"):
        edgectc.import_data(f"kaggle_asl:{tmp_path}", out=out, points=["face"])
    with pytest.raises(UnknownNameError, match="did you mean 'kaggle_asl'"):
        edgectc.import_data(f"kaggle_als:{tmp_path}", out=out)
    with pytest.raises(InputError, match="or a file or folder in one of the formats"):
        samples_for({"type": "landmarks"}).locate(str(tmp_path / "words"))
    (tmp_path / "words").write_text("go\n")
    with pytest.raises(ConfigError, match="'go' has no phonemes"):
        edgectc.import_data("brain_to_text_24:x", out=out, pronunciations=tmp_path / "words")
    assert main(["data", "import", "futo:x", "--out", str(out), "--points", "face"]) == 2
    assert "makes nothing of --points" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("brain_to_text_25", "h5py", "hdf5"),
        ("brain_to_text_24", "scipy", "mat"),
        ("kaggle_asl", "pyarrow", "parquet"),
    ],
)
def test_a_missing_package_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str, extra: str
) -> None:
    for module in (package, f"{package}.io", f"{package}.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    rows = readers.import_format(name, tmp_path, Choices())
    if name == "brain_to_text_24":
        rows = readers.import_format(name, tmp_path, Choices(pronunciations={"go": ("G",)}))
    with pytest.raises(
        MissingDependencyError, match=rf"'{package}'.*{re.escape(install_line(extra))}"
    ):
        next(rows)


def test_the_command_tells_what_it_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others.phoenix(
        tmp_path, "train", [(f"a-{n}", f"s{n}", "A B", np.zeros((3, 6))) for n in (1, 2)]
    )
    others.phoenix(tmp_path, "dev", [("b-1", "s3", "B", np.zeros((3, 6)))])
    line = ["data", "import", f"array_table:{tmp_path}", "--out", str(tmp_path / "x.npz")]
    assert main(line) == 0
    assert "3 recordings (1 dev, 2 train) of 3 people or days, 2 symbols" in capsys.readouterr().out
    assert main([*line, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["splits"] == {"dev": 1, "train": 2}
