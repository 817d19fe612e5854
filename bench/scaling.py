"""How decoding time grows with the lexicon and with the length of the signal, beside peers.

    python bench/scaling.py [--utterances 60] [--out FILE]

The workload is that of bench/lexicon.py ("noisy"). CPU time of one thread, the fastest of three,
all decoders side by side on each utterance; memory is what building the decoder added.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from pathlib import Path

import _peers
import numpy as np
from _result import heading, publish
from _workload import emissions
from lexicon import KEYS, LM_WEIGHT, Decode, lexicon_of, ours

from edgectc.core.console import progress, table
from edgectc.language.lexicon import Lexicon

SIZES, FRAMES = (10_000, 100_000, 300_000), (32, 64, 128)


def rss_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1e3
    return float("nan")


def made(lexicon: Lexicon, folder: str) -> tuple[dict[str, Decode], dict[str, float]]:
    makers = {
        "edgectc, 5 best": lambda: ours(lexicon, "native", 5),
        "flashlight-text, beam 32": lambda: _peers.flashlight(lexicon, folder, KEYS, 32, LM_WEIGHT),
        "pyctcdecode, beam 32": lambda: _peers.pyctcdecode(lexicon, folder, KEYS, 32, LM_WEIGHT),
    }
    found, memory = {}, {}
    for name, make in makers.items():
        gc.collect()
        before = rss_mb()
        found[name] = make()
        memory[name] = rss_mb() - before
    return found, memory


def medians(decoders: dict[str, Decode], signals: list[np.ndarray]) -> dict[str, list[float]]:
    spent = {name: np.full(len(signals), np.inf) for name in decoders}
    for i, signal in enumerate(signals):
        for _ in range(3):
            for name, decode in decoders.items():
                began = time.thread_time()
                decode(signal)
                spent[name][i] = min(spent[name][i], (time.thread_time() - began) * 1e3)
    return {name: [float(np.percentile(ms, p)) for p in (50, 99)] for name, ms in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--utterances", type=int, default=60)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in progress(SIZES, "lexicon"):
            lexicon = lexicon_of(size)
            decoders, memory = made(lexicon, folder)
            share = np.exp(lexicon.log_probs)
            for frames in FRAMES if size == 100_000 else (64,):
                rng = np.random.default_rng(0)
                drawn = rng.choice(len(share), options.utterances, p=share / share.sum())
                signals = [emissions(lexicon.words[i], frames, "noisy", rng) for i in drawn]
                found = medians(decoders, signals)
                base = found["edgectc, 5 best"][0]
                for name, (p50, p99) in found.items():
                    ratio = f"{p50 / base:.1f} x"
                    rows.append([name, f"{size:,}", frames, f"{p50:.2f}", f"{p99:.2f}", ratio,
                                 f"{memory[name]:.0f}"])  # fmt: skip
            del decoders
            gc.collect()
    said = heading(
        ("numpy", "flashlight-text", "pyctcdecode", "kenlm"),
        repeats=f"{options.utterances} utterances, ms of thread CPU, fastest of 3",
    )
    head = ["decoder", "words", "frames", "p50 ms", "p99 ms", "to ours", "MB to build"]
    text = f"{said}\n{table(head, rows)}\n"
    publish(text, options.out)


if __name__ == "__main__":
    main()
