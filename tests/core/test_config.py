from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from edgectc.core import config
from edgectc.core.errors import ConfigError
from edgectc.formats import layouts


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner = field(default_factory=Inner)
    limit: int | None = None
    extra: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name == "bad":
            raise ValueError("name is bad")


def test_round_trip() -> None:
    value = Outer("x", Inner(0.25, (3,)), limit=4, extra={"a": 1})
    assert config.from_dict(Outer, config.to_dict(value)) == value


def test_int_is_accepted_for_float() -> None:
    assert config.from_dict(Inner, {"rate": 1}) == Inner(1.0)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"nam": "x"}, "did you mean 'name'"),
        ({"name": "x", "inner": {"rat": 1}}, "inner.rat"),
        ({}, "missing key 'name'"),
        ({"name": 3}, "expected str, got int"),
        ({"name": "x", "limit": "4"}, "limit: expected int"),
        ({"name": "x", "limit": True}, "limit: expected int, got bool"),
        ({"name": "x", "inner": {"sizes": [1, "2"]}}, r"sizes\[1\]"),
        ({"name": "x", "extra": {"a": "b"}}, r"extra\.a"),
        ({"name": "bad"}, "name is bad"),
    ],
)
def test_bad_values_are_named(values: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        config.from_dict(Outer, values)


def test_set_key() -> None:
    values: dict[str, object] = {"a": {"b": 1}}
    config.set_key(values, "a.b=2.5")
    config.set_key(values, "c.d=true")
    config.set_key(values, "name=plain words")
    config.set_key(values, "a.c=null")
    assert values == {"a": {"b": 2.5, "c": None}, "c": {"d": True}, "name": "plain words"}


@pytest.mark.parametrize("assignment", ["novalue", "=3", "a.b.c=1"])
def test_set_key_refuses(assignment: str) -> None:
    with pytest.raises(ConfigError):
        config.set_key({"a": {"b": 1}}, assignment)


def test_dumps_is_canonical() -> None:
    assert config.dumps({"b": (1, 2), "a": Inner()}) == config.dumps({"a": Inner(), "b": [1, 2]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        config.dumps({"a": float("nan")})


def test_files_of_editors_that_mark_their_bytes_are_read(tmp_path) -> None:
    (tmp_path / "marked.toml").write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert config.load_toml(tmp_path / "marked.toml") == {"a": 1}
    described = json.dumps(layouts.describe(layouts.shipped("qwerty")))
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf" + described.encode())
    assert layouts.load(str(tmp_path / "marked.json")) == layouts.shipped("qwerty")


def test_toml_errors(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        config.load_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = ")
    with pytest.raises(ConfigError, match="not valid TOML"):
        config.load_toml(tmp_path / "bad.toml")
