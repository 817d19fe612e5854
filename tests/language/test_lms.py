"""Language models: estimation against plain dictionaries and lmplz, search, files, verbs."""

from __future__ import annotations

import gzip
import math
import random
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from texts import corpus

from edgectc.core import registry
from edgectc.core.errors import BudgetError, ConfigError, MissingDependencyError, install_line
from edgectc.language import builder as language
from edgectc.language import lexicon_file, loading
from edgectc.language import perplexity as perplexity_module
from edgectc.language.lexicon import Lexicon
from edgectc.language.lms import arpa
from edgectc.language.ngram import (
    arpa_file,
    codebooks,
    counting,
    kneser_ney,
    lm_file,
    mixture,
    tables,
)
from edgectc.language.ngram.corpus import Corpus
from edgectc.language.ngram.tables import normalize_word
from edgectc.language.ngram.text import sentences

Gram = tuple[str, ...]


class Dictionaries:
    """Interpolated modified Kneser-Ney with nothing but dictionaries, straight from the paper."""

    def __init__(self, text: list[str], order: int, prune: list[int]) -> None:
        self.counts: list[Counter[Gram]] = [Counter() for _ in range(order)]
        for line in text:
            words = ["<s>", *line.split(), "</s>"]
            for n in range(1, order + 1):
                self.counts[n - 1].update(
                    tuple(words[i : i + n]) for i in range(len(words) - n + 1)
                )
        self.prune = prune
        self.adjusted: list[dict[Gram, int]] = []
        for n in range(1, order + 1):
            if n == order:
                self.adjusted.append(dict(self.counts[-1]))
                continue
            before: dict[Gram, set[str]] = defaultdict(set)
            for gram in self.counts[n]:
                before[gram[1:]].add(gram[0])
            self.adjusted.append(
                {
                    gram: count if gram[0] == "<s>" else len(before[gram])
                    for gram, count in self.counts[n - 1].items()
                }
            )
        del self.adjusted[0][("<s>",)]
        self.vocabulary = {gram[0] for gram in self.adjusted[0]} | {"<unk>"}
        self.discounts = [self._discounts(list(counts.values())) for counts in self.adjusted]
        self.children: list[dict[Gram, list[Gram]]] = []
        for counts in self.adjusted:
            below: dict[Gram, list[Gram]] = defaultdict(list)
            for gram in counts:
                below[gram[:-1]].append(gram)
            self.children.append(below)

    @staticmethod
    def _discounts(counts: list[int]) -> list[float]:
        n = Counter(counts)
        y = n[1] / (n[1] + 2 * n[2])
        return [0.0, *(i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3))]

    def kept(self, gram: Gram) -> bool:
        return self.counts[len(gram) - 1][gram] > self.prune[len(gram) - 1]

    def freed(self, context: Gram) -> float:
        """Share of the mass after ``context`` that goes to shorter contexts."""
        n = len(context)
        grams, counts = self.children[n][context], self.adjusted[n]
        total = sum(counts[gram] for gram in grams)
        left = sum(
            self.discounts[n][min(counts[gram], 3)] if self.kept(gram) else counts[gram]
            for gram in grams
        )
        return left / total

    def probability(self, gram: Gram) -> float:
        n, context = len(gram), gram[:-1]
        if context not in self.children[n - 1]:
            return self.probability(gram[1:])
        total = sum(self.adjusted[n - 1][other] for other in self.children[n - 1][context])
        count = self.adjusted[n - 1].get(gram, 0)
        own = 0.0
        if count and (n == 1 or self.kept(gram)):
            own = (count - self.discounts[n - 1][min(count, 3)]) / total
        if n == 1:
            return own + self.freed(()) / len(self.vocabulary)
        return own + self.freed(context) * self.probability(gram[1:])


CASES = {
    "bigrams": (2, [0, 0]),
    "trigrams": (3, [0, 0, 0]),
    "pruned trigrams": (3, [0, 0, 1]),
    "pruned 4-grams": (4, [0, 1, 2, 2]),
    "5-grams": (5, [0, 0, 0, 0, 0]),
}


@pytest.mark.parametrize(("order", "prune"), CASES.values(), ids=list(CASES))
def test_estimates_equal_plain_dictionaries(order: int, prune: list[int], tmp_path: Path) -> None:
    oracle = Dictionaries(corpus(), order, prune)
    built = language.build([corpus()], order=order, prune=prune)
    assert np.allclose(built.discounts, [[d[1:] for d in oracle.discounts]])
    assert built.ngrams.counts == tuple(
        sum(n == 1 or oracle.kept(gram) for gram in counts) + (2 if n == 1 else 0)
        for n, counts in enumerate(oracle.adjusted, start=1)
    )
    language.write(tmp_path / "x.lm", built.ngrams)
    model = loading.load(tmp_path / "x.lm", required=True)
    assert model is not None
    for line in random.Random(1).sample(corpus(), 60):
        words = ("<s>", *line.split())
        state = model.start()
        for i in range(1, len(words)):
            value, state = model.score(state, words[i])
            gram = words[max(0, i - order + 1) : i + 1]
            assert value == pytest.approx(math.log(oracle.probability(gram)), abs=2e-6)
        gram = (*words, "</s>")[-order:]
        assert model.finish(state) == pytest.approx(math.log(oracle.probability(gram)), abs=2e-6)


# What KenLM's lmplz writes for the same text (commit of the 0.3.0 release), base 10.
LMPLZ = {
    ("trigrams", "<unk>"): (-3.0191135, 0.0),
    ("trigrams", "</s>"): (-0.9834035, 0.0),
    ("trigrams", "w0"): (-1.1113185, -0.5779867),
    ("trigrams", "w7"): (-1.8816564, -0.31136456),
    ("trigrams", "w0 w1"): (-1.3506465, -0.16852207),
    ("trigrams", "<s> w0"): (-0.7008467, -0.7120894),
    ("trigrams", "<s> w0 w1"): (-1.5403249, 0.0),
    ("trigrams", "w0 w1 w0"): (-0.43054634, 0.0),
    ("pruned trigrams", "w0 w1"): (-1.3506465, -0.1394648),
    ("pruned trigrams", "w0 w0 </s>"): (-0.54455507, 0.0),
    ("pruned 4-grams", "w0"): (-1.1113185, -0.5013392),
    ("pruned 4-grams", "<s> w0"): (-0.6931693, -0.89610595),
    ("pruned 4-grams", "w0 w1 w0"): (-0.31603393, 0.0),
}


@pytest.mark.parametrize("case", ["trigrams", "pruned trigrams", "pruned 4-grams"])
def test_estimates_equal_lmplz(case: str, tmp_path: Path) -> None:
    order, prune = CASES[case]
    path = tmp_path / "x.arpa"
    language.write(path, language.build([corpus()], order=order, prune=prune).ngrams)
    rows = [line.split("\t") for line in path.read_text().splitlines() if "\t" in line]
    found = {row[1]: (float(row[0]), float(row[2]) if len(row) > 2 else 0.0) for row in rows}
    wanted = {gram: pair for (name, gram), pair in LMPLZ.items() if name == case}
    assert wanted
    for gram, pair in wanted.items():
        assert found[gram] == pytest.approx(pair, abs=2e-6), gram


def test_too_little_text_takes_the_known_fallback() -> None:
    built = language.build([["one two three", "one two"]], order=2)
    assert built.discounts == ((kneser_ney.FALLBACK,) * 2,)
    assert built.fallbacks == (1, 2)
    assert total(built.ngrams, ["one"]) == pytest.approx(1.0, abs=1e-6)


def total(ngrams: tables.NGrams, context: list[str]) -> float:
    """Sum of the probabilities of everything that can come next."""
    model = arpa.NGramModel(ngrams)
    state = model.start(context)
    words = [*ngrams.words[3:], "never seen"]
    scores = [model.score(state, word)[0] for word in words]
    return float(np.exp([*scores, model.finish(state)]).sum())


@pytest.mark.parametrize("vocabulary", [None, [f"w{i}" for i in range(0, 400, 2)]])
@pytest.mark.parametrize("max_bytes", [None, 25_000])
def test_every_distribution_sums_to_one(
    vocabulary: list[str] | None, max_bytes: int | None
) -> None:
    built = language.build([corpus()], order=4, vocabulary=vocabulary, max_bytes=max_bytes)
    assert (built.threshold > 0) == (max_bytes is not None and vocabulary is None)
    assert (built.unknown > 0) == (vocabulary is not None)
    for line in random.Random(2).sample(corpus(), 40):
        words = line.split()
        assert total(built.ngrams, words) == pytest.approx(1.0, abs=1e-5)
        assert total(built.ngrams, [*words[:2], "never seen"]) == pytest.approx(1.0, abs=1e-5)


def test_a_mixture_of_texts_is_the_mean_of_their_models() -> None:
    one, two = corpus()[:300], [line.replace("w0", "w1") for line in corpus()[300:]]
    words = sorted({word for line in one + two for word in line.split()})
    mixed = language.build([one, two], order=3, weights=[3, 1])
    parts = [_lone([one, two], which) for which in (0, 1)]
    model, left, right = (arpa.NGramModel(ngrams) for ngrams in (mixed.ngrams, *parts))
    for line in random.Random(4).sample(one + two, 40):
        context = line.split()[:2]
        explicit, values, _ = model.following(model.start(context))
        for word, value in zip(explicit, values.tolist(), strict=True):
            p, q = (m.score(m.start(context), word)[0] for m in (left, right))
            if " ".join([*context, word]) in _held(one + two):
                wanted = math.log(0.75 * math.exp(p) + 0.25 * math.exp(q))
                assert value == pytest.approx(wanted, abs=1e-5), (context, word)
        assert total(mixed.ngrams, context) == pytest.approx(1.0, abs=1e-5)
    assert set(words) < set(mixed.ngrams.words)
    for weights in ([1.0], [1.0, 0.0], [1.0, math.nan]):
        with pytest.raises(ConfigError, match="expected 2 numbers above 0"):
            language.build([one, two], weights=weights)
    with pytest.raises(ConfigError, match="a text holds no word"):
        language.build([one, []], weights=[1, 1])


def _held(text: list[str]) -> set[str]:
    """Every run of three words of a text."""
    rows = [line.split() for line in text]
    return {" ".join(row[i : i + 3]) for row in rows for i in range(len(row) - 2)}


def _lone(texts: list[list[str]], which: int) -> tables.NGrams:
    """The model of one of the texts over the words of all."""
    gathered = Corpus()
    for text in texts:
        gathered.extend(text)
    words, numbers = gathered.limited(None, None, [0.75, 0.25])
    own = gathered.sources == which
    levels = counting.count(numbers[own], np.zeros(int(own.sum()), int), len(words), 3)
    mixture.mix(levels)
    return mixture.packed(levels, words)


def perplexity(ngrams: tables.NGrams, text: list[str]) -> float:
    return perplexity_module.score(arpa.NGramModel(ngrams), text).perplexity


def test_pruning_to_a_size_keeps_what_matters() -> None:
    text, held_out = corpus()[:450], corpus()[450:]
    full = language.build([text], order=3)
    size = lm_file.file_bytes(full.ngrams.words, full.ngrams.counts, quantized=False)
    by_entropy = language.build([text], order=3, max_bytes=size * 2 // 3)
    by_count = language.build([text], order=3, prune=[0, 1, 1])
    assert by_entropy.ngrams.counts[0] == full.ngrams.counts[0]
    smaller = lm_file.file_bytes(by_count.ngrams.words, by_count.ngrams.counts, quantized=False)
    same_size = language.build([text], order=3, max_bytes=smaller)
    assert perplexity(same_size.ngrams, text) < perplexity(by_count.ngrams, text)
    assert perplexity(by_entropy.ngrams, held_out) < 1.1 * perplexity(full.ngrams, held_out)
    with pytest.raises(BudgetError, match=r"words alone take \d+ bytes"):
        language.build([text], order=3, max_bytes=1000)


def test_the_vocabulary_is_limited_and_the_rest_unknown() -> None:
    built = language.build([["the cat sat", "The dog’s cat sat!"]], order=2, top=3)
    assert built.ngrams.words == ("<unk>", "<s>", "</s>", "cat", "sat", "the")
    assert (built.words, built.unknown) == (7, 1)
    model = arpa.NGramModel(built.ngrams)
    assert not model.known("dog's")
    assert model.known("Cat")
    for wrong in ({"top": 0}, {"order": 6}, {"order": 0}, {"prune": [1]}, {"prune": [0, 2, 1]}):
        with pytest.raises(ConfigError):
            language.build([["a b"]], **{"order": 3, **wrong})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="nothing to count"):
        language.build([["a b"]], vocabulary=["c"])
    with pytest.raises(ConfigError, match="nothing to count"):
        language.build([["...", ""]])


def test_sentences_words_and_exclusions(tmp_path: Path) -> None:
    line = "“Don’t go to-day!” she said. ÉTÉ 1917, o'clock? \n"
    assert sentences(line) == [
        ["don't", "go", "to", "day"],
        ["she", "said"],
        ["été", "1917", "o'clock"],
    ]
    assert normalize_word("E\u0301T\u00c9") == "été"
    (tmp_path / "out.txt").write_text("she said\nhow are you i am fine\n")
    built = language.build(
        [[line, "How are you? I am fine.", "She said it."]], order=2, exclude=[tmp_path / "out.txt"]
    )
    assert (built.dropped, built.sentences) == (3, 3)
    assert "fine" not in built.ngrams.words


@pytest.fixture(scope="module")
def trigrams() -> tables.NGrams:
    return language.build([corpus()], order=3).ngrams


def test_following_and_backoff_say_the_same_as_score(trigrams: tables.NGrams) -> None:
    for ngrams in (trigrams, codebooks.quantize(trigrams)):
        model = arpa.NGramModel(ngrams)
        words = ngrams.words[3:]
        for context in ([], ["w0"], ["w0", "w1"], ["w1", "unheard"], ["unheard"], ["w5", "w5"]):
            state = model.start(context)
            found, values, backoff = model.following(state)
            assert len(found) == len(values) == len(set(found))
            assert values.dtype == np.float64
            assert not set(found) & {"<unk>", "<s>", "</s>"}
            everything = dict(zip(words, (backoff + model.unigram(words)).tolist(), strict=True))
            everything.update(zip(found, values.tolist(), strict=True))
            wanted = {word: model.score(state, word)[0] for word in words}
            assert everything == pytest.approx(wanted, abs=1e-12)
        assert len(model.following(model.start(["w0"]))[0]) > 20
        assert model.following(model.start(["unheard"]))[0] == ()


def test_states_are_as_short_as_the_future_allows(trigrams: tables.NGrams) -> None:
    model = arpa.NGramModel(trigrams)
    assert model.start(["unheard"]) == ()
    assert model.start(["w3", "unheard", "w0"]) == model.start(["w9", "unheard", "w0"])
    assert hash(model.start(["w0"])) == hash(model.start(["W0"]))
    assert model.start() != model.start(["w0"])


def test_words_are_compared_casefolded(tmp_path: Path) -> None:
    path = tmp_path / "x.arpa"
    path.write_text(
        "\\data\\\nngram 1=6\n\n\\1-grams:\n-1\t<s>\n-1\t</s>\n-2\tThe\n-3\tTHE\n-0.5\tthe\n"
        "-0.7\tPARIS\n\n\\end\\\n"
    )
    model = registry.create("lms", {"type": "arpa"}, path=path)
    assert model.order == 1
    assert model.score((), "THE") == (pytest.approx(-0.5 * math.log(10)), ())
    assert model.score((), "paris")[0] == pytest.approx(-0.7 * math.log(10))
    assert model.unigram(["Paris", "rome"]) == pytest.approx(
        [-0.7 * math.log(10), -100 * math.log(10)]
    )
    for special in ("<s>", "</s>", "<unk>"):  # text, not marks
        assert model.score((), special)[0] == pytest.approx(-100 * math.log(10))
    assert model.following(model.start(["the"]))[2] == 0.0


def test_quantized_numbers_are_near_and_the_file_small(
    trigrams: tables.NGrams, tmp_path: Path
) -> None:
    small = codebooks.quantize(trigrams)
    for level, coded in zip(trigrams.levels, small.levels, strict=True):
        assert np.median(np.abs(level.log_probs[:] - coded.log_probs[:])) < 0.01
        if level.backoffs is not None and coded.backoffs is not None:
            assert np.array_equal(level.backoffs[:] == 0, coded.backoffs[:] == 0)
    for ngrams in (trigrams, small):
        lm_file.write(tmp_path / "x.lm", ngrams)
        quantize = ngrams is small
        assert (tmp_path / "x.lm").stat().st_size == lm_file.file_bytes(
            ngrams.words, ngrams.counts, quantized=quantize
        )
        again = lm_file.read(tmp_path / "x.lm")
        assert again.words == ngrams.words
        for level, other in zip(ngrams.levels, again.levels, strict=True):
            assert np.array_equal(level.words, other.words)
            assert np.array_equal(level.log_probs[:], other.log_probs[:])
    held_out = corpus()[:50]
    assert perplexity(small, held_out) == pytest.approx(perplexity(trigrams, held_out), rel=0.02)


def test_arpa_files_come_back_equal(trigrams: tables.NGrams, tmp_path: Path) -> None:
    for name in ("x.arpa", "x.arpa.gz"):
        language.write(tmp_path / name, trigrams)
        again = arpa.read(tmp_path / name)
        assert again.words == trigrams.words
        for level, other in zip(trigrams.levels, again.levels, strict=True):
            assert np.array_equal(level.words, other.words)
            assert np.allclose(level.log_probs[:], other.log_probs[:], rtol=2e-7, atol=1e-7)
    first = (tmp_path / "x.arpa.gz").read_bytes()
    language.write(tmp_path / "x.arpa.gz", trigrams)
    assert (tmp_path / "x.arpa.gz").read_bytes() == first
    assert gzip.decompress(first) == (tmp_path / "x.arpa").read_bytes()


def test_unigram_model_of_a_lexicon(tmp_path: Path) -> None:
    lexicon = Lexicon(("the", "Polish", "polish"), np.log([0.5, 0.3, 0.2]))
    model = registry.create("lms", {"type": "unigram"}, lexicon=lexicon)
    assert model.unigram(["THE", "polish"]) == pytest.approx(np.log([0.5, 0.5]))
    assert model.score(model.start(["the"]), "zzz")[0] == model.floor == math.log(0.5) - 1
    assert model.following(())[2] == 0.0
    assert model.finish(()) == 0.0
    floored = registry.create("lms", {"type": "unigram", "unknown": -20.0}, lexicon=lexicon)
    assert floored.score((), "zzz")[0] == -20.0
    with pytest.raises(ConfigError, match="unknown is 1"):
        registry.create("lms", {"type": "unigram", "unknown": 1.0}, lexicon=lexicon)
    with pytest.raises(ConfigError, match="needs a lexicon"):
        registry.create("lms", {"type": "unigram"})
    lexicon_file.write(lexicon, tmp_path / "x.tsv.gz")
    assert loading.load(tmp_path / "x.tsv.gz", required=True).known("Polish")  # type: ignore[union-attr]


@pytest.mark.parametrize("name", registry.names("lms"))
def test_every_model_keeps_the_contract(name: str, tmp_path: Path) -> None:
    if name == "kenlm":
        pytest.importorskip("kenlm", reason="needs the module kenlm (pip install kenlm)")
    path = tmp_path / "x.arpa"
    language.write(path, language.build([corpus()], order=3).ngrams)
    if name == "unigram":
        lexicon_file.write(Lexicon.from_counts({"w0": 2, "w1": 1}), path := tmp_path / "x.tsv")
    model = registry.create("lms", {"type": name}, path=path)
    state = model.start(["w0", "W1"])
    assert state == model.start(["w0", "w1"])
    assert hash(state) == hash(model.start(["w0", "w1"]))
    before = hash(state)
    values = [model.score(state, word)[0] for word in ("w0", "nowhere", "", "é", "</s>")]
    assert hash(state) == before
    assert all(math.isfinite(value) and value <= 0 for value in values)
    assert model.finish(state) <= 0
    assert model.unigram([]).shape == (0,)
    assert model.known("W0")
    assert not model.known("nowhere")
    assert isinstance(model.order, int)
    if name != "unigram":
        with pytest.raises(ConfigError, match="needs the path"):
            registry.create("lms", {"type": name})


def test_kenlm_binary_without_the_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kenlm", None)
    (tmp_path / "x.bin").write_bytes(b"mmap lm http://kheafield.com/code format version 5\n\0")
    with pytest.raises(MissingDependencyError, match=re.escape(install_line("kenlm"))):
        loading.load(tmp_path / "x.bin", required=True)
    assert loading.load(tmp_path / "x.bin") is None


def test_nothing_half_written(tmp_path: Path, trigrams: tables.NGrams) -> None:
    (tmp_path / "x.arpa").write_text("old")
    wrong = tables.NGrams(trigrams.words[:9], trigrams.levels)
    with pytest.raises(ValueError, match="zip"):
        arpa_file.write(tmp_path / "x.arpa", wrong)
    assert (tmp_path / "x.arpa").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_shipped_english_model(shipped: Path) -> None:
    path = shipped / "words.lm"
    assert path.stat().st_size <= 3_000_000
    model = arpa.create(arpa.Options(), path=path)
    files = (shipped / name for name in ("lexicon.trie", "offensive.tsv"))  # flagged, not unknown
    known = {normalize_word(word) for path in files for word in lexicon_file.read(path).words}
    assert {word for word in model.ngrams.words[3:] if word.isascii()} <= known
    for context, word in ((["how", "are"], "you"), (["see", "you"], "tomorrow"), ([], "I")):
        gain = model.score(model.start(context), word)[0] - model.unigram([word])[0]
        assert gain > 2.0, (context, word)
    for context in ([], ["thank"], ["on", "my"], ["qqq"]):
        assert total(model.ngrams, context) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("also", [(), ("Paris",)])
@pytest.mark.parametrize(
    ("word", "normal"),
    [
        ("don't", True),
        ("caf\u00e9", True),  # composed, as NFC has it
        ("cafe\u0301", False),
        ("don\u2019t", False),  # a typographic apostrophe
        ("stra\u00dfe", False),  # casefolds to "strasse"
        ("\u00c9tat", False),
        ("Paris", False),
    ],
)
def test_words_out_of_normal_form_are_found_in_any_vocabulary(
    word: str, normal: bool, also: tuple[str, ...]
) -> None:
    """Whether another word has a capital decides which words are looked at."""
    known = (*tables.SPECIALS, "the", *also, word)
    assert tables.unusual(known) == [*also, *(() if normal else (word,))]
