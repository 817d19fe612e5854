"""The lexicon decoder on emissions of the shipped model, compiled and plain, side by side.

    python bench/decoding.py [--data DATA] [--swipes 1000] [--nbest 5] [--out FILE]

With DATA the emissions are those of real swipes of the dev users, else of generated swipes of
lexicon words, drawn by frequency, so that anyone can run it. CPU time of one thread, the fastest of
three calls, all side by side on each swipe. The shipped `margin` spares the search the proof of the
least likely words; the first and the last row are without. A search that is asked for no posterior,
as none is where a trace has a say, bounds a prefix by its best word alone.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from _result import heading, publish

import edgectc
from edgectc.core import registry
from edgectc.core.console import progress, table
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts
from edgectc.language.spelling import spell


def signals(model: edgectc.Recognizer, data: str | None, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    if data is not None:
        swipes, _ = swipe_files.load(swipe_files.find(data), split="dev")
        chosen = sorted(rng.permutation(len(swipes))[:count])
        return [model.log_probs(swipes[i].points) for i in progress(chosen, "network")]
    layout = layouts.load("qwerty")
    share = np.exp(model.lexicon.log_probs)
    drawn = rng.choice(len(share), 2 * count, p=share / share.sum())
    spelled = [s for i in drawn if (s := spell(model.lexicon.words[i], layout.letters))][:count]
    return [model.log_probs(swipe(word, layout, rng)) for word in progress(spelled, "network")]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--swipes", type=int, default=1000)
    parser.add_argument("--nbest", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = edgectc.load(runner="onnx")
    emitted = signals(model, options.data, options.swipes)
    tokens = model.tokens(layouts.load("qwerty"))
    shipped = dict(model.preset)
    whole = {**shipped, "margin": None}
    systems = {
        "native": (whole, "native"),
        f"native, margin {shipped['margin']:g}": (shipped, "native"),
        "the same, no posterior": ({**shipped, "posterior_width": None}, "native"),
        "numpy": (whole, "numpy"),
    }
    made = {
        name: registry.create(
            "decoders", preset, tokens=tokens, lexicon=model.lexicon, backend=backend
        )
        for name, (preset, backend) in systems.items()
    }
    spent = {name: np.full(len(emitted), np.inf) for name in made}
    proven = dict.fromkeys(made, 0)
    for i, log_probs in enumerate(progress(emitted, "utterance")):
        for name, decode in made.items():  # side by side, so that a busy moment meets all
            for repeat in range(3):
                began = time.thread_time()
                found = decode(log_probs, nbest=options.nbest)
                spent[name][i] = min(spent[name][i], (time.thread_time() - began) * 1e3)
                proven[name] += sum(h.exact for h in found) if repeat == 0 else 0
    base = spent["native"].mean()
    rows = [
        [
            name,
            *(f"{np.percentile(ms, p):.2f}" for p in (50, 90, 99, 100)),
            f"{ms.mean() / base:.1f} x",
            f"{proven[name] / len(emitted):.2f}",
        ]
        for name, ms in spent.items()
    ]
    what = "real" if options.data else "generated"
    head = ["search", "p50 ms", "p90 ms", "p99 ms", "max ms", "mean, to native", "words proven"]
    said = heading(
        ("numpy",),
        repeats=f"{len(emitted)} {what} swipes, {options.nbest} best of "
        f"{len(model.lexicon.log_probs):,} words, ms of thread CPU, fastest of 3",
    )
    publish(f"{said}\n{table(head, rows)}\n", options.out)


if __name__ == "__main__":
    main()
