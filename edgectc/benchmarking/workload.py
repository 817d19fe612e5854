"""What a bench runs on: labelled recordings of a file, or generated ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgectc.benchmarking.plan import Subject
from edgectc.core import registry
from edgectc.core.contracts import Frontend
from edgectc.core.errors import InputError
from edgectc.core.files import sha256
from edgectc.core.types import JSON, Array, Recording
from edgectc.data.preparation import Preparation
from edgectc.data.recordings import samples_for
from edgectc.data.refusals import Refusals
from edgectc.formats import layouts
from edgectc.runtime import loading

_SEED = 0


@dataclass(frozen=True)
class Workload:
    """Recordings for one kind of model.

    Attributes:
        items: all of them, in random order; the first ``timed`` are timed, all are scored.
        timed: how many are timed.
        labelled: whether accuracy means anything: real recordings with labels.
        source: where they are from.
        digest: SHA-256 of the items; figures of different ones are not comparable.
    """

    items: tuple[Recording, ...]
    timed: int
    labelled: bool
    source: str
    digest: str


def choose(
    subject: Subject,
    *,
    data: str | None,
    split: str,
    lexicon: str | None,
    timed: int,
    scored: int,
) -> Workload:
    """Return the recordings for a model and all that take the same ones.

    Args:
        subject: the model.
        data: labelled recordings: swipes ``.jsonl``, or ``.npz`` as training takes them; None
            generates some.
        split: "train", "dev", "test", or "all" for what the file has to measure on.
        lexicon: file to draw the words of generated swipes from instead of the model's own.
        timed: most samples to time.
        scored: most samples to measure accuracy on.

    Raises:
        InputError: the file holds nothing this model can use.
    """
    spec = subject.about["frontend"]
    frontend: Frontend = registry.create("frontends", spec)
    keyboards = [layouts.parse(layout) for layout in subject.about["layouts"]]
    samples = samples_for(spec, keyboards, frontend=frontend)
    rows: list[Recording | InputError]
    if data is None:
        words = loading.find_words(subject.about["lexicon"], _folder(subject), lexicon)
        rows = list(samples.synthesize(timed, seed=_SEED, lexicon=words, natural=True))
        source = f"{len(rows)} generated samples, seed {_SEED}"
    else:
        path = samples.locate(data) or Path(data)
        rows = list(samples.read(path, None if split == "all" else split))
        rows = _drawn(rows, max(timed, scored))
        count = sum(isinstance(row, Recording) for row in rows)
        source = f"{count} samples of {path.name}, split {split}"
    # Before any clock runs, what the frontend refuses is left out.
    refusals = Refusals()
    items = [item for item, _ in Preparation(frontend, keyboards).each(rows, refusals)]
    if not items:
        raise InputError(
            f"no sample of {data or 'the generator'} can be used by {subject.name!r}: "
            f"{refusals.text}",
            reason="no_data",
        )
    if refusals.counts:
        source += f"; left out: {refusals.text}"
    labelled = data is not None and any(item.target for item in items)
    content = sha256(b"".join(_bytes(item) for item in items))
    return Workload(tuple(items), min(timed, len(items)), labelled, source, content)


def _drawn(rows: Sequence[Recording | InputError], count: int) -> list[Recording | InputError]:
    """Return some of the recordings, drawn at random, and every row that is none."""
    usable = [row for row in rows if isinstance(row, Recording)]
    order = np.random.default_rng(_SEED).permutation(len(usable))[:count]
    return [*(usable[i] for i in order), *(row for row in rows if isinstance(row, InputError))]


def _folder(subject: Subject) -> Path:
    return subject.path.parent if subject.target else subject.path


def to_json(item: Recording) -> dict[str, JSON]:
    """Return one item as JSON."""
    return {**_about(item), "group": item.group, "signal": item.signal.tolist()}


def from_json(values: Mapping[str, JSON], signal: Array | None = None) -> Recording:
    """Return the item of its JSON form, or of that and its signal."""
    return Recording(
        np.array(values["signal"]) if signal is None else signal,
        _texts(values["target"]),
        setting=str(values["setting"]),
        context=_texts(values["context"]),
        group=str(values["group"]) if values.get("group") else None,
    )


def write(path: Path, items: Sequence[Recording]) -> None:
    """Write items for the workers: memory there must not count the reading of a data set."""
    about = json.dumps([{**_about(item), "group": item.group} for item in items])
    arrays = {f"s{i}": item.signal for i, item in enumerate(items)}
    arrays["about"] = np.frombuffer(about.encode(), np.uint8)
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read(path: Path) -> list[Recording]:
    """Return the items that `write` wrote."""
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        about = json.loads(file["about"].tobytes())
        return [from_json(values, file[f"s{i}"]) for i, values in enumerate(about)]


def _about(item: Recording) -> dict[str, JSON]:
    """Return what answers and times depend on."""
    return {
        "signal": None,
        "setting": item.setting,
        "context": list(item.context),
        "target": list(item.target),
    }


def _texts(value: JSON) -> tuple[str, ...]:
    assert isinstance(value, list)
    return tuple(map(str, value))


def _bytes(item: Recording) -> bytes:
    about = json.dumps(_about(item), sort_keys=True)
    return about.encode() + np.ascontiguousarray(item.signal).tobytes()
