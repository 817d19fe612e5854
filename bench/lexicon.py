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
import importlib.metadata
import math
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _workload import HOW, LETTERS, SYMBOLS, emissions

from edgectc import registry
from edgectc.data.lexicons import Lexicon
from edgectc.report import progress, table
from edgectc.tokens import Tokens

LM_WEIGHT = 0.3
TOKENS = Tokens(SYMBOLS, 0)
LN10 = math.log(10)
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
        packed = lexicon.packed(frozenset(LETTERS))
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


def ours(lexicon: Lexicon, backend: str, nbest: int) -> Decode:
    spec = {"type": "lexicon", "lm_weight": LM_WEIGHT}
    made = registry.create("decoders", spec, tokens=TOKENS, lexicon=lexicon, backend=backend)
    return lambda log_probs: str(made(log_probs, nbest=nbest).best.text)


def arpa(lexicon: Lexicon, folder: str) -> str:
    """Write the unigrams for KenLM, which wants at least one bigram too."""
    path = Path(folder) / "words.arpa"
    lines = ["\\data\\", f"ngram 1={len(lexicon.words) + 3}", "ngram 2=1", "", "\\1-grams:"]
    lines += ["-99\t<s>\t0", "0\t</s>", "-99\t<unk>"]
    pairs = zip(lexicon.words, lexicon.log_probs / LN10, strict=True)
    lines += [f"{value:.7f}\t{word}\t0" for word, value in pairs]
    lines += ["", "\\2-grams:", "-99\t<s> </s>", "", "\\end\\", ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def pyctcdecode(lexicon: Lexicon, folder: str, beam_size: int) -> Decode:
    import logging

    import pyctcdecode as peer

    logging.disable(logging.WARNING)
    decoder = peer.build_ctcdecoder(
        ["", *SYMBOLS[1:]],
        arpa(lexicon, folder),
        list(lexicon.words),
        alpha=LM_WEIGHT,
        beta=0.0,
        lm_score_boundary=False,
    )
    return lambda log_probs: str(decoder.decode(log_probs, beam_width=beam_size))


def flashlight(lexicon: Lexicon, folder: str, beam_size: int) -> Decode:
    from flashlight.lib.text import decoder as fl
    from flashlight.lib.text.dictionary import Dictionary

    separator = len(SYMBOLS)
    words = Dictionary([*lexicon.words, "<unk>"])
    model = fl.KenLM(arpa(lexicon, folder), words)
    trie = fl.Trie(separator + 1, separator)
    start = model.start(False)
    for word in lexicon.words:
        number = words.get_index(word)
        _, value = model.score(start, number)
        trie.insert([SYMBOLS.index(letter) for letter in word] + [separator], number, value)
    trie.smear(fl.SmearingMode.MAX)
    # Its language model counts in powers of ten.
    options = fl.LexiconDecoderOptions(
        beam_size=beam_size, beam_size_token=separator + 1, beam_threshold=1e9,
        lm_weight=LM_WEIGHT * LN10, word_score=0.0, unk_score=-math.inf, sil_score=0.0,
        log_add=True, criterion_type=fl.CriterionType.CTC,
    )  # fmt: skip
    made = fl.LexiconDecoder(
        options, trie, model, separator, 0, words.get_index("<unk>"), [], False
    )

    def decode(log_probs: np.ndarray) -> str:
        signal = np.full((len(log_probs) + 1, separator + 1), -1e4, np.float32)
        signal[:-1, :separator] = log_probs
        signal[-1, separator] = 0.0
        best = made.decode(signal.ctypes.data, *signal.shape)[0]
        found = [word for word in best.words if word >= 0]
        return words.get_entry(found[0]) if found else ""

    return decode


def kaldi(lexicon: Lexicon, folder: str, max_active: int) -> Decode:
    import kaldi_decoder as peer
    import kaldifst

    graph, packed = kaldifst.StdVectorFst(), lexicon.packed(frozenset(LETTERS))
    trie = packed.trie
    ahead = trie.best_below(LM_WEIGHT * packed.log_probs[packed.first_word[:-1]])
    for _ in range(2 * len(trie)):  # a letter's state, and one after a blank
        graph.add_state()
    graph.start = 1
    arc = kaldifst.StdArc
    for node in range(len(trie)):
        own = 1 + int(trie.letter[node]) if node else 0
        spoken, after = 2 * node, 2 * node + 1
        graph.add_arc(after, arc(1, 0, 0.0, after))
        if node:
            graph.add_arc(spoken, arc(1 + own, 0, 0.0, spoken))
            graph.add_arc(spoken, arc(1, 0, 0.0, after))
        first = int(trie.first_child[node])
        for child in range(first, first + int(trie.n_children[node])):
            letter = 1 + int(trie.letter[child])
            cost = float(ahead[node] - ahead[child])
            if node and letter != own:
                graph.add_arc(spoken, arc(1 + letter, 0, cost, 2 * child))
            graph.add_arc(after, arc(1 + letter, 0, cost, 2 * child))
        word = int(trie.word[node])
        if word >= 0:
            value = LM_WEIGHT * float(packed.log_probs[packed.first_word[word]])
            for state in (spoken, after):
                graph.add_arc(state, arc(0, 1 + word, float(ahead[node]) - value, 2 * len(trie)))
    end = graph.add_state()
    graph.set_final(end, 0.0)
    options = peer.FasterDecoderOptions(max_active=max_active, beam=1e3)
    made = peer.FasterDecoder(graph, options)

    def decode(log_probs: np.ndarray, graph: object = graph) -> str:  # it does not hold its graph
        made.decode(peer.DecodableCtc(np.ascontiguousarray(log_probs, np.float32)))
        reached, path = made.get_best_path()
        if not reached:
            return ""
        ok, _, found, _ = kaldifst.get_linear_symbol_sequence(path)
        return packed.text(int(packed.first_word[found[0] - 1])) if ok and found else ""

    return decode


def decoders(lexicon: Lexicon, folder: str, only: str) -> tuple[dict[str, Decode], list[str]]:
    """Return every decoder that is installed, and what is not."""
    wanted: dict[str, Callable[[], Decode]] = {
        "edgectc, compiled, best": lambda: ours(lexicon, "native", 1),
        "edgectc, compiled, 5 best": lambda: ours(lexicon, "native", 5),
        "edgectc, numpy, best": lambda: ours(lexicon, "numpy", 1),
        "edgectc, numpy, 5 best": lambda: ours(lexicon, "numpy", 5),
        "flashlight-text, beam 32": lambda: flashlight(lexicon, folder, 32),
        "flashlight-text, beam 100": lambda: flashlight(lexicon, folder, 100),
        "pyctcdecode, beam 32": lambda: pyctcdecode(lexicon, folder, 32),
        "pyctcdecode, beam 100": lambda: pyctcdecode(lexicon, folder, 100),
        "kaldi-decoder, 200 active": lambda: kaldi(lexicon, folder, 200),
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
    parser.add_argument("--out")
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
    versions = [
        f"{name} {importlib.metadata.version(name)}"
        for name in ("numpy", "flashlight-text", "pyctcdecode", "kaldi-decoder", "kenlm")
        if name.replace("-", "_") not in " ".join(missing)
    ]
    text = (
        f"python bench/lexicon.py --words {options.words} --frames {options.frames} "
        f"--utterances {options.utterances}\n{platform.processor() or platform.machine()}, "
        f"Python {platform.python_version()}, one thread, {', '.join(versions)}\n\n"
        + "\n".join(parts)
        + "".join(f"not installed: {name}\n" for name in missing)
    )
    print(text)
    if options.out:
        Path(options.out).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
