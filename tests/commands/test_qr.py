"""QR codes are read by others: zxing-cpp or OpenCV, where they are installed."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import types
from argparse import Namespace
from typing import Any

import numpy as np
import pytest

from edgectc.commands import machine
from edgectc.commands.serving import qr
from edgectc.core.errors import ConfigError
from edgectc.core.types import Array

ADDRESS = "http://192.168.1.5:8321/"


def image(text: str) -> Array:
    """Return a picture of a code, 8 pixels a module, from the lines that a terminal shows."""
    shown = qr.lines(text)
    rows = [[sign in above for sign in line] for line in shown for above in ("▀█", "▄█")]
    pixels = np.where(np.array(rows), 0, 255).astype(np.uint8)
    return np.kron(pixels, np.ones((8, 8), np.uint8))


def read(picture: Array) -> str:
    if importlib.util.find_spec("zxingcpp"):
        import zxingcpp

        (found,) = zxingcpp.read_barcodes(picture)
        return str(found.text)
    if importlib.util.find_spec("cv2"):
        import cv2

        return str(cv2.QRCodeDetector().detectAndDecode(picture)[0])
    pytest.skip("needs zxing-cpp or opencv-python-headless")


@pytest.mark.parametrize("length", [1, 14, 15, 26, 27, 42, 43, 62, 63, 84, 85, 106])
def test_a_code_of_every_version_is_read_by_another_reader(length: int) -> None:
    text = (ADDRESS + "abcdefghij" * 9)[:length]
    assert read(image(text)) == text


def test_a_code_that_other_readers_have_read_stays_as_it_is() -> None:
    """zxing-cpp 3.1.1 and OpenCV 5.0 read this one."""
    modules = qr.encode(ADDRESS)
    assert modules.shape == (25, 25)
    digest = hashlib.sha256(np.packbits(modules).tobytes()).hexdigest()
    assert digest[:16] == "1b6d64fc368d4b8b"


def test_a_text_that_is_too_long_is_refused() -> None:
    assert qr.encode("x" * 106).shape == (41, 41)
    with pytest.raises(ConfigError, match="107 bytes for a QR code, expected at most 106"):
        qr.encode("x" * 107)


def test_a_terminal_shows_the_code_of_the_address_and_a_file_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page: Any = types.SimpleNamespace(
        url="http://localhost:8321/", phones=(ADDRESS,), name="m", serve=lambda: None
    )
    monkeypatch.setattr("edgectc.commands.verbs.machine.demo", lambda **_: page)
    options = Namespace(host="0.0.0.0", json=False, run=None)
    monkeypatch.setattr(machine, "values", lambda _: {})
    machine.run_demo(options)
    assert "▀" not in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    machine.run_demo(options)
    told = capsys.readouterr().out
    assert ADDRESS in told
    assert told.rstrip("\n").endswith("\n".join(qr.lines(ADDRESS)))
    monkeypatch.delenv("NO_COLOR")
    machine.run_demo(options)
    assert "\x1b[30;107m" in capsys.readouterr().out
