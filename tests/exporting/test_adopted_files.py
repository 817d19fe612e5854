"""ONNX files of others: found out, sealed and decoded; and lies about them, refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx_files
import onnxruntime
import pytest
from onnx_files import LETTERS

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import BundleError, ConfigError, EdgectcError, InputError

NAMED = ["<blank>", *LETTERS]


def written(folder: Path, symbols: list[str] | None = None, **about: object) -> Path:
    """A file and its tokens beside it."""
    path = folder / "theirs.onnx"
    path.write_bytes(onnx_files.build(**about))  # type: ignore[arg-type]
    if symbols is not None:
        onnx_files.tokens(folder / "tokens.txt", symbols)
    return path


def reference(path: Path, given: dict[str, np.ndarray], kind: str, order: tuple[int, ...]):
    """The file as its author runs it, and a textbook log_softmax."""
    out = onnxruntime.InferenceSession(path).run(None, given)[0].transpose(order)[0].astype(float)
    if kind == "probabilities":
        return np.log(out)
    return out - np.log(np.exp(out).sum(-1, keepdims=True))


@pytest.mark.parametrize("answers", ["logits", "probabilities", "log_probs"])
@pytest.mark.parametrize("layout", ["NCT", "NTC", "NCHW"])
@pytest.mark.parametrize(("axes", "order"), [("NTV", (0, 1, 2)), ("TNV", (1, 0, 2))])
def test_a_file_is_found_out_and_answers_as_before(
    layout: str, answers: str, axes: str, order: tuple[int, ...], tmp_path: Path
) -> None:
    path = written(tmp_path, NAMED, layout=layout, answers=answers, axes=axes)
    made = edgectc.adopt(path, out=tmp_path / "ours.onnx")
    about = made.manifest.options
    assert (about["layout"], about["kind"]) == (layout, answers)
    assert (made.manifest.output.stride, made.manifest.output.window) == (2, 2)
    assert edgectc.verify(made.path).status == "pass"
    loaded = edgectc.load(made.path)
    for length in (60, 31, 7, 2):
        x = onnx_files.spoken("deaf")[:length]
        turned = {"NTC": x[None], "NCT": x.T[None], "NCHW": x.T.reshape(1, 2, 3, -1)}[layout]
        want = reference(path, {"x": turned}, answers, order)
        np.testing.assert_allclose(loaded.log_probs(x), want, atol=1e-5)
        if layout == "NCHW":
            np.testing.assert_allclose(loaded.log_probs(turned[0]), want, atol=1e-5)
    assert loaded(onnx_files.spoken("deaf")).best.text == "deaf"


@pytest.mark.parametrize("blank", [0, 6])
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("tokens.txt", "{lines}"),
        ("tokens.txt", "{ids}"),
        ("vocab.json", "{json}"),
        ("metadata vocab", "{lines}"),
        ("metadata vocabulary", "{list}"),
    ],
)
def test_tokens_are_found_where_projects_write_them(
    file: str, text: str, blank: int, tmp_path: Path
) -> None:
    symbols = list(LETTERS)
    symbols.insert(blank, "<blk>")
    lines = "\n".join(symbols)
    ids = "\n".join(f"{s} {i}" for i, s in enumerate(symbols))
    table = json.dumps({s: i for i, s in enumerate(symbols)})
    content = text.format(lines=lines, ids=ids, json=table, list=json.dumps(symbols))
    kind, _, key = file.partition(" ")
    path = written(tmp_path, blank=blank, metadata={key: content} if key else None)
    if not key:
        (tmp_path / kind).write_text(content)
    made = edgectc.adopt(path, out=tmp_path / "ours.onnx")
    assert made.manifest.blank_id == blank
    assert edgectc.load(made.path)(onnx_files.spoken("fade")).best.text == "fade"


def test_blanks_that_go_without_saying_are_added(tmp_path: Path) -> None:
    path = written(tmp_path, metadata={"character": "\n".join(LETTERS)})
    assert edgectc.adopt(path, out=tmp_path).manifest.tokens == tuple(NAMED)
    path = written(tmp_path, metadata={"character": "\n".join(LETTERS[:5])})
    assert edgectc.adopt(path, out=tmp_path).manifest.tokens == (*NAMED[:6], " ")
    path = written(tmp_path, blank=6, metadata={"vocabulary": json.dumps([*LETTERS])})
    assert edgectc.adopt(path, out=tmp_path, blank="6").manifest.tokens == (*LETTERS, "<blank>")


@pytest.mark.parametrize("name", ["length", "x_lens"])
def test_a_second_input_and_names_like_ours(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, NAMED, second=name, first="features", layout="NTC")
    made = edgectc.adopt(path, out=tmp_path)
    assert edgectc.load(made.path)(onnx_files.spoken("bed")).best.text == "bed"
    assert made.manifest.options["second_meaning"] == "lengths"


def test_a_file_of_one_width_is_padded(tmp_path: Path) -> None:
    path = written(tmp_path, NAMED, frames=60)
    made = edgectc.adopt(path, out=tmp_path)
    assert made.manifest.frontend["max_frames"] == 60
    assert edgectc.load(made.path)(onnx_files.spoken("deaf")[:30]).best.text == "deaf"


def shifted(symbols: list[str]) -> list[str]:
    return [symbols[0], *symbols[2:], symbols[1]]


LIES = {
    "the blank moved": ({"blank": 6}, {}, NAMED, r"the blank was moved.*--blank 6"),
    "the blank said elsewhere": ({}, {"blank": "c"}, [*"_abcdef"], "the blank was moved"),
    "the alphabet shifted by one": ({}, {}, shifted(NAMED), r"shifted by [+-]\d+ they spell"),
    "a token too many": ({}, {}, [*NAMED, "g"], "8 tokens and the answer has 7 columns"),
    "a line lost": ({}, {}, NAMED[:-1], "6 tokens and the answer has 7 columns: 1 too few"),
    "a token twice": ({}, {}, ["<blank>", *"abcdee"], "tokens occur twice"),
    "ids from one": ({}, {}, [f"{s} {i + 1}" for i, s in enumerate(NAMED)], "one too high"),
    "input axes swapped": ({}, {"layout": "NTC"}, NAMED, "are the axes swapped"),
    "output axes swapped": ({}, {"axes": "TNV"}, NAMED, "not TNV: axes swapped"),
    "probabilities called logs": (
        {"answers": "probabilities"}, {"answers": "log_probs"}, NAMED,
        "said to be log_probs, and it is probabilities",
    ),
    "logits called probabilities": (
        {}, {"answers": "probabilities"}, NAMED, "said to be probabilities, and it is logits",
    ),
    "another stride": ({}, {"stride": 4}, NAMED, r"stride of 4 was said.*a stride of 2"),
    "a state called a length": ({"second": "cache"}, {}, NAMED, "takes 'cache'.*from chunk"),
    "deaf": ({"scale": 0.0}, {"blank": "<blank>"}, NAMED, "is deaf|not finite|blank"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_by_name(lie: str, tmp_path: Path) -> None:
    about, said, symbols, words = LIES[lie]
    path = written(tmp_path, symbols, **about)
    sample = onnx_files.sample(tmp_path / "s.npz")
    with pytest.raises(EdgectcError, match=words):
        edgectc.adopt(path, out=tmp_path / "ours.onnx", sample=sample, **said)  # type: ignore[arg-type]
    assert not (tmp_path / "ours.onnx").exists()


def test_other_tokens_than_those_inside_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, metadata={"vocab": "\n".join(NAMED)})
    other = onnx_files.tokens(tmp_path / "other.txt", ["<blank>", *"abcdxf"])
    with pytest.raises(ConfigError, match=r"another alphabet than the one inside.*column 5 is 'x'"):
        edgectc.adopt(path, tokens=other, out=tmp_path / "ours.onnx")
    path = written(tmp_path)
    with pytest.raises(ConfigError, match="holds no tokens"):
        edgectc.adopt(path, out=tmp_path / "ours.onnx")


def test_a_sample_of_other_width_and_an_artifact_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, NAMED)
    np.savez(tmp_path / "s.npz", features=np.zeros((1, 9, 5), np.float32))
    with pytest.raises(InputError, match="5 values a frame, the file takes 6"):
        edgectc.adopt(path, out=tmp_path / "ours.onnx", sample=tmp_path / "s.npz")
    made = edgectc.adopt(path, out=tmp_path / "ours.onnx")
    with pytest.raises(ConfigError, match="is an artifact of edgectc already"):
        edgectc.adopt(made.path, out=tmp_path / "again.onnx")
    (tmp_path / "junk.onnx").write_bytes(b"no onnx at all")
    with pytest.raises((ConfigError, BundleError)):
        edgectc.adopt(tmp_path / "junk.onnx", out=tmp_path / "again.onnx")


def test_the_command_and_the_verbs_after_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, NAMED)
    onnx_files.sample(tmp_path / "s.npz")
    assert cli.main("adopt theirs.onnx --sample s.npz --json".split()) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["path"] == "theirs-adopted.onnx"
    assert {"labels", "blank", "tokens", "answers"} <= {c["name"] for c in document["checks"]}
    assert cli.main("verify theirs-adopted.onnx".split()) == 0
    assert cli.main("inspect theirs-adopted.onnx".split()) == 0
    capsys.readouterr()
    assert cli.main("decode theirs-adopted.onnx --input s.npz --json".split()) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["candidates"][0]["text"] for row in rows] == ["abc", "deaf", "fade"]
    line = "quantize theirs-adopted.onnx --target onnx --calibration s.npz"
    assert cli.main(line.split()) == 2
    assert "3 usable recordings to calibrate with" in capsys.readouterr().err


def test_references_keep_to_their_budget(tmp_path: Path) -> None:
    path = written(tmp_path, NAMED)
    small = edgectc.adopt(path, out=tmp_path / "a.onnx", references=8000)
    large = edgectc.adopt(path, out=tmp_path / "b.onnx", references=60000)
    assert small.bytes < large.bytes < len(path.read_bytes()) + 70_000
    assert edgectc.verify(small.path).status == "pass"
    with pytest.raises(ConfigError, match="no reference case fits 100 bytes"):
        edgectc.adopt(path, out=tmp_path / "c.onnx", references=100)
