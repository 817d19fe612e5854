from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import InputError
from edgectc.core.types import Decoded, Hypothesis, Recording, Swipe
from edgectc.data import swipe_files
from edgectc.data.preparation import Sample
from edgectc.evaluation import accuracy as evaluation
from edgectc.evaluation.accuracy import Answer
from edgectc.language.spelling import word_hash


class Parrot:
    """Says what it is told, best first."""

    def __init__(self, said: list[list[str]]) -> None:
        self.said = iter(said)

    def prepare(self, recording: Recording) -> Sample:
        return Sample({"trace": recording.signal}, None)

    def run(self, inputs: object) -> np.ndarray:
        return np.zeros((1, 1))

    def decode(self, log_probs: object, inputs: object, **_: object) -> Decoded:
        return Decoded(tuple(Hypothesis(text, 0.0, 0.0) for text in next(self.said)))


POINTS = np.array([[0.1, 0.1, 0.0], [0.2, 0.2, 50.0]])


def swipes(*words: str | None) -> list[Swipe]:
    return [Swipe(POINTS, word, user=f"u{i % 2}") for i, word in enumerate(words)]


def test_ranks_count_words_by_their_letters() -> None:
    assert Answer("its", ("it", "its"), "").rank() == 2
    assert Answer("its", ("it",), "").rank() is None


def test_figures_by_hand() -> None:
    said = [["It's", "is"], ["of", "or", "on"], [], ["hello", "help"]]
    figures = evaluation.evaluate(
        Parrot(said),
        swipes("its", "on", "a", "help", None),
        seen_words=frozenset({word_hash("its"), word_hash("ON")}),
    )
    assert figures["rows"] == 4
    assert figures["users"] == 2
    assert figures["top1"]["value"] == 0.25
    assert figures["top3"]["value"] == 0.75
    # its/its 0, on/of 1, a/"" 1, help/hello 2, over 3 + 2 + 1 + 4 letters
    assert figures["cer"] == pytest.approx(4 / 10)
    slices = figures["slices"]
    assert slices["seen words"]["rows"] == 2
    assert slices["seen words"]["top1"]["value"] == 0.5
    assert slices["unseen words"]["top1"]["value"] == 0.0
    assert slices["letters 1-3"]["rows"] == 3


def test_equal_candidates_are_merged_before_ranks_count() -> None:
    said = [["it's", "its", "is"]]
    figures = evaluation.evaluate(Parrot(said), [Swipe(POINTS, "is", user="u")])
    assert figures["top1"]["value"] == 0.0
    assert figures["top3"]["value"] == 1.0
    answer = evaluation._answer(Parrot(said), Swipe(POINTS, "is"), None)
    assert answer.rank() == 2


def test_unlabelled_data_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        evaluation.evaluate(Parrot([]), swipes(None, ""))
    assert caught.value.reason == "no_labels"


def test_seen_words_of_a_lone_artifact(shipped: Path, tmp_path: Path) -> None:
    seen = evaluation.seen_words(shipped)
    assert seen
    assert word_hash("the") in seen
    lone = shutil.copy(shipped / "artifacts/swipe-en.onnx", tmp_path)
    assert evaluation.seen_words(Path(lone)) == seen


@pytest.mark.data
@pytest.mark.slow
def test_the_shipped_model_clears_its_floor(swipes_file: Path) -> None:
    rows, dropped = swipe_files.load(swipes_file, split="test")
    assert sum(dropped.values()) <= 0.001 * len(rows)
    figures = evaluation.evaluate(edgectc.load(runner="native"), rows)
    assert figures["top1"]["value"] >= 0.78
    assert figures["top3"]["value"] >= 0.84


@pytest.mark.data
def test_shuffled_labels_and_a_wrong_layout_fail(swipes_file: Path) -> None:
    """Controls: an evaluation that cannot fail proves nothing."""
    rows, _ = swipe_files.load(swipes_file, split="test")
    rows = rows[::20]
    model = edgectc.load(runner="onnx")
    words = [row.word for row in rows]
    moved = [
        Swipe(row.points, word, row.layout, row.user)
        for row, word in zip(rows, words[1:] + words[:1], strict=True)
    ]
    wrong = [Swipe(row.points, row.word, "dvorak", row.user) for row in rows]
    assert evaluation.evaluate(model, rows)["top1"]["value"] > 0.75
    assert evaluation.evaluate(model, moved)["top1"]["value"] < 0.1
    assert evaluation.evaluate(model, wrong)["top1"]["value"] < 0.1
