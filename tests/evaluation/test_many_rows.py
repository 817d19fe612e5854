"""`eval` of more rows than it holds: the same figures and answers, and little memory a row."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import said

import edgectc
from edgectc.core.types import Hypothesis
from edgectc.data import rows, signals
from edgectc.evaluation import accuracy, sequences
from edgectc.evaluation.spool import Spool

ROOT = Path(__file__).parents[2]
TINY = ROOT / "models" / "swipe-en-tiny" / "artifacts" / "swipe-en-tiny.onnx"


def figures(model: Any, data: Path, folder: Path, **how: Any) -> tuple[dict[str, Any], bytes]:
    """Return what `eval` says but for the time, and every answer of it."""
    found = dict(edgectc.evaluate(model, data, predictions=folder / "answers", **how))
    for name in ("ms_per_swipe", "ms_per_recording"):
        found.pop(name, None)
    return found, (folder / "answers").read_bytes()


def words(folder: Path) -> Path:
    (folder / "words.txt").write_text("the\t9\ntime\t4\nhello\t2\n")
    edgectc.build_lexicon(str(folder / "words.txt"), out=folder / "words.trie")
    return folder / "words.trie"


@pytest.fixture
def swipes(tmp_path: Path) -> Path:
    path = tmp_path / "swipes.jsonl"
    edgectc.synth_data("swipe", out=path, count=60, lexicon=words(tmp_path))
    told = path.read_text().splitlines()
    told[40:40] = ["no json", '{"points": [[0, 0, 0]]}', told[3].replace('"word"', '"said"')]
    path.write_text("\n".join(told))
    return path


@pytest.mark.parametrize("split", ["all", "train", "dev"])
def test_swipes_that_are_read_again_have_the_same_figures(
    swipes: Path, split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edgectc.shard_data(swipes, out=tmp_path / "set", rows=20)
    recognizer = edgectc.load(TINY, lexicon=str(tmp_path / "words.trie"))
    how: dict[str, Any] = {"split": split, "confusions": 3, "against": "greedy"}
    how |= {"control": True} if split == "dev" else {}
    held = figures(recognizer, swipes, tmp_path, **how)
    assert held[0]["rows"] > 3
    some = figures(recognizer, swipes, tmp_path, **how, limit=7)
    monkeypatch.setattr(rows, "HELD_BYTES", 0)
    assert figures(recognizer, swipes, tmp_path, **how) == held
    assert figures(recognizer, swipes, tmp_path, **how, limit=7) == some
    assert figures(recognizer, tmp_path / "set", tmp_path, **how) == held


def test_recordings_that_are_read_again_have_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = said.recognizer()
    lines = [("B AH K T", text, f"d{n % 2}") for n, text in enumerate(("B AH", "K T", "T") * 20)]
    signals.write(tmp_path / "x.npz", {"": said.rows(model, lines)})
    edgectc.shard_data(tmp_path / "x.npz", out=tmp_path / "set", rows=9)
    how: dict[str, Any] = {"confusions": 3, "against": "greedy"}
    held = figures(model, tmp_path / "x.npz", tmp_path, **how)
    assert held[0]["rows"] == 60
    assert held[0]["oracle"]["value"] <= held[0]["error_rate"]["value"]
    monkeypatch.setattr(rows, "HELD_BYTES", 0)
    assert figures(model, tmp_path / "x.npz", tmp_path, **how) == held
    assert figures(model, tmp_path / "set", tmp_path, **how) == held


def test_a_decoder_is_tuned_on_many_swipes_as_on_few(
    swipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edgectc.shard_data(swipes, out=tmp_path / "set", rows=20)
    recognizer = edgectc.load(TINY, lexicon=str(tmp_path / "words.trie"))
    recognizer.preset = {"type": "lexicon", "lm_weight": 3.0, "template_weight": 0.0}
    how: dict[str, Any] = {"split": "all", "only": ["lm_weight", "template_weight", "temperature"]}
    held = edgectc.tune_decoder(recognizer, swipes, **how)
    assert held.rows > 50
    assert held.preset["temperature"] != 1.0
    monkeypatch.setattr(rows, "HELD_BYTES", 100_000)  # of which some stay in memory
    assert edgectc.tune_decoder(recognizer, swipes, **how) == held
    monkeypatch.setattr(rows, "HELD_BYTES", 0)
    assert edgectc.tune_decoder(recognizer, tmp_path / "set", **how) == held


def test_what_a_network_said_of_many_rows_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def row(n: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full((40, 31), n / 7), np.full((n % 5, 2), n, np.float32)

    monkeypatch.setattr(rows, "HELD_BYTES", 100_000)
    tracemalloc.start()
    spool = Spool(tmp_path)
    spool.extend(row(n) for n in range(300))  # 3 MB
    for _ in range(2):
        for n, (first, second) in enumerate(spool):
            expected = row(n)
            assert (first.dtype, second.dtype) == (np.float64, np.float32)
            assert np.array_equal(first, expected[0])
            assert np.array_equal(second, expected[1])
        assert n == len(spool) - 1 == 299
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 400_000


def test_little_is_kept_of_an_answer() -> None:
    def of_swipe(n: int) -> accuracy.Answer:
        texts = tuple(f"word{n % 50 + i}" for i in range(5))
        best = tuple(Hypothesis(text, -1.0, 0.5, parts={"ctc": -1.0}) for text in texts)
        return accuracy.Answer(texts[0], texts, f"u{n % 9}", 0.5, best, True, texts[0], "a text")

    def of_recording(n: int) -> sequences.Answer:
        symbols = tuple(f"S{(n + i) % 40}" for i in range(30))
        best = tuple(Hypothesis(" ".join(symbols), -1.0, 0.5) for _ in range(5))
        return sequences.Answer(f"name {n}", f"u{n % 9}", symbols, (symbols,) * 5, best)

    for made, most in ((of_swipe, 300), (of_recording, 1200)):
        same: dict[str, str] = {}
        tracemalloc.start()
        kept = [made(n).kept(same) for n in range(400)]
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert size / len(kept) < most
        assert kept[7].best == made(7).best if isinstance(kept[7], sequences.Answer) else True


SCRIPT = """
import sys
from edgectc.benchmarking.machine import peak_rss_bytes
from edgectc.commands.cli import main
main(sys.argv[1:])
print(peak_rss_bytes() / 1e6, file=sys.stderr)
"""


@pytest.mark.slow
def test_the_memory_of_an_evaluation_hardly_grows_with_the_rows(tmp_path: Path) -> None:
    """By less than a kilobyte a swipe, whose points alone are as much."""
    edgectc.synth_data("swipe", out=tmp_path / "few.jsonl", count=200)
    lines = (tmp_path / "few.jsonl").read_text().splitlines()
    peaks = {}
    for count in (1000, 7000):
        with (tmp_path / "many.jsonl").open("w") as file:
            file.writelines(f"{lines[n % 200]}\n" for n in range(count))
        edgectc.shard_data(tmp_path / "many.jsonl", out=tmp_path / "set", rows=1000)
        command = ["eval", TINY, "--data", tmp_path / "set", "--decoder", "greedy", "--json"]
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *map(str, command)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout)["rows"] == count
        peaks[count] = float(done.stderr.split()[-1])
    assert (peaks[7000] - peaks[1000]) * 1e6 / 6000 < 1000
    assert peaks[7000] < 300
