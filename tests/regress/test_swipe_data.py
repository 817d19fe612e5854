"""Swipe files as they go wrong in the field. Each test says what was seen."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from edgectc.core.errors import InputError
from edgectc.data import swipe_files

GOOD = json.dumps({"word": "is", "points": [[0.1, 0.2, 0.0], [0.2, 0.3, 16.0]]}).encode()


def save(folder: Path, content: bytes) -> Path:
    path = folder / "swipes.jsonl"
    path.write_bytes(content)
    return path


def reasons(path: Path) -> list[str]:
    return [row.error.reason if row.error else "ok" for row in swipe_files.read(path)]


def stops(path: Path) -> str:
    """Return the message of the error that ends the reading."""
    with pytest.raises(InputError) as caught:
        list(swipe_files.read(path))
    assert caught.value.reason == "unreadable_file"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_download_that_broke_off_says_where(tmp_path: Path) -> None:
    lines = [GOOD + b" " * (i % 97) for i in range(40_000)]
    packed = gzip.compress(b"\n".join(lines))
    path = save(tmp_path, packed[: len(packed) // 2])
    rows = swipe_files.read(path)
    usable = [next(rows).swipe for _ in range(1000)]
    assert None not in usable, "the rows before the break are usable"
    with pytest.raises(InputError, match=r"stopped at line \d{4,5}: ") as caught:
        list(rows)
    assert caught.value.reason == "unreadable_file"


def test_gzip_with_flipped_bytes_is_one_error(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(os.urandom(2000) + GOOD))
    packed[600:700] = bytes(100)
    assert "cannot read" in stops(save(tmp_path, bytes(packed)))
    assert "cannot read" in stops(save(tmp_path, b"\x1f\x8b"))
    assert "cannot read" in stops(save(tmp_path, gzip.compress(GOOD) + b"trailing"))


def test_a_missing_file_and_a_folder_are_one_error(tmp_path: Path) -> None:
    assert "No such file" in stops(tmp_path / "none.jsonl")
    assert "directory" in stops(tmp_path)


def test_text_in_another_encoding_names_the_line(tmp_path: Path) -> None:
    """A spreadsheet exported the words in Latin-1."""
    path = save(tmp_path, GOOD + b"\n" + '{"word": "über"}'.encode("latin-1"))
    assert "stopped at line 2" in stops(path)
    assert "stopped at line 1" in stops(save(tmp_path, GOOD.decode().encode("utf-16")))


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n" + GOOD + b"\r\n"
    assert reasons(save(tmp_path, content)) == ["ok", "ok"]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n \r\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)]
)
def test_an_empty_file_has_no_rows(tmp_path: Path, content: bytes) -> None:
    assert reasons(save(tmp_path, content)) == []


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ("[0.1, NaN, 8]", "not_finite"),  # Python and C++ loggers write these words
        ("[0.1, 0.2, -Infinity]", "not_finite"),
        ("[0.1, 1e999, 8]", "not_finite"),
        ("[0.1, 0.2, 1" + "0" * 400 + "]", "not_finite"),
        ("[0.1, 0.2, 1" + "0" * 9000 + "]", "bad_json"),  # beyond what Python parses
        ('{"x": NaN, "y": 0.2, "t": 8}', "bad_shape"),
        ("[true, false, 8]", "bad_shape"),
        ('["0.1", "0.2", "8"]', "bad_shape"),
        ("[0.1, 0.2, null]", "bad_shape"),
        ("[[0.1], [0.2], [8]]", "bad_shape"),
        ("[0.1, 0.2]", "bad_shape"),
        ("[540, 1200, 8]", "off_keyboard"),
        ("[0.1, 0.2, 1700000000000]", "time_too_long"),  # one stamp left as the time of day
    ],
)
def test_one_bad_point_refuses_its_row_only(tmp_path: Path, point: str, reason: str) -> None:
    line = f'{{"points": [[0.1, 0.2, 0], [0.1, 0.2, 4], {point}]}}'.encode()
    assert reasons(save(tmp_path, b"\n".join([GOOD, line, GOOD]))) == ["ok", reason, "ok"]


def test_nan_in_points_as_objects(tmp_path: Path) -> None:
    line = b'{"points": [{"x": 0, "y": 0, "t": 0}, {"x": NaN, "y": 0, "t": 8}]}'
    assert reasons(save(tmp_path, line)) == ["not_finite"]


@pytest.mark.parametrize("depth", [900, 100_000])
def test_deep_nesting_is_refused(tmp_path: Path, depth: int) -> None:
    line = b'{"points": ' + b"[" * depth + b"]" * depth + b"}"
    found = reasons(save(tmp_path, line + b"\n" + GOOD))
    assert found[0] in ("bad_json", "bad_shape")
    assert found[1:] == ["ok"]


def test_a_huge_line_is_refused_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without line breaks, or a packed one made to fill the memory."""
    monkeypatch.setattr(swipe_files, "MAX_LINE_BYTES", 1000)
    exact = GOOD + b" " * (1000 - len(GOOD))
    for size in (1001, 2002, 5000):
        content = b"\n".join([GOOD, b"{" + b"7" * (size - 1), exact, GOOD])
        for packed in (content, gzip.compress(content)):
            assert reasons(save(tmp_path, packed)) == ["ok", "bad_json", "ok", "ok"]


def test_messages_stay_short_whatever_the_line(tmp_path: Path) -> None:
    path = save(tmp_path, b'{"word": "' + b"a" * 100_000 + b"\n")
    path.write_bytes(path.read_bytes() + b'{"points": [[1]], "word": 5' + b"5" * 90_000 + b"}\n")
    for row in swipe_files.read(path):
        assert row.error is not None
        assert len(str(row.error)) < 500


def test_pixels_and_seconds_are_told_apart_from_swipes(tmp_path: Path) -> None:
    """Pixels are refused, and times that no finger has: seconds, most often."""
    pixels = b'{"points": [[100, 500, 0], [300, 520, 16], [320, 540, 33]]}'
    seconds = b'{"points": [[0.1, 0.5, 0], [0.3, 0.5, 0.016], [0.4, 0.6, 0.033]]}'
    assert reasons(save(tmp_path, pixels + b"\n" + seconds)) == [
        "pixel_coordinates",
        "time_too_short",
    ]


@pytest.mark.data
@pytest.mark.parametrize("name", ["swipes.jsonl.gz", "swipes_rejected.jsonl.gz"])
def test_real_swipes_are_not_refused(name: str, data_folder: Path) -> None:
    path = data_folder / "how-we-swipe" / name
    if not path.is_file():
        pytest.skip(f"set EDGECTC_DATA to the folder that holds how-we-swipe/{name}")
    swipes, dropped = swipe_files.load(path)
    assert len(swipes) > 1000
    assert dropped.total() <= 0.001 * len(swipes), Counter(dropped)
