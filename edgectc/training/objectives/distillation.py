"""A teacher for the first phase of a run, and how the student compares with it in the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgectc.core.config import dumps
from edgectc.core.console import table
from edgectc.core.contracts import Task
from edgectc.core.errors import ConfigError
from edgectc.core.messages import say
from edgectc.core.staging import write_bytes
from edgectc.core.types import JSON
from edgectc.formats import bundle as bundles
from edgectc.networks.model import CtcModel, load
from edgectc.training.settings import Settings
from edgectc.training.validation import validate

_PASSES = 20


def load_teacher(settings: Settings, model: CtcModel) -> CtcModel | None:
    """Return the teacher, if there is one and it speaks the student's language.

    Raises:
        ConfigError: its inputs, tokens or length map are others.
    """
    if settings.distillation is None:
        return None
    bundle_path = bundles.locate(settings.distillation.teacher)
    teacher = load(bundles.read(bundle_path))
    same = {
        "inputs": [m.frontend.input_contract() for m in (teacher, model)],
        "tokens": [_alphabet(m) for m in (teacher, model)],
        "length map": [(m.stride, m.window) for m in (teacher, model)],
    }
    for what, (theirs, ours) in same.items():
        if theirs != ours:
            raise ConfigError(
                f"distillation.teacher {bundle_path} has other {what} than the model: "
                f"{theirs} and {ours}"
            )
    return teacher


def compare(out: Path, teacher: CtcModel, student: CtcModel, task: Task, *, batch_size: int) -> str:
    """Return a table of teacher and student: metric, size and speed; write ``distillation.json``.

    Speed is the fastest of passes over single dev samples, the two in turn: all take the same
    input shape, and whatever is slower was slowed by other programs.

    Args:
        out: folder of the run.
        teacher: ready for inference.
        student: ready for inference, on the same device.
        task: whose dev samples are answered.
        batch_size: dev samples at a time.
    """
    both = {"teacher": teacher, "student": student}
    spent: dict[str, list[float]] = {name: [] for name in both}
    for i in range(_PASSES + 1):
        inputs = task.dev_inputs(np.array([i % task.dev_rows]))
        for name, model in both.items():
            spent[name].append(_seconds(model, inputs))
    figures: dict[str, dict[str, JSON]] = {}
    for name, model in both.items():
        value = validate(model, task, batch_size=batch_size).figures[task.metric.name]
        count = sum(p.numel() for p in model.parameters())
        figures[name] = {
            task.metric.name: value,
            "parameters": count,
            "float32_bytes": 4 * count,
            "ms_per_sample": round(1e3 * min(spent[name][1:]), 3),
        }
    device = str(next(student.parameters()).device)
    values = {**figures, "device": device, "threads": torch.get_num_threads()}
    write_bytes(out / "distillation.json", dumps(values).encode())
    names = list(figures["student"])
    return table(["", *names], [[name, *row.values()] for name, row in figures.items()])


def report(
    out: Path, settings: Settings, teacher: CtcModel, weights: Mapping[str, Tensor], task: Task
) -> None:
    """Print how the best student compares with its teacher; see `compare`.

    Args:
        out: folder of the run.
        settings: of the run.
        teacher: ready for inference.
        weights: of the best student, by name.
        task: whose dev samples are answered.
    """
    student = CtcModel(settings.model)
    student.load_state_dict(dict(weights))
    student.fold().eval().to(next(teacher.parameters()).device)
    text = compare(out, teacher, student, task, batch_size=settings.validation_batch)
    say(text)


@torch.inference_mode()
def _seconds(model: CtcModel, inputs: dict[str, torch.Tensor]) -> float:
    device = next(model.parameters()).device
    moved = {name: tensor.to(device) for name, tensor in inputs.items()}
    began = time.perf_counter()
    model(**moved).cpu()
    return time.perf_counter() - began


def _alphabet(model: CtcModel) -> int | tuple[str, ...]:
    """Return the output columns, where they do not depend on a keyboard; else how many keys."""
    return model.frontend.slots or model.frontend.tokens().symbols
