"""Recordings of a file: which are used, and what is said of those that are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgectc.core import nonfinite
from edgectc.core.config import family_config
from edgectc.core.errors import InputError, NonFiniteError
from edgectc.data import recordings
from edgectc.data.recordings import samples_for
from edgectc.formats import bundle as bundles
from edgectc.formats.bundle import Bundle
from edgectc.language.lexicon import Lexicon

GOOD = [[0.1, 0.2, 0.0], [0.5, 0.5, 90.0], [0.7, 0.2, 190.0]]
BAD = [[0.1, float("nan"), 0.0], *GOOD[1:]]


@pytest.fixture
def bundle() -> Bundle:
    pytest.importorskip("safetensors")  # its reference cases are such a file
    return bundles.read(bundles.locate(None))


def load(bundle: Bundle, path: Path, **more: str) -> recordings.Prepared:
    spec = bundle.index.model["frontend"]
    frontend = recordings.registry.create("frontends", spec)
    return recordings.load(bundle, frontend, str(path), split="all", **more)  # type: ignore[arg-type]


def rows(path: Path, *points: list[list[float]]) -> Path:
    path.write_text("".join(json.dumps({"points": p, "word": "it"}) + "\n" for p in points))
    return path


def test_every_row_that_is_not_finite_is_named_and_counted(bundle: Bundle, tmp_path: Path) -> None:
    few = rows(tmp_path / "few.jsonl", GOOD, BAD, GOOD, BAD)
    with pytest.raises(NonFiniteError, match=r"row 1 \(.*\), row 3 \(.*nan_policy"):
        load(bundle, few)
    many = rows(tmp_path / "many.jsonl", *[BAD] * 9)
    with pytest.raises(NonFiniteError, match=r"row 0 \(.*\), row 4 \(.*and 4 more"):
        load(bundle, many)
    done = load(bundle, few, nan_policy="drop-samples")
    assert (len(done), done.about["dropped"]) == (2, {"not_finite": 2})
    assert done.left_out.startswith("; left out: 2 not_finite (row 1: ")


def test_a_refused_row_is_named_for_every_reason(bundle: Bundle, tmp_path: Path) -> None:
    path = rows(tmp_path / "x.jsonl", GOOD, GOOD)
    path.write_text(path.read_text() + "{\n" + json.dumps({"word": "it"}) + "\n")
    said = load(bundle, path).left_out
    assert "1 bad_json (row 2: " in said
    assert "1 missing_points (row 3: " in said


def test_problems_of_one_name_are_all_counted() -> None:
    assert nonfinite.describe([("a", "x"), ("a", "y"), ("", "z")]) == "a (x), a (y), z"
    assert nonfinite.describe([("a", "x")] * 7).endswith("and 2 more")


@pytest.mark.parametrize(("kind", "named"), [("neural", True), ("swipe", False)])
def test_the_environment_names_recordings(
    kind: str, named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "some.npz"
    np.savez(file, signal=np.zeros((2, 1)))
    samples = samples_for(
        family_config({"neural": "gru", "swipe": "tcn"}[kind], "small")["model"]["frontend"]
    )
    monkeypatch.setenv("EDGECTC_DATA", str(file))
    assert samples.locate(None) == (file if named else None)
    monkeypatch.setenv("EDGECTC_DATA", str(tmp_path))
    if named:  # a folder is one of swipes
        assert samples.locate(None) is None
    with pytest.raises(InputError, match="pass calibration=PATH"):
        samples.locate(str(tmp_path / "gone"), option="calibration")
    monkeypatch.delenv("EDGECTC_DATA")
    assert samples.locate(None) is None


def generated(
    bundle: Bundle, count: int | None, words: Lexicon | None, **more: str
) -> recordings.Prepared:
    frontend = recordings.registry.create("frontends", bundle.index.model["frontend"])
    return recordings.load(bundle, frontend, None, generated=count, words=words, **more)  # type: ignore[arg-type]


def test_where_no_file_is_named_as_many_are_generated_as_are_asked_for(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EDGECTC_DATA", raising=False)
    words = Lexicon.from_counts({"the": 9.0, "of": 3.0, "and": 1.0})
    for split in ("train", "dev"):
        made = generated(bundle, 40, words, split=split)
        assert (len(made), made.about["file"], made.about["dropped"]) == (40, "generated", {})
        spoken = [row.target[0] for row in made.recordings]
        assert spoken.count("the") > spoken.count("of") > spoken.count("and")
        assert f"40 generated ones stand for split {split}" in capsys.readouterr().err
    assert generated(bundle, 40, words, split="train").recordings[0].name != made.recordings[0].name
    with pytest.raises(InputError, match="no recordings were named"):
        generated(bundle, 40, None, split="train")
