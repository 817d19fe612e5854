"""Training steps a second of every shipped model family, on generated samples.

    python bench/training.py [--device cpu] [--batch 16] [--threads 1] [--out FILE]

A step is what the trainer does: forward, CTC loss, backward, clipping, AdamW. Random inputs of the
longest length, random targets; the data pipeline is not in it. Median of the steps after two.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from _result import heading, publish

from edgectc.core import config
from edgectc.core.console import progress, table
from edgectc.formats import layouts
from edgectc.networks.model import CtcModel

SHIPPED = Path(__file__).parent.parent / "models" / "swipe-en" / "train.toml"


def inputs_of(model: CtcModel, batch: int) -> dict[str, torch.Tensor]:
    """Return one batch of the longest inputs of the contract."""
    rng = np.random.default_rng(0)
    T = model.frontend.options.max_frames
    swipes = model.frontend.slots
    context = model.frontend.context(layouts.load("qwerty") if swipes else None)
    made = {}
    for name, about in model.frontend.input_contract().items():
        shape = (batch, *about["shape"][1:])
        if name == "length":
            made[name] = np.full(batch, T, np.int32)
        elif name in context:
            made[name] = np.repeat(context[name], batch, axis=0)
        else:
            made[name] = rng.random(shape).astype(np.float32)
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in made.items()}


def step_ms(spec: dict, *, device: str, batch: int, steps: int) -> tuple[float, int]:
    torch.manual_seed(0)
    model = CtcModel(spec).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    inputs = {name: value.to(device) for name, value in inputs_of(model, batch).items()}
    frames = model.output_length(model.frontend.options.max_frames)
    letters = min(6, frames // 2)
    targets = torch.arange(1, letters + 1).repeat(batch, 1).to(device)
    tokens = model.frontend.tokens(layouts.load("qwerty") if model.frontend.slots else None)
    loss_of = torch.nn.CTCLoss(blank=tokens.blank_id, zero_infinity=True)
    if tokens.blank_id != 0:
        targets -= 1
    spent = []
    for _ in range(steps + 2):
        began = time.perf_counter()
        optimizer.zero_grad()
        log_probs = model.time_first(**inputs)
        lengths = torch.full((batch,), frames, dtype=torch.int32)
        loss = loss_of(log_probs, targets, lengths, torch.full((batch,), letters))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        spent.append((time.perf_counter() - began) * 1e3)
    return statistics.median(spent[2:]), sum(p.numel() for p in model.parameters())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    specs = {"swipe-en, as shipped": config.load_toml(SHIPPED)["model"]}
    for family in config.families():
        specs[f"{family}-full"] = config.family_config(family, "full")["model"]
    rows = []
    for name, spec in progress(specs.items(), "family", total=len(specs)):
        ms, weights = step_ms(spec, device=options.device, batch=options.batch, steps=options.steps)
        row = [name, f"{weights / 1e6:.2f}", f"{ms:.0f}", f"{options.batch / ms * 1e3:.1f}"]
        print(row, flush=True)
        rows.append(row)
    repeats = f"batch {options.batch}, median of {options.steps} steps"
    said = heading(("torch",), threads=options.threads, repeats=repeats)
    text = f"{said}\n{table(['model', 'M weights', 'ms a step', 'samples/s'], rows)}\n"
    publish(text, options.out)


if __name__ == "__main__":
    main()
