"""Values that cross module borders. Frozen, numpy only, which is imported where it is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from edgectc.core.lazy_numpy import is_numpy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
else:
    Array = Any
# What a JSON text can hold.
JSON: TypeAlias = "Mapping[str, JSON] | Sequence[JSON] | str | float | bool | None"


_SHOWN = 5  # of a list in a repr
_SHOWN_KEYS = 12  # of a document


def is_masked(value: Any) -> bool:
    """Return whether it is a masked array, without loading `numpy.ma` for any other value."""
    if not is_numpy(value, "ndarray"):
        return False
    import numpy as np

    return type(value) is not np.ndarray and isinstance(value, np.ma.MaskedArray)


def shortened(text: str) -> str:
    """Return a text as a repr shows it, cut after 32 characters."""
    return text if len(text) <= 32 else f"{text[:31]}\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True, slots=True)
class Swipe:
    """One finger trace: a row of a file of swipes; `Recording` is what all families have of it.

    Attributes:
        points: (n, 3) float64: x, y in the letter-area frame (x 0..1 over the keyboard width,
            y 0..1 over the letter rows, 0 = top), t in milliseconds.
        word: label, or None where there is none.
        layout: name of the keyboard layout the trace was made on.
        user: who made it; splits and confidence intervals are taken by user.
        context: words before this one, the last one last; "<s>" is the beginning of a sentence.
        prompt: the whole text that the person was to write, where that is known.
        split: "train", "dev" or "test" where its file says so; None leaves it to the rule.
    """

    points: Array
    word: str | None = None
    layout: str = "qwerty"
    user: str | None = None
    context: tuple[str, ...] = ()
    prompt: str | None = None
    split: str | None = None

    def __repr__(self) -> str:
        return f"Swipe({len(self.points)} points, {self.word!r}, {self.layout!r})"


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording of any family, before its frontend.

    Attributes:
        signal: (T, C) float32, or of a swipe its points (n, 3) float64.
        target: symbols that were meant, in order; of a swipe its word; empty without a label.
        name: what names the recording in reports.
        group: who or which day it is from; splits and confidence intervals are taken by group.
        setting: name of what it was made with, its keyboard or day; "" for nothing.
        context: words before this one, the last one last.
        split: "train", "dev" or "test" where that is known; "" elsewhere.
    """

    signal: Array
    target: tuple[str, ...] = ()
    name: str = ""
    group: str | None = None
    setting: str = ""
    context: tuple[str, ...] = ()
    split: str = ""

    def __repr__(self) -> str:
        target = shortened(" ".join(self.target))
        return f"Recording({self.name!r}, {self.signal.shape}, {target!r}, {self.setting!r})"


@dataclass(frozen=True, slots=True)
class WordSpan:
    """One word of a text in the signal; `edgectc.decoding.search.spans` has the definitions.

    Attributes:
        text: the word as it is shown.
        start: first output frame of its first token, on the best alignment of the whole text.
        end: the output frame after the last of its last token.
        confidence: probability, under the network alone, that the frames about it, from the middle
            of the pause before to the middle of the pause after, say this word, 0..1.
    """

    text: str
    start: int
    end: int
    confidence: float

    def seconds(self, frame_s: float) -> tuple[float, float]:
        """Return start and end in seconds, where an output frame comes every ``frame_s``."""
        return self.start * frame_s, self.end * frame_s


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One decoded text.

    Attributes:
        text: what to show or commit.
        score: natural-log score the decoder ranked by (its class states the formula).
        probability: share of this text among all the texts the decoder weighed, 0..1.
        timesteps: output frame of each emitted token, ascending.
        exact: True if the decoder proved that no better text was missed.
        parts: the terms of ``score`` before weighting, e.g. ``{"ctc": -1.2, "lexicon": -9.3}``.
        posterior: least and most that the share of exp(score) among *all* texts the decoder knows
            can be, proven; None where nothing is proven.
        words: where each word is and how sure; empty unless the call asked for ``spans``.
    """

    text: str
    score: float
    probability: float
    timesteps: tuple[int, ...] = ()
    exact: bool = False
    parts: Mapping[str, float] = field(default_factory=dict)
    posterior: tuple[float, float] | None = None
    words: tuple[WordSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Decoded:
    """The ranked answer for one sample, best first; empty means "no word"."""

    candidates: tuple[Hypothesis, ...]

    def __repr__(self) -> str:
        shown = [f"{shortened(c.text)!r} {c.probability:.2f}" for c in self.candidates[:_SHOWN]]
        more = [f"{len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        return f"Decoded({', '.join([*shown, *more])})"

    def __iter__(self) -> Iterator[Hypothesis]:
        return iter(self.candidates)

    def __len__(self) -> int:
        return len(self.candidates)

    def __getitem__(self, place: int) -> Hypothesis:
        return self.candidates[place]

    @property
    def best(self) -> Hypothesis:
        """Top candidate; a zero-probability empty text if the signal holds no word."""
        return self.candidates[0] if self.candidates else Hypothesis("", float("-inf"), 0.0)


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict: ``status`` is "pass", "fail" or "not_run", and ``detail`` says why."""

    name: str
    status: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """Verdicts of one verification.

    Attributes:
        checks: what was looked at, in order.
        figures: measured numbers, e.g. ``max_abs_diff`` in nats.
        needed: names of checks without which nothing is proven.
    """

    checks: tuple[Check, ...]
    figures: Mapping[str, float] = field(default_factory=dict)
    needed: tuple[str, ...] = ("log_probs",)

    def __repr__(self) -> str:
        counts = Counter(check.status for check in self.checks)
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        failed = [check.name for check in self.checks if check.status == "fail"]
        return f"Report({self.status}; {told}{''.join(f'; {name}' for name in failed[:_SHOWN])})"

    @property
    def status(self) -> str:
        """Return "fail" if any check failed, "pass" if all needed ones passed, else "not_run"."""
        if any(check.status == "fail" for check in self.checks):
            return "fail"
        passed = {check.name for check in self.checks if check.status == "pass"}
        return "pass" if passed.issuperset(self.needed) else "not_run"


class Document(dict[str, Any]):
    """A JSON document, as ``--json`` prints it; a notebook shows its simple values alone."""

    def __repr__(self) -> str:
        shown = [f"{name}={_short(value)}" for name, value in self.items()][:_SHOWN_KEYS]
        more = [f"... {len(self) - _SHOWN_KEYS} more"] if len(self) > _SHOWN_KEYS else []
        return f"{type(self).__name__}({', '.join([*shown, *more])})"


def _short(value: Any) -> str:
    if isinstance(value, dict):
        if "value" in value:
            return _short(value["value"])
        return f"{{{len(value)} keys}}"
    if isinstance(value, (list, tuple)):
        return f"[{len(value)} items]"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
