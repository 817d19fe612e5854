"""The language model that vanished: a script fetched one from a hub, the repository was gone.

The script then tried two other addresses, warned, and went on with "vocabulary only" decoding that
nobody asked for. Here nothing is fetched; what is missing is said once, and is an error if needed.
"""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest

from edgectc.commands import cli
from edgectc.core.errors import ConfigError
from edgectc.language import loading

ARPA = "\\data\\\nngram 1=3\n\n\\1-grams:\n-99\t<s>\n-1\t</s>\n-0.5\ta\n\n\\end\\\n"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    loading.warn.cache_clear()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something tried to reach the network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


BROKEN = {
    "vanished": None,
    "an error page": b"<!DOCTYPE html><title>404</title>",
    "empty": b"",
    "cut short": ARPA[:-30].encode(),
    "gzip cut short": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "a packed file of garbage": b"EDGECTLM" + bytes(99),
    "a pointer instead of the file": b"version https://git-lfs.github.com/spec/v1\n",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))
def test_a_model_that_cannot_be_had(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "4-gram-small.arpa"
    if content is not None:
        path.write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="edgectc"):
        assert loading.load(path) is None
        assert loading.load(path) is None
    assert len(caplog.records) == 1, "said once"
    assert "goes on with the lexicon alone" in caplog.text
    assert "4-gram-small.arpa" in caplog.text
    with pytest.raises(ConfigError, match=r"4-gram-small\.arpa"):
        loading.load(path, required=True)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    assert loading.load(tmp_path) is None
    with pytest.raises(ConfigError):
        loading.load(tmp_path, required=True)


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_text(ARPA)
    model = loading.load(path, required=True)
    assert model is not None
    assert model.known("A")


def test_a_model_in_memory_outlives_its_file(tmp_path: Path) -> None:
    (tmp_path / "x.arpa").write_text(ARPA)
    assert cli.main(["lm", "pack", str(tmp_path / "x.arpa"), "--out", str(tmp_path / "x.lm")]) == 0
    model = loading.load(tmp_path / "x.lm", required=True)
    (tmp_path / "x.lm").unlink()
    assert model is not None
    before = model.score(model.start(), "a")[0]
    (tmp_path / "x.lm").write_bytes(b"something else")
    assert model.score(model.start(), "a")[0] == before


def test_a_missing_model_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lm", "score", "nowhere.lm", "nowhere.txt"]) == 2
    err = capsys.readouterr().err
    assert "no language model 'nowhere.lm'; build one with `edgectc lm build`" in err
    assert err.count("\n") == 1
