"""Networks that remember, from module to partial texts; the oracle is the module, called whole."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import TOKENS
from torch import Tensor, nn

import edgectc
from edgectc import kit
from edgectc.commands import cli
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.evaluation import streams
from edgectc.exporting import untrained
from edgectc.formats import manifest as manifests

PAGE = Path(__file__).parents[2] / "docs" / "streaming.md"
TARGETS = ["onnx", pytest.param("pte", marks=pytest.mark.slow)]
V = len(TOKENS)


class Gru(nn.Module):
    """The state is the network's own where none is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.GRU(6, 8, 2, batch_first=True)
        self.head = nn.Linear(8, V)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x, state = self.layers(x, state)
        return self.head(x), state


class Pairs(nn.Module):
    """A pair of states in a dictionary, lengths among the answers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(6, 8, batch_first=True)
        self.head = nn.Linear(8, V)

    def forward(self, x: Tensor, lengths: Tensor, hidden: Any = None) -> dict[str, Any]:
        x, hidden = self.layers(x, hidden)
        return {"logits": self.head(x), "hidden": hidden, "lengths": lengths}


class Former(nn.Module):
    """Convolution of stride 2, attention in chunks of 4 output frames, causal convolution, GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.first = kit.CausalConv(6, 16, 5, stride=2)
        self.attention = kit.ChunkedAttention(16, 2, 4, 2, 0.1)
        self.deep = kit.CausalConv(16, 16, 3, dilation=2, groups=16)
        self.layers = kit.StatefulRecurrent(nn.GRU, 16, 16, 1)
        self.head = nn.Linear(16, V)

    def initial_states(self) -> dict[str, Tensor]:
        parts = {"a": self.first, "b": self.attention, "c": self.deep, "d": self.layers}
        return {name: part.initial() for name, part in parts.items()}

    def forward(
        self, x: Tensor, lengths: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor
    ) -> Any:
        keep = kit.keep_mask(lengths, x.shape[1])
        x, a = self.first(x.transpose(1, 2) * keep, a)
        keep = keep[:, :, 1::2]
        more, b = self.attention(x.transpose(1, 2), keep, b)
        x = x + more.transpose(1, 2)
        more, c = self.deep(x * keep, c)
        x, d = self.layers((x + more).transpose(1, 2), d)
        return self.head(x), a, b, c, d


class Crossed(nn.Module):
    """Two states of one shape that come back in the other order, and no values to begin with."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.GRU(6, 6, batch_first=True), nn.GRU(6, 6, batch_first=True)
        self.head = nn.Linear(6, V)

    def forward(self, x: Tensor, lengths: Tensor, h: Tensor, g: Tensor) -> Any:
        x, h = self.one(x, h)
        x, g = self.two(x, g)
        return self.head(x), g, h


class Growing(Gru):
    """Remembers all frames, so its state has no shape of its own."""

    def forward(self, x: Tensor, lengths: Tensor, seen: Tensor) -> Any:  # type: ignore[override]
        seen = torch.cat([seen, x], 1)
        return self.head(self.layers(seen)[0][:, -x.shape[1] :]), seen


class Peeking(nn.Module):
    """Sees two frames after its own, and answers two fewer than there are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.layers = nn.Conv1d(6, 8, 3), nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, V)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Any:
        x, state = self.layers(self.conv(x.transpose(1, 2)).transpose(1, 2), state)
        return self.head(x), state


class Both(nn.Module):
    """A convolution that pads both sides, so it sees a frame that no stream has yet."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.layers = nn.Conv1d(6, 8, 3, padding=1), nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, V)

    def forward(self, x: Tensor, lengths: Tensor, state: Tensor | None = None) -> Any:
        x = x * kit.keep_mask(lengths, x.shape[1]).transpose(1, 2)
        x, state = self.layers(self.conv(x.transpose(1, 2)).transpose(1, 2), state)
        return self.head(x), state


class Split(Both):
    """Trained whole; a chunk has a method of its own: it remembers a frame and sees one ahead."""

    def initial_states(self) -> Any:
        return torch.zeros(1, 1, 6), torch.zeros(1, 1, 8)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, lengths)[0]

    def infer(self, x: Tensor, lengths: Tensor, before: Tensor, state: Tensor) -> Any:
        x = x * kit.keep_mask(lengths, x.shape[1]).transpose(1, 2)
        seen = torch.cat([before, x], 1)  # from the frame before the chunk to the one ahead
        y = nn.functional.conv1d(seen.transpose(1, 2), self.conv.weight, self.conv.bias)
        y, state = self.layers(y.transpose(1, 2), state)
        return self.head(y), seen[:, -2:-1], state


def sample(frames: int = 50) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, frames, 6), torch.tensor([frames, 31])


def seeded(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return kind().eval()


def alone(network: nn.Module, x: Tensor) -> tuple[np.ndarray, list[Tensor]]:
    """Log_probs and states of a network as its author calls it: all frames of one recording."""
    lengths = torch.tensor([x.shape[1]])
    given: dict[type[nn.Module], tuple[Any, ...]] = {Gru: (), Peeking: (), Pairs: (lengths,)}
    given |= {Split: (lengths,), Both: (lengths,)}
    with torch.no_grad():
        if isinstance(network, Former):
            found = network(x, lengths, **network.initial_states())
        elif isinstance(network, Crossed):
            found = network(x, lengths, torch.zeros(1, 1, 6), torch.zeros(1, 1, 6))
        else:
            found = network(x, *given[type(network)])
    if isinstance(found, dict):
        scores, states = found["logits"], list(found["hidden"])
    else:
        scores, *states = found if isinstance(found, tuple) else (found,)
    return scores[0].double().log_softmax(-1).numpy(), states


def export(network: nn.Module, folder: Path, **about: Any) -> Any:
    about = {"target": "onnx", "chunk": 8, "sample": sample(), "check_blank": False, **about}
    return edgectc.export(network, tokens=TOKENS, out=folder, **about)


def hold(made: Any, network: nn.Module, sizes: tuple[int, ...] = (1, 3, 8, 13, 50)) -> None:
    """Hold a stream against the module itself, at five sizes of pieces, twice."""
    assert edgectc.verify(made.path).status == "pass"
    recognizer, (features, _) = edgectc.load(made.path), sample()
    for length in (50, 48, 17, 3):
        expected, _ = alone(network, features[:1, :length])
        texts = set()
        for size in sizes:
            stream, said = recognizer.stream(decoder="greedy"), []
            for _ in range(2):
                for start in range(0, length, size):
                    partial = stream.push(features[0, start : min(start + size, length)].numpy())
                    assert partial == stream.partial()
                said.append(stream.finish())
                stream.reset()
            assert said[0] == said[1]
            texts.add(said[0].best.text)
        got = recognizer.log_probs(features[0, :length].numpy())
        np.testing.assert_allclose(got, expected, atol=1e-5)
        assert texts == {recognizer.decoder(None, "greedy")(expected).best.text}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", [Gru, Former])
def test_a_stream_answers_as_the_module_run_whole(
    kind: type[nn.Module], target: str, tmp_path: Path
) -> None:
    network = seeded(kind)
    made = export(network, tmp_path, target=target)
    hold(made, network)
    assert {check.name: check.status for check in made.report.checks}["states"] == "pass"


SLOW = pytest.mark.slow


@pytest.mark.parametrize("chunk", [16, pytest.param(24, marks=SLOW), pytest.param(32, marks=SLOW)])
def test_chunks_of_other_sizes_answer_alike(chunk: int, tmp_path: Path) -> None:
    network = seeded(Former)
    hold(export(network, tmp_path, chunk=chunk, sample=sample(80)), network)


def test_the_states_are_those_of_the_module(tmp_path: Path) -> None:
    network = seeded(Pairs)
    made = export(network, tmp_path)
    hold(made, network)
    recognizer = edgectc.load(made.path)
    stream = recognizer.stream()
    stream.push(sample()[0][0, :48].numpy())
    expected = alone(network, sample()[0][:1, :48])[1]
    for got, want in zip(stream._steps.states.values(), expected, strict=True):
        np.testing.assert_allclose(got, want.numpy(), atol=1e-5)


def test_a_look_ahead_follows_from_the_window(tmp_path: Path) -> None:
    network = seeded(Peeking)
    made = export(network, tmp_path)
    assert (made.manifest.streaming.chunk, made.manifest.streaming.look_ahead) == (8, 2)
    hold(made, network)
    with pytest.raises(ConfigError, match=r"look_ahead is 1, expected 2 or more"):
        export(network, tmp_path, look_ahead=1)


@pytest.mark.slow
def test_states_that_cross_are_named(tmp_path: Path) -> None:
    network, shape = seeded(Crossed), [1, 1, 6]
    with pytest.raises(
        ConfigError, match=r"takes h, g, and nothing says .* states=\{NAME: SHAPE\}"
    ):
        export(network, tmp_path)
    named = {"states": {"h": shape, "g": shape}}
    with pytest.raises(ConfigError, match=r"otherwise than whole: .* \(state_outputs=\)"):
        export(network, tmp_path, **named)
    hold(export(network, tmp_path, **named, state_outputs=("g", "h")), network)
    with pytest.raises(UnknownNameError, match="argument of Crossed"):
        export(network, tmp_path, states={"k": shape})


def test_what_sees_ahead_is_refused_and_its_own_method_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"in chunks of 8 .*, output frame \d+ of \d+\. It sees"):
        export(seeded(Both), tmp_path)
    with pytest.raises(ConfigError, match="Split takes nothing that it could remember"):
        export(_without_states(), tmp_path)
    network = seeded(Split)
    hold(export(network, tmp_path, step="infer", look_ahead=1), network)
    with pytest.raises(ConfigError, match="Split has no method 'infere'"):
        export(network, tmp_path, step="infere")


def _without_states() -> nn.Module:
    network = seeded(Split)
    network.initial_states = dict  # type: ignore[assignment]
    return network


def test_a_state_that_grows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"seen has shape \(1, 4, 6\) .* last frames alone"):
        export(seeded(Growing), tmp_path, states={"seen": [1, 4, 6]})


def test_wrong_chunks_are_refused(tmp_path: Path) -> None:
    network = seeded(Former)
    with pytest.raises(ConfigError, match=r"chunk is 7, expected a multiple of the stride, 2.* 8"):
        export(network, tmp_path, chunk=7)
    with pytest.raises(InputError, match=r"has 50 frames, expected 64 or more"):
        export(network, tmp_path, chunk=32)
    with pytest.raises(ConfigError, match=r"states, step and look_ahead go with chunk=FRAMES"):
        export(network, tmp_path, chunk=0, states={"a": [1]})
    with pytest.raises(ConfigError, match="leave dynamic_batch out"):
        export(network, tmp_path, dynamic_batch=True)
    with pytest.raises(ConfigError, match="'native' has no graph of one chunk"):
        export(network, tmp_path, target="native")


@pytest.mark.slow
def test_a_stream_says_what_it_is_not(tmp_path: Path) -> None:
    made = export(seeded(Gru), tmp_path)
    (tmp_path / "words.tsv").write_text("# edgectc lexicon 1\nab\t-1\nba\t-2\n", "utf-8")
    recognizer = edgectc.load(made.path, lexicon=tmp_path / "words.tsv")
    with pytest.raises(ConfigError, match="'lexicon' takes whole signals"):
        recognizer.stream(decoder="lexicon")
    stream = recognizer.stream(decoder="greedy")
    with pytest.raises(InputError, match=r"shape \(3, 5\)"):
        stream.push(np.zeros((3, 5)))
    stream.push(np.zeros((3, 6)))
    stream.finish()
    with pytest.raises(InputError, match=r"reset\(\) begins the next"):
        stream.push(np.zeros((3, 6)))
    stream.reset()
    assert isinstance(stream.push(np.zeros((3, 6))), str)
    whole = export(seeded(Gru), tmp_path / "whole.onnx", chunk=0)
    with pytest.raises(ConfigError, match="exported with chunk=FRAMES"):
        edgectc.load(whole.path).stream()


def test_verify_sees_a_state_that_is_lost(tmp_path: Path) -> None:
    """A graph that gives back the state it was given answers each chunk as if it were the first."""
    import onnx

    made = export(seeded(Gru), tmp_path)
    model = onnx.load(made.path)
    (lost,) = (o for o in model.graph.output if o.name.startswith("next_"))
    for node in model.graph.node:
        node.output[:] = ["dropped" if name == lost.name else name for name in node.output]
    model.graph.node.append(onnx.helper.make_node("Identity", ["state_state"], [lost.name]))
    for prop in model.metadata_props:
        prop.value = re.sub(r'(file_sha256":")[0-9a-f]{64}', r"\g<1>" + "0" * 64, prop.value)
    made.path.write_bytes(manifests.sealed(model.SerializeToString()))
    failed = {c.name for c in edgectc.verify(made.path).checks if c.status == "fail"}
    assert {"log_probs", "chunks", "states"} <= failed


def test_pieces_are_around_the_chunk() -> None:
    assert streams.pieces(8) == [1, 7, 8, 9, 21]
    assert len({*streams.pieces(4)}) == 5


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained bundle of the GRU in one direction."""
    folder = tmp_path_factory.mktemp("family")
    text = (Path(edgectc.__file__).parent / "configs" / "gru-small.toml").read_text("utf-8")
    text, count = re.subn(r"bidirectional = true", "bidirectional = false", text)
    assert count == 1
    (folder / "one-way.toml").write_text(text, "utf-8")
    edgectc.pack(init=str(folder / "one-way.toml"), out=folder / "gru")
    return folder / "gru"


@pytest.mark.parametrize("target", TARGETS)
def test_our_gru_streams(family: Path, target: str, tmp_path: Path) -> None:
    made = edgectc.export(family, target=target, chunk=8, out=tmp_path)
    assert made.report.status == "pass"
    streaming = made.manifest.streaming
    whole, recognizer = edgectc.load(family, runner="eager"), edgectc.load(made.path)
    signal = np.random.default_rng(0).normal(size=(61, 16)).astype(np.float32)
    for day in recognizer.frontend.settings[:2]:
        want = whole.log_probs(signal, layout=day)
        for size in (1, 7, 8, 9, 61):
            stream = recognizer.stream(layout=day)
            for start in range(0, 61, size):
                stream.push(signal[start : start + size])
            text = stream.finish().best.text
            assert text == whole.decoder(day, "greedy")(want).best.text
        np.testing.assert_allclose(recognizer.log_probs(signal, layout=day), want, atol=1e-5)
    assert len(streaming.states) == 2


def test_what_sees_a_recording_whole_is_refused_by_name(tmp_path: Path) -> None:
    untrained.initialise(tmp_path / "gru", "gru", name="gru")
    with pytest.raises(ConfigError, match=r"train one with encoder\.bidirectional=false"):
        edgectc.export(tmp_path / "gru", target="onnx", chunk=8, out=tmp_path)
    with pytest.raises(ConfigError, match=r"SwipeFeatures sees a recording whole"):
        edgectc.export(target="onnx", chunk=8, out=tmp_path)


@pytest.mark.slow
def test_a_chunk_that_no_reference_holds_is_refused_with_one_that_fits(
    family: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"chunk is 4000, expected at most (\d+)") as caught:
        edgectc.export(family, target="onnx", chunk=4000, out=tmp_path)
    most = int(re.findall(r"at most (\d+)", str(caught.value))[0])
    assert edgectc.export(family, target="onnx", chunk=most, out=tmp_path).report.status == "pass"


def test_the_command_makes_and_describes_a_stream(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    features, lengths = sample()
    np.savez("s.npz", features=features.numpy(), lengths=lengths.numpy())
    Path("t.txt").write_text("\n".join(TOKENS) + "\n", "utf-8")
    line = "export test_streams:Crossed --sample s.npz --tokens t.txt --target onnx --any-blank"
    line += " --chunk 8 --states h=1x1x6 --states g=1x1x6 --state-outputs g,h"
    assert cli.main(line.split()) == 0
    assert "chunks of 8 frames, 0 ahead" in capsys.readouterr().out
    assert cli.main(["inspect", "crossed.onnx", "--json"]) == 0
    assert '"look_ahead": 0' in capsys.readouterr().out
    assert cli.main(["decode", "crossed.onnx", "--input", "s.npz"]) == 0


@pytest.mark.slow
def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert [name for name, _ in blocks] == ["listen.py", "talk.py"]
    for name, code in blocks:
        (tmp_path / name).write_text(code, "utf-8")
    code = "from talk import *; whole = recognizer(sample[0][0].numpy(), decoder='beam', nbest=3)\n"
    code += "print(made.report.status, len(texts), answer == whole)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "pass 9 True\n", done.stderr


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_a_greedy_stream_answers_as_one_call(size: int) -> None:
    decode = edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0)
    scores = np.random.default_rng(size).normal(size=(40, V)) * 2.0
    scores[10:16] = scores[10]  # one token over several frames
    log_probs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    stream = decode.stream()
    for start in range(0, 40, size):
        stream.push(log_probs[start : start + size])
    (got,), (want,) = stream.finish(), decode(log_probs)
    assert (got.text, got.timesteps) == (want.text, want.timesteps)
    assert got.score == pytest.approx(want.score, rel=1e-12)
    assert stream.partial() == want.text
