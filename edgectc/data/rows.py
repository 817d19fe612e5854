"""Rows that are gone through more than once: held where they are few, read again where many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from edgectc.core.types import Array

T = TypeVar("T")
S = TypeVar("S")
HELD_BYTES = 96 << 20  # of rows that are held; more are read again each time
_OBJECTS = 400  # bytes of a row beside its numbers


def some(count: int, limit: int | None) -> Array:
    """Return ascending places of at most ``limit`` of ``count`` rows, chosen at random."""
    if limit is None:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).permutation(count)[:limit])


class Again(Generic[T]):
    """What a reader yields, as often as it is gone through."""

    def __init__(
        self,
        read: Callable[[], Iterable[T]],
        size: Callable[[T], int],
        *,
        most: float | None = None,
    ) -> None:
        """Take a reader; nothing is read yet.

        Args:
            read: yields all rows, the same ones each time.
            size: bytes of the numbers of a row.
            most: bytes to hold; None for `HELD_BYTES`, infinity for what cannot be read twice.
        """
        self._read, self._size = read, size
        self._most = HELD_BYTES if most is None else most
        self._held: list[T] | None = None
        self._many = False

    def __iter__(self) -> Iterator[T]:
        if self._held is not None:
            yield from self._held
            return
        held, bytes_ = list[T](), 0
        for row in self._read():
            if not self._many:
                held.append(row)
                bytes_ += self._size(row) + _OBJECTS
                if bytes_ > self._most:
                    self._many, held = True, []
            yield row
        self._held = None if self._many else held


class Chosen(Generic[T]):
    """Some rows of a reader, in its order; of those that are read again only places are held."""

    def __init__(self, rows: Iterable[S], places: Sequence[int] | Array, of: Callable[[S], T]):
        """Take rows, and which of them.

        Args:
            rows: the same ones each time.
            places: (n,) ascending: which of them.
            of: makes a row of what the reader yields.
        """
        self._rows: Iterable[Any] = rows
        self._places, self._of = np.asarray(places, np.int64), of

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[T]:
        wanted = iter(self._places.tolist())
        following = next(wanted, None)
        for place, row in enumerate(self._rows):
            if following is None:
                return
            if place == following:
                yield self._of(row)
                following = next(wanted, None)

    def only(self, kept: Sequence[int] | Array) -> Chosen[T]:
        """Return some of them by their places here, ascending."""
        return Chosen(self._rows, self._places[np.asarray(kept, np.int64)], self._of)

    def limited(self, limit: int | None) -> Chosen[T]:
        """Return at most so many, see `some`."""
        return self.only(some(len(self), limit))

    def changed(self, change: Callable[[T], T]) -> Chosen[T]:
        """Return them, each as ``change`` makes it."""
        of = self._of
        return Chosen(self._rows, self._places, lambda row: change(of(row)))

    def take(self, places: Iterable[int]) -> list[T]:
        """Return some of them in the order of ``places``, which may name one twice."""
        wanted = [*places]
        kept = np.unique(np.array(wanted, np.int64))
        found = dict(zip(kept.tolist(), self.only(kept), strict=True))
        return [found[place] for place in wanted]
