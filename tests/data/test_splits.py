"""Who is held out: by what rows name, by people, by rows; and several files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgectc.core.errors import InputError, UnknownNameError
from edgectc.core.types import Recording
from edgectc.data import sources, splits
from edgectc.data.sources import Sources


def rows(*users: str | None, count: int = 60, named: str = "") -> list[Recording]:
    rng = np.random.default_rng(0)
    return [
        Recording(rng.normal(size=(3, 2)), ("a",), f"{user}-{n}", user, split=named)
        for n in range(count)
        for user in users
    ]


def sides(found: list[Recording | InputError]) -> dict[str, set[str | None]]:
    held: dict[str, set[str | None]] = {split: set() for split in splits.SPLITS}
    for row in found:
        assert isinstance(row, Recording)
        held[row.split].add(row.group)
    return held


@pytest.mark.parametrize("users", [("alice",), ("alice", "bob"), ("alice", "bob", "carol")])
def test_one_to_three_people_are_split_by_row_and_that_is_said(users: tuple[str, ...]) -> None:
    found, how = splits.place(rows(*users))
    counts = Counter(row.split for row in found if isinstance(row, Recording))
    assert all(counts[split] for split in splits.SPLITS)
    assert counts["train"] > 0.6 * len(found)
    assert "by row" in how
    assert "nothing of anybody else" in how


def test_equal_rows_are_on_one_side() -> None:
    one = rows("alice", count=40)
    found, _ = splits.place(one + one)
    assert [r.split for r in found[:40]] == [r.split for r in found[40:]]  # type: ignore[union-attr]


def test_few_rows_leave_one_on_each_side_and_equal_ones_stay_together() -> None:
    for count in range(2, 30):
        for seed in range(20):
            keys = np.random.default_rng(seed).integers(0, 2**32, count, np.uint32)
            placed = splits.by_row(np.concatenate([keys, keys]))
            assert {0, 1} <= {*placed[:count].tolist()}
            assert placed[:count].tolist() == placed[count:].tolist()
    assert splits.by_row(np.zeros(0, np.uint32)).tolist() == []
    assert splits.by_row(np.uint32([7, 7])).tolist() == [0, 0]  # one row, twice


def test_few_people_by_user_always_leave_somebody_on_each_side() -> None:
    names = [f"p{i}" for i in range(40)]
    for start in range(30):
        some = names[start : start + 5]
        found, how = splits.place(rows(*some, count=2))
        held = sides(found)
        assert how == "by user"
        assert held["train"]
        assert held["dev"]
        assert not held["train"] & held["dev"]
        assert not held["train"] & held["test"]


def test_many_people_are_split_by_the_hash_of_their_names() -> None:
    names = [f"user{i}" for i in range(100)]
    held = sides(splits.place(rows(*names, count=1))[0])
    assert all(splits.split_of(str(user)) == side for side, some in held.items() for user in some)


def test_a_split_that_rows_name_is_taken() -> None:
    found, how = splits.place([*rows("a", count=2, named="dev"), *rows("b", count=3)])
    assert sides(found) == {"dev": {"a"}, "train": {"b"}, "test": set()}
    assert how == splits.AS_NAMED


def test_rules() -> None:
    two = rows("a", "b", count=4)
    held = sides(splits.place(two, rule="user")[0])
    assert len(held["train"]) == len(held["dev"]) == 1
    with pytest.raises(UnknownNameError, match="did you mean 'user'"):
        splits.place(two, rule="users")
    nobody = [*rows("a", "b", "c", "d", "e", count=1), *rows(None, count=1)]
    (last,) = splits.place(nobody)[0][-1:]
    assert isinstance(last, InputError)
    assert last.reason == "no_user"
    days = splits.place(rows(*"abcdefghijkl", count=9), people=False)
    assert days[1] == "by row"


def test_files_of_their_own_are_held_out() -> None:
    files = {"a": rows("u", count=30), "b": rows("v", count=9), "d": rows("w", count=5)}
    files["t"] = rows("x", count=4)

    def read(path: Path) -> Iterator[Recording | InputError]:
        return iter(files[path.name])

    data = (Path("a"), Path("b"))
    found = sources.read(Sources(data, dev=(Path("d"),), test=(Path("t"),)), read)
    assert {split: len(part) for split, part in found.rows.items()} == {
        "train": 39, "dev": 5, "test": 4
    }  # fmt: skip
    assert found.origins == [0] * 30 + [1] * 9
    found = sources.read(Sources(data, test=(Path("t"),)), read)
    assert len(found.rows["test"]) == 4
    assert len(found.rows["train"]) + len(found.rows["dev"]) == 39
    assert found.rows["dev"]
