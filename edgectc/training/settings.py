"""What a training run is made of, as read from its TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Data:
    """Where samples come from.

    Attributes:
        layout: keyboard that untagged swipes were made on.
        synthetic: generated swipes per real one in each epoch.
        synthetic_pool: generated swipes to choose from.
        synthetic_layouts: keyboards they are made on, in turn.
        synthetic_words: this many of the lexicon's most frequent words are drawn from.
    """

    layout: str = "qwerty"
    synthetic: float = 0.3
    synthetic_pool: int = 40000
    synthetic_layouts: tuple[str, ...] = ("qwerty", "azerty", "dvorak", "colemak", "qwertz")
    synthetic_words: int = 60000


@dataclass(frozen=True)
class Augment:
    """Random change of each training trace; lengths in key units, standard deviations.

    Attributes:
        shift: of the whole trace.
        scale: relative, each axis on its own.
        shear: key units sideways per key unit across, both ways.
        wobble: of a slow curve added along the trace.
        pace: of the logarithm of the time scale.
    """

    shift: float = 0.12
    scale: float = 0.04
    shear: float = 0.03
    wobble: float = 0.08
    pace: float = 0.2


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
        epochs: passes over the real swipes.
        validate_every: epochs between validations and checkpoints.
        validation_rows: most dev swipes decoded per validation.
        bad_steps: non-finite steps in a row before the run stops.
    """

    model: Mapping[str, Any]
    data: Data = field(default_factory=Data)
    augment: Augment = field(default_factory=Augment)
    optimizer: Optimizer = field(default_factory=Optimizer)
    decoder: Mapping[str, Any] = field(default_factory=lambda: {"type": "lexicon"})
    epochs: int = 60
    batch_size: int = 256
    seed: int = 0
    validate_every: int = 2
    validation_rows: int = 1500
    bad_steps: int = 20
