"""What a person sees of a run: one line that says how far, how well and how long still."""

from __future__ import annotations

from edgectc.core.console import ProgressLine


class Display:
    """The progress line of a run, with its loss and its latest metric."""

    def __init__(self, total: int, *, done: int = 0, shown: bool = True) -> None:
        self.line = ProgressLine(total, start=done, shown=shown)
        self.metric = ""

    def update(self, done: int, loss: float | None, samples_per_s: float) -> None:
        """Show the state after ``done`` steps, if it is time."""
        loss_text = "not finite" if loss is None else f"{loss:.4g}"
        self.line.update(
            done,
            f"step {done}/{self.line.total}  loss {loss_text}  {self.metric}  "
            f"{samples_per_s:.0f} samples/s",
        )
