"""Work on pieces in several processes, its results in order: the same as one process gives.

Pieces go to the processes a few at a time, so that neither they nor results pile up. An error of a
piece is raised where its result would have come; the pieces that nobody has begun are dropped.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar

from edgectc.core.errors import ConfigError, EdgectcError, MissingDependencyError, UnknownNameError

Piece = TypeVar("Piece")
Result = TypeVar("Result")
ENGINES = ("processes", "ray")
_AHEAD = 2  # pieces for each process


def check_engine(engine: str) -> None:
    """Raise `UnknownNameError` unless ``engine`` is one of `ENGINES`."""
    if engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES, options=["engine"])


@dataclass(frozen=True)
class Workers:
    """Processes that share out some work, see `ordered_map`."""

    jobs: int = 1
    engine: str = ENGINES[0]

    def __post_init__(self) -> None:
        check_engine(self.engine)
        if self.jobs < 1:
            raise ConfigError(f"jobs is {self.jobs}, expected 1 or more", options=["jobs"])

    @property
    def alone(self) -> bool:
        """Whether all is done in the process that asks."""
        return self.jobs == 1 and self.engine == ENGINES[0]

    def __call__(
        self, work: Callable[[Piece], Result], pieces: Iterable[Piece]
    ) -> Iterator[Result]:
        """Yield what ``work`` makes of each piece, in order."""
        return ordered_map(work, pieces, jobs=self.jobs, engine=self.engine)


ONE = Workers()


def ordered_map(
    work: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    *,
    jobs: int = 1,
    engine: str = "processes",
) -> Iterator[Result]:
    """Yield what ``work`` makes of each piece, in order.

    Args:
        work: a function of a module; it, pieces and results are pickled.
        pieces: read as the results are taken.
        jobs: processes; with one of "processes" all is done in this one.
        engine: "processes" of this machine, or "ray", a cluster that runs or one begun here.

    Raises:
        UnknownNameError: no such engine.
        MissingDependencyError: Ray is not installed.
        ConfigError: a process was killed; and what ``work`` raises.
    """
    check_engine(engine)
    if engine == "ray":
        return _on_ray(work, pieces, jobs)
    return map(work, pieces) if jobs == 1 else _in_processes(work, pieces, jobs)


def _in_processes(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], jobs: int
) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    # Spawned, not forked: a fork copies locks that other threads of a runtime hold.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_ignore_interrupts)
    try:
        for piece in pieces:
            waiting.append(pool.submit(work, piece))
            if len(waiting) >= _AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise ConfigError(
            f"one of {jobs} processes ended before its work was done, as when memory runs out; "
            "use fewer jobs",
            options=["jobs"],
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C, which every process of a terminal gets, to the one that waits for results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _on_ray(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], jobs: int
) -> Iterator[Result]:
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError("engine=ray", package="ray", extra="ray") from error
    began = not ray.is_initialized()
    if began:
        # RAY_ADDRESS names a cluster that runs; else one is begun here.
        cluster = bool(os.environ.get("RAY_ADDRESS"))
        size: dict[str, Any] = {} if cluster else {"num_cpus": jobs, "include_dashboard": False}
        ray.init(log_to_driver=False, logging_level="ERROR", **size)
    # Ray takes plain functions alone; the work may be a partial one, and is sent once.
    task, shipped = ray.remote(_done), ray.put(work)
    waiting: deque[Any] = deque()
    try:
        for piece in pieces:
            waiting.append(task.remote(shipped, piece))
            if len(waiting) >= _AHEAD * max(jobs, 2):
                yield _taken(ray, waiting)
        while waiting:
            yield _taken(ray, waiting)
    finally:
        for reference in waiting:
            ray.cancel(reference)
        if began:
            ray.shutdown()


def _done(work: Callable[[Piece], Result], piece: Piece) -> Result:
    return work(piece)


def _taken(ray: Any, waiting: deque[Any]) -> Any:
    """Return the next result; an error of the work as it is, without Ray's frames around it."""
    try:
        return ray.get(waiting.popleft())
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, EdgectcError):
            raise error.cause from None
        raise
