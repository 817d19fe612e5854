"""Files are read within bounds: plain ones, and gzip up to a size."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

import edgectc
from edgectc.core import files
from edgectc.core.errors import BundleError, ConfigError
from edgectc.formats import layouts
from edgectc.language import lexicon_file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    for name in ("x.onnx", "x.json"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(BundleError, match=r"x\.onnx: it is a pipe, expected a plain file"):
        edgectc.load(tmp_path / "x.onnx")
    with pytest.raises(ConfigError, match=r"x\.json.*it is a pipe"):
        layouts.load(str(tmp_path / "x.json"))


def test_a_small_gzip_file_cannot_fill_the_memory(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "x.gz", "wb") as file:
        for _ in range(40):
            file.write(b"\n" * 1_000_000)
    with pytest.raises(ConfigError, match=r"x\.gz.*unpacks to more than 16,777,216 bytes"):
        lexicon_file.read_word_list(tmp_path / "x.gz")
    (tmp_path / "y.gz").write_bytes(gzip.compress(b"one\ntwo\n"))
    assert list(files.read_lines(tmp_path / "y.gz")) == ["one\n", "two\n"]


def test_a_file_of_more_bytes_than_allowed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert files.read_plain(tmp_path / "x", most=5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        files.read_plain(tmp_path / "x", most=4)
