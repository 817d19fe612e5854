"""Words of context and user are made ready before the wait: one answer, and little left to do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import InputError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search import compiled
from edgectc.language import builder, loading
from edgectc.language.lexicon import Lexicon
from edgectc.language.ngram import lm_file

LETTERS = "abcdefgh"
TOKENS = Tokens((*LETTERS, "<blank>"), len(LETTERS))
BACKENDS = ["numpy", "native"] if compiled.library() else ["numpy"]


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice([*LETTERS], rng.integers(2, 8)))


def _signal(rng: np.random.Generator, T: int = 14) -> Any:
    logits = rng.normal(0.0, 2.5, (T, len(TOKENS)))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return a lexicon of 2,000 words and a model of text made of them."""
    rng = np.random.default_rng(1)
    words = sorted({_word(rng) for _ in range(2_000)})
    text = [" ".join(rng.choice(words[:300], 6)) for _ in range(400)]
    file: Path = tmp_path_factory.mktemp("lm") / "words.lm"
    lm_file.write(file, builder.build([text], order=3).ngrams)
    counts = {word: float(rng.uniform(1, 100)) for word in words}
    return {"lexicon": Lexicon.from_counts(counts), "language_model": loading.load(file)}


def _decoder(parts: dict[str, Any], user: edgectc.UserDictionary, backend: str) -> Any:
    options = lexicon.Options(lm_weight=0.7, letter_score=0.5, context_weight=0.6)
    return lexicon.create(options, tokens=TOKENS, dictionary=user, backend=backend, **parts)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_prepared_call_answers_as_any_other(parts: dict[str, Any], backend: str) -> None:
    rng = np.random.default_rng(2)
    user = edgectc.UserDictionary(share=1e-3)
    prepared, plain = (_decoder(parts, user, backend) for _ in range(2))
    known = parts["lexicon"].words
    for _ in range(250 if backend == "native" else 40):
        change = rng.integers(5)
        if change == 0:
            user.add(_word(rng), float(rng.integers(1, 5)))
        elif change == 1:
            user.hide(str(rng.choice(known)))
        elif change == 2:
            user.boost(str(rng.choice(known)), float(rng.normal(0, 2)))
        context = ["", "<s>", *rng.choice(known[:300], 3)][: rng.integers(0, 6)]
        context = [word for word in context if word]
        if rng.random() < 0.3:
            prepared.prepare(rng.choice(known[:300], 2).tolist())  # for another call than comes
        prepared.prepare(context)
        values, partial = _signal(rng), bool(rng.random() < 0.3)
        given = {"nbest": 5, "context": context, "partial": partial}
        assert prepared(values, **given) == plain(values, **given)


@pytest.mark.skipif("native" not in BACKENDS, reason="needs the compiled search")
def test_what_grows_with_the_words_stands_in_prepare(parts: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    user = edgectc.UserDictionary()
    for _ in range(20_000):
        user.add("".join(rng.choice([*LETTERS], 10)))
    decode, values = _decoder(parts, user, "native"), _signal(rng)
    decode(values)  # takes all words in
    known = parts["lexicon"].words

    def seconds(*, ready: bool) -> float:
        taken = []
        for row in range(7):
            context = [known[row + 10 * ready], known[row + 1]]
            if ready:
                decode.prepare(context)
            start = time.process_time()
            decode(values, context=context)
            taken.append(time.process_time() - start)
        return min(taken)

    assert seconds(ready=True) < seconds(ready=False) / 2


def test_a_recognizer_prepares_a_text_and_refuses_what_it_cannot_use() -> None:
    model = edgectc.load()
    model.prepare_words(context="I will see ")
    trace = edgectc.sample("you")
    assert model(trace, context="I will see ") == edgectc.load()(trace, context="I will see ")
    with pytest.raises(InputError, match="expected a text or its words"):
        model.prepare_words(context=3)  # type: ignore[arg-type]
    bare = lexicon.create(
        lexicon.Options(), tokens=TOKENS, lexicon=Lexicon.from_counts({"abc": 1.0})
    )
    with pytest.raises(InputError, match="without language model"):
        bare.prepare(["abc"])
