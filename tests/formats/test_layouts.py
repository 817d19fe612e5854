from __future__ import annotations

import json

import numpy as np
import pytest

from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.formats import layouts

SHIPPED = [
    "azerty", "colemak", "dvorak", "german", "qwerty", "qwertz", "russian_jcuken", "spanish",
]  # fmt: skip


def test_names() -> None:
    assert layouts.names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_layout_is_sound(name: str) -> None:
    layout = layouts.load(name)
    assert layout.name == name
    assert len(layout.centers) == len(layout.letters) <= 64
    assert ((layout.centers > 0) & (layout.centers < 1)).all()
    apart = np.abs(layout.centers[:, None] - layout.centers[None]) / layout.key_size
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
        [{"keys": "aa", "x": 0.0, "key_width": 0.1}],
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
