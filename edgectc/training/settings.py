"""What a training run is made of, as read from its TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edgectc.core import registry
from edgectc.core.config import check_numbers, number
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.data.recordings import samples_for

FIRST = "first"  # folder of the first of two phases, in that of the run

# A table whose keys belong to a plugin, which checks them.
Spec = Mapping[str, Any]

OPTIMIZERS = ("adamw", "adam", "sgd")
SCHEDULES = ("constant", "cosine", "linear", "one-cycle", "cyclic", "plateau")
PRECISIONS = ("fp32", "bf16", "fp16", "auto")
_MOST = 2**31 - 1
INITS = ("scale", "xavier", "orthogonal")


@dataclass(frozen=True)
class Optimizer:
    """How weights follow gradients.

    Attributes:
        type: "adamw", "adam" (weight decay in the gradient) or "sgd".
        lr: peak learning rate.
        weight_decay: strength of the decay.
        warmup: share of all steps in which the rate rises to its peak; see `Schedule`.
        warmup_start: share of the peak from which it rises; "one-cycle" has its own.
        clip: largest norm of the whole gradient.
        warn_norm: norm before clipping; an epoch of which most steps are above it is warned of.
        momentum: of "sgd".
        eps: of "adamw" and "adam": added to the root of the mean squared gradient.
        accumulate: passes that a batch is split into, to save memory; the step stays the same.
    """

    type: str = "adamw"
    lr: float = number(2e-3, above=0, most=1e38)
    weight_decay: float = number(0.01, least=0, most=1e6)
    warmup: float = number(0.05, least=0, below=1)
    warmup_start: float = number(0.0, least=0, most=1)
    clip: float = number(1.0, above=0, most=1e38)
    warn_norm: float = number(10.0, above=0, most=1e38)
    momentum: float = number(0.9, least=0, below=1)
    eps: float = number(1e-8, above=0, most=1)
    accumulate: int = number(1, least=1, most=100_000)

    def __post_init__(self) -> None:
        _check_name("optimizer", self.type, OPTIMIZERS)
        check_numbers(self)


@dataclass(frozen=True)
class Schedule:
    """The learning rate after the warm-up, in which it rises linearly to ``optimizer.lr``.

    Attributes:
        type: "constant", "cosine" or "linear" to the floor, "one-cycle" (half a cosine up from
            a 25th of the peak in the warm-up, then one down to a ten-thousandth of that 25th, or
            to the floor), "cyclic" (triangles between floor and peak) or "plateau" (cut when
            validation stops improving).
        hold: share of all steps at the peak, before "cosine" or "linear" goes down.
        floor: share of the peak where the decay ends, or the triangles begin.
        cycle: length of a triangle, as a share of all steps.
        factor: what a plateau multiplies the rate with.
        patience: validations without improvement that make a plateau.
    """

    type: str = "cosine"
    hold: float = number(0.0, least=0, below=1)
    floor: float = number(0.0, least=0, most=1)
    cycle: float = number(0.1, above=0, most=1)
    factor: float = number(0.5, above=0, below=1)
    patience: int = number(3, least=1, most=_MOST)

    def __post_init__(self) -> None:
        _check_name("schedule", self.type, SCHEDULES)
        check_numbers(self)


@dataclass(frozen=True)
class Loss:
    """What is minimised beside CTC; `edgectc.training.objectives.losses` says how to add to it.

    Attributes:
        smoothing: share of the loss that asks every used column for some probability.
        agreement: share of the loss that asks two views of a sample for one answer; needs
            ``augment.views = 2``.
        mmi: share of the loss that asks the label to beat the words that the decoder's search finds
            in its place; needs a lexicon. See `edgectc.training.objectives.mmi`.
        mmi_from: epoch, counted from 0, from which it does: until then the search would find noise.
    """

    smoothing: float = number(0.0, least=0, below=1)
    agreement: float = number(0.0, least=0, below=1)
    mmi: float = number(0.0, least=0, below=1)
    mmi_from: int = number(0, least=0, most=_MOST)

    def __post_init__(self) -> None:
        check_numbers(self)


@dataclass(frozen=True)
class Freeze:
    """Parameters that do not learn.

    Attributes:
        names: pattern of parameter names, e.g. ``"features.*"``.
        until: epoch from which they learn; None for never.
    """

    names: str
    until: int | None = None

    def __post_init__(self) -> None:
        if self.until is not None and not 0 <= self.until <= _MOST:
            raise ConfigError(f"until is {self.until}, expected an epoch from 0, or none for never")


@dataclass(frozen=True)
class Init:
    """How weights of at least two axes begin.

    Attributes:
        names: pattern of parameter names, e.g. ``"head.*"``.
        gain: of the draw, or the factor of "scale".
        type: "scale" (the default draw times the gain), "xavier" (uniform) or "orthogonal".
    """

    names: str
    gain: float = number(1.0, least=0, most=1e6)
    type: str = "scale"

    def __post_init__(self) -> None:
        check_numbers(self)
        _check_name("init", self.type, INITS)


@dataclass(frozen=True)
class Distillation:
    """Learning from a teacher in two phases: first from it and the labels, then from labels alone.

    Attributes:
        teacher: bundle with the same inputs, tokens and length map.
        epochs: length of the first phase.
        temperature: of both distributions.
        weight: share of the teacher in the loss of the first phase, 0..1.
    """

    teacher: str
    epochs: int
    temperature: float = number(3.0, above=0, most=1e6)
    weight: float = number(0.5, above=0, most=1)

    def __post_init__(self) -> None:
        check_numbers(self)
        if not 1 <= self.epochs <= _MOST:
            raise ConfigError(f"epochs is {self.epochs}, expected 1 to {_MOST}")


@dataclass(frozen=True)
class Settings:
    """A training run.

    Attributes:
        model: model spec, see `edgectc.networks.model`.
        task: what it is trained for, see `edgectc.training.tasks`; by default what the type of
            its frontend names.
        data: the task's samples.
        augment: random change of the task's training samples.
        start: bundle whose weights training starts from; "" starts from random ones.
        init: changes to the random weights.
        freeze: parameters that do not learn, or not yet.
        distillation: a teacher, if there is one.
        decoder: preset that validation decodes with and that the bundle carries; by default the
            one of `edgectc.core.contracts.Samples`: "lexicon" for swipes, "greedy" for all else.
        epochs: passes over the training samples.
        bucket: whether batches hold like lengths; they are cut to their longest.
        workers: threads that make batches ahead of the network; 0 makes them when needed.
        precision: "fp32", "bf16", "fp16" (with loss scaling), or "auto": bf16 where it works.
        compile: whether torch.compile makes kernels of the network: a minute at the start, which
            pays off in long runs on a CUDA device.
        ema: decay of an average of the weights, which is validated and packed; 0 for none.
        validate_every: epochs between validations and checkpoints.
        validate_steps: steps between further ones within an epoch; 0 for none.
        validation_rows: most dev samples decoded per validation.
        validation_batch: dev samples at a time; halved by itself where memory runs out.
        save_steps: steps between further checkpoints; 0 for none.
        patience: validations without improvement that end the run; 0 for never.
        bad_steps: non-finite steps in a row before the run stops.
        back_off: non-finite steps in a row before the learning rate is halved.
    """

    model: Spec
    task: Spec = field(default_factory=dict)
    data: Spec = field(default_factory=dict)
    augment: Spec = field(default_factory=dict)
    start: str = ""
    init: tuple[Init, ...] = ()
    freeze: tuple[Freeze, ...] = ()
    distillation: Distillation | None = None
    loss: Loss = field(default_factory=Loss)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    decoder: Spec = field(default_factory=dict)
    epochs: int = number(60, least=0, most=_MOST)
    batch_size: int = number(256, least=1, most=_MOST)
    bucket: bool = False
    workers: int = number(0, least=0, most=1024)
    seed: int = number(0, least=0, most=2**63 - 1)
    precision: str = "fp32"
    compile: bool = False
    ema: float = number(0.0, least=0, below=1)
    validate_every: int = number(2, least=1, most=_MOST)
    validate_steps: int = number(0, least=0, most=_MOST)
    validation_rows: int = number(1500, least=1, most=_MOST)
    validation_batch: int = number(64, least=1, most=_MOST)
    save_steps: int = number(0, least=0, most=_MOST)
    patience: int = number(0, least=0, most=_MOST)
    bad_steps: int = number(20, least=1, most=_MOST)
    back_off: int = number(5, least=1, most=_MOST)

    def __post_init__(self) -> None:
        registry.check_model(self.model)
        _check_name("precision", self.precision, PRECISIONS)
        check_numbers(self)

    def completed(self) -> Settings:
        """Return these settings with every option of the task and a decoder spelled out."""
        own = {"data": self.data, "augment": self.augment}
        for name in own:
            if own[name] and name in self.task:
                raise ConfigError(
                    f"task.{name} and {name} are one: say it in the table [{name}] alone"
                )
        task = {"type": self.model["frontend"]["type"], **self.task}
        task = registry.complete("tasks", {**task, **{k: v for k, v in own.items() if v}})
        parts = {name: task.pop(name) for name in own}
        decoder = self.decoder or {"type": samples_for(self.model["frontend"]).decoder}
        return replace(self, task=task, **parts, decoder=decoder)

    def task_spec(self) -> Spec:
        """Return the JSON form of the task with all its options."""
        return {**self.task, "data": self.data, "augment": self.augment}


def _check_name(kind: str, got: str, known: tuple[str, ...]) -> None:
    if got not in known:
        raise UnknownNameError(kind, got, known)
