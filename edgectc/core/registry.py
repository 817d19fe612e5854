"""Variants by name. A variant is one file; its file name is its name everywhere.

Each file in a kind's package holds two public names: ``Options`` (frozen dataclass, JSON-able)
and ``create(options, ...)``. Listing reads directory entries and installed entry points and never
imports a variant. Third parties join with an entry point in the group ``edgectc.<kind>``.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from edgectc.core import config, contracts
from edgectc.core.config import from_dict, to_dict
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.core.types import JSON

# Each kind and the package that holds our own variants of it. What a variant owes its callers is
# a Protocol of `edgectc.core.contracts`.
PACKAGES: Mapping[str, str] = {
    "decoders": "decoding.decoders",
    "encoders": "networks.encoders",
    "features": "networks.features",
    "frontends": "data.frontends",
    "lms": "language.lms",
    "runners": "runtime.runners",
    "samples": "data.samples",
    "targets": "exporting.targets",
    "tasks": "training.tasks",
}
KINDS = tuple(PACKAGES)
# The parts of a model spec, each with its kind.
MODEL_PARTS = (("frontend", "frontends"), ("features", "features"), ("encoder", "encoders"))
# What a module of a kind holds; of the others `Module` alone.
CONTRACTS: Mapping[str, type] = {
    "decoders": contracts.DecoderModule,
    "lms": contracts.LanguageModelModule,
    "runners": contracts.RunnerModule,
    "targets": contracts.TargetModule,
}


def names(kind: str) -> list[str]:
    """Return the names registered under ``kind``, sorted, without importing them.

    Raises:
        UnknownNameError: ``kind`` is not one of `KINDS`.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind", kind, KINDS)
    package = importlib.import_module(f"edgectc.{PACKAGES[kind]}")
    own = {m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}
    return sorted(own | {point.name for point in config.entry_points(kind)})


def module(kind: str, name: str) -> ModuleType:
    """Return the module that implements ``name``.

    Raises:
        UnknownNameError: no such name, with the nearest spelling.
        MissingDependencyError: raised by the module when its package is absent.
        ConfigError: a third party's module lacks what the contract of its kind names.
    """
    known = names(kind)
    if name not in known:
        raise UnknownNameError(kind.removesuffix("s"), name, known)
    for point in config.entry_points(kind):
        if point.name == name:
            loaded = point.load()
            if not isinstance(loaded, ModuleType):
                raise ConfigError(f"entry point {point.value!r} must name a module")
            return _checked(kind, name, loaded)
    return importlib.import_module(f"edgectc.{PACKAGES[kind]}.{name}")


def foreign(kind: str) -> list[Path]:
    """Return the files of third parties' variants, sorted, without running them."""
    files = set()
    for point in config.entry_points(kind):
        with contextlib.suppress(ModuleNotFoundError):  # of its package; nobody can use it then
            spec = importlib.util.find_spec(point.module)
            if spec is not None and spec.origin:
                files.add(Path(spec.origin))
    return sorted(files)


def members(protocol: type) -> set[str]:
    """Return the public names, and ``__call__``, that a Protocol and those below it declare."""
    bases = [base for base in protocol.__mro__ if base.__module__ == contracts.__name__]
    names = {name for base in bases for name in (*vars(base), *base.__annotations__)}
    return {name for name in names if not name.startswith("_") or name == "__call__"}


def _checked(kind: str, name: str, module: ModuleType) -> ModuleType:
    """Return a module of a third party if it holds what its kind's contract names."""
    contract = CONTRACTS.get(kind, contracts.Module)
    if lacking := sorted(members(contract) - {*vars(module)}):
        raise ConfigError(
            f"{module.__name__}, the {kind.removesuffix('s')} {name!r}, "
            f"lacks {', '.join(lacking)}; "
            f"`edgectc.core.contracts.{contract.__name__}` says what each is"
        )
    return module


def create(
    kind: str, spec: Mapping[str, Any], *, offered: Mapping[str, Any] | None = None, **context: Any
) -> Any:
    """Return a variant from its JSON form ``{"type": name, **options}``.

    Args:
        kind: one of `KINDS`.
        spec: the JSON form.
        offered: what the variant gets if its module's ``USES`` names it.
        context: what every variant of the kind gets.

    Raises:
        ConfigError: ``"type"`` is missing or an option is unknown.
        UnknownNameError: the name is not registered.
    """
    variant, options = _parsed(kind, spec)
    used = {name: value for name, value in (offered or {}).items() if name in variant.USES}
    return variant.create(options, **context, **used)


def check_model(spec: Mapping[str, Any]) -> None:
    """Refuse a model spec that lacks a part, or has a part of no type.

    Raises:
        ConfigError: names the part.
    """
    names = [name for name, _ in MODEL_PARTS]
    if {*spec} != {*names}:
        raise ConfigError(f"a model has the parts {names}, got {sorted(spec)}")
    for name in names:
        check_spec(f"model.{name}", spec[name])


def complete(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON form with every option spelled out, so that later defaults cannot change it.

    Raises:
        ConfigError: as `create`.
        UnknownNameError: as `create`.
    """
    check_spec(kind, spec)
    _, options = _parsed(kind, current(kind, spec))
    return {"type": spec["type"], **to_dict(options)}


def changed(kind: str, spec: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the complete JSON form of ``spec`` with some options changed.

    Either may have names of an older version: the options of ``options`` count.

    Raises:
        ConfigError: as `create`.
        UnknownNameError: as `create`.
    """
    check_spec(kind, spec)
    named = current(kind, {"type": spec["type"], **options})
    return complete(kind, {**current(kind, spec), **named})


def current(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON form, sealed by an older version perhaps, under the names of today.

    Raises:
        UnknownNameError: the name is not registered.
    """
    options = {key: value for key, value in spec.items() if key != "type"}
    known = module(kind, str(spec["type"])).Options
    return {"type": spec["type"], **config.current(known, options, where=f"{kind}.")}


def _parsed(kind: str, spec: Mapping[str, Any]) -> tuple[ModuleType, Any]:
    check_spec(kind, spec)
    values = {key: value for key, value in spec.items() if key != "type"}
    variant = module(kind, spec["type"])
    return variant, from_dict(variant.Options, values, where=f"{kind}.")


def check_spec(where: str, spec: JSON) -> None:
    """Refuse what is no JSON form ``{"type": name, **options}``.

    Raises:
        ConfigError: names ``where`` it stands.
    """
    if not (isinstance(spec, Mapping) and isinstance(spec.get("type"), str)):
        raise ConfigError(f"{where}: expected {{'type': NAME, ...}}, got {config.shown(spec)}")
