from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import ConfigError, InputError, UnknownNameError

TOKENS = ["_", "t", "o"]


def test_a_word_is_scored_by_hand() -> None:
    probs = np.array([[0.1, 0.8, 0.1], [0.2, 0.1, 0.7]])
    decode = edgectc.make_decoder(
        "lexicon", tokens=TOKENS, blank_id=0, lexicon={"to": -3.1, "t": -1.0}, lm_weight=0.3
    )
    answer = decode(np.log(probs), nbest=5)
    assert [h.text for h in answer] == ["to", "t"]
    assert answer[0].score == pytest.approx(math.log(0.8 * 0.7) - 0.3 * 3.1)
    alone = 0.8 * 0.1 + 0.1 * 0.1 + 0.8 * 0.2
    assert answer[1].score == pytest.approx(math.log(alone) - 0.3)


def test_doubles_need_a_blank_between() -> None:
    decode = edgectc.make_decoder(
        "lexicon", tokens=TOKENS, blank_id=0, lexicon={"to": 0.0, "too": 0.0}
    )
    sure = np.full((4, 3), 0.01)
    for frame, token in enumerate([1, 2, 0, 2]):
        sure[frame, token] = 0.98
    assert decode(np.log(sure)).best.text == "too"
    sure[2] = [0.01, 0.01, 0.98]
    assert decode(np.log(sure)).best.text == "to"


def test_greedy_and_mistakes() -> None:
    decode = edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0)
    assert decode(np.log([[0.1, 0.8, 0.1]])).best.text == "t"
    with pytest.raises(UnknownNameError, match="did you mean 'greedy'"):
        edgectc.make_decoder("greddy", tokens=TOKENS, blank_id=0)
    with pytest.raises(ConfigError, match="did you mean 'lm_weight'"):
        edgectc.make_decoder("lexicon", tokens=TOKENS, blank_id=0, lexicon={"t": 0.0}, lmweight=1)
    with pytest.raises(ConfigError, match="needs a lexicon"):
        edgectc.make_decoder("lexicon", tokens=TOKENS, blank_id=0)


LEXICON = {"t": -2.0, "to": -1.0, "too": -3.0, "toot": -6.0, "otto": -7.0}


@pytest.mark.parametrize("name", ["beam", "greedy", "lexicon"])
def test_a_batch_in_threads_is_each_sample_alone(name: str) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0.0, 2.0, (40, 9, 3))
    batch = logits - np.logaddexp.reduce(logits, axis=2, keepdims=True)
    lengths = rng.integers(1, 10, 40).tolist()
    decode = edgectc.make_decoder(name, tokens=TOKENS, blank_id=0, lexicon=LEXICON)
    alone = [decode(sample[:n], nbest=3) for sample, n in zip(batch, lengths, strict=True)]
    for threads in (1, 8):
        found = edgectc.decode_batch(decode, batch, lengths=lengths, nbest=3, threads=threads)
        assert found == alone
    order = rng.permutation(40)
    ragged = [batch[i][: lengths[i]] for i in order]
    assert edgectc.decode_batch(decode, ragged, nbest=3) == [alone[i] for i in order]
    assert edgectc.decode_batch(decode, []) == []


def test_lengths_that_do_not_fit_a_batch() -> None:
    decode = edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0)
    batch = np.log(np.full((2, 4, 3), 1 / 3))
    for lengths in ([4], [4, 5], [0, 4]):
        with pytest.raises(InputError):
            edgectc.decode_batch(decode, batch, lengths=lengths)


class Even:
    """A language model that scores, and can list nothing."""

    order = 1

    def start(self, context: Sequence[str] = ()) -> int:
        return len(context)

    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        return -float(len(word)), state

    def finish(self, state: Hashable) -> float:
        return -1.0 if state is not None else 0.0


def test_options_that_a_decoder_does_not_take() -> None:
    with pytest.raises(ConfigError, match="takes no hotwords"):
        edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0, hotwords=["to"])
    with pytest.raises(ConfigError, match="cannot list the words"):
        edgectc.make_decoder(
            "lexicon", tokens=TOKENS, blank_id=0, lexicon=LEXICON, language_model=Even()
        )
    for options in (
        {"unknown_score": -1.0, "unknown_letter_score": 0.5},
        {"posterior_width": 0.0},
        {"budget": 0},
        {"blank_penalty": math.nan},
    ):
        with pytest.raises(ConfigError):
            edgectc.make_decoder("lexicon", tokens=TOKENS, blank_id=0, lexicon=LEXICON, **options)


@pytest.mark.parametrize("name", ["beam", "lexicon"])
def test_a_context_needs_a_language_model(name: str) -> None:
    decode = edgectc.make_decoder(name, tokens=TOKENS, blank_id=0, lexicon=LEXICON)
    with pytest.raises(InputError, match="without language model"):
        decode(np.log(np.full((3, 3), 1 / 3)), context=["to"])


def test_silence_is_no_word_when_it_beats_every_word() -> None:
    silent = np.log(np.array([[0.98, 0.01, 0.01]] * 4))
    forced = edgectc.make_decoder("lexicon", tokens=TOKENS, blank_id=0, lexicon=LEXICON)
    honest = edgectc.make_decoder(
        "lexicon", tokens=TOKENS, blank_id=0, lexicon=LEXICON, no_word_score=0.0
    )
    spoken = np.log(np.array([[0.05, 0.9, 0.05], [0.05, 0.05, 0.9]]))
    assert forced(silent).best.text != ""
    assert honest(silent).candidates == ()
    assert honest(spoken).best.text == forced(spoken).best.text == "to"


def test_a_name_that_no_lexicon_has_can_be_spelled() -> None:
    path = "o_t_o__t_t"
    rows = np.full((len(path), 3), 0.02)
    for frame, symbol in enumerate(path):
        rows[frame, TOKENS.index(symbol)] = 0.96
    decode = edgectc.make_decoder(
        "lexicon", tokens=TOKENS, blank_id=0, lexicon=LEXICON, unknown_score=-4.0,
        unknown_letter_score=-1.0,
    )  # fmt: skip
    found = decode(np.log(rows), nbest=3)
    assert found.best.text == "otott"
    assert found.best.posterior is None  # among words; this is none
    assert found.best.exact
    assert [TOKENS[int(rows[t].argmax())] for t in found.best.timesteps] == list("otott")
    assert found[1].text in LEXICON
