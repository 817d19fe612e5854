"""The table of schemes and the targets say the same."""

from __future__ import annotations

import json

import pytest

from edgectc.commands import cli
from edgectc.core import registry, schemes


def test_targets_hold_what_the_table_says(capsys: pytest.CaptureFixture[str]) -> None:
    for target, names in schemes.SUPPORTED.items():
        assert registry.module("targets", target).SCHEMES == names
        assert {*names} <= {*schemes.SCHEMES}
    assert cli.main(["list", "schemes", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert set(table) == set(schemes.SCHEMES)
    assert table["int8-weight"]["pte"] == "no"  # XNNPACK lowers it and answers garbage
    assert cli.main(["list", "schemes"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["scheme", *schemes.SUPPORTED]
    assert len(rows) == len(schemes.SCHEMES) + 1
