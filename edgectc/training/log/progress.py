"""What a person sees of a run: one line that says how far, how well and how long still."""

from __future__ import annotations

import sys
import time


class Display:
    """A line on standard error: rewritten on a terminal, one a minute in a log."""

    def __init__(self, total: int, *, done: int = 0, shown: bool = True) -> None:
        self.total, self.first, self.shown = total, done, shown
        self.began = self.last = time.monotonic()
        self.metric = ""

    def update(self, done: int, loss: float | None, samples_per_s: float) -> None:
        """Show the state after ``done`` steps, if it is time."""
        now, live = time.monotonic(), sys.stderr.isatty()
        if not self.shown or (now - self.last < (0.2 if live else 60.0) and done < self.total):
            return
        self.last = now
        left = (now - self.began) / max(1, done - self.first) * (self.total - done)
        loss_text = "not finite" if loss is None else f"{loss:.4g}"
        text = (
            f"step {done}/{self.total}  loss {loss_text}  {self.metric}  "
            f"{samples_per_s:.0f} samples/s  {_clock(left)} left"
        )
        end = "\n" if not live or done >= self.total else ""
        print(f"{chr(13) if live else ''}{text:<79}", end=end, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
