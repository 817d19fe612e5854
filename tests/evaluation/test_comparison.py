"""Two systems beside each other, controls, and what `edgectc eval` prints of them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.commands import cli
from edgectc.core import metrics
from edgectc.core.errors import InputError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.data.rows import Chosen
from edgectc.decoding.decoders import template
from edgectc.decoding.search.trace import Path as TracePath
from edgectc.evaluation import accuracy as evaluation
from edgectc.evaluation import comparison
from edgectc.evaluation.accuracy import Answer, Known
from edgectc.formats import layouts
from edgectc.language.lexicon import Lexicon

WORDS = ("the", "hello", "window", "keyboard", "on", "in", "quick", "jumps")


@pytest.fixture(scope="module")
def swipes() -> list[Swipe]:
    rng, layout = np.random.default_rng(0), layouts.load("qwerty")
    return [
        Swipe(swipe(word, layout, rng), word, user=f"u{i % 3}", prompt=f"see the {word}")
        for word in WORDS
        for i in range(3)
    ]


@pytest.fixture(scope="module")
def file(swipes: list[Swipe], tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("swipes") / "some.jsonl"
    swipe_files.write(path, swipes)
    return str(path)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (5, 5), (10, 2), (0, 7), (300, 250)])
def test_mcnemar_is_the_binomial_sum(b: int, c: int) -> None:
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    assert metrics.mcnemar(b, c) == metrics.mcnemar(c, b) == pytest.approx(min(1.0, 2 * tail))


def test_two_systems_are_compared_swipe_by_swipe() -> None:
    def answers(*right: bool) -> list[Answer]:
        return [Answer("a", ("a",) if r else ("b",), f"u{i}") for i, r in enumerate(right)]

    found = comparison.compare(answers(True, True, False, True), answers(True, False, True, False))
    assert (found["only_first"], found["only_second"]) == (2, 1)
    assert found["top1"] == [0.75, 0.5]
    assert found["difference"]["value"] == 0.25
    assert found["difference"]["low"] < 0.25 < found["difference"]["high"]
    assert found["mcnemar_p"] == 1.0


def test_slices_and_the_worst_users_by_hand() -> None:
    answers = [
        Answer("on", ("on",), "a", 1.0, prompt="go on"),
        Answer("zzz", ("on",), "b", 0.5, prompt="zzz q"),
    ]
    other = ("other.txt", frozenset({"on", "zzz"}))
    known = Known(frozenset(), frozenset({"on"}), frozenset({"goon"}), other)
    figures = evaluation.summarize(answers, known)
    tops = {name: part["top1"]["value"] for name, part in figures["slices"].items()}
    assert tops["natural sentences"] == tops["in the lexicon"] == 1.0
    assert tops["other prompts"] == 0.0
    assert tops["unseen, in the lexicon"] == 1.0
    assert tops["in other.txt"] == tops["unseen, in other.txt"] == 0.5
    assert figures["user_p10"] == pytest.approx(0.1)
    assert figures["calibration_error"] == pytest.approx(0.25)
    assert evaluation.confusions(answers) == [("zzz", "on", 1)]


def test_the_context_is_what_the_prompt_has_before_the_word() -> None:
    def of(word: str, prompt: str | None) -> tuple[str, ...]:
        row = Swipe(np.zeros((2, 3)), word, prompt=prompt)
        return evaluation.with_context(row).context

    assert of("fine", "I'm doing fine, thanks") == ("i'm", "doing")
    assert of("doing", "I'm doing fine") == ("<s>", "i'm")
    assert of("im", "I'm doing fine") == of("s", "S or not") == ("<s>",)
    assert of("no", "other words") == of("no", None) == of("s", "other words") == ()


def test_prompts_survive_the_file(file: str, swipes: list[Swipe]) -> None:
    assert [row.prompt for row in swipe_files.load(file)[0]] == [row.prompt for row in swipes]


def test_controls_fail_and_the_template_matcher_reads_clean_swipes(swipes: list[Swipe]) -> None:
    model = edgectc.load()
    answers, _ = evaluation.answer(model, swipes)
    assert np.mean([a.right() for a in answers]) > 0.8
    rows = Chosen(swipes, range(len(swipes)), lambda row: row)
    assert max(comparison.controls(model, rows, answers).values()) < 0.2  # few words, some luck
    model.preset = {"type": "template"}
    matched, _ = evaluation.answer(model, swipes)
    assert 0.5 < np.mean([a.right() for a in matched]) < 1.0


def test_the_template_matcher_by_hand() -> None:
    keys = np.array([(0, 0), (4, 0), (4, 3)])
    words = Lexicon(("ab", "acb", "abc", "a", "ba"), np.full(5, -1.0))
    decode = template.create(
        template.Options(), tokens=Tokens((*"abc", "-"), blank_id=3), lexicon=words
    )

    def best(*points: tuple[float, float]) -> str:
        return decode(None, trace=TracePath(np.array(points), "abc", keys)).best.text

    assert best((0, 0), (2, 0.1), (4, 0)) == "ab"
    assert best((0, 0), (4, 3), (4, 0)) == "acb"
    assert best((0, 0), (4, 0), (4, 3)) == "abc"
    assert best((4, 0), (0, 0)) == "ba"
    assert best((0, 0), (0.1, 0)) == "a"
    assert best((9, 9), (9, 8)) == ""
    only = decode(None, nbest=9, trace=TracePath(np.array([[0.0, 0.0], [4.0, 0.0]]), "abc", keys))
    assert sum(h.probability for h in only) == pytest.approx(1.0)
    with pytest.raises(InputError, match="no trace"):
        decode(None)


def test_eval_prints_the_other_system_controls_and_mistakes(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    natural = tmp_path / "natural.txt"
    natural.write_text("see the keyboard\n")
    options = ["eval", "--data", file, "--against", "greedy", "--confusions", "3", "--context"]
    lexicon = tmp_path / "few.txt"
    lexicon.write_text("keyboard 3\nqqqq 1\n")
    options += ["--control", "--sentences", str(natural), "--words", str(lexicon)]
    code = cli.main([*options, "--json"])
    figures = json.loads(capsys.readouterr().out)
    assert figures["slices"]["natural sentences"]["rows"] == 3
    assert figures["slices"]["other prompts"]["rows"] == 21
    assert 0 < figures["slices"]["in few"]["rows"] < 24
    assert figures["against"]["top1"][0] == figures["top1"]["value"]
    assert len(figures["confusions"]) <= 3
    assert code == int(max(figures["controls"].values()) > comparison.CONTROL_LIMIT)
    cli.main(options)
    shown = capsys.readouterr().out
    for text in ("greedy: all", "control, wrong layout", "difference to greedy", "percentile"):
        assert text in shown


def test_eval_says_what_it_cannot_use(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["eval", "--data", file, "--sentences", "nowhere.txt"]) == 2
    assert "nowhere.txt" in capsys.readouterr().err
    assert cli.main(["eval", "--data", file, "--words", "nowhere.tsv"]) == 2
    assert "nowhere.tsv" in capsys.readouterr().err
    assert cli.main(["eval", "--data", file, "--against", "tempalte"]) == 2
    assert "tempalte" in capsys.readouterr().err
