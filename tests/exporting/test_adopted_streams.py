"""ONNX files that remember, and those that take more than features and a length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_streams
import onnxruntime
import pytest
from onnx_streams import CHUNK, C

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError, InputError

TOKENS = ["<blank>", *"abcd"]
ADOPTED = {"blank": "0", "chunk": CHUNK}


@pytest.fixture
def tokens(tmp_path: Path) -> str:
    path = tmp_path / "t.txt"
    path.write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    return str(path)


def frames(T: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((T, C)).astype(np.float32)


@pytest.mark.parametrize(
    ("names", "look_ahead", "width", "said"),
    [
        (("cached_x", "new_cached_x"), 0, "T", {}),
        (("in_cache0", "out_cache0"), 0, CHUNK, {"layout": "NTC"}),
        (
            ("cache_last_time", "cache_last_time_next"),
            2,
            CHUNK + 2,
            {"look_ahead": 2, "layout": "NTC"},
        ),
        (("h", "hn"), 2, "T", {"look_ahead": 2}),
        (("left", "right"), 0, "T", {"states": {"left": "right"}}),
    ],
)
def test_a_file_that_remembers_goes_chunk_by_chunk(
    names: tuple[str, str], look_ahead: int, width: int | str, said: dict, tmp_path: Path,
    tokens: str,
) -> None:  # fmt: skip
    path = tmp_path / "theirs.onnx"
    path.write_bytes(onnx_streams.stream(width, names=names, look_ahead=look_ahead))
    made = edgectc.adopt(path, tokens=tokens, out=tmp_path / "ours.onnx", **ADOPTED, **said)
    assert edgectc.verify(made.path).status == "pass"
    loaded, x = edgectc.load(made.path), frames(8 * CHUNK + look_ahead)
    want = onnx_streams.run_stream(path, x, look_ahead)
    np.testing.assert_allclose(loaded.log_probs(x), want, atol=1e-5)
    streamed = loaded.stream()
    for piece in np.array_split(x, 7):
        streamed.push(piece)
    assert streamed.finish().best.text == loaded(x).best.text
    states = {state.name: state.output for state in made.manifest.streaming.states}
    assert states == {names[0]: names[1], "processed_lens": "new_processed_lens"}


def test_a_chunk_that_the_file_tells_is_taken(tmp_path: Path, tokens: str) -> None:
    """The metadata of sherpa-onnx; channels and frames have both numbers there."""
    path = tmp_path / "theirs.onnx"
    about = {"decode_chunk_len": "4", "T": "6"}
    path.write_bytes(onnx_streams.stream(6, look_ahead=2, metadata=about))
    made = edgectc.adopt(path, tokens=tokens, blank="0", layout="NTC", out=tmp_path / "ours.onnx")
    assert (made.manifest.streaming.chunk, made.manifest.streaming.look_ahead) == (4, 2)


@pytest.mark.parametrize(
    ("built", "said", "words"),
    [
        ({}, {}, "say --chunk FRAMES"),
        ({"kept": 3}, {"chunk": 4}, "'cached_x' is .1, 6, 2. .* comes back as .1, 6, 3."),
        ({"heard": 0.0}, {"chunk": 4}, "what it remembers changes no answer"),
        ({"frames": 8}, {"chunk": 4}, "nothing tells frames from channels; say layout"),
        ({"frames": 8}, {"chunk": 4, "look_ahead": 3, "layout": "NTC"}, "leaves 4 to look ahead"),
        ({"look_ahead": 2}, {"chunk": 3, "look_ahead": 3}, "no whole stride"),
        (
            {"names": ("left", "right")},
            {"chunk": 4, "states": {"left": ""}, "answer": "log_probs"},
            "what it remembers changes no answer",
        ),
        ({}, {"chunk": 4, "states": {"cached_x": "nothing"}}, "there is no 'nothing' among"),
        (
            {"names": ("left", "right")},
            {"chunk": 4},
            "'left' may be a state, as right .*--states left=right",
        ),
    ],
)
def test_a_stream_that_is_none_is_refused(
    built: dict, said: dict, words: str, tmp_path: Path, tokens: str
) -> None:
    path = tmp_path / "theirs.onnx"
    path.write_bytes(onnx_streams.stream(**built))
    with pytest.raises(ConfigError, match=words):
        edgectc.adopt(path, tokens=tokens, blank="0", out=tmp_path / "ours.onnx", **said)
    assert not (tmp_path / "ours.onnx").exists()


def test_a_stream_is_not_quantized_without_its_network(tmp_path: Path, tokens: str) -> None:
    path = tmp_path / "theirs.onnx"
    path.write_bytes(onnx_streams.stream())
    np.savez(tmp_path / "s.npz", features=np.stack([frames(40, s) for s in range(3)]))
    with pytest.raises(ConfigError, match="with its network in PyTorch alone"):
        edgectc.quantize(
            path, target="onnx", sample=tmp_path / "s.npz", tokens=tokens, blank="0", chunk=4,
            calibration=tmp_path / "s.npz",
        )  # fmt: skip


def by_hand(path: Path, x: np.ndarray, speaker: int, style: np.ndarray, keys: np.ndarray):
    """The file as its author runs it, and a textbook log_softmax."""
    given = {
        "x": x[None], "x_lens": np.array([len(x)]), "speaker": np.array([speaker]),
        "style": style[None], "keys": keys[None].astype(np.int32),
        "knob": np.array(0.5, np.float32),
    }  # fmt: skip
    out = onnxruntime.InferenceSession(path).run(["logits"], given)[0][0].astype(np.float64)
    return out - np.log(np.exp(out).sum(-1, keepdims=True))


def test_further_inputs_are_taken_and_reach_the_file(
    tmp_path: Path, tokens: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "theirs.onnx", tmp_path / "ours.onnx"
    path.write_bytes(onnx_streams.further())
    line = ["adopt", str(path), "--tokens", tokens, "--out", str(out), "--blank", "0"]
    more = ["--counts", "speaker=4", "--counts", "keys=7", "--constants", "knob=0.5"]
    # each refusal names the option that the next line gives
    for given, words in (
        (0, "--counts speaker=N"),
        (2, "--counts keys=N"),
        (4, "--constants knob"),
    ):
        assert cli.main([*line, *more[:given]]) == 2
        assert words in capsys.readouterr().err
    assert cli.main([*line, *more, "--answer", "out_lens"]) == 2
    assert "no output" in capsys.readouterr().err
    assert cli.main([*line, *more, "--answer", "nothing"]) == 2
    assert "it has ['pooled', 'out_lens', 'logits']" in capsys.readouterr().err
    assert cli.main([*line, *more, "--answer", "logits"]) == 0
    told = capsys.readouterr().out
    assert "not pooled, out_lens (dropped)" in told
    assert "knob is always 0.5" in told
    assert "CHANGES NOTHING" not in told
    assert edgectc.verify(out).status == "pass"
    loaded, rng = edgectc.load(out), np.random.default_rng(2)
    for T, speaker in ((9, 0), (40, 3)):
        x, style, keys = frames(T, T), rng.standard_normal(3), rng.integers(0, 7, T)
        found = loaded.log_probs({"x": x, "speaker": speaker, "style": style, "keys": keys})
        want = by_hand(path, x, speaker, style.astype(np.float32), keys)
        np.testing.assert_allclose(found, want, atol=1e-5)
    with pytest.raises(InputError, match="integers of 0 to 3"):
        loaded.log_probs({"x": x, "speaker": 4, "style": style, "keys": keys})


def test_a_sample_holds_further_inputs_by_their_names(tmp_path: Path, tokens: str) -> None:
    path = tmp_path / "theirs.onnx"
    path.write_bytes(onnx_streams.further())
    said = {"tokens": tokens, "blank": "0", "counts": {"speaker": 4, "keys": 7}}
    said |= {"constants": {"knob": 0.5}, "answer": "logits", "out": tmp_path / "ours.onnx"}
    rng = np.random.default_rng(0)
    held = {
        "features": rng.standard_normal((3, 20, C)).astype(np.float32),
        "speaker": np.array([0, 1, 3]),
        "style": rng.standard_normal((3, 3)).astype(np.float32),
        "keys": rng.integers(0, 7, (3, 20)),
    }
    np.savez(tmp_path / "s.npz", **held)
    made = edgectc.adopt(path, sample=tmp_path / "s.npz", **said)
    first = next(case for case in made.manifest.reference.values())
    x, *rest = (held[key][0] for key in ("features", "speaker", "style", "keys"))
    want = by_hand(path, x, int(rest[0]), rest[1], rest[2])
    np.testing.assert_allclose(first.log_probs.array(), want, atol=1e-5)
    wrongs = [
        ({"speaker": np.array([0, 1, 4])}, "goes to 4, and there are 4"),
        ({"keys": np.zeros((3, 5))}, "expected 3 recordings of 1 values a frame"),
    ]
    for wrong, words in wrongs:
        np.savez(tmp_path / "w.npz", **{**held, **wrong})
        with pytest.raises(InputError, match=words):
            edgectc.adopt(path, sample=tmp_path / "w.npz", **said)
    with pytest.raises(ConfigError, match="takes no 'volume' beside"):
        edgectc.adopt(path, **{**said, "constants": {"knob": 0.5, "volume": 1}})
