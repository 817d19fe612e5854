"""The command line in a shell: terminals, colours, how much is said, completion."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from edgectc.commands import cli, models
from edgectc.core import console, messages

pty = pytest.importorskip("pty", reason="no terminals here")
rich = pytest.mark.skipif(importlib.util.find_spec("rich") is None, reason="rich is not installed")
COLOUR = re.compile(r"\x1b\[[\d;]*3\d[\d;]*m")
SCRIPT = """
import sys
from edgectc.commands import output
from edgectc.core.types import Check, Report
if sys.argv[1:] == ["without rich"]: sys.modules["rich"] = None
output.print_report(Report((Check("hash", "pass", "x" * 200), Check("words", "fail", "")), {}))
"""


def on_terminal(arguments: Sequence[str], **environment: str) -> str:
    """What a program prints where standard output is a terminal of 80 columns."""
    ours, theirs = os.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    env |= {"TERM": "xterm-256color", "COLUMNS": "80", **environment}
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=theirs, stderr=theirs, env=env
    ) as process:
        os.close(theirs)
        found = b""
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not read:
                break
            found += read
    os.close(ours)
    assert process.returncode == 0, found
    return found.decode()


@rich
def test_a_terminal_gets_a_table_that_fits_it_in_colours() -> None:
    shown = on_terminal(["-c", SCRIPT])
    assert "─" in shown
    assert COLOUR.search(shown)
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 80
    assert plain.count("x") == 200  # folded, and nothing cut away


@rich
def test_no_color_means_none() -> None:
    shown = on_terminal(["-c", SCRIPT], NO_COLOR="1")
    assert "─" in shown
    assert not COLOUR.search(shown)


@pytest.mark.parametrize(
    ("arguments", "environment"), [(["without rich"], {}), ([], {"TERM": "dumb"})]
)
def test_tables_are_plain_elsewhere(arguments: list[str], environment: dict[str, str]) -> None:
    shown = on_terminal(["-c", SCRIPT, *arguments], **environment)
    assert "\x1b" not in shown
    assert "─" not in shown
    assert f"hash   pass     {'x' * 200}" in shown


def test_what_is_piped_is_plain() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[1].startswith("-----  -------  ---")


@rich
def test_progress_has_a_bar_and_leaves_one_line() -> None:
    code = (
        "import time\nfrom edgectc.core.console import progress\n"
        "for _ in progress(range(4), 'swipe'): time.sleep(0.11)"
    )
    shown = on_terminal(["-c", code])
    last = shown.rstrip("\r\n").split("\r")[-1]
    assert "━" in last
    assert "swipe 4/4" in last
    assert shown.count("\n") == 1


def test_quiet_leaves_the_result(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = str(tmp_path / "s.jsonl")
    synth = ["data", "synth", "swipe", "--count", "3", "--out", out]
    assert cli.main([*synth, "-q"]) == 0
    assert capsys.readouterr().out == f"{out}: 3 samples\n"
    assert cli.main(synth) == 0
    assert "next: edgectc data check" in capsys.readouterr().out


def test_quiet_hides_progress_and_no_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with messages.spoken(-1):
        messages.say("a note")
        messages.say("an error", always=True)
        messages.warn("look")
    assert capsys.readouterr().err == "an error\nedgectc: warning: look\n"
    assert messages.level() == 0
    assert cli.main(["decode", "--input", str(tmp_path / "none.jsonl"), "-q"]) == 2
    assert capsys.readouterr().err.startswith("edgectc: error: ")


def test_verbose_shows_what_tool_chains_say(capsys: pytest.CaptureFixture[str]) -> None:
    with messages.spoken(1), console.suppress_output():
        print("lowered 3 nodes")
    assert capsys.readouterr() == ("", "lowered 3 nodes\n")  # output stays clean
    with console.suppress_output():
        print("lowered 3 nodes")
    assert capsys.readouterr() == ("", "")
    assert cli.main(["list", "targets", "-v"]) == 0
    assert re.fullmatch(r"edgectc list: \d+\.\d s\n", capsys.readouterr().err)


def test_quiet_and_verbose_are_one_choice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["list", "-q", "-v"])
    assert end.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "near"),
    [(["exprot"], "export"), (["data", "chek"], "check"), (["list", "--jsn"], "--json"),
     (["--completion", "bsh"], "bash")],
)  # fmt: skip
def test_the_nearest_spelling(
    words: list[str], near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = cli.main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    assert f"did you mean {near!r}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (["exp"], ["export"]),
        (["lm", ""], ["build", "pack", "score"]),
        (["data", "check", "--ht"], ["--html"]),
        (["export", "--tar"], ["--target"]),
        (["export", "--target", "p"], ["pte"]),
        (["decode", "swipe-en-"], ["swipe-en-tiny"]),
        (["train", "gru"], ["gru-full", "gru-small"]),
    ],
)
def test_bash_completes(
    line: list[str], wanted: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    assert cli.main(["--completion", "bash"]) == 0
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out)
    words = " ".join(f"'{word}'" for word in ["edgectc", *line])
    asked = (
        f"source {script}; COMP_WORDS=({words}); COMP_CWORD={len(line)}; _edgectc;"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run([bash, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == wanted


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_of_their_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--completion", shell]) == 0
    script = capsys.readouterr().out
    assert "--target" in script or "-l target" in script
    if program := shutil.which(shell):
        done = subprocess.run([program, "-n"], input=script, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [("dev_top1", 0.0, True), ("dev_top1", 0.31, False), ("dev_wer", 1.2, True),
     ("dev_per", 0.95, True), ("dev_per", 0.4, False)],
)  # fmt: skip
def test_a_model_that_learnt_nothing_is_said(metric: str, value: float, said: bool) -> None:
    assert models.undertrained(metric, value) is said
