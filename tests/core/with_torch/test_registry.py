"""Every plugin keeps its contract, those that import torch too."""

from __future__ import annotations

import dataclasses

import pytest

from edgectc.core import registry
from edgectc.core.config import OMITTED


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
        fields = dataclasses.fields(module.Options)
        told = {field.name for field in fields if field.metadata != OMITTED}
        assert {"type", *told} <= {*spelled_out} <= {"type", *(field.name for field in fields)}
