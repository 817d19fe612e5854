from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import types
import zipfile
from dataclasses import dataclass, make_dataclass
from pathlib import Path

import numpy as np
import pytest

from edgectc.core import config, registry
from edgectc.core.config import check_options
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.decoding.decoders import greedy


def test_names_are_file_names() -> None:
    assert registry.names("targets") == ["coreai", "coreml", "litert", "native", "onnx", "pte"]
    assert registry.names("decoders") == [
        "beam", "greedy", "lexicon", "pyctcdecode", "spoken", "template",
    ]  # fmt: skip
    assert registry.names("runners") == [
        "coreai",
        "coreml",
        "eager",
        "litert",
        "native",
        "onnx",
        "pte",
    ]


def test_listing_imports_no_variant() -> None:
    code = (
        "import sys; from edgectc.core import registry; "
        "[registry.names(k) for k in registry.KINDS]; "
        "assert 'torch' not in sys.modules and 'edgectc.exporting.targets.onnx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_get_the_nearest_spelling() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'onnx'"):
        registry.module("targets", "onx")
    with pytest.raises(UnknownNameError, match="unknown kind"):
        registry.names("target")


def test_specs_are_checked() -> None:
    with pytest.raises(ConfigError, match="expected"):
        registry.create("frontends", {"max_frames": 4})
    with pytest.raises(ConfigError, match="did you mean 'max_frames'"):
        registry.create("frontends", {"type": "swipe", "max_frame": 4})


def test_an_unknown_option_names_its_owner() -> None:
    @dataclass(frozen=True)
    class Reader:
        tokens: str = ""

    target = make_dataclass("Target", ["opset", "length"])
    owners = {"target 'onnx'": target, "a reader": Reader}
    with pytest.raises(ConfigError, match="has no token; did you mean tokens, an option of a re"):
        check_options(["opset", "token"], owners)
    with pytest.raises(ConfigError, match=r"no x1; target 'onnx' takes opset, .*; a reader takes"):
        check_options(["x1"], owners)
    with pytest.raises(ConfigError) as caught:
        check_options(["max_drpo"], {"it": make_dataclass("Budget", ["max_drop"])})
    assert str(caught.value) == "it has no max_drpo; did you mean max_drop, an option of it?"
    flags = caught.value.spelled(lambda name: "--" + name.replace("_", "-"))
    assert flags == "it has no --max-drpo; did you mean --max-drop, an option of it?"


@pytest.mark.parametrize("kept", ["dist-info", "egg-info", "archive"])
def test_installed_plugins_are_found_wherever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    """As `importlib.metadata` finds them, which alone says what is installed."""
    about = tmp_path / f"theirs-1.0.{'dist-info' if kept == 'archive' else kept}"
    about.mkdir()
    (about / ("PKG-INFO" if kept == "egg-info" else "METADATA")).write_text("Name: theirs\n")
    (about / "entry_points.txt").write_text("[edgectc.decoders]\ntheirs = theirs\n")
    place = tmp_path
    if kept == "archive":
        place = tmp_path / "theirs.zip"
        with zipfile.ZipFile(place, "w") as archive:
            archive.write(about / "METADATA", "theirs-1.0.dist-info/METADATA")
            archive.write(about / "entry_points.txt", "theirs-1.0.dist-info/entry_points.txt")
    monkeypatch.setattr(sys, "path", [str(place), *sys.path])
    known = importlib.metadata.entry_points(group="edgectc.decoders")
    assert [point.name for point in known] == ["theirs"]
    assert config.entry_points("decoders") == list(known)


def test_a_process_without_plugins_reads_nothing_of_what_is_installed(tmp_path: Path) -> None:
    about = tmp_path / "others-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: others\n")
    (about / "entry_points.txt").write_text("[console_scripts]\nothers = edgectc_others:main\n")
    code = (
        "import sys; from edgectc.core import registry; "
        "assert 'greedy' in registry.names('decoders'); "
        "assert 'importlib.metadata' not in sys.modules"
    )
    places = tmp_path, Path(config.__file__).parents[2], Path(np.__file__).parents[1]
    path = os.pathsep.join(map(str, places))  # without `site`, which runs what others have left
    subprocess.run(
        [sys.executable, "-S", "-c", code], check=True, env={**os.environ, "PYTHONPATH": path}
    )


def test_a_third_party_that_lacks_a_name_is_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("theirs")
    module.Options, module.create = greedy.Options, greedy.create  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "theirs", module)
    point = importlib.metadata.EntryPoint("theirs", "theirs", "edgectc.decoders")
    points = importlib.metadata.EntryPoints([point])
    monkeypatch.setattr(config, "_installed", lambda path: points)
    with pytest.raises(ConfigError, match=r"theirs, the decoder 'theirs', lacks USES; .*Decoder"):
        registry.module("decoders", "theirs")
    module.USES = greedy.USES  # type: ignore[attr-defined]
    assert registry.module("decoders", "theirs") is module


def test_a_change_counts_under_any_name() -> None:
    for old, new in (("weighed", "rescore_size"), ("rescore_size", "weighed")):
        spec = {"type": "lexicon", old: 4, "letter_score": 0.5}
        made = registry.changed("decoders", spec, {new: 1})
        assert (made["rescore_size"], made["letter_score"]) == (1, 0.5)
        assert "weighed" not in made
