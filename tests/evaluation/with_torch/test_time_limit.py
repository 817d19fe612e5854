"""A graph that loops for ever: its check is stopped, in one line, when a time limit is given."""

from __future__ import annotations

import json
import time
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import edgectc
from edgectc.commands.cli import main
from edgectc.core.errors import BundleError, BundleFileMissingError, ConfigError
from edgectc.formats import manifest as manifests

FILES = Path(__file__).parents[2] / "compat/files-1"
WORDS = FILES / "words.trie"


def looping(rounds: int) -> bytes:
    """The small swipe model whose answer passes through a loop, sealed again."""
    model = onnx.load_from_string((FILES / "swipe/artifacts/swipe.onnx").read_bytes())
    graph, plain = model.graph, "log_probs_before"
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = plain if name == "log_probs" else name
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_in"], ["go_out"]),
            helper.make_node("Identity", ["value_in"], ["value_out"]),
        ],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("go_in", TensorProto.BOOL, []),
            value("value_in", TensorProto.FLOAT, None),
        ],
        [value("go_out", TensorProto.BOOL, []), value("value_out", TensorProto.FLOAT, None)],
    )
    graph.initializer.append(helper.make_tensor("rounds", TensorProto.INT64, [], [rounds]))
    graph.initializer.append(helper.make_tensor("go", TensorProto.BOOL, [], [True]))
    graph.node.append(helper.make_node("Loop", ["rounds", "go", plain], ["log_probs"], body=body))
    for entry in model.metadata_props:
        start = len(manifests.PREFIX)
        entry.value = entry.value[:start] + "0" * 64 + entry.value[start + 64 :]
    data = manifests.sealed(model.SerializeToString())
    assert isinstance(data, bytes)
    return data


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    path = tmp_path / "endless.onnx"
    path.write_bytes(looping(2**62))
    return path


def test_a_loop_that_ends_passes(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(looping(3))
    plain = edgectc.verify(path, lexicon=str(WORDS))
    limited = edgectc.verify(path, lexicon=str(WORDS), time_limit=120)
    assert plain.status == limited.status == "pass"
    assert [(c.name, c.status) for c in plain.checks] == [
        (c.name, c.status) for c in limited.checks
    ]


def test_a_loop_without_end_is_stopped(endless: Path) -> None:
    began = time.monotonic()
    with pytest.raises(BundleError, match=r"after 6 s and was stopped; a graph with a loop") as e:
        edgectc.verify(endless, lexicon=str(WORDS), time_limit=6)
    assert 6 <= time.monotonic() - began < 60
    assert str(e.value).startswith(f"{endless}: ")
    assert "a higher time_limit" in str(e.value)


def test_so_on_the_command_line(endless: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["verify", str(endless), f"--lexicon={WORDS}", "--time-limit=6"]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "give a higher --time-limit" in error


def test_opening_it_runs_nothing(endless: Path) -> None:
    assert edgectc.load(endless, lexicon=str(WORDS))


@pytest.mark.slow
def test_the_report_of_a_limited_check_is_the_whole_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = str(FILES / "swipe")
    printed = []
    codes = set()
    for more in ([], ["--time-limit", "300"]):
        codes.add(main(["verify", bundle, "--json", *more]))
        printed.append(json.loads(capsys.readouterr().out))
    assert len(codes) == 1
    for key in ("status", "needed"):
        assert printed[0][key] == printed[1][key]
    names = [[(c["name"], c["status"]) for c in one["checks"]] for one in printed]
    assert names[0] == names[1]


def test_errors_of_the_child_keep_their_words(tmp_path: Path) -> None:
    with pytest.raises(edgectc.EdgectcError, match="no bundle or artifact at") as caught:
        edgectc.verify(tmp_path / "none.onnx", time_limit=60)
    assert caught.value.exit_code == BundleFileMissingError.exit_code
    odd = tmp_path / "--json.onnx"
    odd.write_bytes(b"nothing")
    with pytest.raises(edgectc.EdgectcError, match="not an edgectc artifact"):
        edgectc.verify(odd, time_limit=60)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_is_seconds(seconds: float) -> None:
    with pytest.raises(ConfigError, match=r"time_limit is .*, expected above 0"):
        edgectc.verify(time_limit=seconds)
