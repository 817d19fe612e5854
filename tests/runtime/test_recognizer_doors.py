"""A recognizer that is closed, copied, shared by threads, or called with what it cannot take."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import ConfigError, InputError
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts

pytest.importorskip("onnxruntime")
Recognizer = edgectc.Recognizer


@pytest.fixture(scope="module")
def rec() -> Recognizer:
    return edgectc.load(runner="onnx")


@pytest.fixture(scope="module")
def trace(shipped: Path) -> Any:
    return swipe_files.load(shipped / "samples.jsonl")[0][0].points


def test_with_closes_and_use_after_that_is_refused(trace: Any) -> None:
    with edgectc.load(runner="onnx") as rec:
        assert rec(trace).best.text
        assert not rec.closed
    assert rec.closed
    assert repr(rec) == "Recognizer('swipe-en', closed)"
    for call in (lambda: rec(trace), lambda: rec.log_probs(trace), lambda: rec.decoder(None)):
        with pytest.raises(ConfigError, match="was closed; open the model again"):
            call()
    rec.close()


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, pickle.dumps])
def test_copies_are_refused_by_name(rec: Recognizer, make: Callable[[object], object]) -> None:
    with pytest.raises(ConfigError, match=r"'swipe-en' cannot be pickled or copied.*edgectc\.load"):
        make(rec)


@pytest.mark.parametrize(
    "options",
    [
        {"nbest": "3"}, {"nbest": 0}, {"nbest": 10**9}, {"nbest": None}, {"nbest": True},
        {"layout": 3}, {"layout": []}, {"decoder": 3}, {"context": [3]}, {"context": 3},
        {"context": [None]}, {"partial": "no"},
    ],
    ids=repr,
)  # fmt: skip
def test_options_of_another_kind_are_refused(
    rec: Recognizer, trace: Any, options: dict[str, Any]
) -> None:
    with pytest.raises((ConfigError, InputError), match=rf"^{next(iter(options))} "):
        rec(trace, **options)


def test_a_layout_may_be_a_path(rec: Recognizer, trace: Any, tmp_path: Path) -> None:
    assert rec(trace, layout=Path("qwerty")) == rec(trace)
    with pytest.raises(ConfigError, match="cannot read layout"):
        rec(trace, layout=tmp_path / "none.json")


def test_layouts_of_one_name_and_an_edited_file_are_layouts_of_their_own(
    rec: Recognizer, tmp_path: Path
) -> None:
    def write(path: Path, like: str) -> str:
        described = layouts.describe(layouts.shipped(like)) | {"name": "mine"}
        path.write_text(json.dumps(described), encoding="utf-8")
        return str(path)

    def said(word: str, like: str, path: str) -> str:
        trace = swipe(word, layouts.shipped(like), np.random.default_rng(0))
        return rec(trace, layout=path).best.text

    one, other = write(tmp_path / "a.json", "qwerty"), write(tmp_path / "b.json", "dvorak")
    assert said("people", "qwerty", one) == said("people", "dvorak", other) == "people"
    write(tmp_path / "a.json", "dvorak")
    assert said("people", "dvorak", one) == "people"


@pytest.mark.parametrize(
    "change",
    [
        lambda t: np.ma.masked_array(t, np.zeros(t.shape, bool)),
        lambda t: t.astype(object),
        lambda t: t + 0j,
        lambda t: t.astype(str),
        lambda t: t[:, :2],
        lambda t: t[None],
        lambda t: t > 0,
        lambda t: None,
        lambda t: "trace",
        lambda t: 3,
        lambda t: {},
    ],
)
def test_traces_of_another_kind_are_refused(
    rec: Recognizer, trace: Any, change: Callable[[Any], object]
) -> None:
    with pytest.raises(InputError) as caught:
        rec(change(trace))
    assert caught.value.reason == "bad_shape"


def test_eight_threads_have_one_answer(rec: Recognizer, trace: Any) -> None:
    expected = rec(trace)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: rec(trace), range(64)))
    assert all(answer == expected for answer in answers)
