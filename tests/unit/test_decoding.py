from __future__ import annotations

import math

import numpy as np
import pytest

import edgectc
from edgectc.errors import ConfigError, UnknownNameError

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
