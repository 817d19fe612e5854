"""The golden vectors every host reads, against the compiled search and the shipped artifact."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgectc
from edgectc.core import config, registry
from edgectc.core.errors import BundleError, BundleMismatchError, InputError
from edgectc.core.tokens import Tokens
from edgectc.data.validation import check_points
from edgectc.decoding.decoders import lexicon as decoders
from edgectc.decoding.search import compiled
from edgectc.formats import bundle, layouts, manifest
from edgectc.formats.manifest import unpack_array
from edgectc.language import lexicon_file, loading, spelling
from edgectc.language.ngram.tables import normalize_word
from edgectc.runtime import recognizer

GOLDEN = Path(__file__).parents[1] / "golden"


def _read(name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding="ascii"))
    assert values["golden"] == 1
    return values


def _told(words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the words that must be found: what is not proven depends on who searches."""
    return words if compiled.library() else [one for one in words if one["exact"]]


def _same_words(found: Any, wanted: list[dict[str, Any]], *, case: str) -> None:
    wanted = _told(wanted)
    found = [*found][: len(wanted)]
    assert [one.text for one in found] == [one["text"] for one in wanted], case
    for one, other in zip(found, wanted, strict=True):
        assert one.score == pytest.approx(other["score"], abs=1e-6), case
        # Where not every word is proven, those who share in the probability may differ, too.
        same = 1e-6 if compiled.library() else 0.05
        assert one.probability == pytest.approx(other["probability"], abs=same), case
        assert one.exact or not other["exact"], case


def test_files_are_small() -> None:
    assert sum(path.stat().st_size for path in GOLDEN.iterdir()) < 300_000


def test_vectors_are_of_the_shipped_model(shipped: Path) -> None:
    index, about = bundle.read(shipped).index, _read("traces.json")["model"]
    for key, value in {
        "decoder": index.decoder,
        "frontend": index.model["frontend"],
        "weights_sha256": index.files["weights.safetensors"],
        "lexicon_sha256": index.lexicon.sha256,
        "language_model_sha256": index.language_model.sha256,
    }.items():
        assert about[key] == value, f"{key} changed: run python scripts/golden.py"


@pytest.mark.skipif(not importlib.util.find_spec("onnxruntime"), reason="needs onnxruntime")
def test_shipped_model_stage_by_stage(shipped: Path) -> None:
    model = edgectc.load(shipped, runner="onnx")
    for case in _read("traces.json")["cases"]:
        name, layout, points = case["name"], model.setting(case["layout"]), case["points"]
        frames, log_probs = unpack_array(case["frames"]), unpack_array(case["log_probs"])
        np.testing.assert_allclose(model.frontend.frames(points, layout), frames, 0, 1e-12, name)
        used = [*range(len(layout.letters)), model.tokens(layout).blank_id]
        answered = model.log_probs(points, layout=case["layout"])
        np.testing.assert_allclose(answered[:, used], log_probs, 0, 1e-4, err_msg=name)
        # A host whose table lacks the unused slots still gets the same words.
        table = np.full(answered.shape, -np.inf)
        table[:, used] = log_probs
        decode = model.decoder(layout)
        context = case["context"]
        trace = recognizer.path_of(model.frontend.prepare(points, layout), layout)
        _same_words(decode(table, context=context, trace=trace), case["words"], case=name)
        moving = decode(table, nbest=3, context=context, partial=True, trace=trace)
        _same_words(moving, case["unfinished"], case=name)
        whole = model(points, layout=case["layout"], context=context)
        for one, other in zip(whole, _told(case["words"]), strict=False):
            assert one.text == other["text"], name
            assert one.score == pytest.approx(other["score"], abs=1e-3), name


def test_search_alone(tmp_path: Path) -> None:
    golden = _read("search.json")
    trie, lm = tmp_path / "words.trie", tmp_path / "words.lm"
    trie.write_bytes(base64.b64decode(golden["lexicon"]))
    lm.write_bytes(base64.b64decode(golden["language_model"]))
    lexicon, model = lexicon_file.read(trie), loading.load(lm, required=True)
    layout = layouts.parse(golden["layout"])
    assert len(golden["cases"]) >= 40
    for case in golden["cases"]:
        mine = edgectc.UserDictionary()
        for word, held in case["user"].items():
            assert spelling.spell(word, set(golden["letters"])) == held["spelled"]
            if held["count"]:
                mine.add(word, held["count"])
            mine.boost(word, held["boost"])
            if held["hidden"]:
                mine.hide(word)
        symbols = case["columns"]
        blank = symbols.index("<blank>")
        decode = decoders.create(
            config.from_dict(decoders.Options, case["options"]),  # some by their old names
            tokens=Tokens(tuple(s or f"<unused:{i}>" for i, s in enumerate(symbols)), blank),
            lexicon=lexicon,
            language_model=model,
            dictionary=mine,
        )
        trace = unpack_array(case["trace"]) if case["trace"] else None
        found = decode(
            unpack_array(case["log_probs"]),
            nbest=case["nbest"],
            context=case["context"],
            partial=case["unfinished"],
            trace=trace if trace is None else _path(trace, layout),
        )
        _same_words(found, case["words"], case=case["name"])


def _path(trace: np.ndarray, layout: Any) -> Any:
    return recognizer.path_of({"trace": trace[None], "length": np.array([len(trace)])}, layout)


def test_scores_are_sums_over_all_alignments() -> None:
    """An oracle that shares no code with any search: the forward recursion, term by term."""
    golden = _read("search.json")
    plain = [c for c in golden["cases"] if not (c["options"] or c["context"] or c["user"])]
    seen = 0
    for case in plain:
        if case["unfinished"]:
            continue
        table = unpack_array(case["log_probs"]).astype(np.float64)
        blank = case["columns"].index("<blank>")
        for one in case["words"]:
            label = [case["columns"].index(letter) for letter in spelling.letters(one["text"])]
            assert _forward(table, label, blank) <= one["score"] + 12.0  # log of the rarest word
            assert one["score"] < _forward(table, label, blank)
            seen += 1
    assert seen


def _forward(table: np.ndarray, label: list[int], blank: int) -> float:
    states = [blank]
    for column in label:
        states += [column, blank]
    table = table - np.logaddexp.reduce(table, axis=1, keepdims=True)
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = table[0, states[:2]]
    for row in table[1:]:
        after = alpha.copy()
        after[1:] = np.logaddexp(after[1:], alpha[:-1])
        for s in range(3, len(states), 2):
            if states[s] != states[s - 2]:
                after[s] = np.logaddexp(after[s], alpha[s - 2])
        alpha = after + row[states]
    return float(np.logaddexp(alpha[-1], alpha[-2]))


def test_refused_points() -> None:
    for case in _read("checks.json")["points"]:
        points = [[float(value) for value in row] for row in case["points"]]
        if case["reason"] is None:
            check_points(points)
            continue
        with pytest.raises(InputError) as caught:
            check_points(points)
        assert caught.value.reason == case["reason"], case["name"]


def test_repaired_traces() -> None:
    cases = {case["name"]: case for case in _read("checks.json")["repairs"]}
    assert len(cases) > 6
    plain = unpack_array(cases["plain"]["frames"])
    for name, case in cases.items():
        frontend = registry.create("frontends", case["frontend"])
        frames = frontend.frames(case["points"], layouts.load(case["layout"]))
        np.testing.assert_allclose(frames, unpack_array(case["frames"]), 0, 1e-12, name)
        # Whatever was put in, what the network sees is the way of the plain trace, and its time.
        way = np.abs(frames[:, None, :2] - plain[None, :, :2]).max(axis=2).min(axis=1)
        assert way.max() < 0.03, name
        assert frames[-1, 2] < plain[-1, 2] + 0.21, name


def test_spelling_and_normal_form() -> None:
    golden = _read("checks.json")
    for case in golden["words"]:
        assert spelling.spell(case["text"], golden["alphabet"]) == case["spelled"]
        assert normalize_word(case["text"]) == case["normalized"]
    for case in golden["spellings"]:
        assert spelling.spell(case["text"], case["alphabet"]) == case["spelled"]
        assert normalize_word(case["text"]) == case["normalized"]


def test_seals() -> None:
    for case in _read("checks.json")["files"]:
        data = base64.b64decode(case["base64"])
        with pytest.raises(BundleError) as caught:  # none holds a full manifest
            manifest.parse(data, source=case["name"])
        whole = "malformed manifest" in str(caught.value)
        assert whole is case["whole"], case["name"]
        if case["name"].endswith("changed"):
            assert caught.type is BundleMismatchError
