"""Hotwords: what they cost and what they find, beside ctc-beam-decoder on the same emissions.

    python bench/hotwords.py DATA [--test 60] [--train 12000] [--out FILE]

DATA is a gzip of plain English text, a paragraph a line; emissions are those of sentences.py. The
workload is the peer's own: letters alone, no language model, `decode_beams` with the frames of
words, beams 32 and 100, 10 nats a hotword; ours is edgectc.compat.pyctcdecode, with the same
thresholds. Half of the hotwords are rare words of the measured sentences, half are words that
nobody says. The second table is with words and a 3-gram of --train sentences, of four times as many
sentences: ours by the beam decoder, at weights as sentences.py finds them. One thread, calls
interleaved, medians of ratios within a round. It needs the peer: pip install ctc-beam-decoder.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from _result import heading, publish
from sentences import HOTWORD as WEIGHT
from sentences import (
    SEED,
    SYMBOLS,
    ctc_beam_decoder,
    emissions,
    rates,
    sentences,
    trigram_arpa,
    workload,
)
from sentences import ours as ours_with_words

from edgectc.compat import pyctcdecode
from edgectc.core.console import progress, table

COUNTS = (0, 1, 21, 200, 1_000, 10_000)
Decode = Callable[[np.ndarray], str]


def ours(terms: Sequence[str], beam: int) -> Decode:
    built = pyctcdecode.build_ctcdecoder(["", " ", *SYMBOLS[2:]])

    def decode(log_probs: np.ndarray) -> str:
        beams = built.decode_beams(
            log_probs, beam_width=beam, hotwords=terms or None, hotword_weight=WEIGHT
        )
        return beams[0].text

    return decode


def peer(terms: Sequence[str], beam: int) -> Decode:
    from ctc_beam_decoder import build_ctcdecoder

    built = build_ctcdecoder(["", " ", *SYMBOLS[2:]])

    def decode(log_probs: np.ndarray) -> str:
        beams = built.decode_beams(
            log_probs, beam_width=beam, hotwords=list(terms) or None, hotword_weight=WEIGHT
        )
        return str(beams[0][0])

    return decode


def chosen(test: Sequence[str], others: Sequence[str], count: int) -> list[str]:
    """Return half rare words of ``test`` and half words of ``others`` that it does not have."""
    counts = Counter(word for text in test for word in text.split())
    rare = [w for w, c in sorted(counts.items(), key=lambda row: row[1]) if len(w) > 5]
    unsaid = [w for w in dict.fromkeys(w for t in others for w in t.split())
              if w not in counts and len(w) > 5]  # fmt: skip
    here = rare[: (count + 1) // 2]
    return [*here, *unsaid[: count - len(here)]]


def found_of(meant: Sequence[str], texts: Sequence[str], terms: Sequence[str]) -> tuple[int, int]:
    """Return how many said terms were found, and how many were found that nobody said."""
    wanted, hits, false = set(terms), 0, 0
    for a, b in zip(meant, texts, strict=True):
        said = Counter(w for w in a.split() if w in wanted)
        got = Counter(w for w in b.split() if w in wanted)
        hits += (said & got).total()
        false += (got - said).total()
    return hits, false


def with_words(data: str, n_train: int, n_test: int, repeats: int) -> list[list[str]]:
    """Return the rows of the second table: a lexicon and a 3-gram."""
    train, lexicon, _, test = workload(data, n_train, 0, n_test)
    rng = np.random.default_rng(SEED + 1)
    signals, rows = [emissions(text, rng).astype(np.float32) for text in test], []
    with tempfile.TemporaryDirectory() as folder:
        arpa = Path(folder) / "words.arpa"
        trigram_arpa(train, frozenset(lexicon.words), arpa)
        mine, theirs = ours_with_words("native", lexicon, arpa), ctc_beam_decoder(lexicon, arpa)
        for count in (0, 1, 21, 200):
            terms = chosen(test, train, count)
            decoders = {
                "ours 24": mine(24, 0.4, 3.0, -6.0, terms),
                "ours 32": mine(32, 0.4, 3.0, -6.0, terms),
                "peer": theirs(32, 0.4, 1.0, -10.0, terms),
            }
            got = measured(decoders, signals, repeats, skip="")
            row = [str(count)]
            for texts, times in got.values():
                row += [f"{statistics.median(times):.2f}", f"{rates(test, texts)[0]:.4f}"]
            for name in ("ours 24", "ours 32"):
                pairs = zip(got["peer"][1], got[name][1], strict=True)
                row.append(f"{statistics.median(a / b for a, b in pairs):.2f}")
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", help="gzip of plain English text")
    parser.add_argument("--test", type=int, default=60)
    parser.add_argument("--train", type=int, default=12_000, help="sentences of the 3-gram")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    texts = sentences(options.data)
    rng = np.random.default_rng(SEED)
    texts = [texts[i] for i in rng.permutation(len(texts))]
    test, others = texts[: options.test], texts[options.test :]
    rng = np.random.default_rng(SEED + 1)
    signals = [emissions(text, rng).astype(np.float32) for text in test]
    rows = []
    for beam in (32, 100):
        for count in COUNTS:
            terms = chosen(test, others, count)
            pair = {"ours": ours(terms, beam), "peer": peer(terms, beam), "none": ours((), beam)}
            got = measured(pair, signals, options.repeats, skip="peer" if count > 1_000 else "")
            row = [beam, count]
            for name in ("ours", "peer"):
                found, times = got[name]
                if not times:
                    row += ["-", "-", "-"]
                    continue
                hits, false = found_of(test, found, terms)
                wer, _ = rates(test, found)
                row += [f"{statistics.median(times):.2f}", f"{wer:.4f}", f"{hits} / {false}"]
            ratios = {
                name: [a / b for a, b in zip(got["ours"][1], got[name][1], strict=True)]
                for name in ("peer", "none") if got[name][1]
            }  # fmt: skip
            for name in ("peer", "none"):
                row.append(f"{statistics.median(ratios[name]):.2f}" if name in ratios else "-")
            rows.append([str(cell) for cell in row])
    text = table(
        ["beam", "hotwords", "ours ms", "WER", "hits / false", "peer ms", "WER", "hits / false",
         "to peer", "to none"], rows,
    )  # fmt: skip
    more = table(
        ["hotwords", "ours 24 ms", "WER", "ours 32 ms", "WER", "peer 32 ms", "WER",
         "peer / ours 24", "peer / ours 32"],
        with_words(options.data, options.train, 4 * options.test, options.repeats),
    )  # fmt: skip
    text = f"letters alone\n\n{text}\n\nwords and a 3-gram, beams 24 and 32\n\n{more}"
    frames = [len(x) for x in signals]
    said = heading(
        ("numpy", "ctc-beam-decoder", "kenlm"),
        repeats=f"{len(test)} sentences, T {min(frames)}..{max(frames)}, V {len(SYMBOLS)}; medians "
        f"of thread CPU ms a sentence, fastest of {options.repeats}",
    )
    publish(f"{said}\n{text}\n", options.out)


def measured(
    decoders: dict[str, Decode], signals: list[np.ndarray], repeats: int, skip: str
) -> dict[str, tuple[list[str], list[float]]]:
    """Return of each decoder its texts, and its least thread CPU ms for each signal."""
    kept = {name: decode for name, decode in decoders.items() if name != skip}
    result: dict[str, tuple[list[str], list[float]]] = {name: ([], []) for name in decoders}
    for log_probs in progress(signals, "sentence"):
        times: dict[str, list[float]] = {name: [] for name in kept}
        for repeat in range(repeats):
            for name, decode in kept.items():
                began = time.thread_time()
                text = decode(log_probs)
                times[name].append((time.thread_time() - began) * 1e3)
                if repeat == 0:
                    result[name][0].append(text)
        for name, values in times.items():
            result[name][1].append(min(values))
    return result


if __name__ == "__main__":
    main()
