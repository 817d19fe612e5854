"""From raw files of three formats a task to an evaluated int8 artifact, by the pages' commands.

A page's own line imports the files, made here in the format of others; then the page's commands run
as they stand, but for the generated data that the files take the place of and for one epoch.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import collections_of_others as others
import numpy as np
import pages
import pytest

from edgectc.core.types import Recording
from edgectc.data import splits
from edgectc.data.generators import landmarks, neural
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts

pytestmark = pytest.mark.slow
TUTORIALS = pages.ROOT / "docs" / "tutorials"
WORDS = ("the", "this", "time", "good", "hello")
GLOSSES = ("HOUSE", "TREE", "RAIN", "SUN")


def people() -> dict[str, str]:
    """Names of people whom the rule puts on each side."""
    named = {splits.split_of(f"user{n}"): f"user{n}" for n in range(99)}
    return {side: named[side] for side in splits.SPLITS}


def swiped() -> Iterator[tuple[str, str, np.ndarray]]:
    """Person, word and trace: enough of each side to train, to calibrate and to measure."""
    rng, layout = np.random.default_rng(0), layouts.load("qwerty")
    for side, who in people().items():
        for n in range(70 if side == "train" else 40):
            word = WORDS[n % len(WORDS)]
            yield who, word, swipe(word, layout, rng)


def json_lines(folder: Path) -> None:
    rows = [
        {"word": word, "points": points.tolist(), "user": who} for who, word, points in swiped()
    ]
    (folder / "swipes.jsonl").write_text("\n".join(map(json.dumps, rows)))


def how_we_swipe(folder: Path) -> None:
    logs: dict[str, list[str]] = {}
    for who, word, points in swiped():
        log = logs.setdefault(who, [others.LOG_HEADER])
        log += others.log_lines(word, f"{word}_it_is", points)
    for who, log in logs.items():
        (folder / f"{who}.log").write_text("\n".join(log))


def futo(folder: Path) -> None:
    rows = [others.futo_row(word, points, session=who) for who, word, points in swiped()]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))


def signed(points: landmarks.Points | None) -> Iterator[Recording]:
    made = landmarks.synthesize(
        140, seed=0, glosses=GLOSSES, points=points, signers=4, max_frames=24
    )
    held = None
    for row in made:
        held = held or row.group
        yield dataclasses.replace(row, split="dev" if row.group == held else "train")


def array_table(folder: Path) -> None:
    lines = ["name,gloss,signer,split"]
    for n, row in enumerate(signed(landmarks.Points(5, 4, 3))):
        np.save(folder / f"{n}.npy", row.signal)
        lines.append(f"{n},{' '.join(row.target)},{row.group},{row.split}")
    (folder / "train.csv").write_text("\n".join(lines))


def kaggle_asl(folder: Path) -> None:
    order, letters = np.argsort(others.OURS_IN_KAGGLE), dict(zip(GLOSSES, "abcd", strict=True))
    rows = []
    for n, row in enumerate(signed(None)):
        points = row.signal.reshape(len(row.signal), 543, 3)[:, order]
        phrase = "".join(letters[gloss] for gloss in row.target)
        rows.append((people()[row.split], str(n), phrase, points))
    others.kaggle_phrases(folder, "1", rows)


def signal_lines(rows: Sequence[Recording]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        told = [
            {"signal": row.signal.tolist(), "target": " ".join(row.target), "group": row.group,
             "split": row.split}
            for row in rows
        ]  # fmt: skip
        (folder / "FILE.jsonl").write_text("\n".join(map(json.dumps, told)))

    return write


def spoken(channels: int) -> list[Recording]:
    made = neural.synthesize(110, seed=0, channels=channels, max_frames=64)
    return [
        dataclasses.replace(row, split="train" if n % 3 else "dev") for n, row in enumerate(made)
    ]


def brain_25(folder: Path) -> None:
    others.brain_25(folder, ["t15.2023.08.11"], trials=80, held=40, channels=16)


def brain_24(folder: Path) -> None:
    (folder.parent / "cmudict.dict").write_text("GO  G OW\nNO  N OW\nON  AA N\n")
    for side, count in (("train", 80), ("test", 60)):
        said = ["go on", "no", "on no go"] * count
        path = folder / side / "t12.2022.04.28.mat"
        others.brain_24(path, said[:count], [1 + n % 2 for n in range(count)])


@dataclasses.dataclass(frozen=True)
class Case:
    """A page, how its raw files are made, its line that imports them, and what they change."""

    page: str
    make: Callable[[Path], None]
    line: str  # begins so; "" for files that are taken as they are
    network: str = ""
    sets: tuple[str, ...] = ()


SHORT = ("model.frontend.max_frames=120", "batch_size=32")  # frames; the full networks take more
SMALL = (*SHORT, "model.encoder.layers=2", "model.encoder.channels=24", "model.encoder.window=14")
CASES = {
    "swipes, JSON lines": Case("train_swipes", json_lines, ""),
    "swipes, How We Swipe": Case("train_swipes", how_we_swipe, "how_we_swipe:FOLDER"),
    "swipes, FUTO": Case("train_swipes", futo, "futo:FOLDER"),
    "signs, arrays": Case("train_signs", array_table, "array_table:FOLDER/train.csv"),
    "signs, Kaggle": Case(
        "train_signs", kaggle_asl, "kaggle_asl:FOLDER", "mobilenetv3-full", SHORT
    ),
    "signs, JSON lines": Case(
        "train_signs", signal_lines([*signed(landmarks.Points(5, 4, 3))]), "signal_lines:FILE.jsonl"
    ),
    "phonemes, 2024": Case(
        "train_phonemes", brain_24, "brain_to_text_24:FOLDER", "gru-full", SMALL
    ),
    "phonemes, 2025": Case(
        "train_phonemes", brain_25, "brain_to_text_25:FOLDER", "gru-full", SMALL
    ),
    "phonemes, JSON lines": Case(
        "train_phonemes", signal_lines(spoken(16)), "signal_lines:FILE.jsonl"
    ),
}


def shown(page: Path) -> list[str]:
    """The commands that a page shows for one's own data."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.startswith("    edgectc data import ")]


def test_each_task_has_three_formats() -> None:
    for page in ("train_swipes", "train_signs", "train_phonemes"):
        lines = [case.line for case in CASES.values() if case.page == page]
        assert len(lines) == 3
        found = [line.split()[3] for line in shown(TUTORIALS / f"{page}.md")]
        assert [line for line in lines if line] == found


@pytest.mark.parametrize("name", CASES)
def test_raw_files_become_an_evaluated_int8_artifact(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("torch", "onnx", "onnxscript", "onnxruntime", "h5py", "scipy", "pyarrow"):
        pytest.importorskip(package)
    case = CASES[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGECTC_DATA", raising=False)
    folder = tmp_path / "FOLDER" if "FOLDER" in case.line else tmp_path
    folder.mkdir(exist_ok=True)
    case.make(folder)
    page = TUTORIALS / f"{case.page}.md"
    for line in shown(page):
        if case.line and line.startswith(f"edgectc data import {case.line} "):
            pages.run_command(line, inside=True)
    for line in (line for block in pages.commands(page) for line in block):
        words = shlex.split(line)
        if words[0] == "printf":
            (tmp_path / "words.txt").write_text("".join(f"{word}\t9\n" for word in WORDS))
        elif words[1:3] != ["data", "synth"]:
            if words[1] == "train":
                words[2] = case.network or words[2]
                words += [part for one in ("epochs=1", *case.sets) for part in ("--set", one)]
            pages.run_command(shlex.join(words), inside=True)
    (artifact,) = tmp_path.glob("*-int8.onnx")
    assert artifact.stat().st_size > 1000
    assert "Figures on" in (tmp_path / "run/summary.html").read_text()
