"""Every registered variant has what the Protocol of its kind names."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edgectc.core import contracts, registry
from edgectc.core.errors import MissingDependencyError
from edgectc.language import builder
from edgectc.language.lexicon import Lexicon

MODULES: dict[str, type] = {"lms": contracts.LanguageModelModule}


def members(protocol: type) -> set[str]:
    """The names that a Protocol and the Protocols below it declare."""
    bases = [c for c in protocol.__mro__ if c.__module__ == contracts.__name__]
    names = {name for base in bases for name in (*vars(base), *base.__annotations__)}
    return {name for name in names if not name.startswith("_") or name == "__call__"}


def lacking(variant: object, protocol: type) -> set[str]:
    """What a variant has not, of all that the Protocol declares."""
    return members(protocol) - {*dir(variant), *vars(variant)}


def modules(kind: str) -> list[tuple[str, ModuleType]]:
    return [(name, registry.module(kind, name)) for name in registry.names(kind)]


def test_members_are_those_that_are_declared() -> None:
    assert members(contracts.Encoder) == {"out_features", "stride", "window", "__call__"}
    assert members(contracts.WordModel) == {"order", "start", "score", "finish", "known"}


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_module_keeps_its_contract(kind: str) -> None:
    for name, module in modules(kind):
        assert module.__doc__, name
        assert not lacking(module, MODULES.get(kind, contracts.Module)), name
        assert dataclasses.is_dataclass(module.Options)
        assert module.Options.__dataclass_params__.frozen
        fields = dataclasses.fields(module.Options)
        complete = registry.complete(kind, {"type": name})
        assert {"type", *(field.name for field in fields)} == {*complete}
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
        assert members(contracts.ContextModel) <= {*dir(model)} or name == "kenlm"


def test_frontends() -> None:
    for name in registry.names("frontends"):
        assert not lacking(registry.create("frontends", {"type": name}), contracts.Frontend), name


def test_features_and_encoders() -> None:
    pytest.importorskip("torch")
    frontends = {name: registry.create("frontends", {"type": name})
                 for name in registry.names("frontends")}  # fmt: skip
    for name in registry.names("features"):
        frontend = frontends[{"kinematic": "swipe"}.get(name, name)]
        part = registry.create("features", {"type": name}, frontend=frontend)
        assert not lacking(part, contracts.Features), name
        assert part.make_head(8)
    for name in registry.names("encoders"):
        modalities = registry.complete("encoders", {"type": name}).get("modalities", [16])
        size = {"in_features": sum(modalities), "max_frames": 64}
        part = registry.create("encoders", {"type": name}, **size)
        assert not lacking(part, contracts.Encoder), name
