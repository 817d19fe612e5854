"""Rows shared out to processes, each of which opens the model for itself."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

from edgectc.commands.verbs.opening import Model, RuntimeOptions
from edgectc.core import parallel
from edgectc.core.errors import ConfigError
from edgectc.language.user_dictionary import UserDictionary
from edgectc.runtime import loading
from edgectc.runtime.recognizer import Recognizer

Row = TypeVar("Row")
Answer = TypeVar("Answer")
_ROWS = 32  # that a process is given at a time


@dataclass(frozen=True)
class Opening:
    """How another process opens a model: its path or name, and the options of `edgectc.load`."""

    model: str | None
    options: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Shared:
    """Processes that answer rows.

    Attributes:
        opening: of the model.
        jobs: how many there are.
        engine: see `edgectc.core.parallel.ordered_map`.
    """

    opening: Opening
    jobs: int
    engine: str

    def __call__(
        self, work: Callable[[Recognizer, list[Row]], list[Answer]], rows: Iterable[Row]
    ) -> Iterator[Answer]:
        """Yield what ``work``, given the model and some rows, says of each row, in order."""
        left = iter(rows)
        pieces = iter(lambda: [*itertools.islice(left, _ROWS)], [])
        answer = partial(_answered, self.opening, work)
        for found in parallel.ordered_map(answer, pieces, jobs=self.jobs, engine=self.engine):
            yield from found


def shared_out(model: Model, options: RuntimeOptions, jobs: int, engine: str) -> Shared | None:
    """Return the processes that were asked for; None to answer in this one.

    Raises:
        ConfigError: the model, or the user's dictionary, is open already: other processes need
            its path.
        UnknownNameError: no such engine.
    """
    parallel.check_engine(engine)
    if jobs == 1 and engine == parallel.ENGINES[0]:
        return None
    if isinstance(model, Recognizer) or isinstance(options.get("dictionary"), UserDictionary):
        raise ConfigError(
            "jobs goes with the path of a model, and of a dictionary: each process opens them for "
            "itself",
            options=["jobs"],
        )
    kept = {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.items()
    }
    path = None if model is None else os.fspath(model)
    return Shared(Opening(path, tuple(sorted(kept.items()))), jobs, engine)


def _answered(
    opening: Opening, work: Callable[[Recognizer, list[Row]], list[Answer]], rows: list[Row]
) -> list[Answer]:
    return work(_opened(opening), rows)


@lru_cache(maxsize=2)
def _opened(opening: Opening) -> Recognizer:
    return loading.load(opening.model, **dict(opening.options))
