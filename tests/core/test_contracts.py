"""Every registered variant has what the Protocol of its kind names."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from protocols import lacking

from edgectc.core import contracts, registry
from edgectc.core.config import OMITTED
from edgectc.core.errors import MissingDependencyError
from edgectc.language import builder
from edgectc.language.lexicon import Lexicon


def modules(kind: str) -> Iterator[tuple[str, ModuleType]]:
    for name in registry.names(kind):
        with contextlib.suppress(ImportError):  # in a lean install
            yield name, registry.module(kind, name)


def test_members_are_those_that_are_declared() -> None:
    assert registry.members(contracts.Encoder) == {"out_features", "stride", "window", "__call__"}
    assert registry.members(contracts.WordModel) == {"order", "start", "score", "finish", "known"}


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_module_keeps_its_contract(kind: str) -> None:
    for name, module in modules(kind):
        assert module.__doc__, name
        assert not lacking(module, registry.CONTRACTS.get(kind, contracts.Module)), name
        assert dataclasses.is_dataclass(module.Options)
        assert module.Options.__dataclass_params__.frozen
        fields = dataclasses.fields(module.Options)
        complete = registry.complete(kind, {"type": name})
        told = [field.name for field in fields if field.metadata != OMITTED]
        assert {"type", *told} <= {*complete} <= {"type", *(field.name for field in fields)}
        assert complete == registry.complete(kind, complete)


def test_language_models(tmp_path: Path) -> None:
    builder.write(tmp_path / "x.lm", builder.build([["a b"]], order=2).ngrams)
    builder.write(tmp_path / "x.arpa", builder.build([["a b"]], order=2).ngrams)
    lexicon = Lexicon(("a",), np.zeros(1))
    sources = {"arpa": {"path": tmp_path / "x.lm"}, "unigram": {"lexicon": lexicon}}
    for name in registry.names("lms"):
        try:
            model = registry.create(
                "lms", {"type": name}, **sources.get(name, {"path": tmp_path / "x.arpa"})
            )
        except MissingDependencyError:
            continue
        assert not lacking(model, contracts.WordModel), name
        assert registry.members(contracts.ContextModel) <= {*dir(model)} or name == "kenlm"
