"""Mistakes in the lines of commands that need torch."""

from __future__ import annotations

import pytest

from edgectc.commands import cli


def test_an_unknown_target_gets_the_nearest_spelling(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", "--target", "onxx"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "did you mean 'onnx'" in err
    assert len(err.strip().splitlines()) == 1
