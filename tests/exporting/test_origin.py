"""An export and a quantization open their source once, and hand it on."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from edgectc.core import registry
from edgectc.exporting import exporter, origin
from edgectc.formats import bundle as bundles
from edgectc.language import lexicon_file
from edgectc.language import loading as language_models
from edgectc.networks.model import CtcModel
from edgectc.quantization.quantizer import quantize

MODEL = "swipe-en-tiny"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what is built and read."""
    counts: Counter[str] = Counter()

    def counted(name: str, place: object, attribute: str) -> None:
        real: Callable[..., object] = getattr(place, attribute)

        @functools.wraps(real)
        def call(*args: object, **kwargs: object) -> object:
            # An outline without values, which says how large the network would be, is none.
            counts[name] += torch.get_default_device().type != "meta"
            return real(*args, **kwargs)

        monkeypatch.setattr(place, attribute, call)

    counted("networks", CtcModel, "__init__")
    counted("bundles", bundles, "read")
    counted("lexicons", lexicon_file, "read")
    counted("language models", language_models, "load")
    return counts


def test_an_export_opens_its_bundle_once_and_prints_on_a_line(
    calls: Counter[str], tmp_path: Path
) -> None:
    made = exporter.export(MODEL, target="onnx", out=tmp_path / "x.onnx")
    assert calls == {"networks": 1, "bundles": 1, "lexicons": 1}
    assert str(tmp_path / "x.onnx") in repr(made)
    assert len(repr(made)) < 300


@pytest.mark.slow
def test_a_quantization_opens_its_bundle_once(
    calls: Counter[str], swipes: Path, tmp_path: Path
) -> None:
    how = {"target": "onnx", "scheme": "int8-weight", "limit": 10}
    made = quantize("swipe-en", dev=str(swipes), out=tmp_path, **how)
    assert made.report["loss"]["rows"] == 10
    once = ("networks", "bundles", "lexicons", "language models")
    assert calls == dict.fromkeys(once, 1)


def test_another_runner_or_preset_leaves_a_recognizer_as_it_is() -> None:
    opened = origin.of_bundle(MODEL)
    with_words = opened.recognizer.replace(lexicon=opened.words)
    greedy = with_words.replace(preset={"type": "greedy"})
    place = with_words.setting("qwerty")
    decoder = with_words.decoder(place)
    assert opened.recognizer.lexicon is None
    assert with_words.preset["type"] == "lexicon"
    assert type(greedy.decoder(place)) is not type(decoder)
    # The decoder is built once for all networks that it reads.
    assert with_words.replace(runner=opened.recognizer.runner).decoder(place) is decoder


# Kinds that no loaded model needs, as its network is in a file of its own.
BUILDING = ("encoders", "features", "samples", "targets", "tasks")


def imported(code: str) -> set[str]:
    """Modules of ours that a process has after some code."""
    tell = "print(*[m for m in sys.modules if m.startswith('edgectc.')])"
    done = subprocess.run(
        *([sys.executable, "-c", f"import sys\n{code}\n{tell}"],),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


def test_loading_imports_nothing_that_only_builds() -> None:
    loaded = imported("import edgectc; edgectc.load(runner='onnx')")
    assert "edgectc.language.lexicon" in loaded
    rooms = tuple(f"edgectc.{registry.PACKAGES[kind]}." for kind in BUILDING)
    assert not [name for name in loaded if name.startswith((*rooms, "edgectc.exporting"))]
    # What builds language models needs more than all that read them.
    lms = [f"edgectc.{registry.PACKAGES['lms']}.{name}" for name in registry.names("lms")]
    readers = f"import edgectc.language.loading, edgectc.language.ngram.text, {', '.join(lms)}"
    builders = imported("import edgectc.language.builder") - imported(readers)
    assert len(builders) > 4
    assert not loaded & builders
