"""The command line as a user meets it: output, one-line errors, exit codes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgectc.commands import cli
from edgectc.core.errors import install_line
from edgectc.data import swipe_files

SAMPLES = "samples.jsonl"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        code = cli.main(arguments)
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def rows(path: Path, *points: object) -> str:
    path.write_text("".join(json.dumps({"points": p}) + "\n" for p in points))
    return str(path)


GOOD = [[0.05 + 0.02 * i, 0.2 + 0.01 * i, 16 * i] for i in range(30)]


def test_decode_prints_one_json_object_a_row(
    capsys: pytest.CaptureFixture[str], shipped: Path
) -> None:
    code, out, err = run(
        capsys, "decode", "--input", str(shipped / SAMPLES), "--nbest", "3", "--json"
    )
    answers = [json.loads(line) for line in out.splitlines()]
    samples, _ = swipe_files.load(shipped / SAMPLES)
    assert (code, err) == (0, "")
    assert [a["index"] for a in answers] == list(range(len(samples)))
    assert all(1 <= len(a["candidates"]) <= 3 and "error" not in a for a in answers)
    assert set(answers[0]["candidates"][0]) == {
        "text",
        "score",
        "probability",
        "exact",
    }
    right = [
        a["candidates"][0]["text"].lower() == s.word for a, s in zip(answers, samples, strict=True)
    ]
    assert sum(right) / len(right) > 0.7


def test_refused_rows_keep_their_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pixels = [[x * 1080, y * 600, t] for x, y, t in GOOD]
    path = rows(tmp_path / "x.jsonl", [], GOOD, pixels, [[0.1, float("nan"), 0], [0.2, 0.1, 9]])
    code, out, err = run(capsys, "decode", "--input", path, "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [a.get("error", {}).get("reason") for a in answers] == [
        "empty", None, "pixel_coordinates", "not_finite",
    ]  # fmt: skip
    assert [bool(a["candidates"]) for a in answers] == [False, True, False, False]
    assert "3 of 4 rows refused" in err
    assert run(capsys, "decode", "--input", path, "--json", "--strict")[0] == 2


def test_no_usable_row_is_exit_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, "decode", "--input", rows(tmp_path / "x.jsonl", []), "--json")
    assert code == 2
    assert json.loads(out)["error"]["reason"] == "empty"
    assert "no usable swipe" in err
    (tmp_path / "none.jsonl").write_text("")
    assert run(capsys, "decode", "--input", str(tmp_path / "none.jsonl"))[0] == 2


def test_unknown_layout_of_a_row_is_that_rows_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"points": GOOD, "layout": "qwety"}) + "\n")
    code, out, _ = run(capsys, "decode", "--input", str(path), "--json")
    assert code == 2
    assert json.loads(out)["error"]["reason"] == "unknown_layout"
    assert run(capsys, "decode", "--input", str(path), "--layout", "qwerty")[0] == 0


def test_no_rows_layout_stops_the_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lexicon = tmp_path / "latin.tsv"
    lexicon.write_text("# edgectc lexicon 1\nthe\t-1.0\n")
    named = ["russian_jcuken", "/etc/passwd.json", "qwerty"]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"points": GOOD, "layout": n}) + "\n" for n in named))
    code, out, _ = run(capsys, "decode", "--input", str(path), "--lexicon", str(lexicon), "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [a.get("error", {}).get("reason") for a in answers] == [
        "unknown_layout", "unknown_layout", None,
    ]  # fmt: skip


def test_text_output(capsys: pytest.CaptureFixture[str], shipped: Path, tmp_path: Path) -> None:
    code, out, _ = run(capsys, "decode", "--input", str(shipped / SAMPLES), "--decoder", "greedy")
    assert code == 0
    assert out.startswith("0\t")
    code, out, _ = run(capsys, "decode", "--input", rows(tmp_path / "x.jsonl", [], GOOD))
    assert out.startswith("0\trefused (empty): ")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["export", "--taget", "onnx"], 2, "did you mean '--target'"),
        (["decode", "--inptu=x"], 2, "did you mean '--input'"),
        (["--json", "decode", "--input", "x"], 2, "write it after the verb: edgectc decode --json"),
        (["decode"], 2, "required: --input"),
        (["decode", "--input", "x", "--decoder", "lexcon"], 2, "did you mean 'lexicon'"),
        (["decode", "--input", "x", "--nbset", "3"], 2, "did you mean '--nbest'"),
        (["decode", "--input", "/nowhere.jsonl"], 2, "/nowhere.jsonl"),
        (["decode", "/nowhere.onnx", "--input", "x"], 2, "no bundle or artifact"),
        (["decode", "--input", "x", "--runner", "onxx"], 2, "did you mean 'onnx'"),
        (["decod"], 2, "no verb 'decod'; did you mean 'decode'?"),
        (["zzz"], 2, "no verb 'zzz'; see edgectc --help"),
        (["data", "chekc", "x"], 2, "no action 'chekc'; did you mean 'check'?"),
        (["data"], 2, "edgectc data needs an action: check, synth, import, shard, compare"),
        (["list", "targts"], 2, "did you mean 'targets'"),
        (["verify", "swipe-en-tny"], 2, "'swipe-en-tny' (did you mean 'swipe-en-tiny'?)"),
        (["verify", "/nowhere"], 2, "no bundle or artifact"),
        pytest.param(
            ["train", "/nowhere.toml", "--out", "x", "--lexicon", "y"],
            2,
            "cannot read config",
            marks=pytest.mark.skipif(not find_spec("torch"), reason="needs torch"),
        ),
        (["lexicon", "build", "/nowhere", "--out", "x"], 2, "/nowhere"),
    ],
)
def test_mistakes_end_in_one_clear_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    got, out, err = run(capsys, *arguments)
    assert (got, out) == (code, "")
    assert says in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["decode", "--input"], ["eval", "--data"], ["data", "check"], ["verify"],
        ["decode", "--input", "x", "--lexicon"], ["decode", "--input", "x", "--dictionary"],
        ["lexicon", "build", "--out", "y"], ["report"], ["lm", "build", "--out", "y.lm"],
    ],
)  # fmt: skip
def test_a_misspelt_file_is_answered_with_the_nearest_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "mine.jsonl").write_text("")
    code, out, err = run(capsys, *arguments, str(tmp_path / "mine.jsnol"))
    assert (code, out) == (2, "")
    assert f"(did you mean {str(tmp_path / 'mine.jsonl')!r}?)" in err
    assert "[Errno" not in err


def test_a_wrong_layout_option_is_no_rows_fault(
    capsys: pytest.CaptureFixture[str], shipped: Path
) -> None:
    arguments = ["decode", "--input", str(shipped / SAMPLES), "--layout", "qwety"]
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "did you mean 'qwerty'" in err


def test_nbest_below_one_is_refused(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    arguments = ["decode", "--input", str(shipped / SAMPLES), "--nbest", "0"]
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "nbest is 0" in err


def test_truncated_artifact(
    capsys: pytest.CaptureFixture[str], shipped: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes((shipped / "artifacts/swipe-en.onnx").read_bytes()[:100_000])
    for arguments in (["verify", str(path)], ["decode", str(path), "--input", "x"]):
        code, _, err = run(capsys, *arguments)
        assert code == 2
        assert len(err.strip().splitlines()) == 1


def test_verify_and_list(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    path = str(shipped / "artifacts/swipe-en.onnx")
    code, out, _ = run(capsys, "verify", path, "--json")
    report = json.loads(out)
    assert (code, report["status"]) == (0, "pass")
    assert {c["status"] for c in report["checks"]} == {"pass"}
    code, out, _ = run(capsys, "list", "targets", "--json")
    assert json.loads(out) == ["coreai", "coreml", "litert", "native", "onnx", "pte"]
    code, out, _ = run(capsys, "list")
    assert "layouts: azerty, colemak" in out
    assert not [line for line in out.splitlines() if line.endswith(": ")], "a kind without a name"


def test_inspect(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    code, out, _ = run(capsys, "inspect", str(shipped / "artifacts/swipe-en.onnx"), "--json")
    about = json.loads(out)
    assert (code, about["blank_id"], about["layouts"][0]) == (0, 64, "qwerty")
    assert [i["name"] for i in about["inputs"]][:2] == ["trace", "length"]
    assert about["parity"]["max_abs_diff"] <= about["scheme"]["atol"]
    code, out, _ = run(capsys, "inspect")
    assert "name: swipe-en\n" in out
    assert '"lm_weight"' in out


def test_eval_on_the_samples(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    code, out, _ = run(capsys, "eval", "--data", str(shipped / SAMPLES), "--json")
    figures = json.loads(out)
    assert code == 0
    assert figures["top1"]["low"] <= figures["top1"]["value"] <= figures["top1"]["high"]
    assert figures["top3"]["value"] >= figures["top1"]["value"] > 0.7
    assert {"letters 1-3", "seen words"} <= set(figures["slices"])
    code, out, _ = run(capsys, "eval", "--data", str(shipped / SAMPLES))
    assert "top-1 [95 %]" in out


def test_lexicon_build(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("the\t30\nof\t10\n4ever\t2\n")
    out_file = str(tmp_path / "lexicon.tsv.gz")
    code, out, _ = run(
        capsys, "lexicon", "build", str(tmp_path / "words.txt"), "--out", out_file,
        "--note", "licence: mine", "--json",
    )  # fmt: skip
    assert (code, json.loads(out)["words"]) == (0, 2)
    assert json.loads(out)["dropped"] == {"characters": 1}


def test_a_tool_chain_failure_is_one_line_and_debug_shows_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgectc.commands import machine

    def broken(_: object) -> int:
        raise KeyError("boom")

    monkeypatch.setattr(machine, "run_list", broken)
    code, _, err = run(capsys, "list")
    assert code == 4
    assert err == "edgectc: error: internal error: KeyError: 'boom'; --debug shows where\n"
    with pytest.raises(KeyError):
        cli.main(["list", "--debug"])


@pytest.mark.parametrize(
    ("line", "work"),
    [
        ("bench --html pipe", "edgectc.benchmarking.benchmark.measured"),
        ("data check SAMPLES --html pipe", "edgectc.data.checks.check_data"),
        ("data compare SAMPLES --html pipe", "edgectc.data.synthesis.compare_data"),
        (
            "tune-decoder --data SAMPLES --split all --min-labels 1 --out pipe",
            "edgectc.evaluation.tuning.tune",
        ),
    ],
)
def test_an_output_that_cannot_be_written_ends_the_work_before_it(
    line: str,
    work: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    shipped: Path,
) -> None:
    def done(*_: object, **__: object) -> None:
        pytest.fail("the work was done in vain")

    monkeypatch.setattr(work, done)
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")  # as root can write everywhere, a folder that cannot be written is no test
    code, _, err = run(capsys, *line.replace("SAMPLES", str(shipped / SAMPLES)).split())
    assert code == 2
    assert err.splitlines()[-1].endswith(
        "expected a plain file or a directory; choose another path"
    )


@pytest.mark.parametrize("during", ["build_verbs", "_call"])
def test_control_c_is_one_line_at_any_time(
    during: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, during, pressed)
    assert cli.main(["list"]) == 130
    assert capsys.readouterr().err == "edgectc: error: interrupted\n"


def test_too_little_memory_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgectc.commands import machine

    def wants_more(_: object) -> int:
        return len(bytearray(1 << 62))

    monkeypatch.setattr(machine, "run_list", wants_more)
    code, _, err = run(capsys, "list")
    assert code == 4
    assert err.startswith("edgectc: error: not enough memory; take fewer recordings")


def test_help_is_light() -> None:
    code = (
        "import sys; from edgectc.commands import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'torch', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "decode" in done.stdout


def test_a_missing_package_is_exit_3_with_the_pip_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, shipped: Path
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    path = str(shipped / "artifacts/swipe-en.onnx")
    code, _, err = run(capsys, "decode", path, "--input", str(shipped / SAMPLES))
    assert code == 3
    assert install_line("onnx") in err
    code, out, _ = run(capsys, "verify", path, "--json")
    assert (code, json.loads(out)["status"]) == (3, "not_run")


def test_a_verb_ends_with_the_command_that_goes_on_from_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "two words.jsonl"
    _, told, _ = run(capsys, "data", "synth", "swipe", "--count", "3", "--out", str(out))
    last = told.splitlines()[-1]
    assert last == f"next: edgectc data check '{out}'"
    code, _, _ = run(capsys, *shlex.split(last.removeprefix("next: edgectc ")))
    assert code == 0
    code, told, _ = run(
        capsys, "data", "synth", "swipe", "--count", "3", "--out", str(out), "--json"
    )
    assert "next:" not in told
