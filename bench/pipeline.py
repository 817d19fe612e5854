"""From a finger trace to ranked words: this package beside what one would otherwise assemble.

    pip install kenlm flashlight-text pygtrie && pip install pyctcdecode --no-deps
    python bench/pipeline.py --data DATA [--swipes 400] [--words 100000] [--out FILE]

All share the resampling, the network (the shipped artifact in ONNX Runtime, one thread; one row has
its int8 sibling), the emissions and the lexicon with its word frequencies; only the decoder
differs. The language model weight of each peer is tuned on other swipes of the same users; ours is
the shipped preset, in which the trace itself has a say in ranking: "search alone" is without. One
row knows the two words before in the prompt; as a keyboard knows them before the finger moves, what
they change is prepared once, outside the fastest of three. Times are CPU time of one thread, the
fastest of three, all systems side by side on each swipe. A word that the lexicon lacks counts as
wrong for everyone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import _peers
import numpy as np
from _result import heading, publish

import edgectc
from edgectc.core import registry
from edgectc.core.console import progress, table
from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.evaluation import accuracy as evaluation
from edgectc.formats import bundle, layouts
from edgectc.language import packed
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import letters

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WEIGHTS = (0.4, 0.7, 1.4)
REPEATS = 3
SMALL = bundle.locate(None) / "artifacts" / "swipe-en-int8-static.onnx"
Answer = Callable[[Swipe], tuple[list[str], float, float]]  # words, whole ms, decode ms


def lexicon_of(model: edgectc.Recognizer, count: int) -> Lexicon:
    """Return the most frequent words of the shipped lexicon that 26 letters spell."""
    found: dict[str, float] = {}
    for word, value in zip(model.lexicon.words, model.lexicon.log_probs, strict=True):
        spelled = letters(word)
        if spelled and set(spelled) <= set(LETTERS):
            found[spelled] = found.get(spelled, 0.0) + float(np.exp(value))
    top = sorted(found, key=lambda word: -found[word])[:count]
    return Lexicon.from_counts({word: found[word] for word in top})


def ours(model: edgectc.Recognizer, *, context: bool = False) -> Answer:
    def answer(swipe: Swipe) -> tuple[list[str], float, float]:
        before = evaluation.with_context(swipe).context if context else ()
        began = time.thread_time()
        setting = model.setting("qwerty")
        inputs = model.frontend.prepare(swipe.points, setting)
        log_probs = model.run(inputs)
        middle = time.thread_time()
        found = model.decode(log_probs, inputs, setting=setting, nbest=5, context=before)
        words = [h.text for h in found]
        end = time.thread_time()
        return words, (end - began) * 1e3, (end - middle) * 1e3

    return answer


def search_alone(model: edgectc.Recognizer, nbest: int, *, context: bool = False) -> Answer:
    """The exact search without the say of the trace in ranking, which peers have not either."""
    layout = layouts.load("qwerty")
    spec = {**model.preset, "template_weight": 0.0, "rescore_size": 1}
    known = {"lexicon": model.lexicon, "language_model": model.language_model}
    decode = registry.create(
        "decoders",
        spec,
        tokens=model.tokens(layout),
        offered={**known, "dictionary": model.dictionary},
        backend="native",
    )

    def answer(swipe: Swipe) -> tuple[list[str], float, float]:
        before = evaluation.with_context(swipe).context if context else ()
        began = time.thread_time()
        log_probs = model.run(model.frontend.prepare(swipe.points, layout))
        middle = time.thread_time()
        words = [h.text for h in decode(log_probs, nbest=nbest, context=before)]
        end = time.thread_time()
        return words, (end - began) * 1e3, (end - middle) * 1e3

    return answer


def assembled(model: edgectc.Recognizer, decode: _peers.Decode) -> Answer:
    layout = layouts.load("qwerty")
    ids = model.tokens(layout).ids
    columns = [model.tokens(layout).blank_id, *(ids[letter] for letter in LETTERS)]

    def answer(swipe: Swipe) -> tuple[list[str], float, float]:
        began = time.thread_time()
        log_probs = model.run(model.frontend.prepare(swipe.points, layout))
        middle = time.thread_time()
        words = decode(np.ascontiguousarray(log_probs[:, columns], np.float32))[:5]
        end = time.thread_time()
        return words, (end - began) * 1e3, (end - middle) * 1e3

    return answer


def rank(swipe: Swipe, words: list[str]) -> int:
    said = [letters(word) for word in words]
    meant = letters(swipe.word or "")
    return said.index(meant) + 1 if meant in said else 99


def top1(answer: Answer, swipes: list[Swipe]) -> float:
    return float(np.mean([rank(s, answer(s)[0]) == 1 for s in progress(swipes, "tuning")]))


def systems(lexicon: Lexicon, path: Path, tune: list[Swipe], folder: str) -> dict[str, Answer]:
    """Return every system, the peers with their best weight."""
    model = edgectc.load(runner="onnx", lexicon=str(path))
    small = edgectc.load(SMALL, lexicon=str(path))
    mine, rng = edgectc.UserDictionary(), np.random.default_rng(1)
    for word in rng.choice(lexicon.words[2_000:], 1_000, replace=False).tolist():
        mine.add(word)
    taught = edgectc.load(runner="onnx", lexicon=str(path), dictionary=mine)
    makers: dict[str, Callable[[int, float], _peers.Decode]] = {
        "onnxruntime + flashlight-text": lambda beam, weight: _peers.flashlight(
            lexicon, folder, LETTERS, beam, weight
        ),
        "onnxruntime + pyctcdecode": lambda beam, weight: _peers.pyctcdecode(
            lexicon, folder, LETTERS, beam, weight
        ),
        "onnxruntime + pyctcdecode, little pruning": lambda beam, weight: _peers.pyctcdecode(
            lexicon, folder, LETTERS, beam, weight, prune=False
        ),
    }
    made = {
        "edgectc, 5 best": ours(model),
        "edgectc, 5 best, int8 artifact": ours(small),
        "edgectc, 5 best, after two words": ours(model, context=True),
        "edgectc, 5 best, after two words, 1,000 words of the user": ours(taught, context=True),
        "edgectc, 5 best, search alone": search_alone(model, 5),
        "edgectc, 5 best, search alone, after two words": search_alone(model, 5, context=True),
        "edgectc, 5 best, search alone, after two words, 1,000 words of the user": search_alone(
            taught, 5, context=True
        ),
        "edgectc, best, search alone": search_alone(model, 1),
    }
    for name, make in makers.items():
        scores = {w: top1(assembled(model, make(32, w)), tune) for w in WEIGHTS}
        best = max(WEIGHTS, key=lambda w: scores[w])
        print(f"{name}: weight {best}, {scores}", file=sys.stderr)
        for beam in (32,) if "little" in name else (32, 100):
            made[f"{name}, beam {beam} (weight {best})"] = assembled(model, make(beam, best))
    return made


def measure(made: dict[str, Answer], swipes: list[Swipe]) -> list[list[str]]:
    spent = {name: np.full((len(swipes), 2), np.inf) for name in made}
    ranks = {name: np.zeros(len(swipes), int) for name in made}
    rng = np.random.default_rng(2)
    for i, swipe in enumerate(progress(swipes, "swipe")):
        # Side by side, so that a busy moment meets all; each after each, as one that was long
        # leaves nothing in the caches for the next.
        for name in rng.permutation([*made]).tolist():
            answer = made[name]
            for _ in range(REPEATS):  # the others fill the caches: the first call is the slowest
                words, whole, decode = answer(swipe)
                spent[name][i] = np.minimum(spent[name][i], (whole, decode))
                ranks[name][i] = rank(swipe, words)
    base = np.median(next(iter(spent.values())), axis=0)
    rows = []
    for name, ms in spent.items():
        middle, tail = np.median(ms, axis=0), np.percentile(ms, 99, axis=0)
        rows.append(
            [
                name,
                f"{middle[1]:.2f}", f"{tail[1]:.2f}", f"{middle[1] / base[1]:.1f} x",
                f"{middle[0]:.2f}", f"{tail[0]:.2f}", f"{middle[0] / base[0]:.1f} x",
                f"{np.mean(ranks[name] == 1):.1%}", f"{np.mean(ranks[name] <= 5):.1%}",
            ]
        )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="swipes; those of the dev users are taken")
    parser.add_argument("--swipes", type=int, default=400)
    parser.add_argument("--tune", type=int, default=150)
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lexicon = lexicon_of(edgectc.load(runner="onnx"), options.words)
    swipes, _ = swipe_files.load(swipe_files.find(options.data), split="dev")
    swipes = [s for s in swipes if s.word and s.layout == "qwerty"]
    order = np.random.default_rng(0).permutation(len(swipes))
    tune = [swipes[i] for i in order[: options.tune]]
    test = [swipes[i] for i in order[options.tune : options.tune + options.swipes]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.trie"
        packed.write(packed.pack(lexicon, frozenset(LETTERS)), path)
        rows = measure(systems(lexicon, path, tune, folder), test)
    head = [
        "system", "decode p50", "p99", "ratio", "whole p50", "p99", "ratio", "top-1", "top-5",
    ]  # fmt: skip
    said = heading(
        ("numpy", "onnxruntime", "flashlight-text", "pyctcdecode", "kenlm"),
        repeats=f"{len(test)} real swipes of dev users, ms of thread CPU, fastest of {REPEATS}",
    )
    text = f"{said}\n{table(head, rows)}\n"
    publish(text, options.out)


if __name__ == "__main__":
    main()
