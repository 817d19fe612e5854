"""Recordings that were left out, by reason: one bad row never stops a run, and none goes unseen."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from edgectc.core.config import dumps
from edgectc.core.errors import ConfigError, InputError

LIMIT = 0.5  # share of the rows that may be left out before it is an error
_FEW = 8  # rows; of fewer, a share says nothing
_EXAMPLES = 10


def check_limit(limit: float, option: str) -> None:
    """Raise `ConfigError` unless ``limit``, the value of ``option``, is a share."""
    if not 0 <= limit <= 1:
        raise ConfigError(f"{option} is {limit}, expected a share in [0, 1]", options=[option])


@dataclass
class Refusals:
    """Counts what was left out.

    Attributes:
        rows: seen so far, those left out among them.
        counts: reason to count.
        cut: rows that are used, but with a recording or a target that was shortened.
        examples: reason to name and message of its first rows.
    """

    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    examples: dict[str, list[tuple[str, str]]] = field(default_factory=dict, repr=False)

    def add(self, error: InputError, name: str = "") -> None:
        """Count one more; ``name`` is that of the row where the error does not know it."""
        self.counts[error.reason] += 1
        examples = self.examples.setdefault(error.reason, [])
        if len(examples) < _EXAMPLES:
            examples.append((error.name or name, str(error)))

    @property
    def text(self) -> str:
        """Return "2 too_long (row 7: ...); 1 no_label (...)"; "none" if nothing was left out."""
        shown = [f"{self.cut} truncated"] if self.cut else []
        for reason, count in self.counts.items():
            name, message = self.examples[reason][0]
            shown.append(
                f"{count} {reason} ({name}: {message})" if name else f"{count} {reason} ({message})"
            )
        return "; ".join(shown) or "none"

    def __add__(self, other: Refusals) -> Refusals:
        """Return what both counted."""
        examples = {**other.examples, **self.examples}
        rows, cut = self.rows + other.rows, self.cut + other.cut
        return Refusals(rows, self.counts + other.counts, cut, examples)

    @property
    def reasons(self) -> Counter[str]:
        """Return the counts, with those that were only shortened as "truncated"."""
        return self.counts + Counter(truncated=self.cut)

    def to_json(self) -> str:
        """Return it as text."""
        return dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> Refusals:
        """Return what `to_json` wrote."""
        values = json.loads(text)
        examples = {k: [(name, why) for name, why in v] for k, v in values["examples"].items()}
        return cls(values["rows"], Counter(values["counts"]), values["cut"], examples)

    def check(self, limit: float, where: str, option: str, remedy: str = "") -> None:
        """Refuse a data set of which too much cannot be used.

        Args:
            limit: share of the rows, 0..1, that may be left out; 1 allows everything.
            where: names the data set.
            option: the argument that ``limit`` is the value of.
            remedy: another argument with the value that takes rows which are too long.

        Raises:
            InputError: reason ``too_many_dropped``.
        """
        out = self.counts.total()
        if self.rows >= _FEW and out > limit * self.rows:
            cut = f"cut them by {remedy}, " if remedy and self.counts["too_long"] else ""
            raise InputError(
                f"{where}: {out} of {self.rows} rows cannot be used, more than the limit of "
                f"{limit:.0%}: {self.text}; repair the rows, {cut}or raise {option}",
                reason="too_many_dropped",
                options=[option, *([remedy.partition("=")[0]] if cut else [])],
            )
