"""Binary models of CMU Sphinx against the n-grams they were written from, and against Sphinx."""

from __future__ import annotations

import gzip
import itertools
import math
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from edgectc.core.errors import ConfigError
from edgectc.language import builder as language
from edgectc.language import loading
from edgectc.language.lms import arpa
from edgectc.language.ngram import sphinx as _sphinx

Gram = tuple[str, ...]
Model = dict[Gram, tuple[float, float]]  # natural log-prob and back-off

WORDS = ["zoo", "<s>", "the", "cat's", "é", "sat", "</s>"]


def made(order: int, seed: int = 0) -> Model:
    """Random n-grams that lack many contexts and endings of longer ones."""
    rng = random.Random(seed)
    found: Model = {(w,): (-rng.uniform(1, 4), -rng.uniform(0, 2)) for w in WORDS}
    inner = [word for word in WORDS if word not in ("<s>", "</s>")]
    for n in range(2, order + 1):
        for _ in range(25):
            first = rng.choice(["<s>", *inner])
            gram = (first, *rng.choices(inner, k=n - 2), rng.choice([*inner, "</s>"]))
            found[gram] = (-rng.uniform(0.1, 4), -rng.uniform(0, 2) if n < order else 0.0)
    return found


def score(model: Model, gram: Gram) -> float:
    """Back-off by dictionary: log P(last | those before)."""
    if gram in model:
        return model[gram][0]
    return model.get(gram[:-1], (0.0, 0.0))[1] + score(model, gram[1:])


def binary(model: Model, words: list[str], order: int, *, promised: int = 0) -> bytes:
    """The file, bit by bit: below a word those before it, with all that n-grams end in."""
    full = dict(model)
    for gram in sorted(model, key=len, reverse=True):
        for k in range(1, len(gram) - 1):
            full.setdefault(gram[k:], (score(model, gram[k:]), 0.0))
    number = {word: i for i, word in enumerate(words)}
    levels = [
        sorted((g for g in full if len(g) == n), key=lambda g: [number[w] for w in reversed(g)])
        for n in range(1, order + 1)
    ]
    counts = [len(level) + promised * (n > 0) for n, level in enumerate(levels)]
    tables, codes = b"", []
    for n in range(2, order + 1):
        for column in (0, 1) if n < order else (0,):
            values = sorted({full[g][column] for g in levels[n - 1]})
            codes.append({value: i for i, value in enumerate(values)})
            scaled = [value / math.log(1.0001) for value in values]
            tables += struct.pack("<65536f", *scaled, *[0.0] * (65536 - len(scaled)))

    def firsts(n: int) -> list[int]:
        below = [g[1:] for g in levels[n]] if n < order else []
        return [*itertools.accumulate((below.count(g) for g in levels[n - 1]), initial=0)]

    data = b"Trie Language Model" + struct.pack(f"<B{order}I", order, *counts)
    data += (struct.pack("<i", 1) + tables) if order > 1 else b""
    unigrams = [[x / math.log(1.0001) for x in full[g]] for g in levels[0]] + [[0.0, 0.0]]
    starts = firsts(1) if order > 1 else [0] * (len(words) + 1)
    for (p, b), first in zip(unigrams, starts, strict=True):
        data += struct.pack("<ffI", p, b, first)
    for n in range(2, order + 1):
        bits = place = 0
        starts = firsts(n)
        for i in range(counts[n - 1] + 1):
            gram = levels[n - 1][i] if i < len(levels[n - 1]) else None
            fields = [(number[gram[0]] if gram else 0, counts[0].bit_length())]
            if n < order:
                back = codes[2 * n - 3][full[gram][1]] if gram else 0
                fields.append((back, 16))
            fields.append((codes[2 * n - 4][full[gram][0]] if gram else 0, 16))
            if n < order:
                fields.append((starts[i] if i < len(starts) else 0, counts[n].bit_length()))
            for value, width in fields:
                bits |= value << place
                place += width
        data += bits.to_bytes((place + 7) // 8 + 8, "little")
    text = b"".join(word.encode() + b"\0" for word in words)
    return data + struct.pack("<i", len(text)) + text


def histories(order: int) -> list[Gram]:
    inner = [word for word in WORDS if word not in ("<s>", "</s>")]
    every = [p for n in range(order) for p in itertools.product(inner, repeat=n)]
    return random.Random(1).sample(every, min(len(every), 60))


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("promised", [0, 9])
def test_every_score_is_that_of_the_ngrams(order: int, promised: int, tmp_path: Path) -> None:
    model = made(order)
    data = binary(model, WORDS, order, promised=promised)
    (tmp_path / "x.bin").write_bytes(gzip.compress(data, 1) if promised else data)
    read = loading.load(tmp_path / "x.bin", required=True)
    assert read is not None
    assert read.order == order  # type: ignore[attr-defined]
    for history in histories(order):
        state = read.start(history)
        for word in (w for w in WORDS if w[0] != "<"):
            gram = ("<s>", *history, word)[-order:]
            assert read.score(state, word)[0] == pytest.approx(score(model, gram), abs=1e-5), gram
        gram = ("<s>", *history, "</s>")[-order:]
        assert read.finish(state) == pytest.approx(score(model, gram), abs=1e-5)
    assert not read.known("dog")


def test_it_reads_as_the_arpa_file_that_it_is_made_from(tmp_path: Path) -> None:
    rng = random.Random(5)
    text = [" ".join(rng.choices("abcdefgh", k=rng.randint(1, 7))) for _ in range(300)]
    language.write(tmp_path / "x.arpa", language.build([text], order=3).ngrams)
    model: Model = {}
    for line in (tmp_path / "x.arpa").read_text().splitlines():
        if "\t" in line:
            p, gram, *back = line.split("\t")
            b = float(back[0]) if back else 0.0
            model[tuple(gram.split())] = (float(p) * math.log(10), b * math.log(10))
    words = [gram[0] for gram in model if len(gram) == 1]
    renamed = ["<UNK>" if word == "<unk>" else word for word in words]
    data = binary(model, words, 3)
    assert data.endswith(b"".join(word.encode() + b"\0" for word in words))
    data = data[: -len("\0".join(words)) - 1] + ("\0".join(renamed) + "\0").encode()
    (tmp_path / "x.bin").write_bytes(data)
    one, two = arpa.read(tmp_path / "x.arpa"), arpa.read(tmp_path / "x.bin")
    assert one.words == two.words
    for left, right in zip(one.levels, two.levels, strict=True):
        assert np.array_equal(left.words, right.words)
        assert np.allclose(left.log_probs[:], right.log_probs[:], atol=1e-5)
        if left.backoffs is not None and right.backoffs is not None:
            assert np.array_equal(left.starts, right.starts)  # type: ignore[arg-type]
            assert np.allclose(left.backoffs[:], right.backoffs[:], atol=1e-5)


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    data, path = binary(made(3), WORDS, 3), tmp_path / "x.bin"
    end = len(data)
    cuts = [*range(19, 40), *range(40, end, 50_001), *range(end - 100, end)]
    for cut in cuts:
        path.write_bytes(data[:cut])
        with pytest.raises(ConfigError, match=r"x\.bin: .*(cut short|damaged)"):
            loading.load(path, required=True)
    path.write_bytes(data + b"\0")
    with pytest.raises(ConfigError, match="damaged or cut short"):
        arpa.read(path)


def test_counts_that_lie_are_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    data, path = binary(made(3), WORDS, 3), tmp_path / "x.bin"
    for n in range(3):
        for lie in (0, 1, 6, 2**24, 2**25, 2**31, 2**32 - 1):
            path.write_bytes(data[: 20 + 4 * n] + struct.pack("<I", lie) + data[24 + 4 * n :])
            with pytest.raises(ConfigError, match=r"x\.bin: "):
                arpa.read(path)
    for order in (0, 2, 4, 6, 255):
        path.write_bytes(data[:19] + bytes([order]) + data[20:])
        with pytest.raises(ConfigError, match=r"x\.bin: "):
            arpa.read(path)


def test_flipped_bits_are_refused_or_read_but_never_crash(tmp_path: Path) -> None:
    data, path = binary(made(3), WORDS, 3), tmp_path / "x.bin"
    rng = random.Random(2)
    tables = 3 * 4 * 65536
    refused: list[str] = []
    for _ in range(150):
        changed = bytearray(data)
        place = rng.randrange(19, len(data) - tables)
        place += tables * (place >= 36)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        try:
            ngrams = arpa.read(path)
        except ConfigError as error:
            refused.append(str(error))
        else:
            model = arpa.NGramModel(ngrams)
            assert math.isfinite(model.score(model.start(["the", "é"]), "sat")[0])
    assert len(refused) > 20
    assert all(message.startswith(f"{path}: ") for message in refused)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*WORDS[:5], "the", "</s>"], "twice"),
        ([*WORDS[:5], "", "</s>"], "an empty word"),
        ([*WORDS[:6], "end"], "lacks </s>"),
    ],
)
def test_a_vocabulary_that_is_wrong(words: list[str], message: str, tmp_path: Path) -> None:
    data = binary({(word,): (-1.0, 0.0) for word in WORDS}, WORDS, 1)
    head = data[: -len("".join(WORDS).encode()) - len(WORDS) - 4]
    text = b"".join(word.encode() + b"\0" for word in words)
    (tmp_path / "x.bin").write_bytes(head + struct.pack("<i", len(text)) + text)
    with pytest.raises(ConfigError, match=message):
        arpa.read(tmp_path / "x.bin")
    (tmp_path / "x.bin").write_bytes(head + struct.pack("<i", 2) + b"\xff\0")
    with pytest.raises(ConfigError, match="not UTF-8"):
        arpa.read(tmp_path / "x.bin")


def test_numbers_that_are_no_log_probs(tmp_path: Path) -> None:
    for wrong in (math.nan, math.inf, 1.0):
        model = made(2) | {("the", "sat"): (wrong, 0.0)}
        (tmp_path / "x.bin").write_bytes(binary(model, WORDS, 2))
        with pytest.raises(ConfigError, match="log-probs of the 2-grams"):
            arpa.read(tmp_path / "x.bin")


def test_against_pocketsphinx_itself() -> None:
    sphinx = pytest.importorskip(
        "pocketsphinx", reason="needs the module pocketsphinx (pip install pocketsphinx)"
    )
    path = Path(sphinx.__file__).parent / "model/en-us/en-us.lm.bin"
    theirs = sphinx.NGramModel(sphinx.Config(lm=None), sphinx.LogMath(1.0001, 0, False), str(path))
    ours = arpa.NGramModel(arpa.read(path))
    words = ours.ngrams.words[3:]
    likely = np.argsort(-ours.ngrams.levels[0].log_probs[3:])[:300].tolist()
    rng = random.Random(3)
    for _ in range(5000):
        gram = [words[rng.choice(likely)] if rng.random() < 0.7 else rng.choice(words)
                for _ in range(3)]  # fmt: skip
        state = ours.start(["no such word", *gram[:2]])
        if rng.random() < 0.2:
            gram[0], state = "<s>", ours.start(gram[1:2])
        value = theirs.prob(gram[::-1]) * _sphinx.LOG_BASE  # whole steps of 1e-4
        assert ours.score(state, gram[2])[0] == pytest.approx(value, abs=2e-4), gram
        value = theirs.prob(["</s>", gram[1], gram[0]]) * _sphinx.LOG_BASE
        assert ours.finish(state) == pytest.approx(value, abs=2e-4), gram
