"""What tells an ONNX file its length is tried: a mask the wrong way round made it deaf once."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgectc
from edgectc.core.errors import ConfigError

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
TOKENS, T = ["<blank>", *"abcd"], 40


class Attends(nn.Module):
    """Attention whose scores get what a mask or a length makes of them."""

    def __init__(self, bias: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.head, self.bias = nn.Linear(6, 8), nn.Linear(8, 5), bias

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        x = 3 * self.inner(x)
        scores = x @ x.transpose(1, 2) / 4 + self.bias(told, x)
        return self.head(torch.sin(x) + 2 * scores.softmax(-1) @ x)


def places(x: Tensor) -> Tensor:
    return torch.arange(x.shape[1])[None, None].float()


# name of the input -> what the network makes of it, and (N, T) or (N,) of n valid frames among T.
KINDS = {
    "mask": (lambda m, x: (m.float() - 1)[:, None] * 1e4, lambda n, T: np.arange(T) < n, np.int64),
    "padding_mask": (lambda m, x: m.float()[:, None] * -1e4, lambda n, T: np.arange(T) >= n, bool),
    "mask_": (lambda m, x: m.float()[:, None] * -1e4, lambda n, T: np.arange(T) >= n, np.int64),
    "attn_mask": (
        lambda m, x: m[:, None],
        lambda n, T: np.where(np.arange(T) < n, 0.0, -1e4),
        np.float32,
    ),
    "share_len": (
        lambda s, x: (places(x) >= s[:, None, None] * x.shape[1]) * -1e4,
        lambda n, T: n / T,
        np.float32,
    ),
    "float_len": (
        lambda s, x: (places(x) >= s[:, None, None]) * -1e4,
        lambda n, T: n,
        np.float32,
    ),
    "pair_len": (
        lambda n, x: (places(x) >= 2 * n[:, None, None].float()) * -1e4,
        lambda n, T: (n + 1) // 2,
        np.int64,
    ),
}


def written(folder: Path, kind: str, fixed: bool) -> Path:
    """A file of others, its tokens beside it."""
    bias, tell, dtype = KINDS[kind]
    out, name, path = io.BytesIO(), kind.rstrip("_"), folder / "net.onnx"
    told = torch.from_numpy(np.array([tell(T, T)], dtype))
    axes = {"x": {1: "T"}, "scores": {1: "Q"}} | ({name: {1: "T"}} if told.dim() > 1 else {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of the exporter that traces
        torch.onnx.export(
            Attends(bias).eval(), (torch.randn(1, T, 6), told), out, dynamo=False, opset_version=17,
            input_names=["x", name], output_names=["scores"], dynamic_axes=None if fixed else axes,
        )  # fmt: skip
    path.write_bytes(out.getvalue())
    (folder / "tokens.txt").write_text("\n".join(TOKENS) + "\n")
    return path


def native(path: Path, kind: str, x: np.ndarray, n: int) -> np.ndarray:
    """What the file answers as its authors run it."""
    _, tell, dtype = KINDS[kind]
    told = np.array([tell(n, x.shape[1])], dtype)
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {"x": x, kind.rstrip("_"): told})
    return torch.from_numpy(found[0, :n]).log_softmax(-1).numpy()


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"pair_len"}))
def test_what_it_means_is_found_out(kind: str, fixed: bool, tmp_path: Path) -> None:
    path = written(tmp_path, kind, fixed)
    made = edgectc.adopt(path, out=tmp_path / "made.onnx", max_frames=T)
    loaded = edgectc.load(made.path)
    x = np.random.default_rng(3).standard_normal((1, T, 6)).astype(np.float32)
    for n in (40, 23, 9, 1):
        given = x[:, :n] if not fixed else np.where(np.arange(T)[None, :, None] < n, x, 0.0)
        expected = native(path, kind, given.astype(np.float32), n)
        np.testing.assert_allclose(loaded.log_probs(x[0, :n]), expected, atol=1e-4)


def test_a_length_of_another_unit_is_refused_where_recordings_are_padded(tmp_path: Path) -> None:
    path = written(tmp_path, "pair_len", fixed=True)
    with pytest.raises(ConfigError, match=r"'pair_len' of .* counts no frames: 20 of 40 hide"):
        edgectc.adopt(path, out=tmp_path / "made.onnx")
    assert not (tmp_path / "made.onnx").exists()


def test_what_is_said_of_a_mask_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path, "mask_", fixed=False)
    made = edgectc.adopt(path, out=tmp_path / "made.onnx", max_frames=T, mask="padding")
    x = np.random.default_rng(3).standard_normal((1, 9, 6)).astype(np.float32)
    got = edgectc.load(made.path).log_probs(x[0])
    np.testing.assert_allclose(got, native(path, "mask_", x, 9), atol=1e-4)
    with pytest.raises(ConfigError, match="mask is 'pad', expected one of"):
        edgectc.adopt(path, mask="pad")
    other = written(tmp_path, "float_len", fixed=False)
    with pytest.raises(ConfigError, match="takes no mask; leave mask out"):
        edgectc.adopt(other, mask="valid")
