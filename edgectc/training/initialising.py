"""An untrained bundle of any family: seeded weights, reference cases, tokens, generated samples.

A family is a pair of files ``edgectc/configs/NAME-full.toml`` and ``NAME-small.toml``: a model spec
and the task whose samples are generated for it. Such a bundle exports, verifies and runs like a
trained one; it only knows nothing.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from edgectc import bundle as bundles
from edgectc import reference, registry
from edgectc.bundle import Bundle
from edgectc.config import family_config, from_dict
from edgectc.data import jsonl, landmarks, layouts, neural
from edgectc.data.layouts import Layout
from edgectc.errors import ConfigError
from edgectc.manifest import pack_array
from edgectc.model import PARTS, CtcModel
from edgectc.reference import Recording
from edgectc.training.packing import answer
from edgectc.types import Sample, Swipe

_SAMPLES = 6


@dataclass(frozen=True)
class Task:
    """What samples are generated.

    Attributes:
        type: "swipe", "landmarks" or "neural".
        layouts: keyboards of swipes, the default first.
    """

    type: str
    layouts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.type not in _GENERATORS:
            raise ValueError(f"task type is {self.type!r}, expected one of {sorted(_GENERATORS)}")
        if (self.type == "swipe") != bool(self.layouts):
            raise ValueError("a swipe task names its layouts, and no other task does")


@dataclass(frozen=True)
class Config:
    """A family at one size: a model spec (see `edgectc.model`), its task and its decoder."""

    model: Mapping[str, Any]
    task: Task
    decoder: Mapping[str, Any] = field(default_factory=lambda: {"type": "greedy"})


@dataclass(frozen=True)
class _Made:
    """Generated recordings for the reference cases, and the text of ``samples.jsonl``."""

    recordings: list[Recording]
    samples: bytes


def config(family: str, size: str = "small") -> Config:
    """Return a shipped config.

    Raises:
        UnknownNameError: no such family, or it has no such size.
    """
    return from_dict(Config, family_config(family, size))


def build(family: str, size: str = "small", *, seed: int = 0) -> CtcModel:
    """Return an untrained model with seeded weights; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CtcModel(config(family, size).model)


def initialise(out: Path, family: str, size: str = "small", *, name: str, seed: int = 0) -> Bundle:
    """Write the bundle of an untrained model.

    Args:
        out: bundle directory to make or replace.
        family: name of the family.
        size: "full" or "small".
        name: name of the model.
        seed: of the weights and the generated samples.

    Raises:
        UnknownNameError: no such family or size.
    """
    about = config(family, size)
    model = build(family, size, seed=seed)
    weights = save({k: v.clone() for k, v in model.state_dict().items()})  # before folding
    model.fold().eval()
    boards = {board: layouts.load(board) for board in about.task.layouts}
    made = _GENERATORS[about.task.type](model.frontend, boards, seed)
    preset = registry.complete("decoders", about.decoder)
    cases = reference.generate(model.frontend, made.recordings, boards=boards, window=model.window)
    cases = answer(model, cases, boards=boards, decoder=preset, lexicon=None)
    tokens = model.frontend.tokens(next(iter(boards.values()), None))
    files = {
        "weights.safetensors": weights,
        "reference.safetensors": reference.to_safetensors(cases),
        "tokens.txt": tokens.to_text().encode(),
    }
    values = {
        "name": name,
        "model": {part: registry.complete(kind, about.model[part]) for part, kind in PARTS},
        "blank_id": tokens.blank_id,
        "stride": model.stride,
        "window": model.window,
        "layouts": [layouts.describe(board) for board in boards.values()],
        "decoder": preset,
        "lexicon": None,
        "seen_words": None,
        "training": {"epoch": 0, "seed": seed, "config": f"{family}-{size}"},
    }
    return bundles.write(out, values, files, notes={"samples.jsonl": made.samples})


def _swipes(frontend: Any, boards: Mapping[str, Layout], seed: int) -> _Made:
    recordings = reference.swipes(list(boards), seed=seed)
    if not recordings:
        raise ConfigError(f"no layout of {list(boards)} has reference words")
    rows = [Swipe(r.points, r.name.partition("-")[2], r.layout) for r in recordings]
    with tempfile.TemporaryDirectory() as folder:
        jsonl.write(Path(folder) / "samples.jsonl", rows)
        return _Made(recordings, (Path(folder) / "samples.jsonl").read_bytes())


def _landmarks(frontend: Any, boards: Mapping[str, Layout], seed: int) -> _Made:
    shape = frontend.options
    samples = landmarks.synthesize(
        _SAMPLES,
        seed=seed,
        glosses=frontend.tokens().symbols[1:],
        points=landmarks.Points(shape.pose, shape.hand, shape.face),
        max_frames=shape.max_frames,
    )
    return _signals(samples, grouped=False)


def _neural(frontend: Any, boards: Mapping[str, Layout], seed: int) -> _Made:
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


def _signals(samples: Iterable[Sample], *, grouped: bool) -> _Made:
    """Return samples as recordings; ``grouped``: the group is an input of the network."""
    found = list(samples)
    rows = [
        {"name": s.name, "group": s.group, "target": s.target, "signal": pack_array(s.signal)}
        for s in found
    ]
    text = "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)
    kept = found[:3]
    return _Made(
        [Recording(s.name, (s.group or "") if grouped else "", s.signal) for s in kept],
        text.encode(),
    )


_GENERATORS: dict[str, Callable[[Any, Mapping[str, Layout], int], _Made]] = {
    "landmarks": _landmarks,
    "neural": _neural,
    "swipe": _swipes,
}
