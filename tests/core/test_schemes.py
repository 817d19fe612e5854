"""Schemes as values, and the table of what is supported."""

from __future__ import annotations

import dataclasses
import json

import pytest

from edgectc.core import schemes
from edgectc.core.errors import UnknownNameError


@pytest.mark.parametrize("name", sorted(schemes.SCHEMES))
def test_a_scheme_is_a_value_with_its_tolerances(name: str) -> None:
    one = schemes.scheme(name)
    assert one == schemes.scheme(name)
    about = json.loads(json.dumps(schemes.describe(one)))
    assert about.pop("type") == name
    assert about == dataclasses.asdict(one)
    assert one.atol > 0
    assert 0 < one.texts <= 1


def test_float32_compares_all_and_wants_every_text() -> None:
    assert schemes.Float32() == schemes.Float32(atol=1e-4, likely=0.0, texts=1.0)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'int8-static'"):
        schemes.scheme("int8_static")
