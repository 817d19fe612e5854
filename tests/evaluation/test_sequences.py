"""Error rates of recordings of several symbols, against counts by hand and by brute force."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import said

import edgectc
from edgectc.core import metrics
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Recording, Swipe
from edgectc.data import signals
from edgectc.evaluation import sequences
from edgectc.evaluation.sequences import Answer, Reader
from edgectc.language import loading


def fewest(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Fewest edits, by trying all three at every place."""

    @cache
    def at(i: int, j: int) -> int:
        if i == len(a) or j == len(b):
            return len(a) - i + len(b) - j
        return min(at(i + 1, j + 1) + (a[i] != b[j]), at(i + 1, j) + 1, at(i, j + 1) + 1)

    return at(0, 0)


def test_an_alignment_reads_as_both_texts_with_the_fewest_edits() -> None:
    words = [w for n in range(5) for w in itertools.product("ab", repeat=n)]
    for a, b in itertools.product(words, words):
        pairs = metrics.alignment(a, b)
        assert tuple(x for x, _ in pairs if x is not None) == a
        assert tuple(y for _, y in pairs if y is not None) == b
        assert sum(x != y for x, y in pairs) == fewest(a, b) == metrics.edit_distance(a, b)
        assert (None, None) not in pairs


def test_figures_by_hand() -> None:
    model = said.recognizer("features")
    data = said.rows(
        model,
        [
            ("HOUSE TREE", "HOUSE TREE", "ann"),
            ("HOUSE", "HOUSE TREE", "ann"),
            ("RAIN TREE HOUSE", "RAIN HOUSE", "bob"),
            ("RAIN", "TREE", "bob"),
            ("RAIN", "CLOUD", "bob"),
        ],
    )
    found = edgectc.evaluate(model, data, confusions=5)
    assert found["rows"] == 5
    assert found["symbols"] == 8
    assert found["error_rate"]["value"] == pytest.approx(4 / 8)
    assert found["exact"]["value"] == pytest.approx(1 / 5)
    kinds = ("substitutions", "deletions", "insertions")
    assert [found[kind] for kind in kinds] == [2, 1, 1]
    assert found["confusions"] == {
        "substitutions": [("CLOUD", "RAIN", 1), ("TREE", "RAIN", 1)],
        "deletions": [("TREE", 1)],
        "insertions": [("TREE", 1)],
    }
    assert found["out_of_vocabulary"] == 1, "CLOUD, which counts as wrong"
    ann, bob = (found["by_group"][name] for name in ("ann", "bob"))
    assert (ann["rows"], ann["error_rate"]["value"]) == (2, 0.25)
    assert (bob["rows"], bob["error_rate"]["value"]) == (3, 0.75)


def test_the_closest_candidate_is_not_the_best_one() -> None:
    model = said.recognizer("features", {"type": "beam"})
    row = said.recording(model, "HOUSE", "TREE", name="x")  # TREE is the doubt of HOUSE
    found = edgectc.evaluate(model, [row, row], nbest=5)
    assert found["error_rate"]["value"] == 1.0
    assert found["oracle"]["value"] == 0.0
    assert edgectc.evaluate(model, [row, row], nbest=1)["oracle"]["value"] == 1.0


def test_words_are_equal_where_they_sound_alike(tmp_path: Path) -> None:
    (tmp_path / "dict").write_text("cat  K AH1 T\nkat  K AH1 T\nbat  B AH1 T\n")
    model = said.recognizer()
    data = said.rows(
        model,
        [
            ("K AH T SIL B AH T SIL", "K AH T SIL B AH T SIL", "d0"),
            ("K AH T SIL B T SIL", "K AH T SIL B AH T SIL", "d1"),
        ],
    )
    file = tmp_path / "p.jsonl"
    found = edgectc.evaluate(model, data, pronunciations=str(tmp_path / "dict"), predictions=file)
    assert found["metric"] == "PER"
    assert found["error_rate"]["value"] == pytest.approx(1 / 16, abs=1e-5)
    assert found["word_error_rate"]["value"] == pytest.approx(1 / 4)
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["reference_words"] for row in told] == ["cat bat"] * 2
    assert [row["words"] for row in told] == ["cat bat", "cat [B-T]"]


def test_words_of_a_decoder_count_by_their_phonemes() -> None:
    tokens = said.recognizer().frontend.tokens()
    reader = Reader(tokens, pronunciations={"kat": ("K", "AH", "T"), "B": ("T",)})
    assert reader.symbols("kat B") == ("K", "AH", "T", "SIL", "B"), "a token is itself"
    assert reader.words(("K", "SIL", "SIL", "T")) == [("K",), ("T",)]


def test_every_answer_is_in_the_file_of_predictions(tmp_path: Path) -> None:
    model = said.recognizer("features", {"type": "beam"})
    data = said.rows(model, [("HOUSE", "HOUSE", "ann"), ("TREE", "RAIN TREE", "bob")])
    found = edgectc.evaluate(model, data, nbest=3, predictions=tmp_path / "p.jsonl")
    told = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [row["id"] for row in told] == ["r0", "r1"]
    assert [row["group"] for row in told] == ["ann", "bob"]
    assert [row["reference"] for row in told] == ["HOUSE", "RAIN TREE"]
    for row, recording in zip(told, data, strict=True):
        decoded = model(recording.signal, nbest=3)
        assert [c["text"] for c in row["candidates"]] == [c.text for c in decoded]
        assert [c["score"] for c in row["candidates"]] == [round(c.score, 6) for c in decoded]
    total = sum(row["errors"] for row in told) / sum(row["length"] for row in told)
    assert found["error_rate"]["value"] == pytest.approx(total, abs=1e-5)


def test_swipes_have_a_file_of_predictions_too(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    rows = [Swipe(edgectc.sample(word), word, user=f"u-{word}") for word in ("the", "edge")]
    found = edgectc.evaluate("swipe-en-tiny", rows, predictions=file, nbest=7)
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["reference"] for row in told] == ["the", "edge"]
    assert [row["group"] for row in told] == ["u-the", "u-edge"]
    assert 1 - np.mean([row["errors"] for row in told]) == pytest.approx(found["top1"]["value"])
    assert max(len(row["candidates"]) for row in told) == 7


def test_two_models_are_compared_by_recording() -> None:
    model = said.recognizer("features")
    pairs = [("HOUSE", "HOUSE", "a"), ("TREE", "RAIN", "b"), ("TREE", "TREE RAIN", "c")] * 4
    data = said.rows(model, pairs)
    same = edgectc.evaluate(model, data, against=said.recognizer("features"))["against"]
    assert same["difference"]["value"] == 0.0
    assert (same["only_first"], same["only_second"], same["sign_p"]) == (0, 0, 1.0)
    low, high = same["difference"]["low"], same["difference"]["high"]
    assert low < 0 < high, "twelve equal answers prove no equality"

    answers, _ = sequences.answer(model, data)
    worse = [Answer(a.name, a.group, a.target, (("HOUSE",),)) for a in answers]
    found = sequences.compare(answers, worse)
    first = sum(fewest(a.target, a.best) for a in answers)
    second = sum(fewest(a.target, ("HOUSE",)) for a in answers)
    assert found["difference"]["value"] == pytest.approx((first - second) / 16, abs=1e-5)
    assert (found["only_first"], found["only_second"]) == (4, 0)
    assert found["sign_p"] == pytest.approx(2 * 0.5**4)


def test_models_of_other_recordings_are_not_compared() -> None:
    data = said.rows(said.recognizer("features"), [("HOUSE", "HOUSE", "a")])
    with pytest.raises(ConfigError, match="takes recordings for frontend 'neural'"):
        edgectc.evaluate(said.recognizer("features"), data, against=said.recognizer())


@pytest.mark.parametrize("groups", [3, 5, 8])
def test_intervals_of_few_groups_cover_what_they_say(groups: int) -> None:
    """Groups differ; a bootstrap over three of them holds the truth far less often than 95 %."""
    rng = np.random.default_rng(groups)
    truth, hits, boot, trials = 0.3, 0, 0, 300
    for _ in range(trials):
        rates = np.clip(truth + rng.uniform(-0.2, 0.2, groups), 0, 1)
        names = [g for g in range(groups) for _ in range(40)]
        values = [rng.random() < rates[g] for g in names]
        low, high = metrics.interval(values, names)
        hits += low <= truth <= high
        low, high = metrics.bootstrap(values, names, samples=200)
        boot += low <= truth <= high
    assert hits / trials >= 0.92
    assert boot < hits


def test_one_recording_has_no_interval_and_no_error_is_not_certainty() -> None:
    model = said.recognizer("features")
    one = edgectc.evaluate(model, said.rows(model, [("HOUSE", "HOUSE", "a")]))
    assert one["error_rate"] == {"value": 0.0, "low": None, "high": None}
    ten = edgectc.evaluate(model, said.rows(model, [("HOUSE", "HOUSE", "a")] * 10))
    assert ten["error_rate"] == {"value": 0.0, "low": 0.0, "high": 0.3}
    assert ten["exact"] == {"value": 1.0, "low": 0.7, "high": 1.0}


def test_splits_and_what_cannot_be_used(tmp_path: Path) -> None:
    model = said.recognizer()
    good = said.recording(model, "B AH", "B AH", group="d0", name="good")
    strange = said.recording(model, "B", "B", group="d9", name="strange")
    silent = said.recording(model, "B", "", group="d0", name="silent")
    signals.write(tmp_path / "x.npz", {"train": [good] * 6, "test": [good, strange, silent]})
    found = edgectc.evaluate(model, str(tmp_path / "x.npz"), split="test")
    assert found["rows"] == 1
    assert found["dropped"] == {"unknown_group": 1, "no_label": 1}
    assert found["trained_on"] == 0
    assert edgectc.evaluate(model, str(tmp_path / "x.npz"))["trained_on"] == 6
    with pytest.raises(InputError, match="no recording is of split 'dev'"):
        edgectc.evaluate(model, str(tmp_path / "x.npz"), split="dev")
    assert edgectc.evaluate(model, str(tmp_path / "x.npz"), split="all")["rows"] == 7  # the remedy


@pytest.mark.parametrize(
    "options", [{"control": True}, {"words": "x"}, {"sentences": "x"}, {"context": True}]
)
def test_options_of_swipes_are_refused(options: dict) -> None:
    model = said.recognizer("features")
    with pytest.raises(ConfigError, match="goes with swipes"):
        edgectc.evaluate(model, said.rows(model, [("HOUSE", "HOUSE", "a")]), **options)


def test_rows_of_another_kind_are_refused() -> None:
    swipe = Swipe(edgectc.sample("the"), "the")
    with pytest.raises(ConfigError, match="takes no swipes"):
        edgectc.evaluate(said.recognizer(), [swipe])
    with pytest.raises(ConfigError, match=r"expected edgectc\.Swipe"):
        edgectc.evaluate("swipe-en-tiny", [Recording(np.zeros((3, 2)))])
    with pytest.raises(ConfigError, match="goes with recordings of phonemes"):
        edgectc.evaluate("swipe-en-tiny", [swipe], pronunciations="x")


def test_another_scale_is_told() -> None:
    model = said.recognizer()
    data = said.rows(model, [("B AH K T B AH K T", "B AH K T B AH K T", "d0")] * 20)
    moved = [replace(row, signal=row.signal + 60.0) for row in data]
    assert "not_z_scored" in edgectc.evaluate(model, moved)["warnings"]


@pytest.mark.slow
def test_a_language_model_of_symbols_is_weighed(tmp_path: Path) -> None:
    """The network is sure of the wrong one of two; what follows what tells them apart."""
    (tmp_path / "text").write_text("house tree\n" * 40 + "rain\n" * 5)
    edgectc.build_language_model(str(tmp_path / "text"), out=tmp_path / "x.arpa", order=2)
    words = loading.load(tmp_path / "x.arpa")
    model = said.recognizer("features", {"type": "beam", "lm_weight": 0.0}, language_model=words)
    data = said.rows(model, [("HOUSE HOUSE", "HOUSE TREE", "a")] * 60)
    tuned = edgectc.tune_decoder(model, data, split="all", out=tmp_path / "preset.json")
    assert (tuned.metric, tuned.rows, tuned.units) == ("error", 60, 120)
    assert tuned.before == 0.5
    assert tuned.after == 0.0
    assert json.loads((tmp_path / "preset.json").read_text()) == tuned.preset
    found = edgectc.evaluate(model.replace(preset=tuned.preset), data)
    assert found["error_rate"]["value"] == 0.0


def test_what_has_no_weights_is_refused_with_a_remedy_that_works(tmp_path: Path) -> None:
    data = said.rows(said.recognizer("features"), [("HOUSE", "HOUSE", "a")] * 100)
    with pytest.raises(ConfigError, match="decoder=beam with language_model"):
        edgectc.tune_decoder(said.recognizer("features"), data, split="all")
    with pytest.raises(ConfigError, match="pass language_model"):
        edgectc.tune_decoder(said.recognizer("features"), data, split="all", decoder="beam")


def test_weights_of_few_labels_are_not_written(tmp_path: Path) -> None:
    model = said.recognizer("features", {"type": "beam"})
    data = said.rows(model, [("HOUSE TREE", "HOUSE TREE", "a")] * 8)
    with pytest.raises(InputError, match="give 50 recordings or more") as caught:
        edgectc.tune_decoder(model, data, split="all", out=tmp_path / "p.json")
    assert caught.value.reason == "few_samples"
    assert "min_labels=16" in str(caught.value)
