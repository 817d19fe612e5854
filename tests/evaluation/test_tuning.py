from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.data.swipe_files import recording
from edgectc.evaluation import tuning
from edgectc.evaluation.climbing import climb
from edgectc.evaluation.tuning import Tuned
from edgectc.formats import layouts
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon
from edgectc.runtime.recognizer import Recognizer

WORDS = {
    "the": 300.0, "thee": 1.0, "too": 20.0, "to": 200.0, "tip": 3.0, "top": 6.0, "hello": 5.0,
    "help": 9.0, "hell": 2.0, "in": 90.0, "on": 80.0, "un": 1.0, "is": 70.0, "us": 9.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("lexicon") / "small.tsv"
    lexicon_file.write(Lexicon.from_counts(WORDS), path)
    return str(path)


@pytest.fixture(scope="module")
def swipes() -> list[Swipe]:
    rng, layout = np.random.default_rng(0), layouts.load("qwerty")
    return [Swipe(swipe(word, layout, rng), word) for word in WORDS for _ in range(6)]


def tune(model: Recognizer, swipes: list[Swipe], **more: list[str]) -> Tuned:
    return tuning.tune(model, [*map(recording, swipes)], **more)  # type: ignore[arg-type]


def test_a_spoilt_preset_is_mended(lexicon: str, swipes: list[Swipe]) -> None:
    model = edgectc.load("swipe-en-tiny", runner="onnx", lexicon=lexicon)
    model.preset = {"type": "lexicon", "lm_weight": 4.0}
    tuned = tune(model, swipes)
    assert tuned.after > tuned.before + 0.1
    assert tuned.preset["lm_weight"] < 2.0
    assert tuned.gain[0] <= tuned.after - tuned.before <= tuned.gain[1]


def test_a_preset_with_free_spelling_is_tuned(lexicon: str, swipes: list[Swipe]) -> None:
    model = edgectc.load("swipe-en-tiny", runner="onnx", lexicon=lexicon)
    spoilt = {"type": "lexicon", "letter_score": -2.0, "unknown_score": -9.0}
    model.preset = {**spoilt, "unknown_letter_score": 2.0}
    tuned = tune(model, swipes, only=["letter_score"])
    letter, free = tuned.preset["letter_score"], tuned.preset["unknown_letter_score"]
    assert isinstance(letter, float)
    assert isinstance(free, float)
    assert letter > -2.0
    assert letter + free <= 0.0
    assert tuned.after > tuned.before


def test_the_climb_finds_the_top_of_a_hill() -> None:
    def value(preset: object) -> float:
        assert isinstance(preset, dict)
        return -abs(preset.get("lm_weight", 0) - 0.9) - abs(preset.get("letter_score", 0) + 0.3)

    weights = ["lm_weight", "letter_score", "acoustic_scale"]
    found = climb({"type": "lexicon", "lm_weight": 0.1}, weights, tuning._STEPS, value)
    assert found["lm_weight"] == pytest.approx(0.9, abs=0.05)
    assert found["letter_score"] == pytest.approx(-0.3, abs=0.1)
    assert "acoustic_scale" not in found


def test_the_weight_of_the_context_is_tuned_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tuning, "_STEPS", {"context_weight": (0.2, 0.0)})
    rng, layout = np.random.default_rng(1), layouts.load("qwerty")
    pairs = [("thank", "you"), ("good", "luck"), ("new", "york"), ("of", "course")] * 5
    said = [Swipe(swipe(word, layout, rng), word, context=(last,)) for last, word in pairs]
    model = edgectc.load(runner="onnx")
    model.preset = {**model.preset, "context_weight": 0.0, "acoustic_scale": 0.2}
    assert tune(model, said).preset["context_weight"] > 0
    alone = [Swipe(one.points, one.word) for one in said]
    assert tune(model, alone).preset["context_weight"] == 0


def test_only_the_named_weights_move(lexicon: str, swipes: list[Swipe]) -> None:
    model = edgectc.load("swipe-en-tiny", runner="onnx", lexicon=lexicon)
    model.preset = {"type": "lexicon", "lm_weight": 5.0, "letter_score": 1.0}
    tuned = tune(model, swipes, only=["lm_weight"]).preset
    assert tuned["lm_weight"] < 3.0
    assert (tuned["letter_score"], tuned["temperature"]) == (1.0, 1.0)
    assert tune(model, swipes, only=["temperature"]).preset["temperature"] != 1.0
    with pytest.raises(UnknownNameError, match="did you mean 'lm_weight'"):
        tune(model, swipes, only=["lm_wieght"])


def test_prompts_give_the_context(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    points = swipe("york", layouts.load("qwerty"), np.random.default_rng(1))
    swipe_files.write(tmp_path / "dev.jsonl", [Swipe(points, "york", prompt="off to new york")])
    seen = []

    def tune(_: object, rows: Iterable[Swipe], *, only: list[str] | None) -> None:
        seen.append((next(iter(rows)).context, only))
        raise ConfigError("enough")

    monkeypatch.setattr(tuning, "tune", tune)
    given = ["tune-decoder", "--data", str(tmp_path / "dev.jsonl"), "--split", "all"]
    cli.main(given)
    cli.main([*given, "--context", "--only", "context_weight,temperature"])
    assert seen == [((), None), (("to", "new"), ("context_weight", "temperature"))]


def test_what_cannot_be_tuned_is_refused(lexicon: str, swipes: list[Swipe]) -> None:
    model = edgectc.load("swipe-en-tiny", runner="onnx", lexicon=lexicon)
    with pytest.raises(InputError) as caught:
        tune(model, [Swipe(swipes[0].points)])
    assert caught.value.reason == "no_labels"
    model.preset = {"type": "greedy"}
    with pytest.raises(ConfigError, match="only 'lexicon'"):
        tune(model, swipes)


def test_command_line_writes_a_preset(
    capsys: pytest.CaptureFixture[str], lexicon: str, swipes: list[Swipe], tmp_path: Path
) -> None:
    swipe_files.write(tmp_path / "dev.jsonl", swipes)
    out = tmp_path / "preset.json"
    code = cli.main(
        ["tune-decoder", "--data", str(tmp_path / "dev.jsonl"), "--split", "all",
         "--lexicon", lexicon, "--out", str(out), "--json", "--min-labels", "16"]
    )  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert told["preset"] == json.loads(out.read_text())
    assert told["rows"] == len(swipes)
    assert told["after"] >= 0.7


def test_the_temperature_makes_probabilities_true() -> None:
    rng = np.random.default_rng(0)
    scores = np.stack([np.zeros(4000), -rng.exponential(2.0, 4000)], axis=1)
    true = 1.0 / (1.0 + np.exp(scores[:, 1] / 2.5))
    ranks = np.where(rng.random(4000) < true, 1.0, np.inf)
    found = tuning._Answers(ranks, scores, np.full(4000, 2))
    assert tuning._temperature(found) == pytest.approx(2.5, rel=0.15)
    assert found.probability(2.5) == pytest.approx(true)


def test_the_template_is_tuned_and_the_preset_is_calibrated(
    lexicon: str, swipes: list[Swipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "_STEPS", {"template_weight": (0.5, 0.0)})
    model = edgectc.load("swipe-en-tiny", runner="onnx", lexicon=lexicon)
    model.preset = {"type": "lexicon", "acoustic_scale": 0.1}  # the network hardly has a say
    tuned = tune(model, swipes)
    assert tuned.preset["template_weight"] > 0
    assert tuned.preset["rescore_size"] == 5
    assert tuned.after >= tuned.before
    # The temperature is judged where nothing else differs: by the same weights without it.
    model.preset = {**tuned.preset, "temperature": 1.0}
    alone = tune(model, swipes, only=["temperature"])
    assert alone.preset == tuned.preset
    assert alone.calibration[1] == pytest.approx(tuned.calibration[1])
    assert alone.calibration[1] <= alone.calibration[0] + 0.02
