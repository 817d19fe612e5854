"""Reading, writing, splitting and finding swipe files."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgectc.core.errors import InputError, UnknownNameError
from edgectc.core.types import Swipe
from edgectc.data import splits, swipe_files, validation

POINTS = [[0.1, 0.2, 0.0], [0.2, 0.3, 16.0]]
EXPECTED_SPLITS = {
    "user0": "train",
    "user1": "train",
    "user7": "dev",
    "user15": "dev",
    "user47": "test",
    "user79": "test",
}
DICTS = [{"x": 0.1, "y": 0.2, "t": 0}, {"x": 0.2, "y": 0.3, "t": 16}]


def save(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def swipe(**fields: Any) -> Swipe:
    return Swipe(np.array(POINTS), **fields)


def same(a: Swipe, b: Swipe) -> bool:
    fields = (a.word, a.layout, a.user) == (b.word, b.layout, b.user)
    return fields and np.array_equal(a.points, b.points)


def test_both_forms_of_points_and_extra_keys_are_read(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.jsonl",
        {"word": "is", "points": POINTS, "layout": "german", "user": "u1"},
        {"points": DICTS, "sentence": "is it", "source": "here", "kb": [1, 2], "word": None},
    )
    first, second = swipe_files.read(path)
    assert first.swipe is not None
    assert second.swipe is not None
    assert same(first.swipe, swipe(word="is", layout="german", user="u1"))
    assert same(second.swipe, swipe())
    assert (first.index, second.index, first.error) == (0, 1, None)


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("bad_json", "{"),
        ("bad_json", "[1, 2]"),
        ("bad_json", "null"),
        ("bad_json", '{"points": []} x'),
        ("missing_points", '{"word": "a"}'),
        ("missing_points", '{"points": null}'),
        ("bad_field", '{"word": 7, "points": [[0, 0, 0], [1, 1, 90]]}'),
        ("bad_field", '{"user": ["u"], "points": [[0, 0, 0], [1, 1, 90]]}'),
        ("bad_field", '{"layout": true, "points": [[0, 0, 0], [1, 1, 90]]}'),
        ("bad_shape", '{"points": "none"}'),
        ("empty", '{"points": []}'),
    ],
)
def test_a_refused_row_never_stops_the_file(tmp_path: Path, reason: str, line: str) -> None:
    good = json.dumps({"points": POINTS})
    path = tmp_path / "a.jsonl"
    path.write_text(f"{good}\n\n{line}\n  \n{good}", encoding="utf-8")
    rows = list(swipe_files.read(path))
    assert [row.index for row in rows] == [0, 1, 2]
    assert [row.swipe is None for row in rows] == [False, True, False]
    assert rows[1].error is not None
    assert rows[1].error.reason == reason
    assert str(rows[1].error).startswith("line 3: ")
    assert "expected" in str(rows[1].error)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    swipes = [swipe(word="hello", user="u1"), swipe(), swipe(word="мир", layout="russian_jcuken")]
    for name in ("a.jsonl", "a.jsonl.gz"):
        swipe_files.write(tmp_path / name, iter(swipes))
        again, dropped = swipe_files.load(tmp_path / name)
        assert not dropped
        assert all(map(same, swipes, again))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jsonl", "a.jsonl.gz"]


def test_numbers_are_rounded_and_the_swipe_is_not(tmp_path: Path) -> None:
    points = np.array([[-0.00001, 1 / 3, 0.0], [0.123456, 0.5, 16.6666]])
    kept = points.copy()
    swipe_files.write(tmp_path / "a.jsonl", [Swipe(points)])
    row = json.loads((tmp_path / "a.jsonl").read_text())
    assert row["points"] == [[0.0, 0.3333, 0.0], [0.1235, 0.5, 16.7]]
    assert "-0.0" not in (tmp_path / "a.jsonl").read_text()
    np.testing.assert_array_equal(points, kept)


def test_a_file_is_written_twice_to_the_same_bytes(tmp_path: Path) -> None:
    swipes = [swipe(word="hello", user="u1")]
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        swipe_files.write(tmp_path / name, swipes)
    one, two = ((tmp_path / f"{name}.jsonl.gz").read_bytes() for name in ("one", "two"))
    assert one == two
    assert one[4:8] == b"\0\0\0\0"
    assert gzip.decompress(one).endswith(b"\n")


@pytest.mark.parametrize(
    "points",
    [[[0.1, 0.2, 0.0]], [[0.1, 0.2, 0.0], [0.1, float("nan"), 9.0]], [[0, 0, 0], [0, 0, 0.01]]],
)
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, points: list[list[float]]) -> None:
    path = save(tmp_path / "a.jsonl", {"points": POINTS})
    before = path.read_bytes()
    with pytest.raises(InputError):
        swipe_files.write(path, [swipe(), Swipe(np.array(points))])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    swipe_files.write(tmp_path / "a.jsonl.gz", [swipe()])
    (tmp_path / "a.jsonl.gz").rename(tmp_path / "packed.jsonl")
    save(tmp_path / "plain.jsonl.gz", {"points": POINTS})
    for name in ("packed.jsonl", "plain.jsonl.gz"):
        assert len(swipe_files.load(tmp_path / name)[0]) == 1


def test_splits_are_fixed_and_about_a_tenth() -> None:
    # These ids are the contract: a changed hash would move test users into training.
    assert [splits.split_of(u) for u in EXPECTED_SPLITS] == list(EXPECTED_SPLITS.values())
    sides = [splits.split_of(f"user{i}") for i in range(3000)]
    assert 0.08 < sides.count("dev") / 3000 < 0.12
    assert 0.08 < sides.count("test") / 3000 < 0.12
    assert splits.split_of("\ud800") in splits.SPLITS


def test_load_takes_one_split_and_counts_the_rest(tmp_path: Path) -> None:
    users = [*EXPECTED_SPLITS, None]
    path = tmp_path / "a.jsonl"
    swipe_files.write(path, [swipe(user=user) for user in users])
    with path.open("a") as file:
        file.write("{\n" + json.dumps({"points": []}) + "\n")
    whole, dropped = swipe_files.load(path)
    assert len(whole) == len(users)
    assert dropped == {"bad_json": 1, "empty": 1}
    found = {split: swipe_files.load(path, split=split) for split in ("train", "dev", "test")}
    for split, (swipes, dropped) in found.items():
        assert [s.user for s in swipes] == [u for u, of in EXPECTED_SPLITS.items() if of == split]
        assert dropped == {"bad_json": 1, "empty": 1, "no_user": 1}


def test_an_unknown_split_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'train'"):
        swipe_files.load(tmp_path / "never opened", split="trian")


@pytest.mark.parametrize(
    "place", ["swipes.jsonl.gz", "swipes.jsonl", "how-we-swipe/swipes.jsonl.gz"]
)
def test_find_looks_into_folders(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert swipe_files.find(str(tmp_path)) == path
    assert swipe_files.find(str(path)) == path
    monkeypatch.setenv("EDGECTC_DATA", str(tmp_path))
    assert swipe_files.find(None) == path


@pytest.mark.parametrize("named", [None, "", "no/such/place", "."])
def test_find_names_both_ways_out(
    tmp_path: Path, named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGECTC_DATA", raising=False)
    with pytest.raises(InputError, match=r"data=PATH or set EDGECTC_DATA") as caught:
        swipe_files.find(named)
    assert caught.value.reason == "no_data"


def test_the_table_of_reasons_is_complete() -> None:
    modules = (swipe_files, splits)
    source = "".join(Path(m.__file__).read_text(encoding="utf-8") for m in modules)
    raised = set(re.findall(r'reason="(\w+)"|dropped\["(\w+)"\]', source))
    own = {name for pair in raised for name in pair if name}
    assert own | set(validation.REASONS) == set(swipe_files.REASONS)
