"""Sentences: our beam beside its peers on the same emissions, lexicon and language model.

    python bench/sentences.py DATA [--test 100] [--out bench/results/sentences.txt]

DATA is a gzip of plain English text, a paragraph a line. Emissions are generated with a seed, so
two runs see the same. Each decoder is tuned on sentences of its own (--dev), then measured on
others, one thread, repetitions interleaved. It needs the peers installed.
"""

from __future__ import annotations

import argparse
import itertools
import math
import re
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np
from _result import heading, publish

from edgectc.core import registry
from edgectc.core.console import progress, table
from edgectc.core.files import read_lines
from edgectc.core.metrics import edit_distance
from edgectc.core.tokens import Tokens
from edgectc.language.lexicon import Lexicon

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SYMBOLS = ("-", "|", *LETTERS, "'", "1", "2", "3")  # V = 32; the digits are never meant
TOKENS = Tokens(SYMBOLS, 0)
ALIKE = ("aeiou", "bp", "dt", "ckgq", "fv", "szx", "mn", "lr", "jy", "wh")  # may be confused
SEED = 7
LN10 = math.log(10)
HOTWORD = 10.0  # nats
Decode = Callable[[np.ndarray], str]


def sentences(path: str) -> list[str]:
    """Return the sentences of 60 to 115 characters, lower case, letters and apostrophes only."""
    texts = []
    for line in read_lines(path):
        for part in re.split(r"[.!?;:]+", line.lower().replace("’", "'")):
            words = re.findall(r"[a-z]+(?:'[a-z]+)*", part)
            texts.append(" ".join(words))
    return [text for text in dict.fromkeys(texts) if 60 <= len(text) <= 115]


def emissions(text: str, rng: np.random.Generator) -> np.ndarray:
    """Return (T, 32) log_probs of a peaky model that confuses 16 % of the letters."""
    ids = {symbol: token for token, symbol in enumerate(SYMBOLS)}
    rows: list[np.ndarray] = []

    def frame(**mass: float) -> None:
        row = rng.normal(-9.0, 0.8, len(SYMBOLS))
        for symbol, share in mass.items():
            row[ids[symbol]] = math.log(max(share, 1e-6)) + rng.normal(0.0, 0.3)
        rows.append(row)

    for letter in text.replace(" ", "|"):
        for _ in range(int(rng.integers(3, 11))):
            frame(**{"-": 0.995})
        shares = {letter: 1.0}
        group = next((g for g in ALIKE if letter in g), "")
        if group and rng.random() < 0.16:
            other = str(rng.choice([c for c in group if c != letter]))
            wrong = float(rng.beta(2.0, 2.4))
            shares = {letter: 1 - wrong, other: wrong}
        elif rng.random() < 0.01:  # half swallowed
            shares = {letter: 0.55}
        for height in rng.permutation([0.95, 0.8])[: int(rng.integers(1, 3))]:
            mass = {symbol: height * share for symbol, share in shares.items()}
            frame(**mass, **{"-": max(0.02, 1 - sum(mass.values()))})
    for _ in range(5):
        frame(**{"-": 0.995})
    values = np.array(rows)
    return values - np.logaddexp.reduce(values, axis=1, keepdims=True)


def trigram_arpa(texts: Iterable[str], vocabulary: frozenset[str], path: Path) -> int:
    """Write a word 3-gram model and return its number of n-grams.

    Interpolated absolute discounting (D = 0.75), trigrams seen at least twice, as back-off ARPA:
    p(w|h) = max(c(hw) - D, 0) / c(h) + backoff(h) * p(w|h').
    """
    counts: list[Counter[tuple[str, ...]]] = [Counter(), Counter(), Counter()]
    for text in texts:
        words = ["<s>", *(w if w in vocabulary else "<unk>" for w in text.split()), "</s>"]
        for n in (1, 2, 3):
            counts[n - 1].update(zip(*(words[i:] for i in range(n)), strict=False))
    del counts[0]["<s>",]
    kept = [{gram: c for gram, c in counts[n].items() if c >= (1, 1, 2)[n]} for n in range(3)]
    probability: list[dict[tuple[str, ...], float]] = [{}, {}, {}]
    backoff: dict[tuple[str, ...], float] = {}
    for n, grams in enumerate(kept):
        totals: Counter[tuple[str, ...]] = Counter()
        for gram, count in counts[n].items():
            totals[gram[:-1]] += count
        spent: dict[tuple[str, ...], float] = defaultdict(float)
        for gram, count in grams.items():
            spent[gram[:-1]] += (count - 0.75) / totals[gram[:-1]]
        left = {history: 1.0 - share for history, share in spent.items()}
        for gram, count in grams.items():
            lower = probability[n - 1][gram[1:]] if n else 1.0 / (len(grams) + 1)
            share = (count - 0.75) / totals[gram[:-1]]
            probability[n][gram] = share + left[gram[:-1]] * lower
        backoff.update({history: left[history] for history in left if history})
    probability[0].setdefault(("<unk>",), 1e-7)
    probability[0]["<s>",] = 1e-99
    with path.open("w", encoding="utf-8") as out:
        out.write("\\data\\\n")
        out.writelines(f"ngram {n + 1}={len(grams)}\n" for n, grams in enumerate(probability))
        for n, grams in enumerate(probability):
            out.write(f"\n\\{n + 1}-grams:\n")
            for gram, share in sorted(grams.items()):
                weight = f"\t{math.log10(backoff[gram]):.6f}" if gram in backoff else ""
                out.write(f"{math.log10(share):.6f}\t{' '.join(gram)}{weight}\n")
        out.write("\n\\end\\\n")
    return sum(map(len, probability))


class KenLM:
    """The kenlm module as a `LanguageModel`."""

    def __init__(self, path: Path) -> None:
        import kenlm

        self._new, self._model = kenlm.State, kenlm.Model(str(path))
        self.order = self._model.order

    def start(self, context: Sequence[str] = ()) -> Hashable:
        state = self._new()
        self._model.BeginSentenceWrite(state)
        for word in context:
            state = self.score(state, word)[1]
        return state

    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        after = self._new()
        return LN10 * self._model.BaseScore(state, word, after), after

    def finish(self, state: Hashable) -> float:
        return LN10 * self._model.BaseScore(state, "</s>", self._new())


def ours(backend: str, lexicon: Lexicon, arpa: Path) -> Callable[..., Decode]:
    model = KenLM(arpa)

    def made(
        beam: int, weight: float, word: float, unknown: float, hotwords: Sequence[str] = ()
    ) -> Decode:
        spec = {"type": "beam", "beam_size": beam, "lm_weight": weight, "word_score": word,
                "unknown_score": unknown, "separator": "|"}  # fmt: skip
        decode = registry.create(
            "decoders", spec, tokens=TOKENS, lexicon=lexicon, language_model=model, backend=backend,
            hotwords=dict.fromkeys(hotwords, HOTWORD),
        )  # fmt: skip
        return lambda log_probs: decode(log_probs, nbest=1).best.text

    return made


def pyctcdecode(lexicon: Lexicon, arpa: Path) -> Callable[..., Decode]:
    import logging

    logging.getLogger("pyctcdecode").setLevel(logging.ERROR)
    from pyctcdecode import build_ctcdecoder

    labels = ["", " ", *SYMBOLS[2:]]
    built = build_ctcdecoder(labels, str(arpa), unigrams=list(lexicon.words))

    def made(beam: int, weight: float, word: float, unknown: float) -> Decode:
        def decode(log_probs: np.ndarray) -> str:
            built.reset_params(alpha=weight, beta=word, unk_score_offset=unknown)
            text: str = built.decode(log_probs, beam_width=beam)
            return text

        return decode

    return made


def ctc_beam_decoder(lexicon: Lexicon, arpa: Path) -> Callable[..., Decode]:
    from ctc_beam_decoder import build_ctcdecoder

    labels = ["", " ", *SYMBOLS[2:]]

    def made(
        beam: int, weight: float, word: float, unknown: float, hotwords: Sequence[str] = ()
    ) -> Decode:
        built = build_ctcdecoder(
            labels,
            str(arpa),
            list(lexicon.words),
            alpha=weight,
            beta=word,
            unk_score_offset=unknown,
        )

        def decode(log_probs: np.ndarray) -> str:
            values = np.ascontiguousarray(log_probs, np.float32)
            given = {"hotwords": [*hotwords] or None, "hotword_weight": HOTWORD}
            text: str = built.decode(values, beam_width=beam, **given)
            return text

        return decode

    return made


def flashlight(lexicon: Lexicon, arpa: Path) -> Callable[..., Decode]:
    from flashlight.lib.text import decoder as fl
    from flashlight.lib.text.dictionary import Dictionary

    letters = Dictionary(list(SYMBOLS))
    spelled = {word: [[*word, "|"]] for word in lexicon.words}
    words = Dictionary([*lexicon.words, "<unk>"])
    model = fl.KenLM(str(arpa), words)
    trie = fl.Trie(len(SYMBOLS), letters.get_index("|"))
    start = model.start(False)
    for word, spellings in spelled.items():
        index = words.get_index(word)
        _, score = model.score(start, index)
        for spelling in spellings:
            trie.insert([letters.get_index(s) for s in spelling], index, score)
    trie.smear(fl.SmearingMode.MAX)
    closing = np.full((1, len(SYMBOLS)), -20.0, np.float32)
    closing[0, 1] = 0.0

    def made(beam: int, weight: float, word: float, unknown: float) -> Decode:
        options = fl.LexiconDecoderOptions(
            beam_size=beam, beam_size_token=10, beam_threshold=25.0,
            lm_weight=weight * LN10, word_score=word, unk_score=-math.inf, sil_score=0.0,
            log_add=True, criterion_type=fl.CriterionType.CTC,
        )  # fmt: skip
        search = fl.LexiconDecoder(
            options, trie, model, letters.get_index("|"), 0, words.get_index("<unk>"), [], False
        )

        def decode(log_probs: np.ndarray) -> str:
            # Without a closing separator it drops the last word.
            values = np.ascontiguousarray(np.concatenate([log_probs, closing]), np.float32)
            found = search.decode(values.ctypes.data, *values.shape)
            return " ".join(words.get_entry(i) for i in found[0].words if i >= 0) if found else ""

        return decode

    return made


def fast_ctc(lexicon: Lexicon, arpa: Path) -> Callable[..., Decode]:
    from fast_ctc_decode import beam_search

    def made(beam: int, weight: float, word: float, unknown: float) -> Decode:
        def decode(log_probs: np.ndarray) -> str:
            shares = np.exp(log_probs).astype(np.float32)
            text = beam_search(shares, "".join(SYMBOLS), beam, math.exp(-5))[0]
            return " ".join(text.replace("|", " ").split())

        return decode

    return made


def rates(meant: Sequence[str], found: Sequence[str]) -> tuple[float, float]:
    """Return word and character error rate."""
    pairs = list(zip(meant, found, strict=True))
    words = sum(edit_distance(a.split(), b.split()) for a, b in pairs)
    letters = sum(edit_distance(a, b) for a, b in pairs)
    return words / sum(len(a.split()) for a in meant), letters / sum(map(len, meant))


def tuned(
    make: Callable[..., Decode],
    texts: list[str],
    signals: list[np.ndarray],
    unknown: Sequence[float],
) -> tuple[float, ...]:
    """Return the weights of least word error on the dev part, at beam 32."""
    best: tuple[float, ...] = (math.inf,)
    for weights in itertools.product((0.3, 0.4, 0.6, 0.8), (0.0, 1.0, 2.0, 3.0, 4.0), unknown):
        decode = make(32, *weights)
        wer, _ = rates(texts, [decode(x) for x in signals])
        best = min(best, (wer, *weights))
    return best[1:]


def measured(
    decoders: dict[tuple[str, int], Decode], signals: list[np.ndarray], repeats: int
) -> tuple[dict[tuple[str, int], list[str]], dict[tuple[str, int], float]]:
    """Return the texts of each decoder, and its median thread CPU ms a sentence."""
    found: dict[tuple[str, int], list[str]] = {name: [] for name in decoders}
    spent: dict[tuple[str, int], list[float]] = {name: [] for name in decoders}
    for log_probs in progress(signals, "sentence"):
        times: dict[tuple[str, int], list[float]] = defaultdict(list)
        for repeat in range(repeats):  # interleaved, so that a busy moment meets all
            for name, decode in decoders.items():
                began = time.thread_time()
                text = decode(log_probs)
                times[name].append((time.thread_time() - began) * 1e3)
                if repeat == 0:
                    found[name].append(text)
        for name, values in times.items():
            spent[name].append(statistics.median(values))
    return found, {name: statistics.median(values) for name, values in spent.items()}


def results(
    meant: list[str],
    weights: dict[str, tuple[float, ...]],
    found: dict[tuple[str, int], list[str]],
    spent: dict[tuple[str, int], float],
) -> str:
    """Return the table, a row a decoder and beam."""
    rows = []
    for (name, beam), texts in found.items():
        wer, cer = rates(meant, texts)
        weight, word, unknown = weights[name]
        rows.append(
            [
                name, beam, f"{spent[name, beam]:.1f}", f"{wer:.4f}", f"{cer:.4f}",
                f"{weight} / {word} / {unknown}" if weight else "-",
                f"{spent['pyctcdecode', beam] / spent[name, beam]:.1f} x",
            ]
        )  # fmt: skip
    return table(
        ["decoder", "beam", "ms", "WER", "CER", "LM / word / unknown", "to pyctcdecode"], rows
    )


def workload(
    path: str, n_train: int, n_dev: int, n_test: int
) -> tuple[list[str], Lexicon, list[str], list[str]]:
    """Return training sentences, their words (seen twice), dev and test sentences."""
    rng = np.random.default_rng(SEED)
    texts = sentences(path)
    texts = [texts[i] for i in rng.permutation(len(texts))[: n_train + n_dev + n_test]]
    held, train = texts[: n_dev + n_test], texts[n_dev + n_test :]
    counts = Counter(word for text in train for word in text.split())
    lexicon = Lexicon.from_counts({w: float(c) for w, c in counts.items() if c >= 2})
    return train, lexicon, held[:n_dev], held[n_dev:]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", help="gzip of plain English text")
    parser.add_argument("--train", type=int, default=100_000)
    parser.add_argument("--dev", type=int, default=40)
    parser.add_argument("--test", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    train, lexicon, dev, test = workload(options.data, options.train, options.dev, options.test)
    rng = np.random.default_rng(SEED + 1)
    dev_signals, signals = ([emissions(t, rng) for t in part] for part in (dev, test))
    with tempfile.TemporaryDirectory() as folder:
        arpa = Path(folder) / "words.arpa"
        n_grams = trigram_arpa(train, frozenset(lexicon.words), arpa)
        made = {
            "edgectc beam, compiled": ours("native", lexicon, arpa),
            "edgectc beam, plain": ours("numpy", lexicon, arpa),
            "pyctcdecode": pyctcdecode(lexicon, arpa),
            "ctc-beam-decoder": ctc_beam_decoder(lexicon, arpa),
            "flashlight-text": flashlight(lexicon, arpa),
            "fast-ctc-decode (no words, no LM)": fast_ctc(lexicon, arpa),
        }
        weights: dict[str, tuple[float, ...]] = {}
        for name, make in made.items():
            if name == "edgectc beam, plain":  # the same answers
                weights[name] = weights["edgectc beam, compiled"]
            elif "no LM" in name:
                weights[name] = (0.0, 0.0, 0.0)
            else:
                soft = (-4.0, -6.0, -10.0) if name != "flashlight-text" else (-math.inf,)
                weights[name] = tuned(make, dev, dev_signals, soft)
        decoders = {
            (name, beam): make(beam, *weights[name]) for name, make in made.items()
            for beam in (32, 100)
        }  # fmt: skip
        found, spent = measured(decoders, signals, options.repeats)
    text = results(test, weights, found, spent) + "\n"
    frames = [len(x) for x in signals]
    known = set(lexicon.words)
    unknown = [word not in known for sentence in test for word in sentence.split()]
    packages = ("numpy", "kenlm", "pyctcdecode", "ctc-beam-decoder", "flashlight-text",
                "fast-ctc-decode")  # fmt: skip
    said = heading(
        packages,
        repeats=f"{len(test)} sentences, T {min(frames)}..{max(frames)}, V {len(SYMBOLS)}, lexicon "
        f"{len(known):,} words, 3-gram of {n_grams:,} n-grams from {len(train):,} sentences, "
        f"{100 * np.mean(unknown):.1f} % of the words in no lexicon; weights tuned on {len(dev)} "
        f"other sentences; median ms of thread CPU of a sentence, fastest of {options.repeats}",
    )
    publish(f"{said}\n{text}", options.out)


if __name__ == "__main__":
    main()
