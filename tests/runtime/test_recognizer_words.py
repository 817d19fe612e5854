"""A recognizer with its language model, a user's words, and a finger that still moves."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from traces import trace

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import BundleFileMissingError, ConfigError, InputError
from edgectc.data import swipe_files
from edgectc.language import loading


@pytest.fixture(scope="module")
def rec(shipped: Path) -> edgectc.Recognizer:
    return edgectc.load(runner="onnx", dictionary=edgectc.UserDictionary())


def test_previous_words_move_the_ranking(rec: edgectc.Recognizer) -> None:
    alone, said = rec(trace("you")), rec(trace("you"), context=["thank"])
    assert alone.best.parts.keys() == {"ctc", "lexicon", "template"}
    assert said.best.text == "you"
    assert said.best.parts["context"] > 1  # nats: "thank you" is far likelier than "you"
    names = [h.text for h in rec(trace("york", 3), context=["new"])]
    assert "York" in names


def test_a_sentence_has_a_beginning(rec: edgectc.Recognizer) -> None:
    model, known = rec.language_model, {}
    for context in (["<s>"], ["of", "<s>"], ["<s>", "thank"], ["thank"], []):
        best = rec(trace("what"), context=context, nbest=1).best
        assert best.text == "what"
        known[" ".join(context)] = best.parts.get("context")
    state = model.start()  # the beginning of a sentence
    gain = model.score(state, "what")[0] - model.unigram(["what"])[0]
    assert known["<s>"] == known["of <s>"] == pytest.approx(gain)
    assert known["<s> thank"] == known["thank"] != known["<s>"]
    assert known[""] is None  # nothing is known


def test_one_like_another_keeps_its_keyboard(rec: edgectc.Recognizer) -> None:
    other = rec.replace()
    other.layout = "dvorak"
    assert other.replace(preset={"type": "greedy"}).layout == "dvorak"
    assert rec.replace().layout == rec.layout != "dvorak"


def test_a_context_is_a_text_or_its_words(rec: edgectc.Recognizer) -> None:
    said = rec(trace("you"), context="Well, it is done.  I thank, ")
    assert said == rec(trace("you"), context=["<s>", "i", "thank"])
    assert said != rec(trace("you"), context=["I", "thank,"])  # which is no word
    assert rec(trace("you"), context="") == rec(trace("you"), context=["<s>"])
    with pytest.raises(InputError, match="expected a text or its words") as caught:
        rec(trace("you"), context=7)  # type: ignore[arg-type]
    assert caught.value.reason == "bad_context"
    with pytest.raises(ConfigError, match="'greedy' does not take context"):
        rec(trace("you"), context=["thank"], decoder="greedy")


def test_a_new_word_is_found_once_it_is_learnt(rec: edgectc.Recognizer) -> None:
    assert "Zyxgle" not in [h.text for h in rec(trace("zyxgle"))]
    rec.dictionary.add("Zyxgle", 50)
    assert rec(trace("zyxgle")).best.text == "Zyxgle"
    rec.dictionary.hide("Zyxgle")
    assert "Zyxgle" not in [h.text for h in rec(trace("zyxgle"))]
    rec.dictionary.hide("hello")
    assert "hello" not in [h.text for h in rec(trace("hello"))]
    rec.dictionary.remove("hello")
    assert rec(trace("hello")).best.text == "hello"


def test_a_word_is_foreseen_while_the_finger_moves(rec: edgectc.Recognizer) -> None:
    whole = trace("something", 1)
    part = whole[: int(len(whole) * 0.8)]
    found = rec(part, partial=True, nbest=10)
    assert "something" in [h.text for h in found]
    assert all(h.posterior is None for h in found)


def test_a_vanished_language_model_is_said_once_and_decoding_goes_on(
    copied: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied / "words.lm").unlink()
    monkeypatch.setattr(
        "edgectc.formats.bundle.models_dir", lambda: None
    )  # no other copy to be found
    loading.warn.cache_clear()
    with caplog.at_level(logging.WARNING, logger="edgectc"):
        loaded = [edgectc.load(copied, runner="onnx") for _ in range(2)][-1]
    assert len([r for r in caplog.records if "no language model" in r.message]) == 1
    assert loaded(trace("hello"), context=["say"]).best.text == "hello"
    with pytest.raises(BundleFileMissingError, match=r"words\.lm"):
        edgectc.load(copied, runner="onnx", lm_required=True)


def test_rows_and_options_of_decode(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(swipe_files.read(shipped / "samples.jsonl")).swipe
    assert row is not None
    points = row.points.tolist()
    rows = [{"points": points, "context": ["say"]}, {"points": points, "context": "say"}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    mine = edgectc.UserDictionary()
    mine.hide(row.word or "")
    mine.save(tmp_path / "mine.json")
    arguments = ["decode", "--input", str(tmp_path / "in.jsonl"), "--json"]
    assert cli.main(arguments) == 0
    said, refused = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert said["candidates"][0]["text"] == row.word
    assert "posterior" not in said["candidates"][0]  # none where the trace has a say
    assert refused["error"]["reason"] == "bad_field"
    assert cli.main([*arguments, "--dictionary", str(tmp_path / "mine.json"),
                     "--context", "I will say"]) == 0  # fmt: skip
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert row.word not in [c["text"] for c in first["candidates"]]
    assert cli.main([*arguments, "--dictionary", str(tmp_path / "none.json")]) == 2
    none = ["--language-model", str(tmp_path / "none.lm")]
    assert cli.main([*arguments, *none]) == 0
    assert cli.main([*arguments, *none, "--lm-required"]) == 2
