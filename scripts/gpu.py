"""What a machine with a GPU is for, in one command of under eight minutes and without a network.

    OUT=FOLDER scripts/gpu [--device cuda] [--seconds 8] [--budget 470] [--only PART,...]
                           [--data FOLDER] [--list]

Each part is a process of its own with a time limit, and one JSON line in ``$OUT/gpu.jsonl``:
``{"part", "status", "seconds", ...}``, status "ok", "failed", "timeout" or "not_run". A part that
fails costs its line. Parts, in this order:

- ``versions``: packages, card, driver, how float32 is computed.
- ``train:NAME:HOW``: samples a second of the real trainer (batches, loss, clipping, optimizer) on
  generated samples; HOW is fp32, tf32, bf16 or compiled (bf16).
- ``loader:N``: the same of swipe-en in bf16 with N threads that make batches.
- ``bench``: `edgectc bench --device cuda` of the shipped model; its JSON is ``$OUT/bench.json``.
- ``tests``: the tests marked gpu, by the files that hold them.
- ``accuracy``: with ``--data`` alone: swipe-en trained for the time that is left; its checkpoint
  and figures are in ``$OUT``.

On the CPU, to try the script: ``scripts/gpu --device cpu --seconds 5``. Sizes are small there, and
limits are of CPU time, so that other programs cost no line; by the clock a part may take ten times
as long, and all of them together as long as they take.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MODELS = ("swipe-en", "gru-full", "mobilenetv3-full", "transformer-full")
PRECISIONS = {"fp32": "fp32", "tf32": "fp32", "bf16": "bf16", "compiled": "bf16"}
PACKAGES = (
    "torch", "lightning", "numpy", "safetensors", "onnxruntime", "rich", "typer", "tensorboard",
    "triton",
)  # fmt: skip
BUDGET = {"cuda": 470.0, "cpu": math.inf}  # seconds of all parts
START = {"cuda": 45.0, "cpu": 120.0}  # seconds of a part before and after what it measures
COMPILING = {"cuda": 75.0, "cpu": 600.0}  # more of them where kernels are made
SHARED = 10  # times as long by the clock as by the time of a CPU that others use, too
LEAST = 15.0  # seconds left under which no part is begun
WARM = {"cuda": 3, "cpu": 1}  # steps before the clock runs
POOL = {"cuda": 2000, "cpu": 32}  # generated samples
BATCH = {"cuda": 128, "cpu": 2}
# A run of which the second step is validated, on the CPU.
SMALL = ("batch_size=4", "data.synthetic_pool=32", "data.spliced_pool=32", "validation_rows=8",
         "validate_steps=2")  # fmt: skip
# What a run is packed and gone on with; the folder brings at most eight files home.
KEPT = ("best.safetensors", "metrics.jsonl", "config.json", "identity.json", "seen_words.bin")


def parts() -> list[str]:
    """Return the names of all parts, in order."""
    plain = [f"train:{name}:{how}" for how in ("fp32", "tf32", "bf16") for name in MODELS]
    compiled = [f"train:{name}:compiled" for name in MODELS]
    return ["versions", *plain, "loader:0", "loader:4", "bench", "tests", *compiled, "accuracy"]


def limit_of(part: str, seconds: float, device: str) -> float:
    """Return the time limit of a part in seconds, of the clock or, on the CPU, of its time."""
    if part in ("tests", "bench", "accuracy"):
        return START[device] + 12 * seconds
    if part.endswith(":compiled"):
        return START[device] + COMPILING[device] + seconds
    return START[device] + seconds


def config_of(name: str, pool: int, device: str = "cuda") -> dict[str, Any]:
    """Return the configuration of a model, on generated samples that need no lexicon.

    On the CPU of a family the small one: a step of the full one can take minutes there.
    """
    from edgectc.core.config import family_config

    if name == "swipe-en":
        text = (ROOT / "models" / "swipe-en" / "train.toml").read_text(encoding="utf-8")
        config = {k: v for k, v in tomllib.loads(text).items() if k != "then"}
        return {**config, "data": {"synthetic_pool": pool}, "decoder": {"type": "greedy"}}
    family, _, size = name.rpartition("-")
    values = family_config(family, size if device == "cuda" else "small")
    if values["task"]["type"] == "swipe":
        return {**values, "data": {"synthetic_pool": pool}, "decoder": {"type": "greedy"}}
    return {**values, "data": {"train": pool // 4, "dev": 4}}


def versions(device: str) -> dict[str, Any]:
    """Return what the machine is and has."""
    import torch

    def version(package: str) -> str | None:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return None

    found: dict[str, Any] = {"python": sys.version.split()[0], "cores": os.cpu_count()}
    found |= {"packages": {name: version(name) for name in PACKAGES}, "cuda": torch.version.cuda}
    found["float32_matmul"] = torch.get_float32_matmul_precision()
    found["tf32_convolutions"] = bool(torch.backends.cudnn.allow_tf32)
    if device == "cuda":
        about = torch.cuda.get_device_properties(0)
        found |= {"card": about.name, "memory_bytes": about.total_memory}
        found["capability"] = f"{about.major}.{about.minor}"
    return found


def throughput(
    name: str, how: str, *, device: str, seconds: float, workers: int = 0
) -> dict[str, Any]:
    """Return samples a second of training, over ``seconds`` after a few steps."""
    import numpy as np
    import torch

    from edgectc.training.loop import devices
    from edgectc.training.loop.trainer import Trainer
    from edgectc.training.preparing import prepare

    torch.set_float32_matmul_precision("high" if how == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = how == "tf32"
    config = {
        **config_of(name, POOL[device], device),
        "precision": PRECISIONS[how],
        "compile": how == "compiled",
    }
    config |= {"workers": workers, "batch_size": BATCH[device]}
    settings, model, task = prepare(config, data=None, lexicon=None, cache=None)
    trainer = Trainer(settings, model, task, Path(), devices.fabric(device, settings.precision))
    trainer.train_mode()
    rng, size = np.random.default_rng(0), settings.batch_size
    plan = [rng.integers(task.epoch_rows, size=size) for _ in range(100_000)]
    samples = step = 0
    began = time.perf_counter()
    for fed in trainer.feeder.feed(plan, trainer.noise):
        if step == WARM[device]:
            _wait(device)
            began, samples = time.perf_counter(), 0
        trainer.take_step(fed.batch, fed.rows, trainer.rate())
        step, samples = step + 1, samples + len(fed.rows)
        if step > WARM[device] and time.perf_counter() - began > seconds:
            break
    _wait(device)
    spent = time.perf_counter() - began
    memory = torch.cuda.max_memory_allocated() if device == "cuda" else None
    return {
        "samples_per_s": round(samples / spent, 1),
        "steps": step - WARM[device],
        "batch": size,
        "config": name if device == "cuda" else name.replace("-full", "-small"),
        "loss": round(trainer.last_loss, 4),
        "weights": sum(p.numel() for p in model.parameters()),
        "float32_matmul": torch.get_float32_matmul_precision(),
        "tf32_convolutions": bool(torch.backends.cudnn.allow_tf32),
        "memory_bytes": memory,
    }


def _wait(device: str) -> None:
    if device == "cuda":
        import torch

        torch.cuda.synchronize()


def tests() -> dict[str, Any]:
    """Return how the tests marked gpu ended; only the files that hold some are collected."""
    files = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "mark.gpu" in path.read_text(encoding="utf-8")
    ]
    line = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*line, "-m", "gpu", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    said = done.stdout.strip().splitlines()
    if done.returncode not in (0, 5):
        raise RuntimeError("\n".join(said[-30:]) or done.stderr[-2000:])
    return {"files": files, "said": said[-1] if said else ""}


def bench(out: Path, *, device: str, seconds: float) -> dict[str, Any]:
    """Return the p50 and accuracy of each row of `edgectc bench` of the shipped model."""
    rounds = max(1, min(5, int(seconds)))
    line = [sys.executable, "-m", "edgectc", "bench", "swipe-en", "--device", device, "--json"]
    line += ["--rounds", str(rounds), "--processes", "1", "--samples", "50"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    (out / "bench.json").write_text(done.stdout, encoding="utf-8")
    names = ("artifact", "runtime", "device", "status", "reason", "p50_ms", "throughput_per_s")
    return {"rows": [{n: row.get(n) for n in names} for row in json.loads(done.stdout)["rows"]]}


def accuracy(out: Path, *, device: str, seconds: float, data: Path | None) -> dict[str, Any]:
    """Train swipe-en on real swipes until the time is over; keep its checkpoint and figures.

    On the CPU until there is a checkpoint: how long that takes is up to other programs.
    """
    if data is None:
        return {"status": "not_run", "reason": "no --data"}
    run, shipped, began = out / "run", "models/swipe-en", time.perf_counter()
    line = [sys.executable, "-m", "edgectc", "train", f"{shipped}/train.toml"]
    line += ["--lexicon", f"{shipped}/lexicon.trie", "--data", str(data), "--out", str(run)]
    settings = ["workers=4", "validate_every=1", "then.validate_every=1"]
    settings += SMALL if device == "cpu" else ()
    line += ["--device", device, *(word for one in settings for word in ("--set", one))]
    with subprocess.Popen(line, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                _, said = process.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                over = time.perf_counter() - began > seconds
                if _kept(run) if device == "cpu" else over:
                    process.send_signal(signal.SIGINT)  # it saves and goes
                    _, said = process.communicate()
                    break
    kept = _kept(run)
    for path in kept:
        shutil.copy(path, out / path.name)
    shutil.rmtree(run, ignore_errors=True)
    if not kept:
        raise RuntimeError(said[-2000:])
    return {"kept": [path.name for path in kept], "said": said.strip().splitlines()[-3:]}


def _kept(run: Path) -> list[Path]:
    """Return the files of a run's second phase, else of its first, once there are best weights."""
    folders = [folder for folder in (run, run / "first") if (folder / KEPT[0]).is_file()]
    return [path for folder in folders[:1] for name in KEPT if (path := folder / name).is_file()]


def one(part: str, options: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Return the figures of one part."""
    kind, *rest = part.split(":")
    how: dict[str, Any] = {"device": options.device, "seconds": options.seconds}
    if kind == "versions":
        return versions(options.device)
    if kind == "train":
        return throughput(rest[0], rest[1], **how)
    if kind == "loader":
        return throughput("swipe-en", "bf16", workers=int(rest[0]), **how)
    if kind == "bench":
        return bench(out, **how)
    return tests() if kind == "tests" else accuracy(out, data=options.data, **how)


def apart(part: str, options: argparse.Namespace, out: Path, left: float) -> dict[str, Any]:
    """Return the line of a part, run in a process of its own."""
    if left < LEAST:
        return {"part": part, "status": "not_run", "reason": "no time left", "seconds": 0.0}
    seconds, device = options.seconds, options.device
    allowed = limit_of(part, seconds, device)
    limit = min(left, allowed * (SHARED if device == "cpu" else 1))
    if part == "accuracy" and options.data is not None and device == "cuda":
        seconds, limit = max(1.0, left - START[device]), left
    line = [sys.executable, __file__, "--part", part, "--device", device]
    line += ["--seconds", str(seconds), *(["--data", options.data] if options.data else [])]
    line += ["--cpu-limit", str(math.ceil(allowed))] if device == "cpu" else []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        # A part that is killed leaves half a kernel behind, which ends the next run that loads it.
        variables = {**os.environ, "OUT": str(out), "TORCHINDUCTOR_CACHE_DIR": cache}
        return told(part, line, variables, limit, f"more than {allowed:.0f} s of CPU time")


def told(
    part: str, line: list[str], variables: dict[str, str], limit: float, spent_all: str
) -> dict[str, Any]:
    """Return what the process of a part prints last, or why there is nothing."""
    began = time.perf_counter()
    process = subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=variables,
    )  # fmt: skip
    try:
        said, errors = process.communicate(timeout=limit)
        figures = {"status": "failed", "reason": errors.strip()[-2000:]}
        if process.returncode == 0:
            figures = json.loads(said.splitlines()[-1])
        elif process.returncode == -signal.SIGXCPU:
            figures = {"status": "timeout", "reason": spent_all}
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        figures = {"status": "timeout", "reason": f"more than {limit:.0f} s"}
    except BaseException as error:
        if not isinstance(error, (ValueError, IndexError)):  # Ctrl-C: no part outlives the script
            os.killpg(process.pid, signal.SIGKILL)
            raise
        figures = {"status": "failed", "reason": "it printed no figures"}
    spent = round(time.perf_counter() - began, 1)
    return {"part": part, "status": "ok", "seconds": spent, **figures}


def main() -> None:
    """Run the parts, or, as a process of its own, one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--seconds", type=float, default=8.0, help="measured a part")
    text = "seconds of all parts (default 470; on the CPU as many as it takes)"
    parser.add_argument("--budget", type=float, help=text)
    parser.add_argument("--only", help="parts or beginnings of their names, commas between")
    parser.add_argument("--data", help="swipes for the accuracy run")
    parser.add_argument("--list", action="store_true", help="print the parts")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--cpu-limit", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    out = Path(os.environ.get("OUT") or ROOT / "gpu-out").resolve()
    out.mkdir(parents=True, exist_ok=True)
    if options.part:
        if options.cpu_limit is not None:  # of this process, and of each that it starts
            resource.setrlimit(resource.RLIMIT_CPU, (options.cpu_limit, options.cpu_limit + 10))
        print(json.dumps(one(options.part, options, out)))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    wanted = tuple(options.only.split(",")) if options.only else ("",)
    chosen = [part for part in parts() if part.startswith(wanted)]
    if options.list or not chosen:
        print("\n".join(parts()))
        sys.exit(0 if options.list else 2)
    budget = BUDGET[options.device] if options.budget is None else options.budget
    began = time.perf_counter()
    with (out / "gpu.jsonl").open("w", encoding="utf-8") as file:
        for part in chosen:
            left = budget - (time.perf_counter() - began)
            line = apart(part, options, out, left)
            for stream in (file, sys.stdout):
                print(json.dumps(line), file=stream, flush=True)


if __name__ == "__main__":
    main()
