"""What a notebook shows of an object fits on a few lines, however much the object holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core.types import Check, Decoded, Hypothesis, Recording, Report, Swipe
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats import reference
from edgectc.formats.reference import Case

LIMIT = 300
LONG = "wort " * 500


def _shown() -> dict[str, object]:
    shipped = bundles.read(bundles.locate(None))
    _, manifest = manifests.read(shipped.artifacts()[0])
    table = np.zeros((900, 40), np.float32)
    case = Case("sample-0", "", table, 900, table, points=table, greedy=LONG, word=LONG)
    checks = [Check(f"check {i}", "fail" if i % 2 else "pass", LONG) for i in range(40)]
    hypotheses = tuple(Hypothesis(LONG, -1.0, 0.01, tuple(range(200))) for _ in range(50))
    recognizer = edgectc.load(runner="onnx")
    return {
        "bundle": shipped,
        "index": shipped.index,
        "manifest": manifest,
        "large manifest": replace(manifest, reference=reference.to_json([case])),
        "case": case,
        "recording": Recording(table, tuple(LONG), "sample-0"),
        "report": Report(tuple(checks), {f"figure {i}": 0.5 for i in range(99)}),
        "decoded": Decoded(hypotheses),
        "swipe": Swipe(np.zeros((900, 3)), "word"),
        "layout": shipped.layouts[0],
        "tokens": shipped.tokens(),
        "recognizer": recognizer,
        "lexicon": recognizer.lexicon,
        "dictionary": edgectc.UserDictionary(),
    }


@pytest.fixture(scope="module")
def shown() -> dict[str, object]:
    return _shown()


def test_a_repr_is_short(shown: dict[str, object]) -> None:
    long = {name: len(repr(value)) for name, value in shown.items() if len(repr(value)) > LIMIT}
    assert not long


def test_a_repr_names_what_it_shows(shown: dict[str, object]) -> None:
    assert "swipe-en" in repr(shown["bundle"])
    assert "onnx, float32" in repr(shown["manifest"])
    assert "1 reference cases" in repr(shown["large manifest"])
    assert repr(shown["report"]).startswith("Report(fail; 20 pass, 20 fail; check 1; ")
    assert repr(Decoded((Hypothesis("its", -1.0, 0.913),))) == "Decoded('its' 0.91)"
    assert repr(Decoded(())) == "Decoded()"
    assert "swipe-en" in repr(shown["recognizer"])
    assert "onnx" in repr(shown["recognizer"])


def test_no_repr_holds_the_recordings(shown: dict[str, object], tmp_path: Path) -> None:
    assert "base64" not in repr(shown["large manifest"])
    assert "array" not in repr(shown["case"])
