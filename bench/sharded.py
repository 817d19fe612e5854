"""Training from shards: time to the first step, memory by the number of rows, speed beside memory.

    python bench/sharded.py [--rows 200000,1000000,2000000] [--folder DIR] [--only PART] [--out F]

Rows are 20,000 generated swipes, again and again, each time moved by noise of its own: reading and
preparing costs the same a row, so it is measured once and not a million times. The time to the
first step is that of a new process, from its start, imports and all, and of its CPU; the pages of
the files may be in the system's memory. Memory is what the process holds after the steps: all of
it, and what belongs to it alone (the rest are pages of files, which the system takes back).
Speed is of blocks of steps in turns, with the same rows in memory; small network of tcn. Ranks are
one process and two of torchrun in turns, with the same batch: CPU seconds of all of them a sample,
reading and changing samples included, and start and preparation not; a step has costs that do not
shrink with its samples, so one process with half of the batch stands beside them: what two of them
take, each with half of it, cannot be less. ``--only memory`` or ``--only ranks`` measures one part.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from _result import heading, publish

from edgectc.core import column_files
from edgectc.core.config import dumps, family_config, to_dict
from edgectc.core.console import table
from edgectc.data import sharding, shards, synthesis
from edgectc.data.sources import Sources

FEW, BATCH, BLOCK, WARM = 20_000, 256, 10, 10
CONFIG = {
    **family_config("tcn", "small"),
    "data": {"synthetic": 0.0, "spliced": 0.0},
    "decoder": {"type": "greedy"},
    "batch_size": BATCH,
    "bucket": True,
}


def task_of(folder: Path, batch: int = BATCH):
    from edgectc.training.preparing import prepare

    return prepare({**CONFIG, "batch_size": batch}, data=Sources((folder,)))


def make(folder: Path, rows: list[int]) -> tuple[float, float]:
    """Write sets of so many rows; return microseconds a row to shard and to prepare."""
    from edgectc.training.tasks import swipe

    file, few = folder / "few.jsonl", folder / "few"
    synthesis.synth_data("swipe", file, count=FEW)
    began = time.perf_counter()
    sharding.shard([file], few)
    sharded = time.perf_counter()
    task_of(few)
    done = time.perf_counter()
    (kept,) = (few / "prepared").iterdir()
    columns = column_files.read(kept)
    for count in rows:
        times, out = count // FEW, folder / str(count)
        out.mkdir()
        index = to_dict(shards.open_set(few).index)
        (one,) = index["shards"]
        index["shards"] = [{**one, "name": f"{n:05d}"} for n in range(times)]
        for shard in index["shards"]:
            (out / shard["name"]).mkdir()
            for path in (few / one["name"]).iterdir():
                os.link(path, out / shard["name"] / path.name)
        (out / shards.INDEX).write_text(dumps(index))
        swipe.ShardedSwipes.write = repeated(columns, times)
        task_of(out)
    return (sharded - began) / FEW * 1e6, (done - sharded) / FEW * 1e6


def repeated(columns, times: int):
    """Return what writes prepared columns so many times, traces moved by noise."""
    from edgectc.training.cache import append
    from edgectc.training.swipes.arrays import ROWS

    rng, names = np.random.default_rng(0), [f"train.{name}" for name in ROWS]
    mine = {name: np.array(columns[name]) for name in [*names, "origins"]}
    others = {name: column for name, column in columns.items() if name not in mine}
    others["real"] = np.array(int(columns["real"]) * times)

    def write(_, writer) -> None:
        for _ in range(times):
            trace = mine["train.trace"]
            moved = trace + rng.normal(0.0, 0.003, (len(trace), 1, 1)).astype("f4") * (trace != 0)
            append(writer, "", {**mine, "train.trace": moved})
        writer.put(others)

    return write


def trainer_of(folder: Path, out: Path, batch: int = BATCH):
    from edgectc.training.loop import devices
    from edgectc.training.loop.trainer import Trainer

    settings, model, task = task_of(folder, batch)
    return Trainer(settings, model, task, out, devices.fabric("cpu", "fp32"))


def steps(trainer):
    """Yield after each step of an epoch."""
    trainer.train_mode()
    for fed in trainer.feeder.feed(trainer._plan(), trainer.noise):
        trainer.take_step(fed.batch, fed.rows, 1e-3)
        yield


def child(folder: Path, count: int, batch: int) -> None:
    """Print, as JSON, seconds to the first step, by clock and CPU, and memory after ``count``."""
    began, rank = float(os.environ["BEGAN"]), os.environ.get("RANK", "0")
    with tempfile.TemporaryDirectory() as out:
        trainer = trainer_of(folder, Path(out), batch)
        for n, _ in enumerate(steps(trainer)):
            if n == 0:
                first, cpu = time.time() - began, time.process_time()
            if n == WARM:
                warm = time.process_time()
            if n == count:
                break
        step_cpu = (time.process_time() - warm) / (count - WARM)
    lines = Path("/proc/self/status").read_text().splitlines()
    memory = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if " kB" in line}
    told = {name: memory[name] for name in ("VmHWM", "VmRSS", "RssAnon")}
    told |= {"first_step_s": first, "cpu_s": cpu, "step_cpu_s": step_cpu}
    # One write: torchrun's processes do not buffer, and lines of several would mix.
    sys.stdout.write(f"rank {rank} {json.dumps(told)}\n")
    sys.stdout.flush()


def measured(folder: Path, steps: int, ranks: int, batch: int = BATCH) -> list[dict[str, float]]:
    """Return what `child` prints of each process."""
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    given = [__file__, "--child", folder, "--steps", str(steps), "--batch", str(batch)]
    told = subprocess.run(
        [sys.executable, *(launch if ranks > 1 else []), *given],
        capture_output=True, text=True, check=True,
        env={**os.environ, "BEGAN": str(time.time()), "OMP_NUM_THREADS": "1"},
    ).stdout  # fmt: skip
    lines = [line for line in told.splitlines() if line.startswith("rank ")]
    if len(lines) != ranks:
        raise RuntimeError(f"{ranks} processes printed {len(lines)} results: {told}")
    return [json.loads(line.split(maxsplit=2)[2]) for line in sorted(lines)]


def by_ranks(folder: Path, steps: int, rounds: int) -> str:
    """Return a table of CPU time a sample by the number of processes."""
    ways = {(1, BATCH): "1", (1, BATCH // 2): "1, half of the batch", (2, BATCH): "2"}
    spent: dict[tuple[int, int], list[float]] = {way: [] for way in ways}
    for turn in range(rounds):
        for way in sorted(spent, reverse=bool(turn % 2)):
            one = measured(folder, steps, *way)
            spent[way].append(sum(found["step_cpu_s"] for found in one) / way[1] * 1e6)
    medians = {way: float(np.median(found)) for way, found in spent.items()}
    alone = medians[1, BATCH]
    lines = [[ways[way], f"{us:.0f}", f"{us / alone:.2f}"] for way, us in medians.items()]
    return table(["processes", "CPU us a sample", "of one"], lines)


def speed(folder: Path, blocks: int) -> tuple[float, float]:
    """Return samples a second from shards and from memory: the median of blocks in turns."""
    with tempfile.TemporaryDirectory() as out:
        mapped, held = (trainer_of(folder, Path(out) / name) for name in "ab")
    arrays = held.task.train
    copied = replace(
        arrays, trace=arrays.trace.clone(), length=arrays.length.clone(),
        layout=arrays.layout.clone(), labels=tuple(arrays.labels), names=tuple(arrays.names),
        pages=None,
    )  # fmt: skip
    held.task.train, held.task.buffer_rows = copied, 0
    held.feeder = replace(held.feeder, samples=copied)
    runs = {"shards": steps(mapped), "memory": steps(held)}
    found = {name: [] for name in runs}
    for run in runs.values():
        next(run)
    for block in range(blocks):
        for name in sorted(runs, reverse=bool(block % 2)):
            began = time.process_time()
            for _ in range(BLOCK):
                next(runs[name])
            found[name].append(BLOCK * BATCH / (time.process_time() - began))
    return float(np.median(found["shards"])), float(np.median(found["memory"]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="200000,1000000,2000000")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["memory", "ranks"])
    parser.add_argument("--batch", type=int, default=BATCH, help=argparse.SUPPRESS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.steps, options.batch)
        return
    rows = [int(count) for count in options.rows.split(",")]
    parts = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        shard_us, prepare_us = make(Path(folder), rows)
        if options.only != "ranks":
            parts += in_memory(Path(folder), rows, options)
        if options.only != "memory":
            ranks = by_ranks(Path(folder, str(rows[0])), options.steps, options.rounds)
            parts.append(f"ranks, {rows[0]:,} rows, medians of {options.rounds} runs\n\n{ranks}")
    repeats = f"batch {BATCH}, memory after {options.steps} steps, medians of {options.blocks} "
    said = heading(
        ("torch", "numpy"), repeats=f"{repeats}blocks of {BLOCK} steps in turns, CPU time"
    )
    costs = f"Once a row: {shard_us:.0f} us to shard, {prepare_us:.0f} us to prepare, one process."
    publish("\n\n".join([said, *parts, costs]) + "\n", options.out)


def in_memory(folder: Path, rows: list[int], options: argparse.Namespace) -> list[str]:
    """Return the tables of start and memory, and of speed."""
    lines = []
    for count in rows:
        (got,) = measured(folder / str(count), options.steps, 1)
        values = [f"{got[name]:.0f}" for name in ("VmHWM", "VmRSS", "RssAnon")]
        start = [f"{got[name]:.1f}" for name in ("first_step_s", "cpu_s")]
        lines.append([f"{count:,}", *start, *values])
    mapped, held = speed(folder / str(rows[0]), options.blocks)
    head = ["rows", "first step s", "CPU s", "peak MB", "MB", "own MB"]
    speeds = table(
        ["samples of", "samples/s", "of memory"],
        [["shards", f"{mapped:.0f}", f"{mapped / held:.2f}"], ["memory", f"{held:.0f}", "1.00"]],
    )
    return [
        f"start and memory\n\n{table(head, lines)}",
        f"speed, {rows[0]:,} rows\n\n{speeds}",
    ]


if __name__ == "__main__":
    main()
