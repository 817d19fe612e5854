"""What a training run is made of, as read from its TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edgectc import registry


@dataclass(frozen=True)
class Optimizer:
    """AdamW with a warm-up to ``lr`` and a cosine to zero; gradients are clipped to ``clip``."""

    lr: float = 2e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    clip: float = 1.0


@dataclass(frozen=True)
class Settings:
    """A training run.

    Attributes:
        model: model spec, see `edgectc.model`.
        task: what it is trained for, see `edgectc.tasks`; ``{"type": "swipe"}`` by default.
        data: the task's samples.
        augment: random change of the task's training samples.
        decoder: preset that validation decodes with and that the bundle carries; by default
            "lexicon" for swipes and "greedy" for all else.
        epochs: passes over the training samples.
        validate_every: epochs between validations and checkpoints.
        validation_rows: most dev samples decoded per validation.
        bad_steps: non-finite steps in a row before the run stops.
        back_off: non-finite steps in a row before the learning rate is halved.
    """

    model: Mapping[str, Any]
    task: Mapping[str, Any] = field(default_factory=lambda: {"type": "swipe"})
    data: Mapping[str, Any] = field(default_factory=dict)
    augment: Mapping[str, Any] = field(default_factory=dict)
    optimizer: Optimizer = field(default_factory=Optimizer)
    decoder: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 60
    batch_size: int = 256
    seed: int = 0
    validate_every: int = 2
    validation_rows: int = 1500
    bad_steps: int = 20
    back_off: int = 5

    def __post_init__(self) -> None:
        least = min(self.batch_size, self.validate_every, self.validation_rows)
        if least < 1 or min(self.bad_steps, self.back_off) < 1 or self.epochs < 0:
            raise ValueError("counts of rows, steps and epochs must be 1 or more")

    def completed(self) -> Settings:
        """Return these settings with every option of the task and a decoder spelled out."""
        own = {"data": self.data, "augment": self.augment}
        task = registry.complete("tasks", {**self.task, **{k: v for k, v in own.items() if v}})
        parts = {name: task.pop(name) for name in own}
        default = "lexicon" if task["type"] == "swipe" else "greedy"
        return replace(self, task=task, **parts, decoder=self.decoder or {"type": default})

    def task_spec(self) -> dict[str, Any]:
        """Return the JSON form of the task with all its options."""
        return {**self.task, "data": self.data, "augment": self.augment}
