"""One's own data: its keyboards, people and files, as training and evaluation see them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import edgectc
from edgectc.commands.cli import main
from edgectc.core.config import family_config
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Swipe
from edgectc.data import checks, signals, splits, swipe_files
from edgectc.data.generators import landmarks
from edgectc.data.generators.swipes import swipe
from edgectc.data.recordings import samples_for
from edgectc.data.sources import Sources
from edgectc.exporting.packing import pack
from edgectc.formats import layouts
from edgectc.language.lexicon import Lexicon
from edgectc.training.identity import identify
from edgectc.training.loop import checkpoints
from edgectc.training.preparing import prepare
from edgectc.training.validation import validate

WORDS = ("the", "and", "hello", "world", "edge", "swipe")
LEXICON = Lexicon.from_counts(dict.fromkeys(WORDS, 1.0))

MODEL = {
    "frontend": {"type": "swipe"},
    "features": {"type": "swipe", "key_hidden": 32, "key_in": 16, "key_out": 24},
    "encoder": {"type": "tcn", "channels": 32, "fine": [1], "coarse": [1, 2]},
}


def write(path: Path, names: list[str], *, count: int = 12, users: int = 40) -> Path:
    """Words swiped on keyboards in turn, by made-up users."""
    rng = np.random.default_rng(0)
    rows = []
    for n in range(count * users):
        layout = layouts.load(names[n % len(names)])
        word = WORDS[n % len(WORDS)]
        rows.append(Swipe(swipe(word, layout, rng), word, layout.name, f"user{n % users}"))
    swipe_files.write(path, rows)
    return path


def config(**changes: Any) -> dict[str, Any]:
    values = family_config("tcn", "small")
    own = {"data": {"synthetic": 0.0}, "decoder": {"type": "greedy"}, "validation_rows": 60}
    return {**values, **own, "epochs": 1, "batch_size": 32, **changes}


@pytest.mark.parametrize(
    "names",
    [pytest.param(["dvorak"], marks=pytest.mark.slow), ["dvorak", "qwerty", "azerty"]],
)
def test_dev_swipes_are_scored_on_their_own_keyboards(names: list[str], tmp_path: Path) -> None:
    """The metric that picks the checkpoint is what evaluation says of the packed weights."""
    data = write(tmp_path / "x.jsonl", names)
    how = {"epochs": 16, "validate_every": 8, "batch_size": 16, "optimizer": {"lr": 5e-3}}
    values = config(model=MODEL, validation_rows=9999, **how)
    result = edgectc.train(values, out=tmp_path / "run", data=data)
    packed = pack(tmp_path / "run", tmp_path / "packed", name="mine")
    figures = edgectc.evaluate(packed.path, data, split="dev", runner="eager")
    assert figures["top1"]["value"] == pytest.approx(result.value, abs=1e-4)
    assert result.value > 0.2  # by chance one of six, and nothing on another keyboard
    _, model, task = prepare(values, data=data)
    model.load_state_dict(dict(checkpoints.read(result.checkpoint).model))
    assert task.dev.arrays.alphabets[0][0] == "q"
    keys = task.dev_inputs(np.arange(task.dev_rows))["keys"]
    assert len(torch.unique(keys, dim=0)) == len(names)
    again = validate(model, task, batch_size=7)
    assert again.figures["dev_top1"] == pytest.approx(result.value)


def test_one_bad_row_costs_itself_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "x.jsonl", ["qwerty"])
    own = tmp_path / "mine.json"
    own.write_text(json.dumps(layouts.describe(layouts.load("qwerty"))))
    good = json.loads(data.read_text().splitlines()[0])
    bad = [
        json.dumps({**good, "layout": "qwety"}),
        json.dumps({**good, "layout": str(own)}),
        json.dumps({**good, "layout": "russian_jcuken"}),
        json.dumps({**good, "word": 7}),
        json.dumps({**good, "split": "tset"}),
        "{",
    ]
    data.write_text("\n".join([*bad, data.read_text()]))
    values = config(data={"synthetic": 0.0, "spliced": 0.5, "spliced_pool": 20})
    _, _, task = prepare(values, data=data, lexicon=LEXICON)
    assert len(task.train) > 300
    assert {"bad_field": 2, "bad_json": 1}.items() <= dict(task.dropped).items()
    shown = capsys.readouterr().err
    assert "unknown_layout" in shown
    figures = edgectc.evaluate(None, data, limit=20, runner="onnx")
    assert figures["dropped"]["unknown_layout"] == 2
    strict = {**values, "data": {"synthetic": 0.0, "max_dropped": 0.001}}
    with pytest.raises(InputError, match=r"data\.max_dropped") as caught:
        prepare(strict, data=data)
    assert caught.value.reason == "too_many_dropped"
    with pytest.raises(InputError, match="raise max_dropped"):
        edgectc.evaluate(None, data, max_dropped=0.001, runner="onnx")


def test_two_people_will_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "x.jsonl", ["qwerty"], count=40, users=2)
    _, _, task = prepare(config(), data=data)
    assert min(len(task.train), task.dev_rows, len(task.test)) > 0
    assert "by row, of 2 people" in capsys.readouterr().err
    found = [len(swipe_files.load(data, split=split)[0]) for split in splits.SPLITS]
    assert found[0] == len(task.train), "evaluation holds out what training holds out"
    assert found[2] == len(task.test)


@pytest.mark.parametrize("users", [0, 1])
def test_one_person_alone_cannot_be_split_by_user(
    users: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "x.jsonl", ["qwerty"], count=40, users=max(users, 1))
    if not users:
        data.write_text(data.read_text().replace('"user"', '"whom"'))
    line = ["train", "tcn-small", "--data", str(data), "--out", str(tmp_path / "run")]
    line += ["--set", "epochs=1", "--set", "data.synthetic=0"]
    assert main([*line, "--split-by", "user"]) == 2
    told = capsys.readouterr().err
    assert "--split-by is 'user', and the rows are of" in told
    assert "with --dev FILE" in told
    assert main([*line, "--split-by", "row"]) == 0  # the remedy
    *_, following = capsys.readouterr().out.splitlines()
    run = tmp_path / "run"
    assert following == f"next: edgectc pack {run} --words-of swipe-en --out my-model"
    assert main(["data", "check", str(data)]) == 0  # which says so, and no more than that
    found = checks.check_data([data])
    assert found.split_by.startswith("by row")
    assert {*found.problems} - {"jump"} == ({"too_few_people"} if users else {"no_user"})


def test_data_in_pixels_names_a_flag_that_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = landmarks.Points(5, 4, 3)
    made = landmarks.synthesize(40, seed=0, glosses=("SUN", "RAIN"), points=few, max_frames=24)
    rows = [*made]
    far = [replace(row, signal=row.signal * 500) for row in rows]
    signals.write(tmp_path / "x.npz", {"train": far[::2], "dev": far[1::2]})
    line = ["train", "mobilenetv3-small", "--data", str(tmp_path / "x.npz"), "--set", "epochs=1"]
    line += ["--out", str(tmp_path / "run")]
    assert main(line) == 2
    assert "allow them with --set data.check_scale=false" in capsys.readouterr().err
    assert main([*line, "--set", "data.check_scale=false"]) == 0


TURNED = {
    "right": ("", lambda row: {}),
    "up": ("y seems to run up", lambda row: {"points": row.points * [1, -1, 1] + [0, 1, 0]}),
    "turned": ("x and y seem to be exchanged", lambda row: {"points": row.points[:, [1, 0, 2]]}),
    "keyboard": ("of another keyboard", lambda row: {"layout": "dvorak"}),
}


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("kind", TURNED)
def test_swipes_far_from_their_words_are_told(
    kind: str, sharded: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "right.jsonl", ["qwerty"], count=4, users=20)
    says, change = TURNED[kind]
    rows = [row.swipe for row in swipe_files.read(data, layout="qwerty") if row.swipe]
    swipe_files.write(tmp_path / "x.jsonl", [replace(row, **change(row)) for row in rows])
    file = tmp_path / "x.jsonl"
    if sharded:
        file = tmp_path / "set"
        edgectc.shard_data(tmp_path / "x.jsonl", out=file, rows=30)
    prepare(config(), data=Sources((file,)), cache=tmp_path / "cache")
    told = capsys.readouterr().err
    assert ("keys from the letters of their words" in told) == bool(says)
    assert says in told
    prepare(config(), data=Sources((file,)), cache=tmp_path / "cache")
    assert capsys.readouterr().err == told  # from the cache, too


def test_one_file_for_two_parts_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "x.jsonl", ["qwerty"], count=1, users=9)
    same = tmp_path / "same.jsonl"
    same.write_bytes(data.read_bytes())
    identify(Sources((data,), (same,)), None)
    told = capsys.readouterr().err
    assert "same.jsonl of dev is x.jsonl of data: figures on dev are of rows that chose" in told
    identify(Sources((data, same)), None)
    assert "same.jsonl of data is x.jsonl of data: its rows count twice" in capsys.readouterr().err
    identify(Sources((data,)), None)
    assert capsys.readouterr().err == ""


def test_rows_of_other_splits_alone_are_told_by_their_splits(tmp_path: Path) -> None:
    data = write(tmp_path / "x.jsonl", ["qwerty"], count=1, users=9)
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    data.write_text("\n".join(json.dumps({**row, "split": "test"}) for row in rows))
    with pytest.raises(InputError, match="read: 0 train, 0 dev, 9 test; left out: none"):
        prepare(config(), data=Sources((data,)))


def test_files_weigh_as_told(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", ["qwerty"], users=2)
    b = write(tmp_path / "b.jsonl", ["dvorak"], users=3)
    dev = write(tmp_path / "dev.jsonl", ["qwerty"], count=3)
    several = Sources((a, b), dev=(dev,))
    values = config(data={"synthetic": 0.0, "weights": [0.5, 2.0]})
    _, _, task = prepare(values, data=several)
    assert len(task.train) == 24 + 36
    assert task.epoch_rows == 12 + 72
    order = task.order(np.random.default_rng(0))
    assert len(order) == 84
    assert ((order < 24).sum(), np.bincount(order[order >= 24]).max()) == (12, 2)
    assert len({*order[order < 24].tolist()}) == 12
    with pytest.raises(ConfigError, match="one for each of 2 files"):
        prepare(config(data={"synthetic": 0.0, "weights": [1.0]}), data=several)
    with pytest.raises(ConfigError, match="one above 0"):
        prepare(config(data={"synthetic": 0.0, "weights": [0.0, 0.0]}), data=several)


@pytest.mark.parametrize(
    ("family", "factor", "reason"),
    [("gru", 500.0, "not_z_scored"), ("mobilenetv3", 900.0, "pixel_coordinates")],
)
def test_another_unit_is_refused_by_name(
    family: str, factor: float, reason: str, tmp_path: Path
) -> None:
    values = family_config(family, "small")
    made = list(samples_for(values["model"]["frontend"]).synthesize(24, seed=0))
    loud = [replace(row, signal=row.signal * factor) for row in made]
    signals.write(tmp_path / "x.npz", {"train": loud[:18], "dev": loud[18:]})
    with pytest.raises(InputError, match=r"data\.check_scale=false") as caught:
        prepare(values, data=tmp_path / "x.npz")
    assert caught.value.reason == reason
    _, _, task = prepare({**values, "data": {"check_scale": False}}, data=tmp_path / "x.npz")
    assert len(task.train) == 18
