from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import types
from dataclasses import dataclass, make_dataclass

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
