"""The page of a run: it has what was measured, needs nothing else, and escapes what it is given."""

from __future__ import annotations

import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.commands.cli import main
from edgectc.core.errors import ConfigError
from edgectc.data import signals
from edgectc.data.generators import neural
from edgectc.training.log import summary


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.said += data


def brain(path: Path) -> Path:
    rows = list(neural.synthesize(60, seed=0, channels=16, max_frames=64))
    signals.write(path, {"train": rows[:40], "dev": rows[40:50], "test": rows[50:]})
    return path


def test_one_command_leads_to_a_measured_bundle(tmp_path: Path) -> None:
    data = brain(tmp_path / "<b>brain.npz")
    few = {"epochs": 1, "batch_size": 16, "validate_every": 1}
    out, bundle = tmp_path / "run", tmp_path / "bundle"
    edgectc.train("gru-small", out=out, data=data, overrides=few, bundle=bundle, device="cpu")
    assert edgectc.load(bundle).name == "bundle"
    text = (out / "summary.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.links == []
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "script" not in page.tags
    assert {"svg", "table", "h2"} <= {*page.tags}
    assert "b" not in page.tags, "names of files are escaped"
    figures = edgectc.evaluate(bundle, data, split="test")
    rate = figures["error_rate"]
    shown = " to ".join(f"{100 * rate[side]:.2f}" for side in ("low", "high"))
    assert f"{100 * rate['value']:.2f} % ({shown})" in page.said
    identity = json.loads((out / "identity.json").read_text())
    for told in (identity["data"][0]["sha256"], "Confusions", "substitutions", "keeps its preset"):
        assert told in page.said
    assert "Figures on <b>brain.npz, test" in page.said
    assert len((out / "predictions.jsonl").read_text().splitlines()) == 10


def test_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    assert Page(summary.page(tmp_path, {})).tags.count("h2") == 1
    told = {"Bad <i>": {"a": {"value": 0.5, "low": None, "high": None}, "<u>": [["<s>", 1.23456]]}}
    page = Page(summary.page(tmp_path, told))
    assert not {"i", "u", "s"} & {*page.tags}
    assert "50.00 %" in page.said
    assert "1.235" in page.said


def test_rows_of_the_same_figures_are_one_table_and_both_phases_are_shown(tmp_path: Path) -> None:
    for folder, epoch in ((tmp_path / "first", 7), (tmp_path, 9)):
        folder.mkdir(exist_ok=True)
        line = {"epoch": epoch, "dev_top1": 0.5, "examples": []}
        (folder / "metrics.jsonl").write_text(json.dumps(line))
        (folder / "curves.svg").write_text(f"<svg><text>{epoch}</text></svg>")
    figure = {"value": 0.25, "low": None, "high": None}
    page = Page(
        summary.page(
            tmp_path,
            {"Slices": {"short": {"rows": 3, "top1": figure}, "long": {"rows": 4, "top1": figure}}},
        )
    )
    assert page.tags.count("table") == 3
    assert page.tags.count("svg") == 2
    assert page.said.index("rowstop1short325.00 %long425.00 %") > page.said.index("first phase")


def test_generated_samples_measure_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGECTC_DATA", raising=False)
    few = {"epochs": 1, "data.train": 16, "data.dev": 8}
    out, bundle = tmp_path / "run", tmp_path / "bundle"
    edgectc.train("gru-small", out=out, overrides=few, bundle=bundle, device="cpu")
    assert "not measured: the samples are generated" in (out / "summary.html").read_text()
    assert (bundle / "bundle.json").is_file()


def test_run_and_bundle_are_two_folders(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a folder of its own"):
        edgectc.train("gru-small", out=tmp_path, bundle=tmp_path)
    with pytest.raises(ConfigError, match=r"leave .*bundle.* out"):
        edgectc.train("gru-small", out=tmp_path, bundle=tmp_path / "b", overfit=2)
    assert np.array([*tmp_path.iterdir()]).size == 0


def test_why_a_decoder_was_not_tuned_is_told_as_it_is_typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Training has no --min-labels: the message names the command that has."""
    words, data, bundle = tmp_path / "w.txt", tmp_path / "s.jsonl", tmp_path / "My bundle"
    words.write_text("the\t9\nthis\t5\nhello\t3\nworld\t2\n")
    edgectc.build_lexicon(words, out=tmp_path / "w.tsv")
    edgectc.synth_data("swipe", count=60, out=data, lexicon=tmp_path / "w.tsv")
    few = {"epochs": 1, "data.synthetic": 0, "decoder.type": "lexicon"}
    edgectc.train(
        "tcn-small", out=tmp_path / "run", data=data, lexicon=tmp_path / "w.tsv", bundle=bundle,
        overrides=few, device="cpu",
    )  # fmt: skip
    assert edgectc.load(bundle).name == "my-bundle"
    said = capsys.readouterr().err
    assert "with --data FILE, or write them all the same with --min-labels" in said
    (typed,) = re.findall("by `edgectc (tune-decoder .* --update)`", said)
    (labels,) = re.findall(r"--min-labels (\d+)", said)
    assert main([*shlex.split(typed), "--data", str(data), "--min-labels", labels]) == 0
