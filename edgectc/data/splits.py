"""Who is trained on, and who is measured on: splits that a file names, or by people, or by rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from edgectc.core.errors import InputError, UnknownNameError
from edgectc.core.types import Array, Recording

SPLITS = ("train", "dev", "test")
RULES = ("auto", "user", "row")
AS_NAMED = "as the rows say"
ALONE = ": figures say nothing of anybody else"  # ends what is said of a few people's rows
_FEW = 4  # people; of fewer, none can be spared


def split_of(user: str) -> str:
    """Return "dev" (a tenth of all users), "test" (a tenth) or "train", from a hash of the id.

    So a user is on one side in every file and every version of it.
    """
    # JSON can name half of a surrogate pair, which strict UTF-8 cannot.
    return _side(user.encode("utf-8", "surrogatepass"))


def check_split(wanted: str) -> None:
    """Raise `UnknownNameError` unless ``wanted`` is "all" or a split."""
    if wanted not in ("all", *SPLITS):
        raise UnknownNameError("split", wanted, ("all", *SPLITS), options=["split"])


def check_rule(rule: str) -> None:
    """Raise `UnknownNameError` unless ``rule`` is one of `RULES`."""
    if rule not in RULES:
        raise UnknownNameError("rule to split by", rule, RULES, options=["split_by"])


def assign(
    named: Sequence[str | None],
    users: Sequence[str | None],
    key: Callable[[int], int],
    *,
    rule: str = "auto",
    people: bool = True,
) -> tuple[list[str | None], str]:
    """Return the split of each row, None for a row that belongs to none, and how they were found.

    A row keeps the split that it names; where some name one, the others are for training. Where
    none does:

    - "user" puts each person on one side by `split_of`; where that leaves training or validation
      without anybody, by turns in the order of that hash, a tenth of them (one at least) for
      validation and as many for the test. A row without a user belongs to no split.
    - "row" splits by a hash of the recording, so that equal ones are on one side; see `by_row`.
    - "auto" is "user" where there are people to spare: four or more, or two or three whom the
      hash puts on both sides; else it is "row".

    Args:
        named: split that each row names.
        users: who made each.
        key: gives the `row_key` of a recording by its row.
        rule: one of `RULES`.
        people: whether users are people, who are to be on one side, and no days.

    Raises:
        UnknownNameError: no such rule.
        InputError: the rule is "user", and there are no two; reason ``one_person``.
    """
    check_rule(rule)
    if any(named):
        return [split or "train" for split in named], AS_NAMED
    sides, how = by_people((user for user in users if user), rule=rule, people=people)
    if sides is None:
        keys = np.fromiter((key(row) for row in range(len(users))), np.uint32, len(users))
        return [SPLITS[side] for side in by_row(keys)], how
    return [sides[user] if user else None for user in users], how


def by_people(
    users: Iterable[str], *, rule: str = "auto", people: bool = True
) -> tuple[dict[str, str] | None, str]:
    """Return the split of each person, None where rows are split instead, and how; see `assign`."""
    if rule == "row" or (rule == "auto" and not people):
        return None, "by row"
    everybody = sorted({*users})
    if rule == "user" and len(everybody) < 2:
        raise InputError(
            f"split_by is 'user', and the rows are of {_counted(everybody)}: nobody would be left "
            "to measure on; split them by row, or name other recordings with dev=FILE",
            reason="one_person",
            options=["split_by", "dev"],
        )
    sides = {user: split_of(user) for user in everybody}
    if not {"train", "dev"} <= {*sides.values()}:
        if rule == "auto" and len(everybody) < _FEW:
            return None, f"by row, of {_counted(everybody)}{ALONE}"
        sides = _in_turn(everybody)
    return sides, "by user"


def by_row(keys: Array) -> Array:
    """Return the splits (n,) int8 of rows, each a place in `SPLITS`, from their keys (n,) uint32.

    A tenth of the rows is for validation and a tenth for the test, by `row_key`. Where that leaves
    training or validation without any, rows take turns in the order of their keys as people do.
    """
    table = np.array([SPLITS.index(side_of_row(key)) for key in range(10)], np.int8)
    sides: Array = table[keys % 10]
    if np.isin([0, 1], sides).all():
        return sides
    different, place = np.unique(keys, return_inverse=True)
    turns = _turns(len(different))
    turned: Array = np.array([SPLITS.index(side) for side in turns], np.int8)[place]
    return turned


def _counted(people: Sequence[str]) -> str:
    """Return how many people there are, in words."""
    if not people:
        return "nobody who is named"
    return f"{len(people)} {'person' if len(people) == 1 else 'people'}"


def place(
    rows: Iterable[Recording | InputError], *, rule: str = "auto", people: bool = True
) -> tuple[list[Recording | InputError], str]:
    """Return the rows, each recording with its split, and how they were split; see `assign`."""
    held = list(rows)
    kept = [row for row in held if isinstance(row, Recording)]
    sides, how = assign(
        [row.split or None for row in kept],
        [row.group for row in kept],
        lambda i: row_key(np.ascontiguousarray(kept[i].signal).tobytes()),
        rule=rule,
        people=people,
    )
    side = iter(sides)
    return [row if isinstance(row, InputError) else _placed(row, next(side)) for row in held], how


def _placed(row: Recording, side: str | None) -> Recording | InputError:
    if side is None:
        return InputError("the row names no user", reason="no_user", name=row.name)
    return row if row.split == side else replace(row, split=side)


def of_split(
    rows: Iterable[Recording | InputError], wanted: str, *, people: bool = True
) -> Iterator[Recording | InputError]:
    """Yield the recordings of a split, or of "all", and every row that cannot be used.

    Raises:
        UnknownNameError: no such split.
    """
    check_split(wanted)
    if wanted == "all":
        yield from rows
    else:
        placed, _ = place(rows, people=people)
        yield from (r for r in placed if isinstance(r, InputError) or r.split == wanted)


def row_key(content: bytes) -> int:
    """Return the 32 bits of a recording's hash that say on which side it is: see `side_of_row`."""
    return int.from_bytes(hashlib.sha256(content).digest()[:4], "big")


def side_of_row(key: int) -> str:
    """Return "dev" or "test", a tenth of all recordings each, or "train"."""
    return {0: "dev", 1: "test"}.get(key % 10, "train")


def _side(content: bytes) -> str:
    return side_of_row(row_key(content))


def _in_turn(users: Sequence[str]) -> dict[str, str]:
    """Return sides for people whom the hash does not spread: some for each, one at least."""

    def key(user: str) -> str:
        return hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()

    return dict(zip(sorted(users, key=key), _turns(len(users)), strict=True))


def _turns(count: int) -> list[str]:
    """Return a side for each of some people or rows: a tenth for each, one at least, where many."""
    many = min(max(1, count // 10), count - 1)
    tested = many if count > 2 else 0
    return ["dev"] * many + ["test"] * tested + ["train"] * (count - many - tested)
