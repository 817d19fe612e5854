"""Which rows a bench has, and why some cannot run here."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from edgectc.benchmarking import machine
from edgectc.core import registry
from edgectc.core.config import to_dict
from edgectc.core.contracts import RunnerModule
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.core.types import JSON
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts, one_program
from edgectc.formats import manifest as manifests
from edgectc.formats.records import NamedFile

DEVICES = ("cpu", "cuda")
# What each runtime is: the runner, its options, and what it runs.
RUNTIMES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "onnx": ("onnx", {}),
    "native": ("native", {}),
    "pte": ("pte", {}),
    "litert": ("litert", {}),
    "coreai": ("coreai", {}),
    "eager": ("eager", {}),
    "compiled": ("eager", {"mode": "compiled"}),
    "graphs": ("eager", {"mode": "graphs"}),
    "bfloat16": ("eager", {"precision": "bfloat16"}),
    "float16": ("eager", {"precision": "float16"}),
}
_OF_DEVICE = {
    "cpu": ("onnx", "native", "pte", "litert", "coreai", "eager", "compiled"),
    "cuda": ("onnx", "eager", "bfloat16", "float16", "graphs", "compiled"),
}
_ASKED_FOR = {"compiled"}  # torch.compile takes minutes for its first call on a busy machine


class About(TypedDict):
    """What a bundle and a manifest both say: frontend spec, layouts, and the lexicon's file."""

    frontend: Mapping[str, JSON]
    layouts: list[Mapping[str, JSON]]
    lexicon: NamedFile | None


@dataclass(frozen=True)
class Subject:
    """One file to measure, or the weights of a bundle.

    Attributes:
        name: what the rows call it.
        path: an artifact, or a bundle folder.
        target: "onnx", "native", "pte", "litert", "coreai"; "" for the weights of a bundle.
        size_bytes: of the artifact, or of the weights.
        about: ``bundle.json``, or the manifest, as far as both say the same.
        batched: whether it takes several samples at once.
        planned: bytes that a call plans beside the weights, by method; {} where a format does not.
    """

    name: str
    path: Path
    target: str
    size_bytes: int
    about: About
    batched: bool = True
    planned: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """One row: a subject, how it runs, and why it does not, if it does not."""

    subject: Subject
    runtime: str
    device: str
    threads: int
    reason: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    def key(self) -> tuple[str, str, str, int]:
        """Return what tells the row from others."""
        return self.subject.name, self.runtime, self.device, self.threads

    def spec(self) -> dict[str, JSON]:
        """Return what the worker has to load, as JSON."""
        runner, options = RUNTIMES[self.runtime]
        more = {} if self.device == "cpu" else {"device": self.device}
        return {
            "path": os.fspath(self.subject.path),
            "runner": runner,
            "threads": self.threads,
            "options": {**options, **more},
            **self.files,
        }


def subjects(paths: Sequence[str | os.PathLike[str] | None]) -> list[Subject]:
    """Return what is to be measured: of a bundle, its weights and every artifact in it.

    Raises:
        BundleError: missing or damaged; a damaged file is no row but an error.
    """
    found: dict[Path, Subject] = {}
    for path in paths:
        place = bundles.locate(path)
        made = _of_bundle(place) if bundles.is_bundle(place) else [_of_artifact(place)]
        found |= {subject.path.resolve(): subject for subject in made}
    names = [subject.name for subject in found.values()]
    return [
        subject
        if names.count(subject.name) == 1
        else Subject(os.fspath(subject.path), *list(vars(subject).values())[1:])
        for subject in found.values()
    ]


def _of_bundle(place: Path) -> list[Subject]:
    bundle = bundles.read(place)
    index = bundle.index
    about: About = {
        "frontend": dict(index.model["frontend"]),
        "layouts": [layouts.describe(layout) for layout in index.layouts],
        "lexicon": index.lexicon,
    }
    weights = Subject(index.name, place, "", (place / "weights.safetensors").stat().st_size, about)
    return [*map(_of_artifact, bundle.artifacts()), weights]


def _of_artifact(place: Path) -> Subject:
    data, manifest = manifests.read(place)
    about: About = {
        "frontend": dict(manifest.frontend),
        "layouts": [layouts.describe(layout) for layout in manifest.layouts],
        "lexicon": manifest.lexicon,
    }
    size = sum(p.stat().st_size for p in place.rglob("*") if p.is_file()) if place.is_dir() else 0
    size = size or place.stat().st_size
    batched = not isinstance(manifest.inputs[0].shape[0], int)
    planned = (
        one_program.planned(data) if manifest.target == "pte" and isinstance(data, bytes) else {}
    )
    return Subject(place.name, place, manifest.target, size, about, batched, planned)


def plans(
    chosen: Sequence[Subject],
    *,
    devices: Sequence[str],
    runtimes: Sequence[str] | None,
    threads: Sequence[int],
    files: Mapping[str, str] | None = None,
) -> list[Plan]:
    """Return the rows: subject by device by runtime by threads.

    Args:
        chosen: what to measure.
        devices: of "cpu" and "cuda".
        runtimes: of `RUNTIMES`; None takes all of the device but "compiled".
        threads: thread counts; a CUDA row takes the first alone.
        files: ``lexicon`` and ``language_model`` to use instead of the models' own.

    Raises:
        UnknownNameError: no such device or runtime.
        ConfigError: nothing would be measured, or a thread count below 1.
    """
    for device in devices:
        if device not in DEVICES:
            raise UnknownNameError("device", device, DEVICES)
    for runtime in runtimes or ():
        if runtime not in RUNTIMES:
            raise UnknownNameError("runtime", runtime, RUNTIMES)
    if not threads or min(threads) < 1:
        raise ConfigError(f"threads are {list(threads)}, expected numbers of 1 or more")
    rows = [
        Plan(subject, subject.target, "cpu", threads[0], f"nothing here runs {subject.target!r}")
        for subject in chosen
        if subject.target and subject.target not in RUNTIMES
    ]
    rows += [
        Plan(subject, runtime, device, count, _reason(subject, runtime, device), files or {})
        for subject in chosen
        for device in devices
        for runtime in runtimes or [r for r in _OF_DEVICE[device] if r not in _ASKED_FOR]
        if _fits(subject, runtime, chosen)
        for count in (threads if device == "cpu" else threads[:1])
    ]
    if not rows:
        raise ConfigError(
            f"none of {[subject.name for subject in chosen]} runs with {list(runtimes or ())}; "
            "a bundle runs with eager, an artifact with the runtime of its suffix"
        )
    return rows


def _fits(subject: Subject, runtime: str, chosen: Sequence[Subject]) -> bool:
    """Whether a subject has a row for a runtime; that a bundle lacks an artifact is a row too."""
    runner = RUNTIMES[runtime][0]
    if subject.target:
        return runner == subject.target
    inside = [other for other in chosen if other.path.parent.parent == subject.path]
    return runner == "eager" or all(other.target != runner for other in inside)


def _reason(subject: Subject, runtime: str, device: str) -> str:
    """Why a row cannot run, as far as can be told without loading anything."""
    runner = RUNTIMES[runtime][0]
    if runtime not in _OF_DEVICE[device]:
        fitting = [name for name, of in _OF_DEVICE.items() if runtime in of]
        return f"{runtime} runs on {' and '.join(fitting)} only"
    if device == "cuda" and not machine.gpus():
        return "no CUDA device on this machine"
    module: RunnerModule = registry.module("runners", runner)
    if importlib.util.find_spec(module.PACKAGE) is None:
        return f"the package {module.PACKAGE!r} is not installed"
    if not subject.target and runner != "eager":
        return (
            f"no {runner} artifact in the bundle; edgectc export {subject.path} --target {runner}"
        )
    return ""


def family(subject: Subject) -> str:
    """Return what tells whether two subjects take the same samples."""
    about = subject.about
    names = [layout["name"] for layout in about["layouts"]]
    return json.dumps([about["frontend"], names[:1], to_dict(about["lexicon"])], sort_keys=True)
