"""Files in the formats of others, made here: what is read, what is refused and under which name."""

from __future__ import annotations

import gzip
import json
import re
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import collections_of_others as others
import numpy as np
import pytest

from edgectc.commands.cli import main
from edgectc.core.errors import InputError, MissingDependencyError, install_line
from edgectc.core.types import Array, Swipe
from edgectc.data import importers, swipe_files, swipe_tables
from edgectc.data.checks import check_data
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts

LAYOUT = layouts.load("qwerty")


def made(word: str, seed: int = 0) -> Array:
    return swipe(word, LAYOUT, np.random.default_rng(seed))


def read(source: str) -> tuple[list[Swipe], Counter[str]]:
    dropped: Counter[str] = Counter()
    return list(importers.usable(importers.read(source), dropped)), dropped


def test_how_we_swipe_gives_back_what_was_logged(tmp_path: Path) -> None:
    traces = [made("hello", 1), made("world", 2), made("hello", 3)]
    lines = [others.LOG_HEADER]
    for word, points in zip(("hello", "world", "hello"), traces, strict=True):
        lines += others.log_lines(word, "hello_world", points)
    (tmp_path / "user1.log").write_text("\n".join(lines) + "\n")
    (tmp_path / "user2.log").write_text(
        "\n".join([others.LOG_HEADER, *others.log_lines("the", "the", made("the"))])
    )
    (tmp_path / "user1.json").write_text("{}")
    found, dropped = read(f"how_we_swipe:{tmp_path}")
    assert not dropped
    assert [(s.word, s.user) for s in found] == [
        ("hello", "user1"), ("world", "user1"), ("hello", "user1"), ("the", "user2"),
    ]  # fmt: skip
    assert found[0].prompt == "hello world"
    for got, points in zip(found, traces, strict=False):
        np.testing.assert_allclose(got.points, points, atol=1e-5)
        assert got.points[0, 2] == 0.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows[:-1], "incomplete"),
        (lambda rows: rows[1:], "incomplete"),
        (lambda rows: [*rows[:3], "half a line", *rows[3:]], "bad_line"),
        (lambda rows: [row.replace(" 360 ", " 0 ") for row in rows], "bad_line"),
        (lambda rows: [row[:-1] + "1" for row in rows], "flagged"),
        (lambda rows: [row.replace("hello_world", "the_sea") for row in rows], "bad_field"),
        (lambda rows: [*rows[:4], rows[4].replace(" 0 hello", " 0 hello"), rows[2], *rows[5:]],
         "time_backwards"),
        (lambda rows: [rows[0], rows[-1]], "two_fingers"),
    ],
)  # fmt: skip
def test_how_we_swipe_refuses_and_goes_on(change: Any, reason: str, tmp_path: Path) -> None:
    """A bad gesture is counted, and the good one after it is kept."""
    if reason == "two_fingers":
        points = np.array([[0.05, 0.2, 0.0], [0.95, 0.2, 20.0]])
        rows = others.log_lines("hello", "hello_world", points)
    else:
        rows = others.log_lines("hello", "hello_world", made("hello"))
    good = others.log_lines("world", "hello_world", made("world", 5))
    path = tmp_path / "u.log"
    path.write_text("\n".join([others.LOG_HEADER, *change(rows), *good]))
    found, dropped = read(f"how_we_swipe:{path}")
    assert found[-1].word == "world"
    assert set(dropped) <= {reason, "incomplete"}
    assert dropped[reason] >= 1


def test_how_we_swipe_leaves_out_lines_of_further_flags(tmp_path: Path) -> None:
    rows = others.log_lines("hello", "hello_world", made("hello"))
    doubled = [line for row in rows for line in (row, f"{row} 1 1")]
    path = tmp_path / "u.log"
    path.write_text("\n".join(doubled))
    found, dropped = read(f"how_we_swipe:{path}")
    assert not dropped
    assert len(found[0].points) == len(rows)


def futo_row(word: str, /, **changes: Any) -> dict[str, Any]:
    return others.futo_row(word, made(word.lower().strip(",.")), **changes)


FUTO = [
    (futo_row("Hello,"), None),
    (futo_row("world", layout="azerty", session="s2", dual_finger=0), None),
    (futo_row("the", potentially_invalid_sentence=True), "flagged"),
    (futo_row("the", dual_finger=1), "two_fingers"),
    (futo_row("the", layout="clearflow"), "unknown_layout"),
    (futo_row("the", word=None), "bad_field"),
    (futo_row("the", data=None), "missing_points"),
    (futo_row("the", data=[{"t": 0, "x": 0.5, "y": 0.5}]), "one_point"),
    (futo_row("the", word="привет"), "unknown_letters"),
]


def check_futo(found: list[Swipe], dropped: Counter[str]) -> None:
    assert [(s.word, s.user, s.layout) for s in found] == [
        ("Hello", "s1", "qwerty"), ("world", "s2", "azerty"),
    ]  # fmt: skip
    np.testing.assert_allclose(found[0].points, made("hello"), atol=1e-3)
    assert found[0].prompt == "Hello, it is"
    assert dropped == Counter(reason for _, reason in FUTO if reason)


def test_futo_json_lines(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(row) for row, _ in FUTO).encode()
    (tmp_path / "train.jsonl.gz").write_bytes(gzip.compress(text))
    check_futo(*read(f"futo:{tmp_path}"))


@pytest.mark.parametrize("packed", [False, True])
def test_futo_parquet(packed: bool, tmp_path: Path) -> None:
    """Points as a list of structs, or as JSON text."""
    pyarrow = pytest.importorskip("pyarrow", reason="pip install pyarrow")
    import pyarrow.parquet as parquet

    keys = sorted({key for row, _ in FUTO for key in row})
    rows = [{key: row.get(key) for key in keys} for row, _ in FUTO]
    if packed:
        for row in rows:
            row["data"] = row["data"] and json.dumps(row["data"])
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "train.parquet")
    check_futo(*read(f"futo:{tmp_path / 'train.parquet'}"))
    straight = [row.swipe for row in swipe_tables.read(tmp_path / "train.parquet")]
    imported = [row.swipe for row in importers.read(f"futo:{tmp_path / 'train.parquet'}")]
    assert [repr(one) for one in straight] == [repr(one) for one in imported]
    found = check_data([tmp_path / "train.parquet"])
    assert found.rows == len(rows)
    assert sum(found.splits.values()) == len([one for one in straight if one is not None])
    (tmp_path / "train.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(InputError) as caught:
        read(f"futo:{tmp_path}")
    assert caught.value.reason == "unreadable_file"


def test_parquet_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "x.parquet").write_bytes(b"")
    with pytest.raises(MissingDependencyError, match=re.escape(install_line("parquet"))):
        read(f"futo:{tmp_path / 'x.parquet'}")


def test_cleverkeys_points_and_curves(tmp_path: Path) -> None:
    points = made("hello")
    x, y, t = points.T.tolist()
    rows: list[Any] = [
        {"word": "hello", "points": [{"x": a, "y": b, "t": c} for a, b, c in points.tolist()]},
        {"word": "hello", "curve": {"x": x, "y": y, "t": t}, "session": "me"},
        {"word": "hello", "curve": {"x": x[1:], "y": y, "t": t}},
        {"word": "hello", "curve": {"x": [v * 1080 for v in x], "y": y, "t": t}},
        {"word": "hello"},
        ["hello"],
    ]
    path = tmp_path / "c.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\nno json\n")
    found, dropped = read(f"cleverkeys:{path}")
    assert [(s.word, s.user) for s in found] == [("hello", None), ("hello", "me")]
    for got in found:
        np.testing.assert_allclose(got.points, points)
    assert dropped == {"bad_shape": 1, "pixel_coordinates": 1, "missing_points": 1, "bad_json": 2}


def gathered(word: str, points: Array, **changes: Any) -> dict[str, Any]:
    """What HeliBoard exports of a word: pixels of a keyboard with a strip of numbers above."""
    wide, high, top = 1080, 160, 140
    keys = [
        {"left": round(1080 * (row.x + i * row.key_width)), "width": round(1080 * row.key_width),
         "top": top + high * y, "height": high, "value": letter, "alts": []}
        for y, row in enumerate(LAYOUT.rows) for i, letter in enumerate(row.keys)
    ]  # fmt: skip
    space = {
        "left": 300,
        "width": 400,
        "top": top + 3 * high,
        "height": high,
        "value": " ",
        "alts": [],
    }
    gesture = [
        {"id": 0, "x": round(x * wide), "y": round(top + y * 3 * high), "millis": round(t)}
        for x, y, t in points.tolist()
    ]
    board = {"width": wide, "height": top + 4 * high, "keys": [*keys, space]}
    entry = {
        "application": "made up", "knownLibrary": True, "targetWord": word, "dictionaries": [],
        "suggestions": [{"word": word, "score": 1}], "gesture": gesture, "keyboardInfo": board,
        "activeMode": True, "uuid": "u1",
    }  # fmt: skip
    return {**entry, **changes}


@pytest.mark.parametrize("packed", [False, True])
def test_heliboard_words_lie_in_the_letter_area(tmp_path: Path, packed: bool) -> None:
    points = made("hello")
    whole = gathered("hello", points)
    two = [{**point, "id": i % 2} for i, point in enumerate(whole["gesture"])]
    narrow = {**whole["keyboardInfo"], "keys": whole["keyboardInfo"]["keys"][:20]}
    entries = [
        whole,
        gathered("hello", points, gesture=two),
        gathered("hello", points, keyboardInfo=narrow),
        gathered("hello", points, targetWord=None),
        {"targetWord": "hello"},
        gathered("Hello", points, uuid=None),
    ]
    path = tmp_path / ("export.zip" if packed else "export.json")
    if packed:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("words.json", json.dumps(entries))
    else:
        path.write_text(json.dumps(entries))
    found, dropped = read(f"heliboard:{path}")
    assert [(s.word, s.user, s.layout) for s in found] == [
        ("hello", "u1", "qwerty"), ("Hello", None, "qwerty"),
    ]  # fmt: skip
    for got in found:
        np.testing.assert_allclose(got.points[:, :2], points[:, :2], atol=2e-3)  # whole pixels
        np.testing.assert_allclose(got.points[:, 2], points[:, 2], atol=1.0)
    assert dropped == {"two_fingers": 1, "unknown_layout": 1, "bad_field": 2}


def test_heliboard_files_that_are_none_are_refused(tmp_path: Path) -> None:
    for name, data in (("a.json", b"{}"), ("b.json", b"["), ("c.zip", b"PK"), ("d.json", b"\xff")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match="what HeliBoard exported"):
            read(f"heliboard:{tmp_path / name}")


def test_the_verb_writes_swipes_and_tells_what_was_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "train.jsonl", tmp_path / "ours.jsonl.gz"
    source.write_text("\n".join(json.dumps(row) for row, _ in FUTO))
    command = ["data", "import", f"futo:{source}", "--out", str(out)]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["swipes"], told["users"], told["without_user"]) == (2, 2, 0)
    assert sum(told["refused"].values()) == 7
    swipes, dropped = swipe_files.load(out)
    assert (len(swipes), dropped.total()) == (2, 0)
    assert main(command) == 0
    told, following = capsys.readouterr().out.splitlines()
    assert "2 swipes of 2 users" in told
    assert following == f"next: edgectc data check {out}"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("futo", "FORMAT:PATH"),
        ("fut:{}", "did you mean 'futo'"),
        ("futo:{}/none", "nothing to import"),
        ("how_we_swipe:{}", "*.log"),
        ("futo:{}/damaged.jsonl", "cannot read"),
        ("futo:{}/empty.jsonl", "no usable row"),
    ],
)
def test_what_cannot_be_imported_writes_nothing(
    source: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "damaged.jsonl").write_bytes(gzip.compress(b"{}\n" * 999)[:40])
    (tmp_path / "empty.jsonl").write_bytes(b"\n")
    out = tmp_path / "out.jsonl"
    assert main(["data", "import", source.format(tmp_path), "--out", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("name", importers.names())
def test_every_reason_of_an_importer_is_documented(name: str) -> None:
    known = {**swipe_files.REASONS, **importers.REASONS}
    text = (Path(importers.__file__).parent / f"{name}.py").read_text()
    used = {part.split('"')[1] for part in text.split("reason=")[1:] if part.startswith('"')}
    assert used
    assert used <= known.keys()
