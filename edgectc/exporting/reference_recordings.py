"""Generated recordings for a model's reference cases, by the type of its frontend."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.core.types import Sample, Swipe
from edgectc.data import swipe_files
from edgectc.data.samples import landmarks, neural
from edgectc.data.samples.swipe import swipe as synthesize
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.formats.manifest import pack_array
from edgectc.formats.reference import Recording

_SAMPLES = 6
_KEPT = 3  # of the samples of signals, as reference recordings


@dataclass(frozen=True)
class Generated:
    """Recordings for the reference cases, and the text of ``samples.jsonl``."""

    recordings: list[Recording]
    samples: bytes


def generate(kind: str, frontend: Any, boards: Mapping[str, Layout], *, seed: int = 0) -> Generated:
    """Return recordings that ``frontend`` takes.

    Args:
        kind: type of the frontend.
        frontend: of the model.
        boards: layouts of a swipe model, the default first.
        seed: of the recordings.

    Raises:
        UnknownNameError: nothing is generated for such a frontend.
    """
    if kind not in _GENERATORS:
        raise UnknownNameError("frontend with generated recordings", kind, _GENERATORS)
    return _GENERATORS[kind](frontend, boards, seed)


def _swipes(frontend: Any, boards: Mapping[str, Layout], seed: int) -> Generated:
    recordings = swipes(list(boards), seed=seed)
    if not recordings:
        raise ConfigError(f"no layout of {list(boards)} has reference words")
    rows = [Swipe(r.points, r.name.partition("-")[2], r.layout) for r in recordings]
    with tempfile.TemporaryDirectory() as folder:
        swipe_files.write(Path(folder) / "samples.jsonl", rows)
        return Generated(recordings, (Path(folder) / "samples.jsonl").read_bytes())


def _landmarks(frontend: Any, boards: Mapping[str, Layout], seed: int) -> Generated:
    shape = frontend.options
    samples = landmarks.synthesize(
        _SAMPLES,
        seed=seed,
        glosses=frontend.tokens().symbols[1:],
        points=landmarks.Points(shape.pose, shape.hand, shape.face),
        max_frames=shape.max_frames,
    )
    return _signals(samples, grouped=False)


def _neural(frontend: Any, boards: Mapping[str, Layout], seed: int) -> Generated:
    shape = frontend.options
    samples = neural.synthesize(
        _SAMPLES,
        seed=seed,
        channels=shape.channels,
        days=shape.days,
        phonemes=shape.phonemes,
        max_frames=shape.max_frames,
    )
    return _signals(samples, grouped=True)


def _signals(samples: Iterable[Sample], *, grouped: bool) -> Generated:
    """Return samples as recordings; ``grouped``: the group is an input of the network."""
    found = list(samples)
    rows = [
        {"name": s.name, "group": s.group, "target": s.target, "signal": pack_array(s.signal)}
        for s in found
    ]
    text = "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)
    kept = [Recording(s.name, (s.group or "") if grouped else "", s.signal) for s in found[:_KEPT]]
    return Generated(kept, text.encode())


_GENERATORS: dict[str, Callable[[Any, Mapping[str, Layout], int], Generated]] = {
    "landmarks": _landmarks,
    "neural": _neural,
    "swipe": _swipes,
}


_WORDS = {
    "qwerty": ("hello", "the", "edge", "keyboard", "bookkeeper", "i"),
    "azerty": ("bonjour", "quick"),
    "dvorak": ("thanks",),
}


def swipes(names: Sequence[str], *, seed: int = 0) -> list[Recording]:
    """Return generated swipes of the layouts in ``names`` that have reference words."""
    rng = np.random.default_rng(seed)
    return [
        Recording(f"{name}-{word}", name, np.round(synthesize(word, layouts.load(name), rng), 4))
        for name in names
        for word in _WORDS.get(name, ())
    ]
