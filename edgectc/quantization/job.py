"""One quantization at work: samples, plan, and artifacts that are made, looked at and measured."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from edgectc.core import nonfinite
from edgectc.core.errors import BundleError, ExportError, InputError, NonFiniteError, ParityError
from edgectc.core.schemes import SUPPORTED, Float32
from edgectc.core.types import Array
from edgectc.data import recordings, swipe_files
from edgectc.evaluation import tuning
from edgectc.exporting import artifact
from edgectc.exporting.artifact import Job
from edgectc.exporting.lowering import calibration as calibrations
from edgectc.exporting.lowering.quantization_plan import (
    CONVOLUTION,
    LINEAR,
    RECURRENT,
    Plan,
    operators,
)
from edgectc.formats import reference
from edgectc.formats.bundle import Bundle
from edgectc.quantization import fake_quantize, measure, observe
from edgectc.quantization.budget_search import Point
from edgectc.quantization.measure import Judge
from edgectc.runtime import loading

_RANKED = 128  # samples that operators are ranked on
_TIMED = 200
_OVERHEAD = 4096  # bytes of an operator's nodes and step sizes, generously
BY_DESIGN = "features, head, norms, softmax, attention products, additions and masks"


@dataclass(frozen=True)
class Source:
    """Where ranges of activations come from; the arguments of `edgectc.quantize`."""

    calibration: str | None
    samples: int
    calibrator: str
    nan_policy: str
    seed: int


class Work:
    """Makes and measures the artifacts of one job.

    Attributes:
        judge: compares answers with those of the float32 artifact; None without dev recordings.
    """

    def __init__(self, bundle: Bundle, job: Job, source: Source) -> None:
        """Look at the samples, take the ranges, and make the float32 artifact.

        Raises:
            NonFiniteError: a sample or an activation is NaN or Inf, or too large for the scheme.
            InputError: too few usable samples.
        """
        self.bundle, self.job, self.source = bundle, job, source
        self.judge: Judge | None = None
        self.about: dict[str, Any] = {}
        self.damage: Mapping[str, float] = {}
        self.tuned = False
        self.operators = operators(job.origin.model, job.target.kinds(job.scheme.name))
        if not self.operators and job.scheme.name != "float16":
            raise ExportError(_no_kernel(job))
        self.inputs = self._looked_at()
        self.plan = self._plan()
        plain = replace(job, scheme=Float32())
        draft = artifact.sealed(plain, job.convert())
        self.float_bytes = draft.bytes
        self.before, self.unrun = draft.runner(), draft.skipped_reason

    def _looked_at(self) -> tuple[Mapping[str, Array], ...]:
        """Return the inputs that ranges are taken from, all of them finite inside and out."""
        job, source = self.job, self.source
        weights = job.origin.model.state_dict()
        largest = {k: float(v.abs().max()) for k, v in weights.items() if v.numel()}
        if job.scheme.name == "float16":
            nonfinite.check_half(largest, "weights")
        if job.scheme.name == "int8-static" or source.calibration is not None:
            found = recordings.load(
                self.bundle,
                job.origin.model.frontend,
                source.calibration,
                split="train",
                nan_policy=source.nan_policy,
            )
            rows = calibrations.stratified(
                found.lengths, source.samples, seed=source.seed, left_out=found.left_out
            )
            found = found.rows(rows)
            inputs, names = list(found.inputs), list(found.names)
            self.about = {**found.about, "samples": len(found), "seed": source.seed}
        else:
            inputs, names = self._reference()
        self._walk(inputs, names)
        return tuple(inputs)

    def _reference(self) -> tuple[list[Mapping[str, Array]], list[str]]:
        boards = {board.name: board for board in self.bundle.layouts}
        cases = self.job.origin.cases
        frontend = self.job.origin.model.frontend
        inputs = [c.inputs(frontend, reference.setting(boards, c.layout)) for c in cases]
        return [*inputs], [case.name for case in cases]

    def _walk(self, inputs: list[Mapping[str, Array]], names: list[str]) -> None:
        """Look at every activation of every sample; take out the samples that make bad ones."""
        model = self.job.origin.model
        edges = {f"length {n}": {**inputs[0], "length": np.array([n], np.int32)} for n in (0, 1)}
        bad, largest = observe.walk(model, [*inputs, *edges.values()], [*names, *edges])
        if bad:
            told = {name: f"first in {where}" for name, where in bad.items()}
            if self.source.nan_policy != "drop-samples" or edges.keys() & bad.keys():
                raise NonFiniteError(
                    f"activations are not finite on samples {nonfinite.describe(told)}; a mask of "
                    "-inf or a division by zero does that"
                )
            kept = [i for i, name in enumerate(names) if name not in bad]
            print(f"left out: {nonfinite.describe(told)}", file=sys.stderr)
            if len(kept) < calibrations.LEAST_SAMPLES:
                raise InputError(
                    f"{len(kept)} samples keep every activation finite, expected "
                    f"{calibrations.LEAST_SAMPLES} or more",
                    reason="few_samples",
                )
            self.about["left_out"] = told
            inputs[:] = [inputs[i] for i in kept]
        if self.job.target.half_arithmetic(self.job.scheme.name):
            nonfinite.check_half(largest, "activations")

    def _plan(self) -> Plan:
        names = frozenset(op.name for op in self.operators)
        if self.job.scheme.name != "int8-static":
            return Plan(self.job.scheme, names)
        seen = observe.histograms(self.job.origin.model, self.operators, self.inputs)
        self.about["calibrator"] = self.source.calibrator
        return Plan(self.job.scheme, names, **observe.ranges(seen, self.source.calibrator))

    def judged(self, dev: str | None, limit: int | None, *, needed: bool) -> None:
        """Load labelled recordings and let the float32 artifact answer them.

        Raises:
            InputError: there are none, and they are needed.
        """
        job = self.job
        try:
            found = recordings.load(
                self.bundle,
                job.origin.model.frontend,
                dev,
                split="dev",
                labelled=True,
                nan_policy=self.source.nan_policy,
            )
        except InputError as error:
            if needed or dev is not None:
                raise
            print(f"accuracy is not measured: {error}", file=sys.stderr)
            return
        if len(found) < 2:
            raise InputError(
                f"{len(found)} labelled recordings of split dev are usable, expected 2 or more"
                f"{found.left_out}",
                reason="no_labels",
            )
        if limit is not None:
            order = np.random.default_rng(self.source.seed).permutation(len(found))
            found = found.rows(sorted(order[:limit].tolist()))
        model = loading.find_language_model(job.origin.language_model, self.bundle.path)
        words = job.origin.recognizer.replace(lexicon=job.origin.words, language_model=model)
        self.judge = Judge(self.bundle, words, found, self.before)

    def ranking(self) -> list[str]:
        """Return the operators, the one that does most damage by itself first."""
        self.damage = fake_quantize.damage(self.job.origin.model, self.plan, self.inputs[:_RANKED])
        return sorted(self.damage, key=lambda name: (-self.damage[name], name))

    def tried(self, kept: tuple[str, ...]) -> Point:
        """Return the point of `attempt`; one that does not answer like the network says so."""
        try:
            return self.attempt(kept)
        except (ParityError, NonFiniteError, BundleError) as error:
            return Point(kept, None, 0, None, None, None, str(error))

    def attempt(self, kept: tuple[str, ...]) -> Point:
        """Make, look at and measure the artifact with some operators left in float."""
        job = self.job
        plan = replace(self.plan, operators=self.plan.operators - set(kept))
        print(f"{len(kept)} of {len(self.operators)} operators in float", file=sys.stderr)
        converted = job.convert(plan)
        nonfinite.check_scales(job.target.constants(converted))
        draft = artifact.sealed(job, converted)
        self._check_shrunk(draft.bytes, plan)
        engine = draft.runner()
        inputs = self.judge.dev.inputs if self.judge else self.inputs
        times = (
            None if draft.skipped_reason else measure.speed(self.before, engine, inputs[:_TIMED])
        )
        loss, numbers = self.judge.loss(engine) if self.judge else (None, None)
        return Point(kept, converted, draft.bytes, times, loss, numbers)

    def _check_shrunk(self, size: int, plan: Plan) -> None:
        """A converter that leaves weights in float says nothing; the file does."""
        held = {op.name: op.weights for op in self.operators}
        weights = sum(held[name] for name in plan.operators)
        saved = self.float_bytes - size
        if saved < 1.5 * weights - _OVERHEAD * len(plan.operators):
            raise ExportError(
                f"the file shrank by {saved:,} bytes, expected about {3 * weights:,}: the "
                "converter left weights in float"
            )

    def retuned(self, point: Point, dev: str | None, limit: int | None) -> tuple[Point, Any]:
        """Return the point with a decoder tuned for it, and that preset.

        Raises:
            ConfigError: the model's decoder has no weights to tune.
        """
        assert self.judge is not None
        swipes = [s for s in swipe_files.load(swipe_files.find(dev), split="dev")[0] if s.word]
        if limit is not None:
            order = np.random.default_rng(self.source.seed).permutation(len(swipes))
            swipes = [swipes[i] for i in sorted(order[:limit].tolist())]
        engine = artifact.sealed(self.job, point.converted).runner()
        loaded = self.judge.words.replace(runner=engine)
        preset = tuning.tune(loaded, swipes).preset
        self.tuned = True
        loss, numbers = self.judge.loss(engine, preset=preset)
        return replace(point, loss=loss, numbers=numbers), preset

    def report(self, point: Point, tried: Sequence[Point]) -> dict[str, Any]:
        """Return what the manifest says about a point."""
        about: dict[str, Any] = {
            "calibration": self.about,
            "operators": len(self.operators),
            "float_by_design": BY_DESIGN,
            "float_by_search": {
                name: f"mean |difference| {self.damage[name]:.4f} nats by itself"
                for name in point.kept
            },
            "before": {"bytes": self.float_bytes},
            "after": {"bytes": point.bytes},
            "tried": [self._row(one) for one in tried],
        }
        if self.unrun:
            about["not_run"] = self.unrun
        if point.speed is not None:
            about["before"]["ms"] = round(point.speed.before_ms, 4)
            about["after"]["ms"] = round(point.speed.after_ms, 4)
        if point.loss is not None and point.numbers is not None:
            about["loss"] = {**asdict(point.loss), "points": point.loss.points}
            about["decoder_tuned"] = self.tuned
            about["numbers"] = asdict(point.numbers)
            assert self.judge is not None
            about["dev"] = dict(self.judge.dev.about)
        return about

    @staticmethod
    def _row(one: Point) -> dict[str, Any]:
        return {
            "float": len(one.kept),
            "bytes": one.bytes,
            "speedup": round(one.speed.speedup, 3) if one.speed else None,
            "points": round(one.loss.points, 3) if one.loss else None,
            "why_not": one.why_not,
        }


def _no_kernel(job: Job) -> str:
    """Return why a scheme does nothing for a network, and which would."""
    target, model, name = job.target, job.origin.model, job.scheme.name
    every = (CONVOLUTION, LINEAR, RECURRENT)
    has = [kind for kind in every if operators(model, (kind,))]
    held = SUPPORTED[job.target_name]
    others = [one for one in held if one == "float16" or operators(model, target.kinds(one))]
    return (
        f"target {job.target_name!r} has {name} kernels for {', '.join(target.kinds(name))}, and "
        f"the encoder is {', '.join(has) or 'without any layer of weights'}; this target can do "
        f"for it: {', '.join(others) or 'float32 alone'}"
    )
