"""Shards say what the files said that they were made of, and who is held out is the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Recording
from edgectc.data import readers, shards, signals, splits, swipe_files, swipe_tables
from edgectc.data.generators.swipes import named_style
from edgectc.data.recordings import samples_for
from edgectc.data.samples.swipe import SwipeSamples
from edgectc.formats import layouts

WORDS = ("hello", "edge", "it's", "")


def lines(count: int, users: int = 30) -> list[str]:
    rng = np.random.default_rng(0)
    rows = []
    for n in range(count):
        points = np.c_[rng.random((9, 2)), np.arange(9) * 20.0]
        row = {"points": points.tolist(), "word": WORDS[n % 4], "user": f"u\udc80{n % users}"}
        row |= {"context": ["a", "b"], "sentence": "a b hello"} if n % 3 == 0 else {}
        row |= {"layout": "dvorak"} if n % 5 == 0 else {}
        rows.append(json.dumps(row))
    return rows


@pytest.fixture
def swipes(tmp_path: Path) -> Path:
    path = tmp_path / "swipes.jsonl"
    rows = lines(50)
    rows[7:7] = ["no json", '{"word": "x"}']
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def said(path: Path, layout: str) -> list[tuple[object, ...]]:
    return [
        (s.points.tobytes(), s.word, s.layout, s.user, s.context, s.prompt, s.split)
        for row in swipe_tables.read(path, layout=layout)
        if (s := row.swipe) is not None
    ]


def rows(found: Iterator[Recording | InputError]) -> list[tuple[object, ...]]:
    return [
        (r.signal.tobytes(), r.signal.dtype, r.target, r.name, r.group, r.setting, r.context)
        for r in found
        if isinstance(r, Recording)
    ]


@pytest.mark.parametrize("layout", ["qwerty", "colemak"])
@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_swipes_come_back_as_they_were(
    swipes: Path, tmp_path: Path, size: int, layout: str
) -> None:
    made = edgectc.shard_data(swipes, out=tmp_path / "set", rows=size)
    assert (made.rows, made.groups, made.shards) == (50, 30, -(-50 // size))
    assert made.refused == {"bad_json": 1, "missing_points": 1}
    assert said(tmp_path / "set", layout) == said(swipes, layout)
    bad = [row for row in swipe_tables.read(tmp_path / "set") if row.swipe is None]
    assert [str(row.error) for row in bad] == [
        str(row.error) for row in swipe_tables.read(swipes) if row.swipe is None
    ]


@pytest.mark.parametrize("people", [1, 3, 5, 30])
@pytest.mark.parametrize("wanted", ["all", *splits.SPLITS])
def test_the_same_people_are_held_out(tmp_path: Path, people: int, wanted: str) -> None:
    path = tmp_path / "swipes.jsonl"
    path.write_text("\n".join(lines(60, people)), encoding="utf-8")
    edgectc.shard_data(path, out=tmp_path / "set", rows=11)
    samples = SwipeSamples(named_style("plain"), {"qwerty": layouts.shipped("qwerty")})
    assert rows(samples.read(tmp_path / "set", wanted)) == rows(samples.read(path, wanted))


def test_rows_of_nobody_belong_to_no_split(tmp_path: Path) -> None:
    path, out = tmp_path / "swipes.jsonl", tmp_path / "set"
    given = [json.loads(line) for line in lines(40)]
    del given[3]["user"]
    path.write_text("\n".join(map(json.dumps, given)), encoding="utf-8")
    edgectc.shard_data(path, out=out, rows=9)
    samples = SwipeSamples(named_style("plain"), {"qwerty": layouts.shipped("qwerty")})
    for wanted in splits.SPLITS:
        refused = [
            [r for r in samples.read(one, wanted) if isinstance(r, InputError)]
            for one in (path, out)
        ]
        assert [[(r.reason, r.name) for r in one] for one in refused] == [
            [("no_user", "row 3")]
        ] * 2


@pytest.mark.parametrize("split", [None, "train", "dev", "all"])
@pytest.mark.parametrize("named", [True, False])
def test_signals_come_back_as_they_were(tmp_path: Path, split: str | None, named: bool) -> None:
    rng, path = np.random.default_rng(1), tmp_path / "x.npz"
    recordings = [
        Recording(
            rng.normal(size=(5 + n % 4, 6)).astype(np.float32), ("AA", "B"), f"r{n}", f"d{n % 2}"
        )
        for n in range(30)
    ]
    parts = {"train": recordings[:20], "dev": recordings[20:]} if named else {"": recordings}
    signals.write(path, parts)
    edgectc.shard_data(path, out=tmp_path / "set", rows=4)
    samples = samples_for({"type": "neural", "channels": 6, "days": ["d0", "d1"]})
    assert rows(samples.read(tmp_path / "set", split)) == rows(samples.read(path, split))
    assert rows(samples.rows(tmp_path / "set")) == rows(samples.rows(path))


def test_a_set_is_told_from_others_by_what_is_in_it(swipes: Path, tmp_path: Path) -> None:
    first = edgectc.shard_data(swipes, out=tmp_path / "a", rows=20)
    assert edgectc.shard_data(swipes, out=tmp_path / "b", rows=20).sha256 == first.sha256
    assert readers.content_sha256(tmp_path / "a") == first.sha256
    swipes.write_text("\n".join(lines(51)), encoding="utf-8")
    assert edgectc.shard_data(swipes, out=tmp_path / "b", rows=20).sha256 != first.sha256


def test_what_is_no_set_is_never_replaced(swipes: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="not replaced; name another out"):
        edgectc.shard_data(swipes, out=tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"
    with pytest.raises(ConfigError, match="no file was named"):
        edgectc.shard_data(out=tmp_path / "x")
    np.savez(tmp_path / "x.npz", signal=np.zeros((2, 3)), length=[2], target=["A"])
    with pytest.raises(ConfigError, match="make a set of each"):
        edgectc.shard_data(swipes, tmp_path / "x.npz", out=tmp_path / "y")
    (tmp_path / "bad.jsonl").write_text("no json")
    with pytest.raises(InputError, match=r"no row of bad.jsonl can be used: 1 bad_json"):
        edgectc.shard_data(tmp_path / "bad.jsonl", out=tmp_path / "y")
    assert not (tmp_path / "y").exists()


def test_a_damaged_set_is_named(swipes: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    edgectc.shard_data(swipes, out=out, rows=20)
    values = out / "00001" / "values.npy"
    whole = values.read_bytes()
    values.write_bytes(whole[:-8])
    with pytest.raises(InputError, match=r"00001 is damaged: .*`edgectc data shard`"):
        said(out, "qwerty")
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    values.write_bytes(flipped)
    found = shards.open_set(out)
    with pytest.raises(InputError, match="SHA-256"):
        found.opened(found.index.shards[1], verify=True)
    (out / shards.INDEX).write_text("{}")
    with pytest.raises(InputError, match=r"cannot read .*shards.json"):
        said(out, "qwerty")


def test_the_verb_says_what_it_wrote(
    swipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgectc.commands.cli import main

    assert main(["data", "shard", str(swipes), "--out", str(tmp_path / "set")]) == 0
    out = capsys.readouterr().out
    assert "50 recordings of 30 people or days in 1 shards; refused: 1 bad_json, 1 missing" in out
    assert swipe_files.find(str(tmp_path / "set")) == tmp_path / "set"
