"""What `edgectc hotwords` says of terms: counted by hand, on models whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import said

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError
from edgectc.core.types import Swipe
from edgectc.language.hotwords import Hotwords


def model() -> edgectc.Recognizer:
    """A model of glosses that doubts between each token and the one after it: 0.9 to 0.1."""
    return said.recognizer("features", {"type": "beam", "beam_size": 8})


def test_recall_and_false_alarms_by_weight_are_those_counted_by_hand() -> None:
    recognizer = model()
    rows = said.rows(recognizer, [
        ("TREE HOUSE", "RAIN HOUSE", "a"),  # RAIN is in doubt with TREE, and was meant
        ("TREE", "TREE", "a"), ("TREE", "TREE", "b"),  # it was not meant
        ("RAIN", "RAIN", "b"),
    ])  # fmt: skip
    terms = Hotwords({"weather": {"terms": ["RAIN"], "weight": 1.0}, "plants": {"terms": ["TREE"]}})
    found = edgectc.measure_hotwords(
        recognizer, rows, hotwords=terms, split="all", weights=[0, 1, 8]
    )
    assert (found["rows"], found["words"], found["terms"]) == (4, 5, 2)
    # log 0.9 - log 0.1 = 2.2 nats: at equal weights the terms cancel out; 8 nats for each text that
    # holds one more word favour a text with both.
    by_weight = {one["weight"]: one for one in found["weights"]}
    assert [*by_weight] == [0, 1, 8, None]
    assert (by_weight[0]["said"], by_weight[0]["found"], by_weight[0]["false_alarms"]) == (4, 3, 1)
    assert by_weight[0]["recall"]["value"] == 0.75
    assert by_weight[0]["word_error_rate"]["value"] == 0.2
    own = Hotwords({"weather": {"terms": ["RAIN"], "weight": 4.0}})
    one = edgectc.measure_hotwords(recognizer, rows, hotwords=own, split="all", weights=[0])
    plain, last = one["weights"]
    assert plain["by_class"] == {"weather": {"said": 2, "found": 1, "false_alarms": 0}}
    # 4 nats turn every doubted TREE into RAIN: the one that was meant, and two that were not.
    assert last["weight"] is None
    assert last["by_class"] == {"weather": {"said": 2, "found": 2, "false_alarms": 2}}
    assert last["word_error_rate"]["value"] == 0.4


def test_the_verb_prints_a_table_of_swipes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, terms = tmp_path / "swipes.jsonl", tmp_path / "terms.toml"
    lines = [
        {"word": word, "user": f"u{i}", "layout": "qwerty",
         "points": [{"x": x, "y": y, "t": t} for x, y, t in edgectc.sample(word).tolist()]}
        for i, word in enumerate(["sequel", "edge", "the"])
    ]  # fmt: skip
    file.write_text("\n".join(map(json.dumps, lines)))
    terms.write_text("[a]\nweight = 12\nterms = ['edge']\n"
                     "[b]\nterms = [{text = 'SQL', spellings = ['sequel']}]\n")  # fmt: skip
    given = ["hotwords", "swipe-en-tiny", "--hotwords", str(terms), "--data", str(file),
             "--split", "all", "--weights", "0,12"]  # fmt: skip
    assert cli.main([*given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["weight"] for one in found["weights"]] == [0, 12, None]
    assert found["weights"][0]["said"] == 2
    assert found["weights"][1]["found"] == 2
    assert cli.main(given) == 0
    shown = capsys.readouterr().out
    assert "2 of 2" in shown
    assert "class" in shown
    decode = ["decode", "swipe-en-tiny", "--input", str(file), "--hotwords", str(terms)]
    assert cli.main(decode) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t")[1].startswith("edge")
    assert cli.main(["eval", "swipe-en-tiny", "--data", str(file), "--hotwords", str(terms)]) == 0


def test_a_decoder_without_hotwords_and_a_model_that_is_open_refuse_them(tmp_path: Path) -> None:
    rows = [Swipe(edgectc.sample("the"), "the")]
    terms = Hotwords({"a": {"terms": ["edge"]}})
    with pytest.raises(ConfigError, match="takes no hotwords"):
        edgectc.measure_hotwords("swipe-en-tiny", rows, hotwords=terms, split="all",
                                 decoder="greedy")  # fmt: skip
    with pytest.raises(ConfigError, match="hotwords goes with a path"):
        edgectc.evaluate(edgectc.load("swipe-en-tiny"), rows, hotwords=tmp_path / "a.toml")
    with pytest.raises(ConfigError, match="cannot read the hotwords"):
        edgectc.load("swipe-en-tiny", hotwords=tmp_path / "none.txt")
