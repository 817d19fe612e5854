"""The public parts, and the page that explains them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from edgectc import kit

PAGE = Path(__file__).parents[2] / "docs" / "byo.md"


@pytest.mark.slow
def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert [name for name, _ in blocks] == ["speech.py", "ship.py", "days.py"]
    for name, code in blocks:
        (tmp_path / name).write_text(code)
    code = "from ship import *; print(made.report.status, made.path, len(text), len(beam))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.startswith("pass speech.onnx "), done.stderr


def test_every_name_of_the_kit_is_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    assert all(f"`{name}" in page for name in kit.__all__)


def test_keep_mask() -> None:
    got = kit.keep_mask(torch.tensor([0, 2, 4]), 4)
    assert got.tolist() == [[[0, 0, 0, 0]], [[1, 1, 0, 0]], [[1, 1, 1, 1]]]


def test_masked_mean_is_the_mean_of_what_is_there() -> None:
    x = torch.randn(3, 5, 2)
    got = kit.masked_mean(x, kit.keep_mask(torch.tensor([5, 2, 0]), 5))
    torch.testing.assert_close(got[0, 0], x[0].mean(0))
    torch.testing.assert_close(got[1, 0], x[1, :2].mean(0))
    assert not got[2].any()


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (4, 2), (3, 3), (5, 1)])
def test_windows_are_torchs_unfold(window: int, stride: int) -> None:
    x = torch.randn(2, 3, 17)
    expected = x.unfold(2, window, stride).transpose(1, 2).flatten(2)
    torch.testing.assert_close(kit.windows(x, window, stride), expected)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_recurrent_is_torchs_on_packed_sequences(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    mine = kit.Recurrent(kind, 5, 7, 1, bidirectional=True)
    oracle = kind(5, 7, batch_first=True, bidirectional=True)
    for name, parameter in oracle.named_parameters():
        half = mine.back if name.endswith("_reverse") else mine.ahead
        parameter.data = getattr(half[0], name.removesuffix("_reverse")).data
    x, lengths = torch.randn(2, 9, 5), torch.tensor([9, 4])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    expected = nn.utils.rnn.pad_packed_sequence(oracle(packed)[0], batch_first=True)[0]
    got = mine(x, kit.keep_mask(lengths, 9))
    for row, length in enumerate(lengths):
        torch.testing.assert_close(got[row, :length], expected[row, :length])
