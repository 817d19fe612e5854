"""A recording is prepared in one way, by the keyboard or day that it names, whoever asks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgectc.core import registry
from edgectc.core.config import families, family_config
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Recording, Swipe
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.data.preparation import Preparation
from edgectc.data.recordings import samples_for
from edgectc.data.refusals import Refusals, check_limit
from edgectc.formats import layouts

NAMES = ("qwerty", "dvorak", "azerty")


@pytest.mark.parametrize("family", families())
def test_a_sample_is_the_frontends_inputs_without_the_padding(family: str) -> None:
    spec = family_config(family, "small")["model"]["frontend"]
    keyboards = [layouts.load(name) for name in NAMES] if spec["type"] == "swipe" else []
    frontend = registry.create("frontends", spec)
    prepare = Preparation(frontend, keyboards)
    samples = samples_for(spec, keyboards, frontend=frontend)
    for recording in samples.reference(seed=0):
        sample = prepare(recording)
        setting = layouts.load(recording.setting) if keyboards else recording.setting or None
        expected = frontend.frames(recording.signal, setting)
        assert np.array_equal(sample.frames, expected.astype(np.float32))
        assert sample.frames.dtype == np.float32
        for name, array in frontend.context(setting).items():
            assert np.array_equal(sample.context[name], array)
        first = next(iter(sample.inputs.values()))
        assert first.shape[1] == frontend.max_frames
        assert not first[0, sample.length :].any()


def test_a_row_has_its_own_keyboard_and_never_names_a_file(tmp_path: Path) -> None:
    own = layouts.load("dvorak")
    path = tmp_path / "dvorak.json"
    path.write_text(json.dumps(layouts.describe(own)))
    prepare = Preparation(registry.create("frontends", {"type": "swipe"}), [own])
    points = swipe("the", own, np.random.default_rng(0))
    assert prepare.setting(Recording(points)) is own
    assert prepare.setting(Recording(points, setting="qwerty")) == layouts.load("qwerty")
    for name in (str(path), "../dvorak.json", "qwety"):
        with pytest.raises(InputError) as caught:
            prepare(Recording(points, setting=name))
        assert caught.value.reason == "unknown_layout"


def test_a_keyboard_with_too_many_keys_costs_its_row_alone() -> None:
    frontend = registry.create("frontends", {"type": "swipe", "slots": 27})
    qwerty, russian = layouts.load("qwerty"), layouts.load("russian_jcuken")
    points = swipe("the", qwerty, np.random.default_rng(0))
    rows = [
        Recording(points, ("the",), "a"),
        Recording(points, ("the",), "b", setting=russian.name),
        InputError("bad", reason="bad_json", name="c"),
    ]
    refusals = Refusals()
    kept = list(Preparation(frontend, [qwerty]).each(rows, refusals))
    assert [row.name for row, _ in kept] == ["a"]
    assert (refusals.rows, dict(refusals.counts)) == (3, {"too_many_keys": 1, "bad_json": 1})
    assert "1 bad_json (c: bad)" in refusals.text


def test_a_day_that_is_missing_or_unknown_is_told() -> None:
    days = ["mon", "tue"]
    frontend = registry.create("frontends", {"type": "neural", "channels": 4, "days": days})
    prepare, signal = Preparation(frontend), np.zeros((9, 4), np.float32)
    assert int(prepare(Recording(signal, setting="mon")).context["day"][0]) == 0
    for name, reason in {"": "no_group", "wed": "unknown_group"}.items():
        with pytest.raises(InputError, match="expected one of the model's 2: mon, tue") as caught:
            prepare(Recording(signal, setting=name))
        assert caught.value.reason == reason
    one = registry.create("frontends", {"type": "neural", "channels": 4, "days": ["mon"]})
    assert int(Preparation(one)(Recording(signal)).context["day"][0]) == 0


def test_too_many_unusable_rows_are_an_error_with_a_limit() -> None:
    refusals = Refusals(rows=10)
    for _ in range(6):
        refusals.add(InputError("no word", reason="no_label"), "row 3")
    with pytest.raises(InputError, match=r"6 of 10 rows .* 50%: 6 no_label \(row 3") as caught:
        refusals.check(0.5, "x.jsonl", "max_dropped")
    assert caught.value.reason == "too_many_dropped"
    refusals.check(0.6, "x.jsonl", "max_dropped")
    assert Refusals.from_json(refusals.to_json()) == refusals
    with pytest.raises(ConfigError, match=r"max_dropped is 1\.5"):
        check_limit(1.5, "max_dropped")


def test_rows_without_a_keyboard_were_made_on_the_default_one(tmp_path: Path) -> None:
    dvorak = layouts.load("dvorak")
    points = swipe("the", dvorak, np.random.default_rng(0)).round(4)
    row = json.loads(swipe_files.line(Swipe(points, "the")))
    del row["layout"]
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(row))
    for keyboards, name in (([dvorak], "dvorak"), ([], "qwerty")):
        (read,) = samples_for({"type": "swipe"}, keyboards).rows(path)
        assert isinstance(read, Recording)
        assert read.setting == name
