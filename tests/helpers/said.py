"""A model of recordings whose answers are known: each frame of its input names a token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgectc.core import registry
from edgectc.core.types import Recording
from edgectc.runtime.recognizer import Recognizer

PHONEMES = ("AH", "B", "K", "T", "SIL")
GLOSSES = ("HOUSE", "TREE", "RAIN")
_DOUBT = 0.1  # probability of the token after the one that a frame names


class _Echo:
    """Answers each frame with the token that its first channel names, and doubts a little."""

    name = "echo"
    threads = 1

    def __init__(self, size: int) -> None:
        self.size = size

    def run(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        signal = next(iter(inputs.values()))[0]
        probability = np.full((1, len(signal), self.size), 1e-6)
        for t, frame in enumerate(signal):
            token = round(float(frame[0])) % self.size
            probability[0, t, token] = 1.0 - _DOUBT
            probability[0, t, (token + 1) % self.size] = _DOUBT
        return np.log(probability / probability.sum(-1, keepdims=True)).astype(np.float32)


def spec(kind: str) -> dict:
    if kind == "neural":
        return {
            "type": "neural", "max_frames": 64, "channels": 2, "days": ["d0", "d1"],
            "phonemes": list(PHONEMES),
        }  # fmt: skip
    symbols = ["<blank>", *GLOSSES]
    return {"type": "features", "max_frames": 64, "channels": 2, "tokens": symbols, "blank_id": 0,
            "separator": " "}  # fmt: skip


def recognizer(kind: str = "neural", decoder: Mapping | None = None, **more: object) -> Recognizer:
    """A model of phonemes and two days, or of glosses in plain features."""
    frontend = registry.create("frontends", spec(kind))
    return Recognizer(
        name=f"echo-{kind}",
        frontend=frontend,
        runner=_Echo(len(frontend.tokens().symbols)),
        stride=1,
        window=1,
        layouts=(),
        decoder=registry.complete("decoders", decoder or {"type": "greedy"}),
        lexicon=None,
        kind=kind,
        **more,
    )


def recording(
    model: Recognizer,
    said: str,
    meant: str,
    *,
    group: str | None = None,
    name: str = "",
) -> Recording:
    """A recording of which the model says ``said``."""
    tokens = model.frontend.tokens()
    ids = [i for symbol in said.split() for i in (tokens.ids[symbol], tokens.blank_id)]
    signal = np.zeros((max(1, len(ids)), 2), np.float32)
    signal[:, 0] = ids or [tokens.blank_id]
    setting = (group or "") if model.frontend.settings else ""
    return Recording(signal, tuple(meant.split()), name, group, setting=setting)


def rows(model: Recognizer, pairs: Sequence[tuple[str, str, str]]) -> list[Recording]:
    """Recordings of (said, meant, group), named r0, r1 ..."""
    return [
        recording(model, said, meant, group=group, name=f"r{n}")
        for n, (said, meant, group) in enumerate(pairs)
    ]
