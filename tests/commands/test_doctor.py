"""What the doctor says of machines that lack something."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edgectc.commands import cli, environment
from edgectc.core.errors import MissingDependencyError, UnknownNameError, install_line
from edgectc.decoding.search import compiled
from edgectc.formats import bundle

UNPINNED = {"ray"}  # no version is installed with the rest: tests/data/test_ray.py
ROOT = Path(__file__).parents[2]
REAL = importlib.metadata.version


def by_name(findings: list[environment.Finding]) -> dict[str, environment.Finding]:
    return {one.name: one for one in findings}


def pretend(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    def version(name: str) -> str:
        if name in versions:
            if versions[name] is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return str(versions[name])
        return REAL(name)

    monkeypatch.setattr(importlib.metadata, "version", version)


def test_every_extra_of_the_project_is_covered() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"]) - {"dev"}
    assert extras <= set(environment.needs()), "reinstall: pip install -e . --no-deps"
    named = {name for names in environment.needs().values() for name in names}
    assert {"onnxruntime", "torch", "executorch", "pyctcdecode", "pygtrie"} <= named


def test_tested_versions_are_the_pins() -> None:
    pins = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert environment.tested() == {name.lower(): version for name, version in pins}
    every = {name for names in environment.needs().values() for name in names}
    assert {name for name in every if name.lower() not in environment.tested()} <= UNPINNED


def test_missing_packages_come_with_the_line_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, torch=None, pyctcdecode=None, kenlm=None, onnxruntime=None)
    found = by_name(environment.packages())
    assert {found[n].verdict for n in ("torch", "pyctcdecode", "onnxruntime")} == {"missing"}
    assert found["torch"].fix.startswith(f'pip install "torch=={environment.tested()["torch"]}"')
    assert found["pyctcdecode"].fix.startswith("pip install pyctcdecode --no-deps")
    # The least that brings it, and not the first extra of the alphabet.
    assert found["onnxruntime"].fix == install_line("onnx")
    assert {f.name for f in environment.lacking(list(found.values()), "onnx")} == {"onnxruntime"}
    assert "torch" in {f.name for f in environment.lacking(list(found.values()), "pte")}
    with pytest.raises(UnknownNameError, match="did you mean 'onnx'"):
        environment.lacking([], "onxx")


def test_other_versions_are_untested(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, onnxruntime="1.2.3", torch=f"{environment.tested()['torch']}+cpu")
    found = by_name(environment.packages())
    assert found["onnxruntime"].verdict == "untested"
    assert environment.tested()["onnxruntime"] in found["onnxruntime"].fix
    assert found["torch"].verdict == "ok"  # a build of the tested version


def test_executorch_beside_another_torch_is_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    tested = environment.tested()
    pretend(monkeypatch, torch="2.9.1", executorch=tested["executorch"])
    found = by_name(environment.packages())["executorch"]
    assert found.verdict == "untested"
    assert f'built against torch {tested["torch"]}, found 2.9.1: pip install "torch==' in found.fix
    pretend(monkeypatch, torch=tested["torch"], executorch=tested["executorch"])
    assert by_name(environment.packages())["executorch"].verdict == "ok"


@pytest.mark.parametrize(
    ("version", "torch", "verdict"),
    [("3.11.9", True, "ok"), ("3.13.0", True, "untested"), ("3.13.0", False, "ok"),
     ("3.15.0", False, "untested")],
)  # fmt: skip
def test_pythons_are_tested_with_torch_or_without(
    version: str, torch: bool, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment.platform, "python_version", lambda: version)
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: torch or None)
    found = by_name(environment.machine())["Python"]
    assert (found.found, found.verdict) == (version, verdict)
    assert found.tested == "3.11; without torch to 3.14"


def test_several_versions_may_be_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned, (newer,) = environment.tested()["executorch"], environment.also_tested("executorch")
    torch = environment.tested()["torch"]
    for version, verdict in ((pinned, "ok"), (newer, "ok"), ("1.9.0", "untested")):
        pretend(monkeypatch, executorch=version, torch=torch)
        found = by_name(environment.packages())["executorch"]
        assert (found.tested, found.verdict) == (f"{pinned}, {newer}", verdict)


def test_a_version_that_was_tried_is_untested_with_what_worked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ((name, version), what), *_ = environment.TRIED.items()
    assert name == "torch"
    pretend(monkeypatch, torch=version, executorch="1.5.1")
    found = by_name(environment.packages())
    pinned = environment.tested()["torch"]
    assert found["torch"].verdict == found["executorch"].verdict == "untested"
    assert found["torch"].fix == f'tried alone: {what}; all tests: pip install "torch=={pinned}"'


def test_a_package_on_the_path_alone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", missing)
    with pytest.raises(MissingDependencyError, match=r"'edgectc'.*run: pip install \."):
        environment.needs()


def test_a_package_that_crashes_is_a_verdict(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    crash = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    (tmp_path / "onnxruntime.py").write_text(crash)
    (tmp_path / "wordfreq.py").write_text("raise ImportError('libc10_cuda.so: not found')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pretend(monkeypatch, onnxruntime="1.0", wordfreq="1.0")
    one = environment._package("onnxruntime", ("onnx",), deep=True)
    two = environment._package("wordfreq", ("lexicon",), deep=True)
    assert (one.verdict, two.verdict) == ("broken", "broken")
    assert "signal 11" in one.fix
    assert "libc10_cuda.so" in two.fix
    assert environment._package("numpy", (), deep=True).verdict in ("ok", "untested")


def test_a_missing_library_and_a_damaged_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shipped: Path
) -> None:
    assert {f.verdict for f in environment.parts()} <= {"ok", "missing"}
    monkeypatch.setattr(compiled, "LIBRARY", tmp_path / "none.so")
    shutil.copytree(shipped, tmp_path / "models" / "swipe-en")
    tokens = tmp_path / "models" / "swipe-en" / "tokens.txt"
    tokens.write_text(tokens.read_text() + "x\n")
    monkeypatch.setattr(bundle, "models_dir", lambda: tmp_path / "models")
    found = by_name(environment.parts())
    assert found["compiled decoder"].verdict == "missing"
    assert found["model swipe-en"].verdict == "broken"


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main(["doctor", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    keys = {"name", "needed_by", "found", "tested", "verdict", "fix"}
    assert all(set(one) == keys for one in about["findings"])
    assert cli.main(["doctor"]) == 0
    assert "compiled decoder" in capsys.readouterr().out
    pretend(monkeypatch, onnxruntime=None)
    assert cli.main(["doctor", "--need", "onnx"]) == 3
    assert "onnxruntime: pip install" in capsys.readouterr().out
    assert cli.main(["doctor", "--need", "lexikon"]) == 2


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from edgectc.commands import cli; cli.main(['doctor', '--json']); "
        "bad = {'torch', 'onnxruntime', 'executorch', 'onnx'} & set(sys.modules); "
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
