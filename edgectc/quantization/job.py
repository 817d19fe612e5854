"""One quantization at work: samples, plan, and artifacts that are made, looked at and measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from edgectc.core import nonfinite
from edgectc.core.errors import BundleError, ExportError, InputError, NonFiniteError, ParityError
from edgectc.core.messages import say
from edgectc.core.schemes import SUPPORTED, Float32
from edgectc.core.types import JSON, Array
from edgectc.data import recordings
from edgectc.data.recordings import Owner, Prepared, samples_for
from edgectc.evaluation import tuning
from edgectc.evaluation.accuracy import seen_words
from edgectc.exporting import artifact
from edgectc.exporting.artifact import Job
from edgectc.exporting.lowering import calibration as calibrations
from edgectc.exporting.lowering.quantization_plan import CONVOLUTION, LINEAR, RECURRENT, Plan
from edgectc.quantization import activations, chunks, layers, timing
from edgectc.quantization.accuracy_drop import AccuracyEvaluator
from edgectc.quantization.budget_search import Candidate
from edgectc.quantization.layers import Layers
from edgectc.runtime import loading

_WITHIN = 4  # of generated dev recordings so many may get worse within the budget
_MOST_GENERATED = 20_000
_RANKED = 128  # samples that operators are ranked on; of more than 32 operators fewer
_RUNS = 4096
_TIMED = 200
_OVERHEAD = 4096  # bytes of an operator's nodes and scales, generously
OF_OTHERS = "norms, softmax, attention, additions, masks and weights outside of usual layers"
BY_DESIGN = "features, head, norms, softmax, attention products, additions and masks"


@dataclass(frozen=True)
class CalibrationSource:
    """Where ranges of activations come from; the arguments of `edgectc.quantize`."""

    calibration: str | None
    samples: int
    calibrator: str
    nan_policy: str
    seed: int


class QuantizationJob:
    """Makes and measures the artifacts of one job.

    Attributes:
        evaluator: compares answers with those of the float32 artifact; None without dev recordings.
    """

    def __init__(self, job: Job, source: CalibrationSource) -> None:
        """Look at the samples, take the ranges, and make the float32 artifact.

        Raises:
            NonFiniteError: a sample or an activation is NaN or Inf, or too large for the scheme.
            InputError: too few usable samples.
        """
        self.job, self.source = job, source
        origin = job.origin
        self.owner = Owner(origin.frontend, origin.layouts, origin.cases)
        self.evaluator: AccuracyEvaluator | None = None
        self.about: dict[str, JSON] = {}
        self.sensitivity: Mapping[str, float] = {}
        self.tuned = False
        self.layers = layers.of_job(job)
        kinds, kept = job.target.kinds(job.scheme.name), job.target.kept
        self.operators = self.layers.operators(kinds, kept)
        if not self.operators and job.scheme.name != "float16":
            raise ExportError(_no_kernel(job, self.layers))
        self.inputs = self._calibration_inputs()
        self.plan = self._plan()
        plain = replace(job, scheme=Float32())
        draft = artifact.sealed(plain, job.convert())
        self.float_bytes = draft.bytes
        self.before, self.skipped_reason = draft.runner(), draft.skipped_reason

    def _calibration_inputs(self) -> tuple[Mapping[str, Array], ...]:
        """Return the inputs that ranges are taken from, all of them finite inside and out."""
        job, source = self.job, self.source
        if job.scheme.name == "float16":
            nonfinite.check_half(self.layers.largest_weights(), "weights")
        if job.scheme.name == "int8-static" or source.calibration is not None:
            prepared = recordings.load(
                self.owner,
                job.origin.model.frontend,
                source.calibration,
                option="calibration",
                split="train",
                nan_policy=source.nan_policy,
                generated=max(calibrations.LEAST_SAMPLES, source.samples),
                words=job.origin.words,
            )
            rows = calibrations.stratified(
                prepared.lengths, source.samples, seed=source.seed, left_out=prepared.left_out
            )
            prepared = prepared.rows(rows)
            inputs, names = list(prepared.inputs), list(prepared.names)
            self.about = {**prepared.about, "samples": len(prepared), "seed": source.seed}
        else:
            inputs, names = self._reference()
        self.seen = self._check_activations(inputs, names)
        return tuple(inputs)

    def _reference(self) -> tuple[list[Mapping[str, Array]], list[str]]:
        cases = self.job.origin.cases
        recognizer = self.job.origin.recognizer
        inputs = [c.inputs(recognizer.frontend, recognizer.setting(c.layout)) for c in cases]
        return [*inputs], [case.name for case in cases]

    def _check_activations(
        self, inputs: list[Mapping[str, Array]], names: list[str]
    ) -> tuple[Mapping[str, Array], ...]:
        """Look at every activation of every sample; take out the samples that make bad ones.

        Returns:
            what the layers see of the samples: themselves, or of a stream its chunks.
        """
        shown, of = inputs, names
        if self.job.origin.streaming is not None:
            shown, of = chunks.cut(self.job.origin, inputs, names)
        model = self.job.origin.model
        # A network made elsewhere promises nothing of recordings without any output frame.
        own = self.job.origin.bundle is None
        shortest = (max(1, model.window),) if own else (0, 1)
        edges = {f"length {n}": {**shown[0], "length": np.array([n], np.int32)} for n in shortest}
        bad, largest = self.layers.check([*shown, *edges.values()], [*of, *edges])
        if bad:
            reasons = {name: f"first in {where}" for name, where in bad.items()}
            if self.source.nan_policy != "drop-samples" or edges.keys() & bad.keys():
                raise NonFiniteError(
                    f"activations are not finite on samples {nonfinite.describe(reasons)}; a mask "
                    "of -inf or a division by zero does that"
                )
            rows = [i for i, name in enumerate(names) if name not in bad]
            say(f"left out: {nonfinite.describe(reasons)}")
            if len(rows) < calibrations.LEAST_SAMPLES:
                raise InputError(
                    f"{len(rows)} samples keep every activation finite, expected "
                    f"{calibrations.LEAST_SAMPLES} or more",
                    reason="few_samples",
                )
            self.about["left_out"] = reasons
            shown = [one for one, name in zip(shown, of, strict=True) if name not in bad]
            inputs[:] = [inputs[i] for i in rows]
        if self.job.target.half_arithmetic(self.job.scheme.name):
            nonfinite.check_half(largest, "activations")
        return tuple(shown)

    def _plan(self) -> Plan:
        names = frozenset(op.name for op in self.operators)
        if self.job.scheme.name != "int8-static":
            return Plan(self.job.scheme, names)
        seen = self.layers.histograms(self.operators, self.seen)
        self.about["calibrator"] = self.source.calibrator
        return Plan(self.job.scheme, names, **activations.ranges(seen, self.source.calibrator))

    def load_dev(
        self, dev: str | None, limit: int | None, *, needed: bool, max_drop: float | None = None
    ) -> None:
        """Load labelled recordings and let the float32 artifact answer them.

        Args:
            dev: file; None takes the one that the ranges are from.
            limit: most recordings.
            needed: whether there have to be some.
            max_drop: budget in points, which generated ones have to be enough for.

        Raises:
            InputError: there are none, and they are needed.
        """
        job = self.job
        try:
            prepared = self._dev(dev, max_drop)
        except InputError as error:
            if needed or dev is not None:
                raise
            say(f"accuracy is not measured: {error}")
            return
        if limit is not None:
            order = np.random.default_rng(self.source.seed).permutation(len(prepared))
            prepared = prepared.rows(sorted(order[:limit].tolist()))
        origin, bundle = job.origin, job.origin.bundle
        beside = origin.beside if bundle is None else bundle.path
        model = loading.find_language_model(origin.language_model, beside)
        words = origin.recognizer.replace(lexicon=origin.words, language_model=model)
        samples = samples_for(origin.frontend, origin.layouts, frontend=words.frontend)
        seen = None if bundle is None else seen_words(bundle)
        self.evaluator = AccuracyEvaluator(samples, seen, words, prepared, self.before)

    def _dev(self, dev: str | None, max_drop: float | None) -> Prepared:
        """Return the labelled recordings of split dev, two or more."""
        enough = max(100, math.ceil(_WITHIN * 100.0 / max_drop)) if max_drop else None
        prepared = recordings.load(
            self.owner,
            self.job.origin.model.frontend,
            self.source.calibration if dev is None else dev,
            option="dev",
            split="dev",
            labelled=True,
            nan_policy=self.source.nan_policy,
            generated=enough and min(enough, _MOST_GENERATED),
            words=self.job.origin.words,
        )
        if len(prepared) < 2:
            raise InputError(
                f"{len(prepared)} labelled recordings of split dev are usable, expected 2 or more"
                f"{prepared.left_out}",
                reason="no_labels",
            )
        return prepared

    def ranking(self) -> list[str]:
        """Return the operators, the most sensitive first."""
        few = min(_RANKED, max(16, _RUNS // max(1, len(self.operators))))
        self.sensitivity = self.layers.sensitivity(self.plan, self.seen[:few])
        return sorted(self.sensitivity, key=lambda name: (-self.sensitivity[name], name))

    def tried(self, float_operators: tuple[str, ...]) -> Candidate:
        """Return the point of `attempt`; one that does not answer like the network says so."""
        try:
            return self.attempt(float_operators)
        except (ParityError, NonFiniteError, BundleError) as error:
            return Candidate(float_operators, None, 0, None, None, None, str(error))

    def attempt(self, float_operators: tuple[str, ...]) -> Candidate:
        """Make, look at and measure the artifact with some operators left in float."""
        job = self.job
        plan = replace(self.plan, operators=self.plan.operators - set(float_operators))
        say(f"{len(float_operators)} of {len(self.operators)} operators in float")
        converted = job.convert(plan)
        constants = job.target.constants(converted)
        nonfinite.check_scales(constants if job.origin.bundle else _without_masks(constants))
        draft = artifact.sealed(job, converted)
        self._check_shrunk(draft.bytes, plan)
        runner = draft.runner()
        inputs = self.evaluator.dev.inputs if self.evaluator else self.inputs
        times = (
            None
            if draft.skipped_reason
            else timing.compare_speed(self.before, runner, inputs[:_TIMED])
        )
        drop, closeness = self.evaluator.drop(runner) if self.evaluator else (None, None)
        return Candidate(
            float_operators, converted, draft.bytes, times, drop, closeness, runner=runner
        )

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

    def retuned(self, point: Candidate) -> tuple[Candidate, Mapping[str, JSON]]:
        """Return the point with a decoder tuned for it on the dev recordings, and that preset.

        Raises:
            ConfigError: the model's decoder has no weights to tune.
        """
        assert self.evaluator is not None
        assert point.runner is not None
        loaded = self.evaluator.words.replace(runner=point.runner)
        preset = tuning.tune(loaded, self.evaluator.dev.recordings).preset
        self.tuned = True
        drop, closeness = self.evaluator.drop(point.runner, preset=preset)
        return replace(point, drop=drop, closeness=closeness), preset

    def report(self, point: Candidate, tried: Sequence[Candidate]) -> dict[str, Any]:
        """Return what the manifest says about a point."""
        by_design = BY_DESIGN if self.job.origin.bundle else OF_OTHERS
        about: dict[str, Any] = {
            "calibration": self.about,
            "operators": len(self.operators),
            "float_by_design": ", ".join([by_design, *self.job.target.kept]),
            "float_by_search": {
                name: f"mean |difference| {self.sensitivity[name]:.4f} nats by itself"
                for name in point.float_operators
            },
            "before": {"bytes": self.float_bytes},
            "after": {"bytes": point.bytes},
            "tried": [self._row(one) for one in tried],
        }
        if self.skipped_reason:
            about["not_run"] = self.skipped_reason
        if point.speed is not None:
            about["before"]["ms"] = round(point.speed.before_ms, 4)
            about["after"]["ms"] = round(point.speed.after_ms, 4)
        if point.drop is not None and point.closeness is not None:
            about["loss"] = {**asdict(point.drop), "points": point.drop.points}
            about["decoder_tuned"] = self.tuned
            about["numbers"] = asdict(point.closeness)
            assert self.evaluator is not None
            about["dev"] = dict(self.evaluator.dev.about)
        return about

    @staticmethod
    def _row(one: Candidate) -> dict[str, Any]:
        return {
            "float": len(one.float_operators),
            "bytes": one.bytes,
            "speedup": round(one.speed.speedup, 3) if one.speed else None,
            "points": round(one.drop.points, 3) if one.drop else None,
            "why_not": one.why_not,
        }


def _without_masks(constants: Iterable[tuple[str, Array]]) -> Iterator[tuple[str, Array]]:
    """Yield constants with 0 for -Inf, which masks attention in networks made elsewhere.

    Scales, which are never below 0, keep what they hold.
    """
    for name, values in constants:
        masks = values == -np.inf
        yield (
            name,
            values if name.endswith("scale") or not masks.any() else np.where(masks, 0, values),
        )


def _no_kernel(job: Job, held_by: Layers) -> str:
    """Return why a scheme does nothing for a network, and which would."""
    target, name = job.target, job.scheme.name
    every = (CONVOLUTION, LINEAR, RECURRENT)
    has = [kind for kind in every if held_by.operators((kind,))]
    held = SUPPORTED[job.target_name]
    others = [o for o in held if o == "float16" or held_by.operators(target.kinds(o))]
    return (
        f"target {job.target_name!r} has {name} kernels for {', '.join(target.kinds(name))}, and "
        f"the encoder is {', '.join(has) or 'without any layer of weights'}; this target can do "
        f"for it: {', '.join(others) or 'float32 alone'}"
    )
