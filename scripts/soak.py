"""Many threads for a long time, then a model loaded and closed over and over.

    python scripts/soak.py [MODEL] [--threads 8] [--minutes 30] [--cycles 1000] [--json]

Every answer is compared with the first one for its trace, and the memory of the process (resident,
MB) with what it was after the first tenth. Exit code 1: another answer, or more than 5 % growth.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import edgectc
from edgectc.core.types import Decoded
from edgectc.formats import bundle

MOST_GROWTH = 1.05
Trace = list[list[float]]  # rows x, y, t_ms


@dataclass
class Soak:
    """What one part of the run saw.

    Attributes:
        calls: answers that were compared.
        different: of these, other than the first answer for the same trace.
        memory: resident MB, sampled evenly.
    """

    calls: int = 0
    different: int = 0
    memory: list[float] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Return the last memory as a share of what it was after the first tenth."""
        return self.memory[-1] / self.memory[len(self.memory) // 10]

    @property
    def holds(self) -> bool:
        """Return whether answers stayed the same and memory flat."""
        return not self.different and self.growth <= MOST_GROWTH


def resident() -> float:
    """Return the memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def threads(model: str | None, traces: list[Trace], count: int, seconds: float) -> Soak:
    """Call one recognizer from several threads, each twenty times at least."""
    found, lock = Soak(), threading.Lock()
    with edgectc.load(model) as recognizer:
        first = [recognizer(trace) for trace in traces]
        end = time.monotonic() + seconds

        def work(start: int) -> None:
            place, same = start, True
            while True:
                for _ in range(20):
                    place = (place + 7) % len(traces)
                    same = _texts(recognizer(traces[place])) == _texts(first[place])
                    with lock:
                        found.calls += 1
                        found.different += not same
                if time.monotonic() >= end:
                    return

        workers = [threading.Thread(target=work, args=(i * 11,)) for i in range(count)]
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            time.sleep(min(seconds / 50, 10))
            found.memory.append(resident())
        found.memory.append(resident())
    return found


def cycles(model: str | None, traces: list[Trace], count: int) -> Soak:
    """Load, answer and close, ``count`` times."""
    found, first = Soak(), {}
    for i in range(count):
        place = i % len(traces)
        with edgectc.load(model) as recognizer:
            answer = _texts(recognizer(traces[place]))
        found.calls += 1
        found.different += answer != first.setdefault(place, answer)
        found.memory.append(resident())
    return found


def _texts(answer: Decoded) -> list[tuple[str, float]]:
    return [(one.text, one.probability) for one in answer]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    samples = (bundle.locate(None) / "samples.jsonl").read_text().splitlines()
    traces = [json.loads(line)["points"] for line in samples]
    parts = {
        "threads": threads(options.model, traces, options.threads, options.minutes * 60),
        "cycles": cycles(options.model, traces, options.cycles),
    }
    if options.json:
        print(json.dumps({name: asdict(part) for name, part in parts.items()}))
    for name, part in parts.items() if not options.json else ():
        tenth, last = part.memory[len(part.memory) // 10], part.memory[-1]
        print(
            f"{name}: {part.calls:,} answers, {part.different} different, {tenth:.1f} MB after a "
            f"tenth, {last:.1f} MB at the end"
        )
    return 0 if all(part.holds for part in parts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
