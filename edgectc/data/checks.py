"""What is wrong with a data set, before anything is trained on it.

Errors are what makes figures lie: the same recording, or the same person, on both sides of a split,
and one recording with two labels. The rest are warnings: training leaves out or survives such
samples, but a data set that is full of them is not what it seems.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core import registry
from edgectc.core.contracts import Frontend
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.tokens import frames_needed, output_length
from edgectc.core.types import Array, Recording, Swipe
from edgectc.data import readers, scales, splits, swipe_files, swipe_tables
from edgectc.data.preparation import Preparation
from edgectc.data.recordings import samples_for
from edgectc.data.signal_samples import SignalSamples
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.language.spelling import spell

Room = Callable[[Swipe | Recording], int]  # output frames that a model has for a recording

ERRORS = (
    "duplicate_across_splits",
    "group_in_several_splits",
    "conflicting_labels",
    *scales.PROBLEMS,
)
_SHOWN = 10  # examples of each problem
_JUMP = 3.0  # key units within
_JUMP_MS = 40.0  # this time: another finger, or lost events
_GAP_MS = 1000.0  # without a point, while the finger was down
_FAR = 1.5  # key units that the path may keep from the letters of its word, on average
_OUTLIER = 6.0  # robust standard deviations of the log time per symbol


@dataclass(frozen=True)
class Item:
    """One sample as the doctor sees it.

    Attributes:
        name: where it stands: file and row, or its own name.
        split: it belongs to.
        group: who or which day it is from; None for unknown.
        label: what was meant.
        content: the recording itself; equal recordings have equal values.
        sample: as read.
    """

    name: str
    split: str
    group: str | None
    label: tuple[str, ...]
    content: bytes
    sample: Swipe | Recording


@dataclass
class Findings:
    """What was found.

    Attributes:
        rows: rows or samples in the files.
        problems: kind to names of the samples concerned, each with a word on it.
        statistics: name to the values of all samples.
        splits: split to count of samples.
        kind: type of the frontend that takes the recordings; "" for swipes, or where unknown.
        split_by: how one file was split, for people; "" for several files.
        groups: how many people or days there are.
        labels: how many different labels there are.
        worst: swipes that fit their word least: (distance in keys, swipe).
    """

    rows: int = 0
    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list), repr=False)
    statistics: dict[str, Array] = field(default_factory=dict, repr=False)
    splits: Counter[str] = field(default_factory=Counter)
    kind: str = ""
    split_by: str = ""
    groups: int = 0
    labels: int = 0
    worst: list[tuple[float, Swipe]] = field(default_factory=list, repr=False)

    @property
    def failed(self) -> bool:
        """Whether there is an error, or nothing to learn from."""
        return any(kind in self.problems for kind in ERRORS) or not sum(self.splits.values())

    def summary(self) -> dict[str, Any]:
        """Return plain JSON values: counts, examples and percentiles."""
        return {
            "rows": self.rows,
            "usable": sum(self.splits.values()),
            "status": "fail" if self.failed else "pass",
            "splits": dict(self.splits),
            "kind": self.kind,
            "split_by": self.split_by,
            "groups": self.groups,
            "labels": self.labels,
            "problems": {
                kind: {
                    "severity": "error" if kind in ERRORS else "warning",
                    "count": len(names),
                    "examples": names[:_SHOWN],
                }
                for kind, names in sorted(self.problems.items())
            },
            "statistics": {
                name: {
                    f"p{p}": round(float(np.percentile(values, p)), 3)
                    for p in (0, 5, 25, 50, 75, 95, 100)
                }
                for name, values in self.statistics.items()
                if len(values)
            },
        }


def check_data(
    paths: Sequence[str | Path],
    *,
    model: str | None = None,
    room: Room | None = None,
    days: bool = False,
    kind: str | None = None,
) -> Findings:
    """Return what is found in swipe files, or in ``.npz`` files of other samples.

    Args:
        paths: one file, whose splits are its own or those of the hash of its users; or several,
            each a split called by its name.
        model: bundle, or name of a shipped model, to find labels that it has too few frames for.
        room: gives the output frames of a recording, for the same, in place of ``model``; None
            takes the frames of a sample, and leaves swipes unchecked.
        days: whether groups are recording days, which all splits share on purpose; they are where
            ``kind`` is known to have days.
        kind: type of the frontend that takes the recordings, e.g. "landmarks"; None takes that of
            ``model``, or the one whose recordings these plainly are.

    Raises:
        InputError: a file cannot be read.
        ConfigError: ``model`` takes other recordings than these.
        UnknownNameError: no such kind.
    """
    if model is not None:
        room = output_frames(model)
    findings = Findings()
    items: list[Item] = []
    for path in map(Path, paths):
        read = _recordings if readers.takes(path) else _swipes
        found = list(read(path, findings))
        if len(paths) > 1:
            found = [replace(item, split=path.name.partition(".")[0]) for item in found]
        items += found
    samples = [item.sample for item in items if isinstance(item.sample, Recording)]
    known = _family(samples, kind, model)
    if known is not None:
        findings.kind, family = known
        items = [
            replace(one, sample=family.taken(one.sample))
            if isinstance(one.sample, Recording)
            else one
            for one in items
        ]
        days = days or bool(family.frontend.settings)
        for name, detail in family.problems(samples).items():
            findings.problems[name].append(detail)
        if family.frontend.settings:
            nowhere = [item.name for item in items if item.group is None]
            findings.problems |= {"no_group": nowhere} if nowhere else {}
    if len(paths) == 1:
        items = _placed(items, findings, people=not days)
    findings.splits = Counter(item.split for item in items)
    findings.groups = len({item.group for item in items} - {None})
    findings.labels = len({item.label for item in items})
    _duplicates(items, findings)
    if not days:
        _leaks(items, findings)
    _infeasible(items, room, findings)
    swipes = [(item, item.sample) for item in items if isinstance(item.sample, Swipe)]
    _traces(swipes, findings)
    _mismatches(swipes, findings)
    _rates([(i, i.sample) for i in items if isinstance(i.sample, Recording)], findings)
    findings.problems = dict(findings.problems)
    return findings


def _family(
    samples: Sequence[Recording], kind: str | None, model: str | None
) -> tuple[str, SignalSamples] | None:
    """Return what recordings are; None for swipes, and where nothing tells."""
    if not samples:
        return None
    spec: Mapping[str, Any] | None = None if kind is None else {"type": kind}
    if model is not None:
        spec = bundles.read(bundles.locate(model)).index.model["frontend"]
        kind = spec["type"]
    for name in registry.names("samples") if kind is None else [kind]:
        family = samples_for(spec or {"type": name})
        if isinstance(family, SignalSamples) and (kind is not None or family.typical(samples)):
            return name, family
    return None


def output_frames(model: str) -> Room:
    """Return what gives the output frames of a recording by a model's own length map.

    A recording that the model refuses has none.

    Args:
        model: bundle, or name of a shipped model.

    Raises:
        BundleError: there is no such bundle.
    """
    index = bundles.read(bundles.locate(model)).index
    frontend: Frontend = registry.create("frontends", index.model["frontend"])
    prepare = Preparation(frontend, index.layouts)

    def room(sample: Swipe | Recording) -> int:
        if isinstance(sample, Swipe) != bool(frontend.slots):
            raise ConfigError(f"model {model} takes other samples than these")
        row = swipe_files.recording(sample) if isinstance(sample, Swipe) else sample
        if frontend.settings and not row.setting:
            row = replace(row, setting=row.group or "")
        try:
            return output_length(prepare(row).length, index.stride, index.window)
        except InputError:
            return 0

    return room


def _placed(items: list[Item], findings: Findings, people: bool) -> list[Item]:
    """Return items with the split that training would put them in, by what their rows name."""
    sides, findings.split_by = splits.assign(
        [item.split or None for item in items],
        [item.group for item in items],
        lambda i: _bytes(items[i].sample),
        people=people,
    )
    return [replace(item, split=side or "none") for item, side in zip(items, sides, strict=True)]


def _bytes(sample: Swipe | Recording) -> bytes:
    values = sample.points if isinstance(sample, Swipe) else sample.signal
    return np.ascontiguousarray(values).tobytes()


def _swipes(path: Path, findings: Findings) -> Iterable[Item]:
    for row in swipe_tables.read(path):
        findings.rows += 1
        name = f"{path.name} row {row.index}"
        swipe = row.swipe
        if swipe is None:
            assert row.error is not None
            findings.problems[row.error.reason].append(f"{name}: {row.error}")
            continue
        if not swipe.word:
            findings.problems["no_label"].append(name)
        if swipe.user is None:
            findings.problems["no_user"].append(name)
        # Times count from the first point: a log that was exported twice may start elsewhere.
        points = np.round(swipe.points - [0.0, 0.0, swipe.points[0, 2]], 3) + 0.0
        key = hashlib.sha256(swipe.layout.encode() + points.tobytes()).digest()
        label = (swipe.word,) if swipe.word else ()
        yield Item(name, swipe.split or "", swipe.user, label, key, swipe)


def _recordings(path: Path, findings: Findings) -> Iterable[Item]:
    for sample in readers.read(path):
        findings.rows += 1
        if isinstance(sample, InputError):
            findings.problems[sample.reason].append(f"{path.name} {sample.name}: {sample}")
            continue
        name = f"{path.name} {sample.name}"
        if np.isinf(sample.signal).any():
            findings.problems["not_finite"].append(name)
        if not sample.target:
            findings.problems["no_label"].append(name)
        content = hashlib.sha256(_bytes(sample)).digest()
        yield Item(name, sample.split, sample.group, sample.target, content, sample)


def _duplicates(items: Sequence[Item], findings: Findings) -> None:
    """Equal recordings: inside a split, across splits, and with two labels."""
    same: dict[bytes, list[Item]] = defaultdict(list)
    for item in items:
        same[item.content].append(item)
    for group in same.values():
        if len(group) < 2:
            continue
        names = ", ".join(item.name for item in group[:4])
        across = len({item.split for item in group}) > 1
        findings.problems["duplicate_across_splits" if across else "duplicate"].append(names)
        if len({item.label for item in group}) > 1:
            labels = sorted({" ".join(item.label) for item in group})
            findings.problems["conflicting_labels"].append(f"{names}: {labels}")


def _leaks(items: Sequence[Item], findings: Findings) -> None:
    """People or days on both sides."""
    places: dict[Hashable, set[str]] = defaultdict(set)
    for item in items:
        if item.group is not None:
            places[item.group].add(item.split)
    for group, sides in sorted(places.items(), key=str):
        if len(sides) > 1:
            findings.problems["group_in_several_splits"].append(f"{group}: {sorted(sides)}")


def _infeasible(items: Sequence[Item], room: Room | None, findings: Findings) -> None:
    for item in items:
        label: Sequence[str] = item.label
        if isinstance(item.sample, Swipe):
            if room is None or not label:
                continue
            layout = _layout(item.sample.layout)
            label = () if layout is None else spell(label[0], layout.letters) or ()
        numbers = {symbol: i for i, symbol in enumerate(sorted(set(label)))}
        needed = frames_needed([numbers[symbol] for symbol in label])
        has = room(item.sample) if room is not None else _frames(item.sample)
        if needed > has:
            findings.problems["label_too_long"].append(
                f"{item.name}: {' '.join(item.label)!r} needs {needed} output frames, has {has}"
            )


def _frames(sample: Swipe | Recording) -> int:
    return len(sample.points if isinstance(sample, Swipe) else sample.signal)


def _traces(swipes: Sequence[tuple[Item, Swipe]], findings: Findings) -> None:
    """Jumps and gaps of traces, and their lengths and rates."""
    duration, rates, points = [], [], []
    for item, swipe in swipes:
        steps, dt = np.diff(swipe.points[:, :2], axis=0), np.diff(swipe.points[:, 2])
        layout = _layout(swipe.layout)
        if layout is None:
            findings.problems["unknown_layout"].append(f"{item.name}: {swipe.layout!r}")
        else:
            keys = np.hypot(*(steps / layout.key_size).T)
            if ((keys > _JUMP) & (dt < _JUMP_MS)).any():
                at = int(np.argmax((keys > _JUMP) & (dt < _JUMP_MS))) + 1
                findings.problems["jump"].append(
                    f"{item.name}: {keys[at - 1]:.1f} keys at point {at}"
                )
        if (dt > _GAP_MS).any():
            findings.problems["gap"].append(f"{item.name}: {dt.max():.0f} ms without a point")
        duration.append(float(swipe.points[-1, 2] - swipe.points[0, 2]))
        points.append(len(swipe.points))
        rates.append(1000.0 * (len(swipe.points) - 1) / duration[-1])
    if swipes:
        findings.statistics |= {
            "points": np.array(points),
            "duration_ms": np.array(duration),
            "points_per_s": np.array(rates),
            "letters": np.array([len(swipe.word or "") for _, swipe in swipes]),
        }


def _mismatches(swipes: Sequence[tuple[Item, Swipe]], findings: Findings) -> None:
    """Traces that do not pass the letters of their word, in their order."""
    distances = []
    for item, swipe in swipes:
        layout = _layout(swipe.layout)
        word = None if layout is None or not swipe.word else spell(swipe.word, layout.letters)
        if layout is None or word is None:
            if layout is not None and swipe.word:
                findings.problems["unknown_letters"].append(f"{item.name}: {swipe.word!r}")
            continue
        distance = path_distance(swipe.points, word, layout)
        distances.append(distance)
        if distance > _FAR:
            findings.problems["label_mismatch"].append(
                f"{item.name}: {swipe.word!r}, {distance:.1f} keys off on average"
            )
            findings.worst.append((distance, swipe))
    findings.worst = sorted(findings.worst, key=lambda pair: -pair[0])[:12]
    if distances:
        findings.statistics["keys_off"] = np.array(distances)


def path_distance(points: Array, word: str, layout: Layout) -> float:
    """Return how far a trace keeps from the letters of a word, in keys, on average.

    Each letter is given a place on the trace, in the word's order, so that the sum of distances is
    least: the first and last letters take the ends of the trace.

    Args:
        points: (n, 3) x, y, t_ms.
        word: letters that ``layout`` has.
        layout: of the trace.
    """
    index = {letter: i for i, letter in enumerate(layout.letters)}
    keys = layout.centers[[index[letter] for letter in word]] / layout.key_size
    path = points[:, :2] / layout.key_size
    table = np.hypot(*(keys[:, None] - path[None]).transpose(2, 0, 1))
    if len(word) == 1:
        return float(table.min())
    cost = np.full(len(path), np.inf)
    cost[0] = table[0, 0]
    for row in table[1:]:
        cost = np.minimum.accumulate(cost) + row
    return float(cost[-1]) / len(word)


def _rates(items: Sequence[tuple[Item, Recording]], findings: Findings) -> None:
    """Lengths, missing values, and samples far too short or long for what they say."""
    if not items:
        return
    lengths = np.array([len(sample.signal) for _, sample in items])
    symbols = np.array([len(sample.target) for _, sample in items])
    findings.statistics |= {
        "frames": lengths,
        "symbols": symbols,
        "missing_share": np.array([np.isnan(sample.signal).mean() for _, sample in items]),
    }
    labelled = symbols > 0
    pace = np.log(lengths[labelled] / symbols[labelled])
    if len(pace) < 20:
        return
    findings.statistics["frames_per_symbol"] = np.exp(pace)
    spread = float(np.median(np.abs(pace - np.median(pace)))) * 1.4826
    far = np.abs(pace - np.median(pace)) > _OUTLIER * max(spread, 0.05)
    chosen = [item for (item, _), yes in zip(items, labelled, strict=True) if yes]
    for i in np.flatnonzero(far):
        findings.problems["label_mismatch"].append(
            f"{chosen[i].name}: {np.exp(pace[i]):.1f} frames a symbol, the median is "
            f"{np.exp(np.median(pace)):.1f}"
        )


_LAYOUTS: dict[str, Layout | None] = {}


def _layout(name: str) -> Layout | None:
    """Return a shipped layout, None if there is none of that name."""
    if name not in _LAYOUTS:
        try:
            _LAYOUTS[name] = layouts.shipped(name)
        except UnknownNameError:
            _LAYOUTS[name] = None
    return _LAYOUTS[name]


def describe(summary: Mapping[str, Any]) -> list[list[str]]:
    """Return table rows of a summary's problems: kind, severity, count, first example."""
    return [
        [kind, problem["severity"], str(problem["count"]), problem["examples"][0][:90]]
        for kind, problem in summary["problems"].items()
    ]
