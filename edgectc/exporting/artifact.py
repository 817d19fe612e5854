"""Network to artifact: convert, measure, embed, seal, verify, then name the file.

A file that exists under its final name has passed; whatever goes wrong before leaves nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import logging
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from edgectc.core import registry, schemes
from edgectc.core.config import from_dict, to_dict
from edgectc.core.contracts import Converted, Runner, Target, TargetModule
from edgectc.core.errors import ConfigError, ExportError, MissingDependencyError, ParityError
from edgectc.core.schemes import Scheme
from edgectc.core.staging import staged, staged_folder, write_bytes
from edgectc.core.stepping import StepTarget
from edgectc.core.tokens import output_length
from edgectc.core.types import JSON, Array, Check, Report
from edgectc.core.version import __version__
from edgectc.evaluation import verification
from edgectc.exporting import references
from edgectc.exporting.lowering.quantization_plan import Plan
from edgectc.exporting.origin import Origin
from edgectc.formats import manifest as manifests
from edgectc.formats import reference
from edgectc.formats.manifest import Content, Manifest
from edgectc.formats.records import (
    GraphInput,
    GraphOutput,
    NamedFile,
    SchemeRecord,
    Source,
    Streaming,
)
from edgectc.formats.reference import Case
from edgectc.networks import torch_state
from edgectc.runtime.recognizer import Recognizer
from edgectc.runtime.steps import initial

# Of artifacts that are folders: who made them, and a file that such a folder has.
_FOLDERS = {".mlpackage": ("Core ML", "Manifest.json"), ".aimodel": ("Core AI", "metadata.json")}


@dataclass(frozen=True)
class Artifact:
    """An exported file, or folder, and the verdict it passed."""

    path: Path
    manifest: Manifest
    report: Report
    bytes: int

    def __repr__(self) -> str:
        scheme, verdict = self.manifest.scheme.type, self.report.status
        return f"Artifact({str(self.path)!r}, {scheme}, {self.bytes:,} bytes, {verdict})"

    def __fspath__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class Job:
    """One artifact to make.

    Attributes:
        origin: the network and what the manifest says about it.
        target_name: of the target.
        target: makes the content.
        scheme: number format.
        final: where the artifact goes.
    """

    origin: Origin
    target_name: str
    target: Target
    scheme: Scheme
    final: Path

    def convert(self, plan: Plan | None = None) -> Converted:
        """Return what the target makes of the network, under a plan if one is given.

        Raises:
            ExportError: the converter failed.
        """
        try:
            example, model = example_inputs(self.origin), self.origin.model
            if self.origin.streaming is None:
                lengths = {"window": model.window, "stride": model.stride}
                return self.target.convert(model, example, plan, **lengths)
            names = [state.output for state in self.origin.streaming.states]
            if not isinstance(self.target, StepTarget):
                raise ConfigError(
                    f"target {self.target_name!r} has no graph of one chunk; take onnx or pte, or "
                    "leave chunk out",
                    options=["chunk"],
                )
            return self.target.convert_step(model, example, names, plan)
        except ExportError as error:
            if self.origin.suspects:
                raise ExportError(
                    f"{error}; seen in the network: {self.origin.suspects}"
                ) from error
            raise


@dataclass(frozen=True, eq=False)
class Draft:
    """A sealed artifact that answered like the network, and has no file yet.

    Attributes:
        content: of the file, or of the files of a folder.
        manifest: inside of it.
        recognizer: ran the graph; None where nothing here can, or read it.
        skipped_reason: why not the runtime that it is made for; "" if it was that one.
    """

    content: Content
    manifest: Manifest
    recognizer: Recognizer | None
    skipped_reason: str

    @property
    def bytes(self) -> int:
        """Return the size of the artifact."""
        return manifests.size(self.content)

    def runner(self) -> Runner:
        """Return what runs the graph.

        Raises:
            MissingDependencyError: nothing here does.
        """
        if self.recognizer is not None:
            return self.recognizer.runner
        return verification.load_artifact(self.content, self.manifest)[0].runner


def sealed(
    job: Job, converted: Converted, *, quantization: Mapping[str, JSON] | None = None
) -> Draft:
    """Return the finished content of what a target converted, measured on the reference cases.

    Args:
        job: what it was made for.
        converted: what the target returned.
        quantization: what the manifest is to say about it.

    Raises:
        ParityError: the graph does not answer like the trained network.
    """
    blank = _manifest(job, quantization=quantization)
    unsealed = job.target.embed(converted, blank)
    recognizer, reason = None, ""
    figures: Mapping[str, float] = {}
    try:
        recognizer, reason = verification.load_artifact(unsealed, blank)
    except MissingDependencyError as error:  # made for another system
        reason = str(error)
    else:
        figures = _measure(recognizer, blank, job.origin, skipped_reason=reason)
        if job.target.slow:
            figures = {**figures, **_slowdown(recognizer.runner, job.origin)}
    manifest = dataclasses.replace(blank, parity=figures)
    content = manifests.sealed(job.target.embed(converted, manifest))
    return Draft(content, manifest, recognizer, reason)


def write(job: Job, draft: Draft) -> Artifact:
    """Write a finished artifact under its final name once its very bytes have passed.

    Raises:
        ParityError: they do not answer like the trained network.
    """
    held = job.origin.references
    if held is not None and held.file is not None:
        write_bytes(held.file, reference.to_safetensors(job.origin.cases))
    if isinstance(draft.content, bytes):
        with staged(job.final) as temporary:
            temporary.write_bytes(draft.content)
            report = _rechecked(temporary, job)
    else:
        with staged_folder(job.final) as temporary:
            for name, content in draft.content.items():
                write_bytes(temporary / name, content)
            report = _rechecked(temporary, job)
    return Artifact(job.final, draft.manifest, report, draft.bytes)


def _rechecked(path: Path, job: Job) -> Report:
    """Verify the very bytes that will get the final name, on all cases, lexicon words included."""
    origin = job.origin
    report = verification.verify_artifact(path, lexicon=origin.words, cases=origin.cases)
    _require(report)
    held = _embedded(job)[1]
    return dataclasses.replace(report, checks=(*origin.checks, *held, *report.checks))


def _embedded(job: Job) -> tuple[list[Case], list[Check]]:
    """Return the reference cases that the artifact carries, and what to say of them."""
    origin = job.origin
    if origin.references is None:
        return origin.cases, []
    file = origin.references.file
    references.check_file(file, job.final)
    first = "" if origin.streaming is None else origin.streaming.case
    cases, check = references.inside(origin.cases, origin.references.most_bytes, first)
    if file is not None:
        text = f"all {len(origin.cases)} cases are in {file.name}, beside the artifact"
        check = dataclasses.replace(check, detail=text)
    return cases, [check]


def _reference_file(job: Job) -> NamedFile | None:
    """Return what the manifest says of a file of reference cases; None where there is none."""
    held = job.origin.references
    if held is None or held.file is None:
        return None
    data = reference.to_safetensors(job.origin.cases)
    return NamedFile(held.file.name, hashlib.sha256(data).hexdigest())


def destination(out: str | os.PathLike[str] | None, name: str) -> Path:
    """Return the path of an artifact: ``out`` itself, or ``name`` in the folder ``out`` or here.

    Raises:
        ConfigError: what is there is no artifact that could be replaced.
    """
    suffix, final = Path(name).suffix, Path(name)
    if out is not None:
        folder = Path(out).is_dir() and Path(out).suffix != suffix
        final = Path(out) / name if folder or os.fspath(out).endswith(os.sep) else Path(out)
    maker, inside = _FOLDERS.get(suffix, ("", ""))
    if final.is_dir():
        if not maker or not (final / inside).is_file():
            raise ConfigError(
                f"{final} is a folder and no artifact; choose another out=PATH", options=["out"]
            )
    elif maker and (final.exists() or final.suffix != suffix):
        raise ConfigError(f"{final}: a {maker} artifact is a folder NAME{suffix}")
    return final


def example_inputs(origin: Origin) -> dict[str, torch.Tensor]:
    """Return the inputs of the first reference case, as a converter traces them."""
    case, recognizer = origin.cases[0], origin.recognizer
    prepared = case.inputs(recognizer.frontend, recognizer.setting(case.layout))
    if origin.streaming is not None:  # the first chunk
        first, streaming = next(iter(prepared)), origin.streaming
        width = streaming.chunk + streaming.look_ahead
        longest = max(origin.cases, key=lambda case: case.length)
        prepared[first] = longest.trace[None, :width]
        prepared["length"] = np.array([width], np.int32)
        prepared |= {state.name: initial(state) for state in streaming.states}
    # Copies, because numpy may give an axis of size one the stride 0, which ExecuTorch refuses.
    return {name: torch.from_numpy(value.copy()) for name, value in prepared.items()}


def _measure(
    loaded: Recognizer, manifest: Manifest, origin: Origin, *, skipped_reason: str
) -> Mapping[str, float]:
    """Run the finished graph on the reference cases; the words are checked once it is sealed."""
    if skipped_reason and manifest.scheme.type == "float32":
        _compare_weights(loaded.runner.weights, origin.model)
    report = verification.compare(loaded, manifest, origin.cases, skipped_reason=skipped_reason)
    _require(report)
    return report.figures


def _slowdown(runner: Runner, origin: Origin) -> dict[str, float]:
    """Measure, and warn, how much slower a file without a delegate is than PyTorch, one thread."""
    example = example_inputs(origin)
    arrays = {name: value.numpy() for name, value in example.items()}
    with torch.inference_mode(), torch_state.threads(1):
        theirs = _median_ms(lambda: origin.model(*example.values()))
    ours = _median_ms(lambda: runner.run(arrays))
    logging.getLogger("edgectc").warning(
        "portable kernels need %.1f ms a call here, PyTorch %.1f ms: %.0f times as long; "
        "leave delegate out, and XNNPACK runs the graph",
        ours, theirs, ours / theirs,
    )  # fmt: skip
    return {"ms_per_call": ours, "ms_per_call_torch": theirs}


def _median_ms(call: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def _compare_weights(stored: Mapping[str, Array], model: nn.Module) -> None:
    """Raise unless every weight that kept its name in the program kept its value too.

    Converters merge others (gates of a recurrent layer, a scale and its convolution); what they
    became is judged by what the program computes.
    """
    for name, tensor in model.state_dict().items():
        written = stored.get(name.replace(".", "_"))
        if written is None or written.size != tensor.numel():
            continue
        difference = float(np.abs(written.ravel() - tensor.numpy().ravel()).max())
        if difference != 0.0:
            raise ParityError(
                f"the converter changed the weight {name} by {difference:.2g}; no file was made"
            )


def _require(report: Report) -> None:
    for check in report.checks:
        if check.status == "fail":
            raise ParityError(
                f"the converted graph failed {check.name}: {check.detail}; no file was made"
            )


def _any_length(job: Job) -> bool:
    """Return whether the graph takes any number of frames."""
    return job.origin.any_length or job.target.any_length


def _shape(job: Job, shape: Sequence[int], first: bool) -> list[int | str]:
    """Return the shape of an input (N, ...) as the graph states it; of the first (N, T, ...)."""
    further: list[int | str] = [*shape[1:]]
    if _any_length(job) and first:
        further[0] = "T"
    return [job.target.batch, *further]


def _manifest(job: Job, *, quantization: Mapping[str, JSON] | None) -> Manifest:
    origin, target, model = job.origin, job.target, job.origin.model
    module: TargetModule = registry.module("targets", job.target_name)
    contract = model.frontend.input_contract()
    most = output_length(model.frontend.max_frames, model.stride, model.window)
    frames: int | str = "frames" if _any_length(job) else most
    entries = [
        from_dict(GraphInput, {"name": name, **entry, "shape": _shape(job, entry["shape"], not i)})
        for i, (name, entry) in enumerate(contract.items())
    ]
    if origin.streaming is not None:
        frames = origin.streaming.chunk // model.stride
        entries = _of_chunk(entries, origin.streaming)
    packages = ("torch", "numpy", *module.PACKAGES)
    versions = {name: importlib.metadata.version(name) for name in packages}
    return Manifest(
        name=origin.name,
        family=origin.family,
        target=job.target_name,
        options=to_dict(target.options),
        scheme=SchemeRecord(**schemes.describe(job.scheme)),
        opset=target.opset,
        inputs=tuple(entries),
        output=GraphOutput(
            name="log_probs",
            dtype="float32",
            shape=(target.batch, frames, len(origin.tokens)),
            stride=model.stride,
            window=model.window,
        ),
        frontend=origin.frontend,
        tokens=origin.tokens.symbols,
        blank_id=origin.tokens.blank_id,
        separator=origin.tokens.separator,
        layouts=origin.layouts,
        decoder=origin.decoder,
        lexicon=origin.lexicon,
        language_model=origin.language_model,
        reference=reference.to_json(_embedded(job)[0]),
        source=Source(origin.weights_sha256, {"edgectc": __version__, **versions}, quantization),
        parity={},
        streaming=origin.streaming,
        reference_file=_reference_file(job),
        pronunciations=origin.pronunciations,
    )


def _of_chunk(entries: Sequence[GraphInput], streaming: Streaming) -> list[GraphInput]:
    """Return the inputs of a graph of one chunk: fewer frames, and the states."""
    width = streaming.chunk + streaming.look_ahead
    first, length, *rest = entries
    first = dataclasses.replace(first, shape=(first.shape[0], width, *first.shape[2:]))
    length = dataclasses.replace(length, meaning=f"valid frames of the chunk, 1..{width}")
    states = [
        GraphInput(state.name, state.dtype, state.shape, f"state; the next one is {state.output}")
        for state in streaming.states
    ]
    return [first, length, *rest, *states]
