"""Options of runners that are told nothing but their threads."""

from __future__ import annotations

from dataclasses import dataclass

from edgectc.core.arguments import MOST_THREADS
from edgectc.core.config import check_numbers, number


@dataclass(frozen=True)
class Options:
    """Threads that one call may use."""

    threads: int = number(1, least=1, most=MOST_THREADS)

    def __post_init__(self) -> None:
        check_numbers(self)
