"""Types in the words of messages."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import pytest

from edgectc.core import arguments
from edgectc.core.arguments import Count, File
from edgectc.core.errors import ConfigError
from edgectc.core.expected import described


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (Sequence[File], "a list of which each is a text or a path"),
        (Sequence[int | str], "a list of which each is a whole number or a text"),
        (Sequence[Count | None], "a list of which each is a whole number, 1 or more or None"),
        (Optional[str], "a text or None"),  # noqa: UP045
        (str | os.PathLike[str] | os.PathLike[bytes], "a text or a path"),
        (Mapping[str, int | None], "a mapping"),
    ],
)
def test_a_choice_of_types_is_put_in_words(hint: Any, words: str) -> None:
    assert described(hint) == words


def test_a_list_of_files_is_checked_file_by_file(tmp_path: os.PathLike[str]) -> None:
    hint = File | Sequence[File] | None
    for value in (None, "a.npz", tmp_path, ["a.npz", tmp_path]):
        assert arguments.check("data", hint, value) == value
    for value in (3, [3], b"x", {"a": 1}):
        with pytest.raises(ConfigError, match=r"data is .*, expected a path or "):
            arguments.check("data", hint, value)
