"""Mixtures of texts and models: against the separate models, and against the sum of 1."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

from edgectc.commands import cli
from edgectc.core.errors import ConfigError
from edgectc.language import builder as language
from edgectc.language import perplexity
from edgectc.language.lms import arpa
from edgectc.language.ngram import lm_file, tables

WORDS = [f"w{i}" for i in range(60)]


def corpus(seed: int, words: list[str], lines: int = 300) -> list[str]:
    """Sentences in which every word of ``words`` occurs, with Zipf frequencies."""
    rng = random.Random(seed)
    weights = [1 / (i + 1) for i in range(len(words))]
    text = [" ".join(rng.choices(words, weights, k=rng.randint(1, 8))) for _ in range(lines)]
    return [*text, *words]


def lone(seed: int, words: list[str], order: int) -> tables.NGrams:
    return language.build([corpus(seed, words)], order=order).ngrams


def held(ngrams: tables.NGrams, longest: int) -> set[tuple[str, ...]]:
    """All n-grams of a model as words."""
    found, rows = set(), [(word,) for word in ngrams.words]
    for n, level in enumerate(ngrams.levels[:longest], start=1):
        if n > 1:
            above = tables.parents(ngrams.levels[n - 2])
            rows = [
                (*rows[p], ngrams.words[w])
                for p, w in zip(above.tolist(), level.words.tolist(), strict=True)
            ]
        found.update(rows)
    return found


def state_after(model: arpa.NGramModel, history: tuple[str, ...]) -> tuple[int, ...]:
    """The state after exactly these words."""
    if history[:1] == ("<s>",):
        return model.start(history[1:])
    return model.start(["never seen"] * 5 + list(history))


def chance(model: arpa.NGramModel, history: tuple[str, ...], word: str) -> float:
    """P(word | history), 0 for a word that the model does not know."""
    state = state_after(model, history)
    if word == "</s>":
        return math.exp(model.finish(state))
    return math.exp(model.score(state, word)[0]) if model.known(word) else 0.0


def total(ngrams: tables.NGrams, history: tuple[str, ...]) -> float:
    model = arpa.NGramModel(ngrams)
    unknown = math.exp(model.score(state_after(model, history), "never seen")[0])
    return unknown + sum(chance(model, history, word) for word in ngrams.words[2:])


@pytest.mark.parametrize("orders", [(3, 3, 3), (3, 2, 4), (2, 4, 3), (4, 4, 1)])
def test_each_probability_is_the_weighted_sum(orders: tuple[int, int, int]) -> None:
    order, *others = orders
    models = [lone(2, WORDS[:40], others[0]), lone(3, WORDS[10:], others[1])]
    text = lone(1, WORDS, order)
    mixed = language.build([models[0], corpus(1, WORDS), models[1]], order=order,
                           weights=[2, 3, 5]).ngrams  # fmt: skip
    assert set(mixed.words) == set(text.words)
    parts = [arpa.NGramModel(ngrams) for ngrams in (models[0], text, models[1])]
    model = arpa.NGramModel(mixed)
    grams = held(mixed, order)
    wanted_grams = set().union(*(held(ngrams, order) for ngrams in (*models, text)))
    assert grams >= {gram for gram in wanted_grams if len(gram) == 1 or "<unk>" not in gram}
    compared = 0
    for gram in random.Random(1).sample(sorted(grams), min(3000, len(grams))):
        if gram[-1] in ("<s>", "<unk>"):
            continue
        history = gram[:-1]
        values = (chance(part, cut(history, part), gram[-1]) for part in parts)
        wanted = sum(w * p for w, p in zip((0.2, 0.3, 0.5), values, strict=True))
        assert chance(model, history, gram[-1]) == pytest.approx(wanted, rel=1e-5), gram
        compared += 1
    assert compared > 800
    rng = random.Random(2)
    for n in range(order + 1):
        for _ in range(8):
            history = tuple(rng.choices([*WORDS, "never seen"], k=n))
            assert total(mixed, history) == pytest.approx(1.0, abs=2e-5), history


def cut(history: tuple[str, ...], model: arpa.NGramModel) -> tuple[str, ...]:
    """What a model of a lower order sees of a history."""
    return history[max(0, len(history) - model.order + 1) :]


def test_words_outside_the_vocabulary_go_to_unknown() -> None:
    other = lone(2, WORDS, 3)
    mixed = language.build(
        [corpus(1, WORDS), other], weights=[1, 1], vocabulary=WORDS[5:30], top=20
    ).ngrams
    kept = mixed.words[3:]
    assert len(kept) == 20
    assert set(kept) <= set(WORDS[5:30])
    text = language.build([corpus(1, WORDS)], vocabulary=kept).ngrams
    rest = (
        1 - sum(np.exp(arpa.NGramModel(other).unigram(kept))) - np.exp(other.levels[0].log_probs[2])
    )
    values = [float(np.exp(text.levels[0].log_probs[0])), float(rest)]
    found = float(np.exp(mixed.levels[0].log_probs[0]))
    assert found == pytest.approx(sum(values) / 2, rel=1e-5)
    assert not any("<unk>" in gram for gram in held(mixed, 3) if len(gram) > 1)
    for history in ((), ("w7",), ("w7", "w8"), ("w0", "w7"), ("w7", "w0"), ("<s>", "w6")):
        assert total(mixed, history) == pytest.approx(1.0, abs=2e-5)


@pytest.mark.parametrize("order", [1, 3, 4])
def test_a_model_alone_comes_back(order: int) -> None:
    before = lone(1, WORDS, order)
    after = language.build([before], order=order, weights=[7]).ngrams
    assert held(after, order) == held(before, order)
    one, two = arpa.NGramModel(before), arpa.NGramModel(after)
    rng = random.Random(3)
    for _ in range(500):
        history = tuple(rng.choices(WORDS, k=rng.randint(0, order)))
        word = rng.choice([*WORDS, "</s>"])
        assert chance(two, history, word) == pytest.approx(chance(one, history, word), rel=1e-4)


def test_pruning_a_model_is_nearly_as_good_as_with_its_text() -> None:
    text = corpus(1, WORDS, lines=1000)
    full = language.build([text]).ngrams
    small = language.build([text], max_bytes=9000)
    again = language.build([full], weights=[1], max_bytes=9000)
    assert small.threshold > 0
    assert again.threshold > 0
    sizes = [lm_file.file_bytes(b.ngrams.words, b.ngrams.counts, quantized=False)
             for b in (small, again)]  # fmt: skip
    assert max(sizes) <= 9000
    scores = [
        perplexity.score(arpa.NGramModel(ngrams), text).perplexity
        for ngrams in (full, small.ngrams, again.ngrams)
    ]
    assert scores[0] < scores[1]
    assert scores[2] < 1.02 * scores[1]
    assert total(again.ngrams, ("w0", "w1")) == pytest.approx(1.0, abs=2e-5)


ARPA = r"""
\data\
ngram 1=7
ngram 2=6
ngram 3=3

\1-grams:
-1.0 <s> -0.3
-0.8 </s> -0.2
-0.5 The -0.1
-0.9 THE -0.4
-1.2 Don’t -0.2
-1.1 dog -0.2
-1.5 a.m. -0.1

\2-grams:
-0.3 The dog -0.2
-0.4 THE Don’t -0.1
-0.5 dog </s> -0.2
-0.6 </s> <s> -0.1
-0.7 dog <s> -0.1
-0.2 a.m. dog -0.3

\3-grams:
-0.2 The dog </s>
-0.1 </s> <s> <s>
-0.3 a.m. dog The

\end\
"""


def test_spellings_and_marks_of_other_tool_kits(tmp_path: Path) -> None:
    (tmp_path / "x.arpa").write_text(ARPA, encoding="utf-8")
    inputs = [language.read_input(tmp_path / "x.arpa")]
    built = language.build(inputs, weights=[1], vocabulary=["the", "don't", "dog"]).ngrams
    assert built.words == ("<unk>", "<s>", "</s>", "the", "dog", "don't")
    # Of equal words the first counts; (a.m. dog The) ends in (dog The), and (The dog </s>) stays.
    assert {gram for gram in held(built, 3) if len(gram) > 1} == {
        ("the", "dog"),
        ("dog", "</s>"),
        ("the", "dog", "</s>"),
    }
    model = arpa.NGramModel(built)
    assert chance(model, ("the",), "dog") == pytest.approx(10**-0.3, rel=1e-5)
    assert chance(model, (), "don't") == pytest.approx(10**-1.2, rel=1e-5)
    rest = 1 - sum(10**-x for x in (0.8, 0.5, 1.2, 1.1))
    assert math.exp(model.score((), "qqq")[0]) == pytest.approx(rest, rel=1e-5)
    for history in ((), ("the",), ("the", "dog"), ("dog",), ("qqq",)):
        assert total(built, history) == pytest.approx(1.0, abs=1e-5)


def test_counts_prune_texts_but_not_models() -> None:
    model = lone(2, WORDS[:20], 3)
    built = language.build([corpus(1, WORDS), model], weights=[1, 1], prune=[0, 10**6]).ngrams
    kept = {gram for gram in held(model, 3) if len(gram) > 1}
    assert {gram for gram in held(built, 3) if len(gram) > 1} == kept


def test_what_build_refuses() -> None:
    model = lone(1, WORDS, 2)
    with pytest.raises(ConfigError, match="1 of 2 inputs are language models; state the weights"):
        language.build([["a b"], model])
    with pytest.raises(ConfigError, match="expected 2 numbers above 0"):
        language.build([["a b"], model], weights=[1])
    for order in (-1, 0, 6):
        with pytest.raises(ConfigError, match=f"order is {order}, expected 1 to 5"):
            language.build([model], weights=[1], order=order)
    with pytest.raises(ConfigError, match="a text holds no word"):
        language.build([[], model], weights=[1, 1])
    with pytest.raises(ConfigError, match="nothing to count"):
        language.build([model], weights=[1], vocabulary=["qqq"])


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def test_the_verb(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("\n".join(corpus(1, WORDS)))
    for name in ("model", "model.lm", "model.gz"):  # the content tells, not the name
        language.write(f"{name}.arpa.gz" if name == "model.gz" else "x.lm", lone(2, WORDS, 3))
        Path("model.gz.arpa.gz" if name == "model.gz" else "x.lm").rename(name)
        code, out, _ = run(capsys, "lm", "build", "text.txt", name, "--weights", "1,3", "--out",
                           "y.lm", "--quantize", "--max-mb", "0.01", "--json")  # fmt: skip
        assert code == 0
        about = json.loads(out)
        assert about["sentences"] == 360
        assert about["threshold"] > 0
        assert Path("y.lm").stat().st_size == about["bytes"] <= 10_000
    code, _, err = run(capsys, "lm", "build", "text.txt", "model", "--out", "z.lm")
    assert code == 2
    assert "state the weights of all inputs" in err
    Path("k.bin").write_bytes(b"mmap lm http://kheafield.com/code format version 5\n\0")
    code, _, err = run(capsys, "lm", "build", "k.bin", "--weights", "1", "--out", "z.lm")
    assert code == 2
    assert "whose n-grams cannot be listed (kenlm)" in err
    Path("cut.lm").write_bytes(Path("model").read_bytes()[:-9])
    code, _, err = run(capsys, "lm", "build", "cut.lm", "--weights", "1", "--out", "z.lm")
    assert code == 2
    assert "cut.lm: " in err
    assert err.count("\n") == 1
    assert not Path("z.lm").exists()
