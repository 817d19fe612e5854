"""Bundle to a smaller, faster artifact that is still right, or a refusal with numbers.

The order is fixed: weights, samples, activations; then convert, look at every scale, run the
artifact, compare it with the float network, decode, time; and only then write. A tool that takes
NaN in silence, answers garbage without an error or makes a network slower is stopped by one of
these, by name. See docs/quantization.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from edgectc.core import nonfinite, schemes
from edgectc.core.arguments import (
    AtLeastTwo,
    Count,
    File,
    FileName,
    NotNegative,
    Positive,
    Seed,
    checked,
)
from edgectc.core.contracts import Target
from edgectc.core.errors import BudgetError, ConfigError, MissingDependencyError
from edgectc.core.schemes import Float32
from edgectc.core.staging import claimed, temporaries
from edgectc.core.types import JSON
from edgectc.data.recordings import samples_for
from edgectc.exporting import artifact as artifact_module
from edgectc.exporting import exporter
from edgectc.exporting import origin as origin_module
from edgectc.exporting.artifact import Artifact, Job
from edgectc.exporting.byo import factory, folding
from edgectc.exporting.finished import FinishedTarget
from edgectc.exporting.lowering import calibration as calibrations
from edgectc.quantization.budget_search import Budgets, Candidate, search
from edgectc.quantization.job import CalibrationSource, QuantizationJob
from edgectc.quantization.repair import repaired


@dataclass(frozen=True)
class Quantized:
    """What `quantize` made.

    Attributes:
        artifact: the file and its verdict.
        point: what was measured of it.
        tried: all points, fewest operators in float first.
        report: what the manifest says about it.
    """

    artifact: Artifact
    point: Candidate
    tried: tuple[Candidate, ...]
    report: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Quantized({self.artifact!r}, {len(self.point.float_operators)} operators in float)"

    def __fspath__(self) -> str:
        return str(self.artifact.path)


@checked
def quantize(
    path: File | nn.Module | None = None,
    *,
    target: str,
    scheme: str = "int8-static",
    sample: object = None,
    calibration: FileName | None = None,
    samples: Count = 512,
    calibrator: str = "mse",
    dev: FileName | None = None,
    limit: AtLeastTwo | None = None,
    max_drop: NotNegative | None = None,
    min_speedup: Positive | None = None,
    nan_policy: str = "error",
    repair_from: File | None = None,
    retune_decoder: bool = False,
    seed: Seed = 0,
    out: File | None = None,
    **options: JSON,
) -> Quantized:
    """Quantize a bundle, a network of one's own or an ONNX file to one verified file.

    Args:
        path: as of `edgectc.export`: bundle directory, or the name of a shipped model, None for the
            default one; or a torch module, or the text ``package.module:factory``; or an ONNX file,
            what `edgectc.adopt` made of one or the file itself, which needs no PyTorch network.
        target: "onnx", "pte", "coreml", "litert" or "native".
        scheme: number format, see `edgectc list schemes`.
        sample: with a module, see `edgectc.export`; with an ONNX file, see `edgectc.adopt`.
        calibration: recordings that show the ranges of activations; swipes of training users, or a
            ``.npz``; None takes what EDGECTC_DATA names, or generates them, and says so.
        samples: how many of them, spread over short and long ones.
        calibrator: "mse", "percentile", "entropy" or "minmax".
        dev: labelled recordings to measure on, of users that were not trained on; None takes them
            from ``calibration``, or generates as many as ``max_drop`` needs.
        limit: at most so many of them, chosen at random.
        max_drop: most points of the model's error rate that may be lost; None for no limit.
        min_speedup: least factor of speed over float32 on this machine; None for no limit.
        nan_policy: "error", or "drop-samples" to leave out recordings that are not finite.
        repair_from: an earlier bundle or checkpoint to take tensors from that are not finite.
        retune_decoder: tune the decoder's weights on the dev recordings for the new network.
        seed: of every choice.
        out: file or existing directory; default is ``NAME-SCHEME.SUFFIX`` here.
        options: as of `edgectc.export`: of the target, and with a module ``tokens`` and the rest;
            with an ONNX file of others, those of `edgectc.adopt`.

    Raises:
        UnknownNameError: no such target, scheme or calibrator.
        UnsupportedSchemeError: the target cannot hold the scheme.
        ConfigError: an option that makes no sense here.
        NonFiniteError: a weight, sample, activation, scale or answer is NaN or Inf; names it.
        InputError: too few usable samples, or samples in another unit.
        ParityError: the artifact does not answer like the trained network.
        BudgetError: no network of this scheme meets the budgets; says what was found.
        ExportError: the converter failed.
    """
    _check_options(scheme, nan_policy, limit)
    calibrations.calibrator(calibrator)
    budgets = Budgets(max_drop, min_speedup)
    with ExitStack() as stack:
        given, tensors = path, list[str]()
        if repair_from is not None:
            given, tensors = stack.enter_context(repaired(_bundle(path), repair_from))
        origin, maker = exporter.opened(given, target, scheme, sample, options)
        _fold(origin, maker)
        if retune_decoder:
            _check_tunable(origin)
        final = artifact_module.destination(out, f"{origin.name}-{scheme}{maker.suffix}")
        stack.enter_context(claimed(final))
        stack.enter_context(temporaries())
        job = Job(origin, target, maker, schemes.scheme(scheme), final)
        quantization = QuantizationJob(
            job, CalibrationSource(calibration, samples, calibrator, nan_policy, seed)
        )
        if min_speedup is not None and quantization.skipped_reason:
            raise MissingDependencyError("measuring a speed-up", system="the target's own system")
        needed = max_drop is not None or retune_decoder
        quantization.load_dev(dev, limit, needed=needed, max_drop=max_drop)
        if max_drop is not None and quantization.evaluator is not None:
            quantization.evaluator.check_resolves(max_drop)
        point, tried = _within(quantization, budgets)
        if retune_decoder:
            point, preset = quantization.retuned(point)
            job = replace(job, origin=replace(origin, decoder=preset))
            if not point.holds(budgets):
                raise BudgetError(
                    "the tuned decoder loses more than the budget; leave it as it was"
                )
        report = {**quantization.report(point, tried), "repaired": tensors}
        draft = artifact_module.sealed(job, point.converted, quantization=report)
        artifact = artifact_module.write(job, draft)
    return Quantized(artifact, point, tuple(tried), report)


def _within(job: QuantizationJob, budgets: Budgets) -> tuple[Candidate, list[Candidate]]:
    """Return the point with the fewest operators in float within budgets, and all that were tried.

    Which operators to leave in float is worth knowing only where quantizing all of them fails.
    """
    if not budgets.any:
        point = job.attempt(())
        return point, [point]
    point = job.tried(())
    if point.holds(budgets):
        return point, [point]
    return search(job.ranking(), job.tried, budgets, first=point)


def _check_tunable(origin: origin_module.Origin) -> None:
    tunable = samples_for(origin.frontend, frontend=origin.model.frontend).tunable
    if origin.decoder["type"] not in tunable:
        raise ConfigError(
            f"the decoder is {origin.decoder['type']!r} over {origin.frontend['type']!r}; there "
            f"{' or '.join(map(repr, tunable)) or 'no decoder'} can be tuned; leave "
            "retune_decoder out",
            options=["retune_decoder"],
        )


def _fold(origin: origin_module.Origin, maker: Target) -> None:
    """Merge the batch norms of a network made elsewhere; a bundle's is folded as it is read."""
    if origin.bundle is None and not isinstance(maker, FinishedTarget):
        folding.fold(origin.model, artifact_module.example_inputs(origin))


def _bundle(path: File | nn.Module | None) -> File | None:
    """Return the path of what can be repaired."""
    if isinstance(path, nn.Module) or factory.is_factory(path):
        raise ConfigError("repair_from goes with a bundle", options=["repair_from"])
    return path


def _check_options(scheme: str, nan_policy: str, limit: int | None) -> None:
    if scheme == Float32.name:
        raise ConfigError("float32 quantizes nothing; use: edgectc export")
    if nan_policy not in nonfinite.POLICIES:
        raise ConfigError(
            f"nan_policy is {nan_policy!r}, expected {list(nonfinite.POLICIES)}",
            options=["nan_policy"],
        )
    if limit is not None and limit < 2:
        raise ConfigError(
            f"limit is {limit}, expected 2 or more: of one, nothing follows", options=["limit"]
        )
