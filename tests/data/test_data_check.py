"""The doctor finds each planted fault, and nothing in clean data."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgectc.commands.cli import main
from edgectc.core.types import Recording, Swipe
from edgectc.data import checks, checks_page, looks, movement, signals, splits, swipe_files
from edgectc.data.generators import neural
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts

LAYOUT = layouts.load("qwerty")
WORDS = ["the", "hello", "world", "keyboard"]


def clean(users: int = 12) -> list[Swipe]:
    rng = np.random.default_rng(0)
    return [
        Swipe(swipe(word, LAYOUT, rng), word, "qwerty", f"user{n}")
        for n in range(users)
        for word in WORDS
    ]


def found_in(tmp_path: Path, swipes: list[Swipe], **options: object) -> checks.Findings:
    path = tmp_path / "swipes.jsonl"
    swipe_files.write(path, swipes)
    return checks.check_data([path], **options)


def test_clean_swipes_have_no_problem(tmp_path: Path) -> None:
    found = found_in(tmp_path, clean())
    assert found.problems == {}
    assert not found.failed
    assert (found.rows, found.groups, found.labels) == (48, 12, 4)
    summary = found.summary()
    assert summary["usable"] == 48
    assert summary["statistics"]["letters"]["p100"] == 8
    assert 40 < summary["statistics"]["points_per_s"]["p50"] < 80
    assert sum(summary["splits"].values()) == 48


def test_duplicates_inside_and_across_splits_and_with_two_labels(tmp_path: Path) -> None:
    swipes = clean()
    users = {splits.split_of(s.user): s.user for s in swipes}
    assert {"train", "dev"} <= users.keys()
    one = next(s for s in swipes if s.user == users["train"])
    later = one.points + np.array([0.0, 0.0, 5000.0])
    found = found_in(tmp_path, [*swipes, Swipe(later, one.word, "qwerty", one.user)])
    assert list(found.problems) == ["duplicate"]
    assert not found.failed
    found = found_in(tmp_path, [*swipes, Swipe(one.points, one.word, "qwerty", users["dev"])])
    assert list(found.problems) == ["duplicate_across_splits"]
    assert found.failed
    found = found_in(tmp_path, [*swipes, Swipe(one.points, "thy", "qwerty", one.user)])
    assert set(found.problems) == {"duplicate", "conflicting_labels"}
    assert "['the', 'thy']" in found.problems["conflicting_labels"][0]
    assert found.failed


def test_a_person_in_two_files_is_a_leak(tmp_path: Path) -> None:
    swipes = clean()
    for name, part in (("train", swipes[:-4]), ("dev", swipes[-6:])):
        swipe_files.write(tmp_path / f"{name}.jsonl", part)
    found = checks.check_data([tmp_path / "train.jsonl", tmp_path / "dev.jsonl"])
    assert found.problems["group_in_several_splits"] == ["user10: ['dev', 'train']"]
    assert len(found.problems["duplicate_across_splits"]) == 2
    assert found.failed


def test_labels_that_do_not_fit_are_found(tmp_path: Path) -> None:
    swipes = clean()
    wrong = Swipe(swipes[0].points, "lap", "qwerty", "user0")
    rows = [wrong, Swipe(swipes[1].points, "привет", "qwerty", "user0")]
    rows += [Swipe(swipes[2].points, None, "qwerty", None)]
    found = found_in(tmp_path, [*swipes[3:], *rows], room=lambda sample: 7)
    assert set(found.problems) == {
        "label_mismatch", "unknown_letters", "no_label", "no_user", "label_too_long",
    }  # fmt: skip
    assert "'lap'" in found.problems["label_mismatch"][0]
    assert all("keyboard" in name for name in found.problems["label_too_long"])
    assert found.worst[0][1].word == "lap"


def test_bad_traces_and_rows_are_counted(tmp_path: Path) -> None:
    jump, gap = (s.points.copy() for s in clean(1)[1:3])
    jump[3:, 0] += 0.45
    gap[4:, 2] += 1500.0
    path = tmp_path / "x.jsonl"
    swipe_files.write(
        path, [Swipe(jump, "hello", "qwerty", "a"), Swipe(gap, "world", "qwerty", "b")]
    )
    with path.open("a") as file:
        file.write('{"word": "x"}\nnot json\n{"points": [[0.1, 0.1, 0]], "word": "tap"}\n')
        row = {"points": clean(1)[0].points.tolist(), "word": "the", "layout": "qwety"}
        file.write(json.dumps({**row, "user": "c"}) + "\n")
    found = checks.check_data([path])
    assert {"jump", "gap", "missing_points", "bad_json", "one_point", "unknown_layout"} <= set(
        found.problems
    )
    assert (found.rows, sum(found.splits.values())) == (6, 3)
    step = np.diff(gap[:, 2]).max()
    assert f"{step:.0f} ms" in found.problems["gap"][0]


def test_samples_are_checked_too(tmp_path: Path) -> None:
    rows = list(neural.synthesize(40, seed=0, channels=4))
    path = tmp_path / "x.npz"
    signals.write(path, {"train": rows[::2], "dev": rows[1::2]})
    found = checks.check_data([path], days=True)
    assert found.problems == {}
    assert checks.check_data([path]).problems == {}, "phonemes tell that groups are days"
    found = checks.check_data([path], kind="features")
    assert set(found.problems) == {"group_in_several_splits"}
    broken = rows[0].signal.copy()
    broken[3] = np.inf
    slow = np.repeat(rows[1].signal, 40, axis=0)
    rows += [
        Recording(broken, ("AA",), "endless", "day-0"),
        Recording(rows[2].signal[:3], ("AA", "AA"), "hasty", "day-0"),
        Recording(rows[2].signal[:2], ("AA", "AA"), "too hasty", "day-0"),
        Recording(slow, ("AA", "B"), "slow", "day-0"),
        Recording(rows[5].signal, rows[5].target, "again", "day-2"),
    ]
    signals.write(path, {"train": rows[:20], "dev": rows[20:]})
    found = checks.check_data([path], days=True)
    assert found.problems["not_finite"] == ["x.npz endless"]
    assert [n.split(":")[0] for n in found.problems["label_too_long"]] == ["x.npz too hasty"]
    assert any("slow" in name for name in found.problems["label_mismatch"])
    assert any("again" in n for kind in found.problems for n in found.problems[kind]
               if kind.startswith("duplicate"))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(2, 7), letters=st.integers(2, 4))
def test_path_distance_is_the_best_of_all_placements(seed: int, n: int, letters: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.column_stack([rng.random((n, 2)), np.arange(n)])
    word = "".join(rng.choice(LAYOUT.letters, letters))
    index = {letter: i for i, letter in enumerate(LAYOUT.letters)}
    keys = LAYOUT.centers[[index[c] for c in word]] / LAYOUT.key_size
    path = points[:, :2] / LAYOUT.key_size
    best = min(
        sum(np.hypot(*(keys[k] - path[p])) for k, p in enumerate(places))
        for places in itertools.combinations_with_replacement(range(n), letters)
        if places[0] == 0 and places[-1] == n - 1
    )
    assert checks.path_distance(points, word, LAYOUT) == pytest.approx(best / letters)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def test_the_verb_prints_json_and_writes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swipes = clean()
    swipes[0] = Swipe(swipes[0].points, "</svg><script>alert(1)</script>lap", "qwerty", "user0")
    path, page = tmp_path / "s.jsonl", tmp_path / "page.html"
    swipe_files.write(path, swipes)
    code = main(["data", "check", str(path), "--json", "--html", str(page), "--model", "swipe-en"])
    summary = json.loads(capsys.readouterr().out)
    assert code == 0
    assert summary["status"] == "pass"
    assert summary["problems"]["label_mismatch"]["severity"] == "warning"
    reader = Reader()
    reader.feed(page.read_text())
    assert reader.tags.count("svg") == len(looks.SWIPE) + looks.WORST, "traces of clean files too"
    assert "polyline" in reader.tags
    assert "script" not in reader.tags, "text of the data is text on the page"
    for unit in ("milliseconds of a swipe", "points a second", "% of rows"):
        assert unit in page.read_text()
    swipe_files.write(path, [*swipes, Swipe(swipes[1].points, "other", "qwerty", "user0")])
    assert main(["data", "check", str(path)]) == 1
    said = capsys.readouterr().out
    assert "conflicting_labels" in said
    assert "verdict: fail" in said
    assert main(["data", "check", str(tmp_path / "none.jsonl")]) == 2


def test_every_statistic_of_the_page_has_a_unit() -> None:
    named = {*looks.SWIPE, *looks.RECORDING, "frames_per_symbol", *movement.STATISTICS}
    assert checks_page._UNITS.keys() == named


@pytest.mark.parametrize(("kind", "name"), [("neural", "x.npz"), ("landmarks", "x.npz")])
def test_generated_samples_are_what_training_reads(
    kind: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / name)
    arguments = ["data", "synth", kind, "--out", out, "--count", "30", "--size", "small"]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 30
    first = Path(out).read_bytes()
    assert main([*arguments, "--seed", "1"]) == 0
    assert Path(out).read_bytes() != first
    days = ["--days"] if kind == "neural" else []
    assert main(["data", "check", out, *days]) == 0
    assert main([*arguments[:5], "--count", "1", "--size", "small"]) == 2
    assert len(list(signals.read(Path(out)))) == 30


def test_generated_swipes_are_what_training_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "s.jsonl.gz")
    arguments = ["data", "synth", "swipe", "--out", out, "--count", "60"]
    assert main([*arguments, "--lexicon", str(shipped_words(tmp_path))]) == 0
    swipes, dropped = swipe_files.load(out)
    assert len(swipes) == 60
    assert not dropped
    assert {s.word for s in swipes} == {"hello", "world"}
    assert swipe_files.load(out, split="dev")[0]
    assert main(["data", "synth", "swip", "--out", out]) == 2
    assert "did you mean 'swipe'" in capsys.readouterr().err


def shipped_words(folder: Path) -> Path:
    from edgectc.language import lexicon_file
    from edgectc.language.lexicon import Lexicon

    path = folder / "lexicon.tsv"
    lexicon_file.write(Lexicon.from_counts({"hello": 10.0, "world": 5.0}), path)
    return path


@pytest.mark.parametrize(
    ("turn", "cause"),
    [
        (lambda x, y, t: (x, 1 - y, t), "y seems to run up"),
        (lambda x, y, t: (y, x, t), "x and y seem to be exchanged"),
        (lambda x, y, t: (x, y, t / 1000), "by time_too_short"),
        (lambda x, y, t: (1080 * x, 480 * y, t), "by pixel_coordinates"),
    ],
    ids=["upside-down", "exchanged", "seconds", "pixels"],
)
def test_a_file_in_another_frame_or_unit_fails_with_its_remedy(
    turn: Callable[..., tuple[float, ...]],
    cause: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"word": s.word, "user": s.user, "points": [turn(*p) for p in s.points]}
            for s in clean()]  # fmt: skip
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["data", "check", str(path)]) == 1
    said = capsys.readouterr().out
    assert cause in said
    assert "verdict: fail" in said
    full = checks.check_data([path]).problems
    (text,) = full.get("far_from_words") or full["most_rows_unusable"]
    assert said.count(text) == 1, "whole, the remedy at its end too"


def test_words_under_another_name_are_told(tmp_path: Path) -> None:
    rows = [{"text": s.word, "user": s.user, "points": s.points.tolist()} for s in clean()]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = checks.check_data([path])
    assert found.failed
    assert found.labels == 0
    (text,) = found.problems["most_rows_unusable"]
    assert "48 by no_label" in text
    assert text.endswith("under 'word'")
