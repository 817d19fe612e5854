"""Every plugin keeps its contract, those that import torch too."""

from __future__ import annotations

import dataclasses

import pytest

from edgectc.core import registry


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_variant_keeps_the_contract(kind: str) -> None:
    for name in registry.names(kind):
        module = registry.module(kind, name)
        assert module.__doc__
        assert callable(module.create)
        assert dataclasses.is_dataclass(module.Options)
        assert module.Options.__dataclass_params__.frozen
        spelled_out = registry.complete(kind, {"type": name})
        assert spelled_out == registry.complete(kind, spelled_out)
        assert {f.name for f in dataclasses.fields(module.Options)} | {"type"} == {*spelled_out}
