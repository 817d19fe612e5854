"""The Android keyboard on this machine's Java; `android_demo/run_tests` has the rest."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import edgectc

APP = Path(__file__).parents[2] / "android_demo"
TESTS = APP / "tools" / "run_tests.py"
RESOURCES = APP / "app" / "res"
CODE = APP / "app" / "src" / "org" / "edgectc" / "keyboard"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TESTS), *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_keyboard_writes_what_fingers_mean_and_the_kit_a_file_for_bench(tmp_path: Path) -> None:
    file = tmp_path / "phone.json"
    done = _run("--only", "keyboard", "--phone", str(file))
    if "skipped" in done.stdout:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "keyboard: passed" in done.stdout
    (row,) = edgectc.bench(phones=[file])["rows"]
    assert (row["runtime"], row["status"], row["top1"], row["labelled"]) == (
        "android",
        "ok",
        0.5,
        2,
    )
    assert 0 < row["network_p50_ms"] < 10 * row["p50_ms"]
    assert row["peak_rss_bytes"] > 10_000_000


def test_a_run_that_checked_nothing_says_so() -> None:
    done = _run("--only", "apk", "--apk", "/nowhere.apk")
    assert done.returncode == 3
    assert "skipped" in done.stdout


def test_the_page_of_settings_shows_every_setting() -> None:
    """Each name in the code is on the page, with the same default."""
    page = (RESOURCES / "xml" / "settings.xml").read_text(encoding="utf-8")
    shown = dict.fromkeys(re.findall(r'android:key="(\w+)"', page))
    code = (CODE / "Settings.java").read_text(encoding="utf-8")
    named = set(re.findall(r' = "(\w+)"|, [A-Z_]+ = "(\w+)"', code.partition("private final")[0]))
    names = {one or other for one, other in named} - {"settings"}
    assert set(shown) == names
    (off,) = re.findall(r"boolean off = (.*?);", code)
    off_by_default = {one.lower() for one in re.findall(r"equals\((\w+)\)", off)} - {"clear"}
    boxes = re.findall(r'defaultValue="(true|false)"\s+android:key="(\w+)"', page)
    assert {name for value, name in boxes if value == "false"} == off_by_default
    assert {
        value for values in re.findall(r'equals\("(\w+)"\)', code) for value in [values]
    } <= set(
        re.findall(r"<item>(\w+)</item>", (RESOURCES / "values/strings.xml").read_text("utf-8"))
    )


def test_every_text_is_used() -> None:
    strings = (RESOURCES / "values" / "strings.xml").read_text(encoding="utf-8")
    names = set(re.findall(r'<string(?:-array)? name="(\w+)"', strings))
    files = [*CODE.rglob("*.java"), *RESOURCES.rglob("*.xml"), APP / "app" / "AndroidManifest.xml"]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    assert {
        name for name in names if re.search(rf"(R\.string\.|@(string|array)/){name}\b", text)
    } == names
