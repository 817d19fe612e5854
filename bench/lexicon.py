"""One word of a large lexicon: our exact decoder beside its peers, on the same emissions.

    pip install wordfreq kenlm flashlight-text kaldi-decoder kaldifst pygtrie
    pip install pyctcdecode --no-deps
    python bench/lexicon.py [--words 100000] [--frames 64] [--utterances 200] [--out FILE]

Emissions are generated with a seed. The truth is the dense forward recursion over *every* word of
the lexicon, so "search errors" are the decoder's own, not the signal's. Times are CPU time of one
thread, the fastest of three interleaved repetitions, median and 99th percentile over utterances.
Peers that are not installed are left out and named. A peer that can spell several words gets one
closing separator frame, so that it answers with one word, as it has no mode for that.
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
from _workload import HOW, LETTERS, SYMBOLS, emissions

from edgectc.core import registry
from edgectc.core.console import progress, table
from edgectc.core.tokens import Tokens
from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import pack

LM_WEIGHT = 0.3
TOKENS = Tokens(SYMBOLS, 0)
KEYS = "".join(SYMBOLS[1:])
Decode = Callable[[np.ndarray], str]


def lexicon_of(count: int) -> Lexicon:
    """Return the most frequent English words that 27 keys can write."""
    import wordfreq

    found = {}
    for word in wordfreq.top_n_list("en", 400_000):
        if len(word) <= 24 and set(word) <= set(LETTERS) and word not in found:
            found[word] = wordfreq.word_frequency(word, "en") or 1e-9
            if len(found) == count:
                break
    return Lexicon.from_counts(found)


class Dense:
    """P(w) of every word by one recursion over all prefixes: the truth, and slow."""

    def __init__(self, lexicon: Lexicon) -> None:
        packed = pack(lexicon, frozenset(LETTERS))
        trie = packed.trie
        self.letter = trie.letter.astype(np.int64)
        self.letter[0] = 0
        self.parent = np.zeros(len(trie), np.int64)
        children, at = trie.children(np.arange(len(trie)))
        self.parent[children] = at
        self.doubled = self.letter == self.letter[self.parent]
        self.doubled[self.parent == 0] = False
        self.ends = np.flatnonzero(trie.word >= 0)
        entries = trie.word[self.ends]
        self.words = [packed.text(int(packed.first_word[e])) for e in entries]
        self.weights = LM_WEIGHT * packed.log_probs[packed.first_word[entries]]

    def __call__(self, log_probs: np.ndarray) -> str:
        probs = np.exp(log_probs)
        in_letter, in_blank = np.zeros(len(self.letter)), np.zeros(len(self.letter))
        in_blank[0] = 1.0
        for row in probs:
            every = in_letter + in_blank
            arrived = np.where(self.doubled, in_blank[self.parent], every[self.parent])
            new = (in_letter + arrived) * row[1 + self.letter]
            new[0] = 0.0
            in_letter, in_blank = new, every * row[0]
        with np.errstate(divide="ignore"):
            scores = np.log((in_letter + in_blank)[self.ends]) + self.weights
        return self.words[int(np.argmax(scores))]


def ours(lexicon: Lexicon, backend: str, nbest: int, width: float | None = 1.0) -> Decode:
    spec = {"type": "lexicon", "lm_weight": LM_WEIGHT, "posterior_width": width}
    made = registry.create("decoders", spec, tokens=TOKENS, lexicon=lexicon, backend=backend)
    return lambda log_probs: str(made(log_probs, nbest=nbest).best.text)


def best(decode: _peers.Decode) -> Decode:
    return lambda log_probs: next(iter(decode(log_probs)), "")


def decoders(lexicon: Lexicon, folder: str, only: str) -> tuple[dict[str, Decode], list[str]]:
    """Return every decoder that is installed, and what is not."""
    wanted: dict[str, Callable[[], Decode]] = {
        "edgectc, compiled, best": lambda: ours(lexicon, "native", 1),
        "edgectc, compiled, 5 best": lambda: ours(lexicon, "native", 5),
        "edgectc, compiled, 5 best, no posterior": lambda: ours(lexicon, "native", 5, None),
        "edgectc, numpy, best": lambda: ours(lexicon, "numpy", 1),
        "edgectc, numpy, 5 best": lambda: ours(lexicon, "numpy", 5),
        "flashlight-text, beam 32": lambda: best(
            _peers.flashlight(lexicon, folder, KEYS, 32, LM_WEIGHT)
        ),
        "flashlight-text, beam 100": lambda: best(
            _peers.flashlight(lexicon, folder, KEYS, 100, LM_WEIGHT)
        ),
        "pyctcdecode, beam 32": lambda: best(
            _peers.pyctcdecode(lexicon, folder, KEYS, 32, LM_WEIGHT)
        ),
        "pyctcdecode, beam 100": lambda: best(
            _peers.pyctcdecode(lexicon, folder, KEYS, 100, LM_WEIGHT)
        ),
        "kaldi-decoder, 200 active": lambda: best(_peers.kaldi(lexicon, LETTERS, 200, LM_WEIGHT)),
    }
    wanted = {name: make for name, make in wanted.items() if name.startswith(only)}
    made, missing = {}, []
    for name, make in progress(wanted.items(), "decoder", total=len(wanted)):
        try:
            made[name] = make()
        except ImportError as error:
            missing.append(f"{name}: {error}")
    return made, missing


def measure(
    made: dict[str, Decode], signals: list[np.ndarray], truth: list[str]
) -> list[list[str]]:
    spent = {name: np.full(len(signals), np.inf) for name in made}
    wrong = dict.fromkeys(made, 0)
    for i, log_probs in enumerate(progress(signals, "utterance")):
        for name, decode in made.items():  # side by side, so that a busy moment meets all of them
            for repeat in range(3):
                began = time.thread_time()
                text = decode(log_probs)
                spent[name][i] = min(spent[name][i], (time.thread_time() - began) * 1e3)
                wrong[name] += repeat == 0 and text != truth[i]
    base = np.median(spent["edgectc, compiled, best"])
    return [
        [
            name,
            f"{np.median(ms):.3f}",
            f"{np.percentile(ms, 99):.2f}",
            f"{np.median(ms) / base:.1f} x",
            f"{wrong[name] / len(signals):.1%}",
        ]
        for name, ms in spent.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--utterances", type=int, default=200)
    parser.add_argument("--only", default="", help="decoders whose name begins so, e.g. edgectc")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lexicon = lexicon_of(options.words)
    share = np.exp(lexicon.log_probs)
    dense = Dense(lexicon)
    head = ["decoder", "median ms", "p99 ms", "to the first", "search errors"]
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        made, missing = decoders(lexicon, folder, options.only)
        for how in HOW:
            rng = np.random.default_rng(0)
            drawn = rng.choice(len(share), options.utterances, p=share / share.sum())
            words = [lexicon.words[i] for i in drawn]
            signals = [emissions(word, options.frames, how, rng) for word in words]
            truth = [dense(signal) for signal in progress(signals, "truth")]
            right = np.mean([a == b for a, b in zip(truth, words, strict=True)])
            rows = measure(made, signals, truth)
            parts.append(f"{how}; exact top-1 {right:.1%}\n\n{table(head, rows)}\n")
    said = heading(
        ("numpy", "flashlight-text", "pyctcdecode", "kaldi-decoder", "kenlm"),
        repeats=f"{options.utterances} utterances of each kind, ms of thread CPU, fastest of 3",
    )
    lacking = "".join(f"\nnot installed: {name}\n" for name in missing)
    publish(f"{said}\n" + "\n".join(parts) + lacking, options.out)


if __name__ == "__main__":
    sys.exit(main())
