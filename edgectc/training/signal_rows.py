"""Recordings as a network and the loss take them, and as the columns of a set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgectc.core.errors import InputError
from edgectc.core.tokens import frames_needed, output_length
from edgectc.core.types import Array, Recording
from edgectc.data.preparation import Preparation
from edgectc.data.refusals import Refusals
from edgectc.training.cache import flat, flat_texts
from edgectc.training.mixing import fitted
from edgectc.training.task import LengthMap


@dataclass(frozen=True)
class Row:
    """A usable recording; ``place`` is its row among those that were read."""

    place: int
    frames: Array
    context: Mapping[str, Array]
    label: tuple[int, ...]
    name: str
    least: int


def checked(
    samples: Iterable[Recording | InputError],
    prepare: Preparation,
    model: LengthMap,
    too_long: str,
    infeasible: str,
) -> tuple[list[Row], Refusals]:
    """Return the usable samples, and what was left out or cut; "" as ``infeasible`` checks none."""
    rows, refusals = list[Row](), Refusals()
    for place, sample in enumerate(samples):
        refusals.rows += 1
        try:
            if isinstance(sample, InputError):
                raise sample
            row, cut = _row(place, sample, prepare, model, too_long, infeasible)
        except InputError as error:
            refusals.add(error, "" if isinstance(sample, InputError) else sample.name)
        else:
            rows.append(row)
            refusals.cut += cut
    return rows, refusals


def _row(
    place: int,
    sample: Recording,
    prepare: Preparation,
    model: LengthMap,
    too_long: str,
    infeasible: str,
) -> tuple[Row, bool]:
    """Return a recording as a network and the loss take it, and whether it was cut."""
    most = prepare.frontend.max_frames
    long = too_long == "truncate" and len(sample.signal) > most
    prepared = prepare(replace(sample, signal=sample.signal[:most]) if long else sample)
    whole = tuple(prepare.frontend.tokens(prepared.setting).encode(sample.target))
    if not whole:
        raise InputError("the recording has no target", reason="empty_target")
    label = whole
    if infeasible:
        room = output_length(prepared.length, model.stride, model.window)
        label = fitted(whole, room, infeasible)
    least = model.window + (frames_needed(label) - 1) * model.stride
    row = Row(place, prepared.frames, prepared.context, label, sample.name, least)
    return row, long or label != whole


def columns_of(rows: list[Row], refusals: Refusals) -> dict[str, Array]:
    """Return recordings as the columns of a split, with what was left out as JSON."""
    about = {"refusals": np.array(refusals.to_json())}
    if not rows:
        empty = {"frames": np.zeros((0, 0), np.float32), "length": np.zeros(0, np.int32)}
        empty |= {"frames_end": np.zeros(0, np.int64), "least": np.zeros(0, np.int64)}
        return {**empty, **flat([], "labels"), **flat_texts([], "names"), **about}
    keys = rows[0].context
    return {
        "frames": np.concatenate([row.frames for row in rows]),
        "frames_end": np.cumsum([len(row.frames) for row in rows], dtype=np.int64),
        "length": np.array([len(row.frames) for row in rows], np.int32),
        **flat([row.label for row in rows], "labels"),
        **flat_texts([row.name for row in rows], "names"),
        "least": np.array([row.least for row in rows], np.int64),
        **{f"context.{k}": np.concatenate([row.context[k] for row in rows]) for k in keys},
        **about,
    }
