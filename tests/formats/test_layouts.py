from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.data.generators.swipes import Style, swipe
from edgectc.formats import layouts
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon

SHIPPED = [
    "azerty", "colemak", "dvorak", "german", "hindi", "portuguese", "qwerty", "qwertz",
    "russian_jcuken", "spanish", "swedish", "turkish_q", "ukrainian",
]  # fmt: skip


def test_names() -> None:
    assert layouts.names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_layout_is_sound(name: str) -> None:
    layout = layouts.load(name)
    assert layout.name == name
    assert len(layout.centers) == len(layout.letters) <= 64
    assert ((layout.centers > 0) & (layout.centers < 1)).all()
    keys = np.unique(layout.centers, axis=0)  # letters of one key share its centre
    assert len(keys) == sum(bool(key.strip()) for row in layout.rows for key in row.keys)
    apart = np.abs(keys[:, None] - keys[None]) / layout.key_size
    np.fill_diagonal(apart[:, :, 0], 9)
    assert apart.max(2).min() > 0.9, "two keys lie on each other"
    assert layouts.parse(json.loads(json.dumps(layouts.describe(layout)))) == layout


def test_qwerty_geometry() -> None:
    layout = layouts.load("qwerty")
    where = dict(zip(layout.letters, layout.centers.tolist(), strict=True))
    assert where["q"] == pytest.approx([0.05, 1 / 6])
    assert where["a"] == pytest.approx([0.10, 3 / 6])
    assert where["m"] == pytest.approx([0.80, 5 / 6])
    assert layout.key_size == pytest.approx([0.1, 1 / 3])


def test_dvorak_has_four_letter_rows() -> None:
    layout = layouts.load("dvorak")
    where = dict(zip(layout.letters, layout.centers.tolist(), strict=True))
    assert where["z"] == pytest.approx([0.80, 0.875])
    assert where["p"] == pytest.approx([0.35, 0.125])


def test_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'qwerty'"):
        layouts.load("qwety")


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"keys": ["a", "bb"], "x": 0.0, "key_width": 0.1}],
        [{"keys": ["", " "], "x": 0.0, "key_width": 0.1}],
        [{"keys": [["a"]], "x": 0.0, "key_width": 0.1}],
        [{"keys": "ab", "x": 0.9, "key_width": 0.1}],
        [{"keys": "ab", "x": 0.1}],
        [{"keys": "ab", "x": 10.0, "key_width": 36.0}],
    ],
)
def test_bad_files_are_refused(tmp_path, rows: list[object]) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"name": "mine", "rows": rows}))
    with pytest.raises(ConfigError):
        layouts.load(str(path))


def test_a_missing_or_broken_file_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cannot read layout"):
        layouts.load(str(tmp_path / "none.json"))
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot read layout"):
        layouts.load(str(tmp_path / "bad.json"))


SPLIT = {
    "name": "split",
    "rows": [
        {"keys": "qwert  yuiop", "x": 0.0, "key_width": 1 / 12},
        {
            "keys": ["a", "sß", "d", "f", "g", "", "g", "h", "j", "k", "l"],
            "x": 0.02,
            "key_width": 1 / 12,
        },
        {"keys": "zxcvb  bnm", "x": 0.05, "key_width": 1 / 12},
    ],
}


def test_a_key_may_have_several_letters_and_a_letter_several_keys() -> None:
    layout = layouts.parse(SPLIT)
    assert "".join(layout.letters) == "qwertyuiopasßdfghjklzxcvbnm"
    where = dict(zip(layout.letters, layout.centers.tolist(), strict=True))
    assert where["s"] == where["ß"] == pytest.approx([0.02 + 1.5 / 12, 0.5])
    left, right = 0.02 + 4.5 / 12, 0.02 + 6.5 / 12  # of g
    assert where["g"] == pytest.approx([left, 0.5])
    row = layout.letters.index("g")
    for x, wanted in ((0.1, left), (0.40, left), (0.55, right), (0.9, right)):
        near = layout.near(np.array([[x, 0.5, 0.0]]))
        assert near[row] == pytest.approx([wanted, 0.5])
    assert layouts.parse(json.loads(json.dumps(layouts.describe(layout)))) == layout
    plain = layouts.load("qwerty")
    np.testing.assert_array_equal(plain.near(np.zeros((1, 3))), plain.centers)


@pytest.mark.skipif(not importlib.util.find_spec("onnxruntime"), reason="needs onnxruntime")
def test_swipes_over_either_key_and_over_shared_keys_are_read(tmp_path: Path) -> None:
    layout = layouts.parse(SPLIT)
    (tmp_path / "split.json").write_text(json.dumps(SPLIT))
    words = {"grab": 9.0, "gehört": 1.0, "bag": 5.0, "straße": 3.0, "hand": 5.0, "been": 4.0}
    lexicon_file.write(Lexicon.from_counts(words), tmp_path / "words.tsv")
    model = edgectc.load(lexicon=str(tmp_path / "words.tsv"), runner="onnx")
    rng = np.random.default_rng(0)
    style = Style()
    for word in ("grab", "bag", "straße"):
        for other in (False, True):
            keys = layout.near(np.array([[float(other), 0.5, 0.0]]))
            moved = _over(layout, keys)
            trace = swipe(word, moved, rng, style)
            assert model(trace, layout=str(tmp_path / "split.json")).best.text == word, other


def _over(layout: layouts.Layout, keys: np.ndarray) -> layouts.Layout:
    """Return the layout with its letters at these keys alone."""
    moved = layouts.parse(layouts.describe(layout))
    moved.__dict__["centers"] = keys
    return moved
