from __future__ import annotations

import pytest

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.tokens import Tokens, collapse, frames_needed


def test_both_directions_agree() -> None:
    tokens = Tokens(("a", "b", "<blank>"), 2)
    assert tokens.decode(tokens.encode("abba")) == "abba"
    assert Tokens.from_text(tokens.to_text()) == tokens


def test_blank_may_stand_anywhere() -> None:
    tokens = Tokens.from_text("<blank>\nx\ny\n")
    assert (tokens.blank_id, tokens.encode("yx")) == (0, [2, 1])


@pytest.mark.parametrize(
    ("symbols", "blank_id"),
    [(("a", "a", "_"), 2), (("a", "", "_"), 2), (("a", "b\nc", "_"), 2), (("a", "_"), 2), ((), 0)],
)
def test_bad_tables_are_refused(symbols: tuple[str, ...], blank_id: int) -> None:
    with pytest.raises(ConfigError):
        Tokens(symbols, blank_id)


def test_a_missing_or_double_blank_is_refused() -> None:
    with pytest.raises(ConfigError, match="got 0"):
        Tokens.from_text("a\nb\n")
    with pytest.raises(ConfigError, match="got 2"):
        Tokens.from_text("<blank>\na\n<blank>\n")


def test_the_blank_is_never_a_label() -> None:
    with pytest.raises(InputError) as caught:
        Tokens(("a", "<blank>"), 1).encode(["a", "<blank>"])
    assert caught.value.reason == "unknown_letters"


def test_collapse_keeps_repeats_apart_by_blanks() -> None:
    assert collapse([0, 0, 2, 0, 1, 1], blank_id=2) == [(0, 0), (0, 3), (1, 4)]
    assert collapse([2, 2], blank_id=2) == []
    assert collapse([], blank_id=0) == []


@pytest.mark.parametrize(("ids", "frames"), [([], 0), ([1], 1), ([1, 1], 3), ([1, 2, 2, 2], 6)])
def test_frames_needed(ids: list[int], frames: int) -> None:
    assert frames_needed(ids) == frames
