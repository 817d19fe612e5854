"""Streams in fewer bits; the oracle is the module itself, called whole."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from networks import TOKENS
from torch import Tensor, nn
from torch.nn import functional as F

import edgectc
from edgectc import kit
from edgectc.commands import cli
from edgectc.core.errors import InputError
from edgectc.quantization import timing

CHUNK, C, T = 8, 6, 40


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are not what is tested here."""
    monkeypatch.setattr(timing, "_ROUNDS", 1)


class Remembering(nn.Module):
    """A causal convolution of stride 2 and a linear layer, the memory being the last frames."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = kit.CausalConv(C, 24, 5, stride=2)
        self.inner, self.head = nn.Linear(24, 24), nn.Linear(24, len(TOKENS))
        with torch.no_grad():
            self.head.weight.mul_(4)

    def initial_states(self) -> tuple[Tensor]:
        return (self.conv.initial(),)

    def forward(self, x: Tensor, lengths: Tensor, before: Tensor) -> Any:
        keep = kit.keep_mask(lengths, x.shape[1])
        y, before = self.conv(x.transpose(1, 2) * keep, before)
        return self.head(F.relu(self.inner(F.relu(y).transpose(1, 2)))), before


def whole(x: np.ndarray) -> np.ndarray:
    """Return log_probs (T', V) of a recording (T, C), of the module called once."""
    network = Remembering().eval()
    with torch.no_grad():
        given = torch.from_numpy(x[None]), torch.tensor([len(x)]), *network.initial_states()
        return network(*given)[0][0].log_softmax(-1).numpy()


def in_chunks(path: Path, x: np.ndarray) -> np.ndarray:
    """Return the same of an ONNX file, its state carried by hand."""
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    _, _, state = session.get_inputs()
    outputs = [one.name for one in session.get_outputs()]
    held, found = np.zeros(state.shape, np.float32), []
    for start in range(0, len(x), CHUNK):
        part = {"features": x[None, start : start + CHUNK], "length": np.array([CHUNK], np.int32)}
        answer, held = session.run(outputs, {**part, state.name: held})
        found.append(answer[0])
    return np.concatenate(found)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    features = np.random.default_rng(0).standard_normal((80, T, C)).astype(np.float32)
    features[:, :CHUNK] *= 3.0  # louder at the beginning than a chunk in the middle
    texts = []
    for x in features:
        best = [0, *whole(x).argmax(-1)]
        texts.append("".join(TOKENS[c] for b, c in itertools.pairwise(best) if c and c != b))
    np.savez("c.npz", features=features, lengths=np.full(80, T), texts=np.array(texts))
    return tmp_path


GIVEN: dict[str, Any] = {"tokens": TOKENS, "chunk": CHUNK, "calibration": "c.npz"}


def sample() -> tuple[Tensor, Tensor]:
    x = torch.from_numpy(np.load("c.npz")["features"][:2])
    return x, torch.tensor([T, 31])


def test_a_stream_in_int8(here: Path) -> None:
    done = edgectc.quantize(Remembering(), target="onnx", sample=sample(), max_drop=30.0, **GIVEN)
    assert done.report["operators"] == 3
    assert done.artifact.manifest.scheme.type == "int8-static"
    assert done.point.drop is not None
    assert done.point.drop.before == 0.0
    report = edgectc.verify(done.artifact)
    assert report.status == "pass"
    assert {"chunks", "states", "streamed"} <= {check.name for check in report.checks}
    x = np.load("c.npz")["features"][9]
    apart = np.abs(in_chunks(done.artifact.path, x) - whole(x))
    assert 0.0 < apart.mean() < 0.05
    stream = edgectc.load(done.artifact).stream()
    for piece in np.array_split(x, 7):
        stream.push(piece)
    assert stream.finish().best.text == edgectc.load(done.artifact)(x).best.text


def test_by_the_command_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("s.npz", features=sample()[0].numpy(), lengths=sample()[1].numpy())
    Path("t.txt").write_text("\n".join(TOKENS) + "\n")
    line = (
        "quantize test_streams_in_fewer_bits:Remembering --sample s.npz --tokens t.txt --chunk 8 "
        "--target onnx --scheme int8-weight --calibration c.npz --json"
    )
    assert cli.main(line.split()) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["quantization"]["loss"]["rows"] == 80
    assert edgectc.load(document["path"]).runner.streaming.chunk == CHUNK  # type: ignore[attr-defined]


def test_recordings_that_fill_no_chunk_are_refused(here: Path) -> None:
    rows = np.load("c.npz")
    np.savez("short.npz", features=rows["features"][:, :6], lengths=np.full(80, 6))
    given = {**GIVEN, "calibration": "short.npz"}
    with pytest.raises(InputError, match="no recording has 8 frames, a chunk"):
        edgectc.quantize(Remembering(), target="onnx", sample=sample(), **given)


@pytest.mark.slow
def test_bench_times_each_chunk(here: Path) -> None:
    done = edgectc.quantize(Remembering(), target="onnx", sample=sample(), **GIVEN)
    given = {"data": "c.npz", "rounds": 1, "processes": 1, "samples": 10}
    (row,) = [r for r in edgectc.bench(done.artifact.path, **given)["rows"] if r["size_bytes"]]
    assert row["status"] == "ok"
    assert row["chunk_frames"] == CHUNK
    assert 0.0 < row["chunk_p50_ms"] <= row["chunk_p99_ms"]
    assert row["chunk_p50_ms"] < row["network_p50_ms"]  # a recording is five of them
    plain = edgectc.bench(**{**given, "data": None}, runtime=("onnx",))["rows"]
    assert not any("chunk_frames" in one for one in plain)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["int8-static", "int8-dynamic"])
def test_in_executorch(scheme: str, here: Path) -> None:
    done = edgectc.quantize(Remembering(), target="pte", scheme=scheme, sample=sample(), **GIVEN)
    assert edgectc.verify(done.artifact).status == "pass"
    x = np.load("c.npz")["features"][9]
    apart = np.abs(edgectc.load(done.artifact).log_probs(x) - whole(x))
    assert 0.0 < apart.mean() < 0.05
