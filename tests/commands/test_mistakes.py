"""One mistake is one class of error in Python, and exit code and flag in the shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import edgectc
from edgectc.commands import cli
from edgectc.commands.arguments import flag
from edgectc.core.errors import ConfigError, EdgectcError, InputError, UnknownNameError

SAMPLES = "samples.jsonl"


def shell(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = cli.main(arguments)
    return code, capsys.readouterr().err


def decode(path: str, **options: object) -> object:
    return [*edgectc.decode(input=path, **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "arguments", "error"),
    [
        (lambda p: decode(p, nbest=0), ["decode", "--input", "*", "--nbest", "0"], ConfigError),
        (
            lambda p: decode(p, runner="onxx"),
            ["decode", "--input", "*", "--runner", "onxx"],
            UnknownNameError,
        ),
        (
            lambda p: edgectc.evaluate(data=p, limit=-1),
            ["eval", "--data", "*", "--limit", "-1"],
            ConfigError,
        ),
        (
            lambda p: edgectc.tune_decoder(data=p, limit=0),
            ["tune-decoder", "--data", "*", "--limit", "0"],
            ConfigError,
        ),
        (
            lambda p: edgectc.compare_data(p, limit=0),
            ["data", "compare", "*", "--limit", "0"],
            ConfigError,
        ),
        (
            lambda p: edgectc.synth_data("swipe", out=p, count=0),
            ["data", "synth", "swipe", "--out", "*", "--count", "0"],
            ConfigError,
        ),
        (
            lambda p: edgectc.synth_data("swip", out=p),
            ["data", "synth", "swip", "--out", "*"],
            UnknownNameError,
        ),
        (
            lambda p: edgectc.synth_data("neural", out=p, layout="qwerty"),
            ["data", "synth", "neural", "--out", "*", "--layout", "qwerty"],
            ConfigError,
        ),
        (
            lambda p: edgectc.synth_data("landmarks", out=p, lexicon=p),
            ["data", "synth", "landmarks", "--out", "*", "--lexicon", "*"],
            ConfigError,
        ),
        (
            lambda p: edgectc.synth_data("neural", out=p, style="plain"),
            ["data", "synth", "neural", "--out", "*", "--style", "plain"],
            ConfigError,
        ),
        (
            lambda p: edgectc.build_lexicon(p, out="x.tsv", top=0),
            ["lexicon", "build", "*", "--out", "x.tsv", "--top", "0"],
            ConfigError,
        ),
        (
            lambda p: edgectc.build_language_model(p, out="x.lm", top=0),
            ["lm", "build", "*", "--out", "x.lm", "--top", "0"],
            ConfigError,
        ),
        (lambda p: edgectc.list_names("targts"), ["list", "targts"], UnknownNameError),
        (lambda p: edgectc.doctor(need="onxx"), ["doctor", "--need", "onxx"], UnknownNameError),
        (
            lambda p: edgectc.bench(tolerance="10%"),
            ["bench", "--tolerance", "10%"],
            ConfigError,
        ),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_one_mistake_is_one_class(
    capsys: pytest.CaptureFixture[str],
    shipped: Path,
    call: Callable[[str], object],
    arguments: list[str],
    error: type[EdgectcError],
) -> None:
    path = str(shipped / SAMPLES)
    with pytest.raises(error) as caught:
        call(path)
    assert type(caught.value) is error
    code, text = shell(capsys, *[path if word == "*" else word for word in arguments])
    assert code == caught.value.exit_code == 2
    assert text == f"edgectc: error: {caught.value.spelled(flag)}\n"


def test_python_names_an_argument_and_the_shell_its_flag(
    capsys: pytest.CaptureFixture[str], shipped: Path
) -> None:
    path = str(shipped / SAMPLES)
    with pytest.raises(ConfigError, match=r"^limit is -1, expected 1 or more$"):
        edgectc.evaluate(data=path, limit=-1)
    assert "--limit is -1, expected" in shell(capsys, "eval", "--data", path, "--limit", "-1")[1]
    with pytest.raises(ConfigError, match=r"^quantize and max_mb are for .lm files; let out end"):
        edgectc.build_language_model(path, out="x.arpa", max_mb=1.0)
    _, text = shell(capsys, "lm", "build", path, "--out", "x.arpa", "--max-mb", "1")
    assert "--quantize and --max-mb are for .lm files; let --out end in .lm" in text


@pytest.mark.parametrize(
    ("message", "options", "expected"),
    [
        ("max_drop is 2", ["max_drop"], "--max-drop is 2"),
        (
            "pass data=PATH or set EDGECTC_DATA=PATH",
            ["data"],
            "pass --data PATH or set EDGECTC_DATA=PATH",
        ),
        (
            "decoder 'lexicon' needs lexicon=FILE",
            ["lexicon"],
            "decoder 'lexicon' needs --lexicon FILE",
        ),
        (
            "baseline '/a/baseline.json' is old",
            ["baseline"],
            "--baseline '/a/baseline.json' is old",
        ),
        ("lm_weight and weight", ["weight"], "lm_weight and --weight"),
        ("overrides: 'a'", ["overrides"], "--set: 'a'"),
        ("a limit", [], "a limit"),
    ],
)
def test_only_options_are_spelt_anew(message: str, options: list[str], expected: str) -> None:
    assert ConfigError(message, options=options).spelled(flag) == expected
    assert InputError(message, reason="x", options=options).spelled(flag) == expected


def test_strict_raises_at_the_end(tmp_path: Path, shipped: Path) -> None:
    rows = (shipped / SAMPLES).read_text().splitlines()[:2]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([rows[0], "{", rows[1]]))
    answers = edgectc.decode(input=path, strict=True)
    assert [next(answers).error is None for _ in range(3)] == [True, False, True]
    with pytest.raises(InputError, match="1 of 3 rows refused"):
        next(answers)


def test_old_spellings_say_so_once(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, shipped: Path
) -> None:
    code, text = shell(capsys, "verify", str(shipped), "--drill")
    assert code == 2
    assert "--layerwise takes an artifact" in text
    assert caplog.text.count("--drill is now called --layerwise") == 1


def test_what_comes_late_is_refused(shipped: Path) -> None:
    recognizer = edgectc.load(runner="onnx")
    figures = edgectc.evaluate(recognizer, shipped / SAMPLES)
    assert figures["rows"] > 0
    with pytest.raises(ConfigError, match="offensive goes with a path"):
        edgectc.evaluate(recognizer, shipped / SAMPLES, offensive=True)


def test_results_are_short_in_a_notebook(tmp_path: Path, shipped: Path) -> None:
    path = str(shipped / SAMPLES)
    (tmp_path / "words.txt").write_text("the\t30\nof\t10\n")
    (tmp_path / "text.txt").write_text("of the of the\nthe of\n")
    results = [
        *edgectc.decode(input=path),
        edgectc.evaluate(data=path, confusions=5),
        edgectc.tune_decoder(data=path, split="all", only=["temperature"]),
        edgectc.verify(shipped / "artifacts/swipe-en.onnx"),
        edgectc.inspect(shipped / "artifacts/swipe-en.onnx"),
        edgectc.inspect(),
        edgectc.doctor(),
        edgectc.doctor(errors=""),
        edgectc.list_names(),
        edgectc.check_data(path),
        edgectc.compare_data(path),
        edgectc.build_lexicon(str(tmp_path / "words.txt"), out=tmp_path / "w.tsv"),
        edgectc.synth_data("swipe", out=tmp_path / "s.jsonl", count=3, lexicon=tmp_path / "w.tsv"),
        edgectc.build_language_model(tmp_path / "text.txt", out=tmp_path / "m.lm"),
        edgectc.score_language_model(tmp_path / "m.lm", tmp_path / "text.txt"),
        edgectc.load(),
    ]
    for result in results:
        assert len(repr(result)) < 1000, type(result)
        assert len(str(result)) < 1000, type(result)
