"""The lexicon search, compiled and plain, side by side on the same emissions of the shipped model.

    python bench/decoding.py [--words 400]

Emissions come from generated swipes of lexicon words, drawn by frequency, so anyone can run it.
"""

import argparse
import platform
import time

import numpy as np

import edgectc
from edgectc import registry
from edgectc.data import layouts
from edgectc.data.lexicons import spell
from edgectc.data.synthesis import swipe
from edgectc.report import progress, table


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--words", type=int, default=400)
    words = parser.parse_args().words
    model = edgectc.load(runner="onnx")
    board = layouts.load("qwerty")
    rng = np.random.default_rng(0)
    share = np.exp(model.lexicon.log_probs)
    drawn = rng.choice(len(share), 2 * words, p=share / share.sum())
    spelled = [s for i in drawn if (s := spell(model.lexicon.words[i], board.letters))][:words]
    emitted = [model.log_probs(swipe(word, board, rng)) for word in spelled]
    decoders = {
        name: registry.create(
            "decoders",
            dict(model.preset),
            tokens=model.tokens(board),
            lexicon=model.lexicon,
            backend=name,
        )
        for name in ("native", "numpy")
    }
    spent = {name: np.zeros((3, len(emitted))) for name in decoders}
    for i, log_probs in enumerate(progress(emitted, "utterance")):
        for repeat in range(3):  # interleaved, so that a busy moment meets both
            for name, decode in decoders.items():
                began = time.perf_counter()
                decode(log_probs, nbest=5)
                spent[name][repeat, i] = (time.perf_counter() - began) * 1e3
    best = {name: times.min(0) for name, times in spent.items()}
    rows = [
        [name, *(f"{np.percentile(ms, p):.2f}" for p in (50, 90, 99)), f"{ms.mean():.2f}",
         f"{ms.mean() / best['native'].mean():.1f} x"]
        for name, ms in best.items()
    ]  # fmt: skip
    print(f"{len(emitted)} words, 5 best, one thread, {platform.machine()}, numpy {np.__version__}")
    print(table(["search", "p50 ms", "p90 ms", "p99 ms", "mean ms", "to native"], rows))


if __name__ == "__main__":
    main()
