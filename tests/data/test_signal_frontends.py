"""Recordings of numbers before the graph: what is refused, what is padded, what tokens mean."""

from __future__ import annotations

import numpy as np
import pytest

from edgectc.core import registry
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.tokens import Tokens, output_length

NEURAL = {"type": "neural", "max_frames": 20, "channels": 4, "days": ["monday", "friday"]}
LANDMARKS = {
    "type": "landmarks", "max_frames": 20, "pose": 2, "hand": 1, "face": 1, "columns": 4,
    "glosses": ["RAIN", "SUN"],
}  # fmt: skip


@pytest.mark.parametrize("spec", [NEURAL, LANDMARKS], ids=lambda s: s["type"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: x[:, :3], "bad_shape"),
        (lambda x: x[0], "bad_shape"),
        (lambda x: x > 0, "bad_shape"),
        (lambda x: [["a"]], "bad_shape"),
        (lambda x: [[1.0], [1.0, 2.0]], "bad_shape"),
        (lambda x: x[:0], "empty"),
        (lambda x: np.repeat(x, 3, axis=0), "too_long"),
        (lambda x: np.where(np.arange(len(x))[:, None] == 3, np.inf, x), "not_finite"),
        (lambda x: x * 1e300, "not_finite"),
    ],
)
def test_what_cannot_be_used_is_refused(spec, change, reason) -> None:  # type: ignore[no-untyped-def]
    frontend = registry.create("frontends", spec)
    C = frontend.input_contract()["signal"]["shape"][2]
    with pytest.raises(InputError) as caught:
        frontend.prepare(change(np.ones((9, C))))
    assert caught.value.reason == reason


def test_nan_is_a_point_that_was_not_seen_but_no_neural_activity() -> None:
    landmarks = registry.create("frontends", LANDMARKS)
    signal = np.ones((5, 15))
    signal[2, 3] = np.nan
    assert landmarks.prepare(signal)["signal"][0, 2, 3] == 0.0
    assert np.isnan(signal[2, 3])  # the caller's array is left alone
    with pytest.raises(InputError, match="frame 2, channel 3"):
        registry.create("frontends", NEURAL).prepare(signal[:, :4])


def test_inputs_are_padded_with_zeros_and_named_by_day() -> None:
    frontend = registry.create("frontends", NEURAL)
    inputs = frontend.prepare(np.ones((5, 4)), "monday")
    assert inputs["signal"].sum() == 20
    assert not inputs["signal"][0, 5:].any()
    assert (inputs["length"][0], inputs["day"][0]) == (5, 0)
    assert frontend.prepare(np.ones((5, 4)))["day"][0] == 1
    with pytest.raises(UnknownNameError, match="did you mean 'friday'"):
        frontend.prepare(np.ones((5, 4)), "fryday")


def test_tokens_put_the_blank_first_and_words_apart() -> None:
    tokens = registry.create("frontends", LANDMARKS).tokens()
    assert tokens.symbols == ("<blank>", "RAIN", "SUN", "<gloss:3>")
    assert tokens.decode(tokens.encode(["SUN", "RAIN"])) == "SUN RAIN"
    phonemes = registry.create("frontends", NEURAL).tokens()
    assert (len(phonemes), phonemes.symbols[-1], phonemes.blank_id) == (41, "SIL", 0)
    # Both directions of a vocabulary come from one tuple.
    assert all(tokens.symbols[tokens.ids[s]] == s for s in tokens.symbols)
    assert Tokens.from_text(tokens.to_text()).symbols == tokens.symbols


@pytest.mark.parametrize(
    "change",
    [{"columns": 2}, {"pose": 0}, {"glosses": ["RAIN", "RAIN"]}, {"glosses": ["<blank>"]}],
)
def test_options_that_make_no_sense_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        registry.create("frontends", {**LANDMARKS, **change}).tokens()


def test_length_map_is_how_often_a_window_fits() -> None:
    for stride, window in ((1, 1), (2, 1), (4, 1), (4, 14), (4, 32), (3, 3)):
        for length in range(200):
            starts = range(0, length, stride)
            fits = sum(start + window <= length for start in starts)
            assert output_length(length, stride, window) == fits
