"""The chunks that recordings are cut into, with what a stream remembers: what its layers see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgectc.core import registry
from edgectc.core.contracts import Runner
from edgectc.core.errors import InputError
from edgectc.core.types import Array
from edgectc.exporting.origin import Origin
from edgectc.runtime.steps import StreamRunner

_EACH = 4  # chunks of a recording, spread over it: the first ones remember nothing
Inputs = Mapping[str, Array]


class _Watched(Runner):
    """Runs one chunk, and keeps what it was given."""

    name = "eager"

    def __init__(self, engine: Any) -> None:
        self._engine, self.seen = engine, list[Inputs]()

    def run(self, inputs: Inputs) -> Array:
        """Return log_probs of one chunk."""
        return self.step(inputs, ["log_probs"])[0]

    def step(self, inputs: Inputs, outputs: Sequence[str]) -> list[Array]:
        """Return the named outputs."""
        self.seen.append({name: value.copy() for name, value in inputs.items()})
        answers: list[Array] = self._engine.step(inputs, outputs)
        return answers


def cut(
    origin: Origin, recordings: Sequence[Inputs], names: Sequence[str]
) -> tuple[list[Inputs], list[str]]:
    """Return whole chunks of recordings as the network of one chunk gets them, and whose each is.

    Args:
        origin: of a stream.
        recordings: inputs of the frontend.
        names: of them.

    Raises:
        InputError: reason ``too_short``: no recording fills a chunk.
    """
    streaming, step = origin.streaming, origin.model
    assert streaming is not None
    engine = registry.create("runners", {"type": "eager"}, source=step)
    watched = _Watched(engine)
    through = StreamRunner(
        watched,
        streaming,
        stride=step.stride,
        window=step.window,
        columns=len(origin.tokens),
    )
    width, found, of = streaming.chunk + streaming.look_ahead, list[Inputs](), list[str]()
    for name, inputs in zip(names, recordings, strict=True):
        watched.seen.clear()
        through.run(inputs)
        whole = [chunk for chunk in watched.seen if int(chunk["length"][0]) == width]
        places = np.linspace(0, len(whole) - 1, min(_EACH, len(whole))).round().astype(int)
        found += [whole[place] for place in places]
        of += [name] * len(places)
    if not found:
        raise InputError(
            f"no recording has {width} frames, a chunk and its look-ahead; give longer ones with "
            "calibration=FILE",
            reason="too_short",
            options=["calibration"],
        )
    return found, of
