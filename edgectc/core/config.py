"""TOML and JSON to frozen dataclasses and back, strictly.

An unknown key is an error that names the nearest valid one; a wrong type is an error that names
the path. Nothing is ignored and nothing is corrected in silence.

An option's default, range and old names are said once, beside its type (`number`): `from_dict`
reads the old names, `check_numbers` the ranges, and `native/build.py` writes both into the table by
which the C library checks presets.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import importlib.util
import json
import logging
import math
import os
import sys
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.core.files import read_plain
from edgectc.core.types import JSON

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, SelectableGroups

    from _typeshed import DataclassInstance

T = TypeVar("T")
_SHOWN = 80  # characters of a text in a message
# An artifact holds a hundred records of a few classes, and each evaluation compiles every type.
_HINTS: dict[type, dict[str, Any]] = {}
# Of a field of a dataclass: `to_dict` leaves it out where it is None.
OMITTED: Mapping[str, bool] = {"omitted": True}


def from_dict(cls: type[T], values: Mapping[str, Any], *, where: str = "") -> T:
    """Return ``cls`` (a dataclass) built from plain values.

    Raises:
        ConfigError: unknown or missing key, or a value of the wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(
            f"{where.rstrip('.') or cls.__name__}: expected a table, got {shown(values)}"
        )
    hints = _HINTS.get(cls) or _HINTS.setdefault(cls, typing.get_type_hints(cls))
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values = current(cls, values, where=where, level=logging.WARNING)
    for key in values:
        if key not in fields:
            near = difflib.get_close_matches(key[:_SHOWN], fields, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(fields)}"
            raise ConfigError(f"unknown key {shown(where + key)}; {hint}")
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and name not in values:
            raise ConfigError(f"missing key {where + name!r} for {cls.__name__}")
    parsed = {key: _convert(hints[key], value, where + key) for key, value in values.items()}
    try:
        return cls(**parsed)
    except (ValueError, ArithmeticError) as error:  # a dataclass's own __post_init__ check
        raise ConfigError(f"{where.rstrip('.: ') or cls.__name__}: {error}") from error


def current(
    cls: type, values: Mapping[str, Any], *, where: str = "", level: int = logging.INFO
) -> dict[str, Any]:
    """Return ``values`` of a dataclass under the names that its fields have today.

    Args:
        cls: the dataclass.
        values: as they were written, perhaps long ago.
        where: path of ``values`` in what is read.
        level: of the message that says, once, that a name is old.

    Raises:
        ConfigError: an option is there under two names, with two values.
    """
    fields = dataclasses.fields(cls)
    old = {o: field.name for field in fields for o in field.metadata.get("formerly", ())}
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = old.get(key, key)
        if name != key:
            say_renamed("option", where + key, name, level=level)
        if name in named and named[name] != value:
            names = [key for key in values if old.get(key, key) == name]
            raise ConfigError(
                f"{where + name} is given as {' and as '.join(names)}, with two values; "
                f"give {name} alone",
                options=names,
            )
        named[name] = value
    return named


def check_version(what: str, got: JSON, known: int) -> None:
    """Refuse a file of another format version; to be asked before anything else in it is read.

    Args:
        what: names the file.
        got: version that it states.
        known: the one that is read here.

    Raises:
        ConfigError: they differ; names both.
    """
    if got != known:
        newer = isinstance(got, int) and got > known
        raise ConfigError(
            f"{what} has version {got}, this edgectc reads version {known}; "
            f"{'upgrade edgectc' if newer else 'make it again'}"
        )


def check_options(options: Iterable[str], owners: Mapping[str, type[DataclassInstance]]) -> None:
    """Do nothing if each option is a field of one of its possible owners.

    Args:
        options: names.
        owners: who they may belong to, for the message, and the dataclass of its options.

    Raises:
        ConfigError: names the nearest option and whose it is, or all that each owner takes.
    """
    owner_of = {f.name: who for who, cls in owners.items() for f in dataclasses.fields(cls)}
    for name in options:
        if name in owner_of:
            continue
        near = difflib.get_close_matches(name, owner_of, n=1)
        if near:
            raise ConfigError(
                f"{' and '.join(owners)} has no {name}; did you mean {near[0]}, an option of "
                f"{owner_of[near[0]]}?",
                options=[name, near[0]],
            )
        takes = (
            f"{who} takes {', '.join(f.name for f in dataclasses.fields(cls)) or 'no options'}"
            for who, cls in owners.items()
        )
        raise ConfigError(
            f"{' and '.join(owners)} has no {name}; {'; '.join(takes)}", options=[name, *owner_of]
        )


def to_dict(value: Any) -> Any:
    """Return ``value`` as plain JSON types; the inverse of `from_dict` for dataclasses."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = [(f, getattr(value, f.name)) for f in dataclasses.fields(value)]
        return {
            f.name: to_dict(held)
            for f, held in pairs
            if held is not None or not f.metadata.get("omitted")
        }
    if isinstance(value, Mapping):
        return {str(k): to_dict(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_dict(v) for v in value]
    return value


def dumps(value: Any) -> str:
    """Return canonical JSON: sorted keys, ASCII, one trailing newline, no NaN."""
    return json.dumps(to_dict(value), sort_keys=True, indent=1, allow_nan=False) + "\n"


def load_toml(path: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        ConfigError: the file is missing or is not TOML.
    """
    import tomllib

    try:
        return tomllib.loads(read_plain(path).decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read config {str(path)!r}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def entry_points(kind: str) -> list[EntryPoint]:
    """Return the entry points of a kind's group, such as ``edgectc.decoders``."""
    found = _installed(tuple(sys.path))
    return list(found.select(group=f"edgectc.{kind}")) if found else []


@lru_cache(maxsize=4)
def _installed(path: tuple[str, ...]) -> SelectableGroups | None:
    """Return all entry points on ``sys.path``, or None where no group of them is ours.

    Most processes have none of ours: to look for the name spares them a fifth of a short one's
    time, in which `importlib.metadata` is imported and all that is installed parsed.
    """
    if not any(_may_extend(folder or os.curdir) for folder in path):
        return None
    import importlib.metadata

    return importlib.metadata.entry_points()


def _may_extend(folder: str) -> bool:
    """Whether a package in a folder of ``sys.path`` has a group of ours, or it is an archive."""
    try:
        with os.scandir(folder) as entries:
            about = [e.path for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
    except NotADirectoryError:
        return True
    except OSError:
        return False
    for place in about:
        try:
            with open(os.path.join(place, "entry_points.txt"), "rb") as file:
                if b"[edgectc." in file.read():
                    return True
        except OSError:  # most have none
            continue
    return False


def families() -> dict[str, list[str]]:
    """Return the model families that have a config, each with its sizes; see `family_config`.

    They are files ``FAMILY-SIZE.toml``: those that ship, and those beside a module that an
    installed entry point ``FAMILY`` of the group ``edgectc.configs`` names.
    """
    sizes: dict[str, list[str]] = {}
    for family, size in sorted(_config_files()):
        sizes.setdefault(family, []).append(size)
    return sizes


def family_config(family: str, size: str) -> dict[str, Any]:
    """Return the tables of a family's config.

    Raises:
        UnknownNameError: no such family, or it has no such size.
    """
    known = families()
    if family not in known:
        raise UnknownNameError("family", family, known)
    if size not in known[family]:
        raise UnknownNameError("size", size, known[family])
    return load_toml(_config_files()[family, size])


def load_run(name: str) -> dict[str, Any]:
    """Return the tables of a TOML file, or of a family's config by its name, e.g. ``gru-small``.

    Raises:
        ConfigError: the file is missing or is not TOML.
        UnknownNameError: neither a file nor the name of a config.
    """
    if name.endswith(".toml") or Path(name).exists():
        return load_toml(name)
    known = [f"{family}-{size}" for family, sizes in families().items() for size in sizes]
    if name not in known:
        raise UnknownNameError("config", name, known)
    family, _, size = name.rpartition("-")
    return family_config(family, size)


def _config_files() -> dict[tuple[str, str], Path]:
    """Return the file of each family and size; one that ships is not replaced by an entry point."""
    from importlib import resources

    folders: list[tuple[str, Path]] = []
    for point in entry_points("configs"):
        spec = importlib.util.find_spec(point.module)
        if spec is not None and spec.origin is not None:
            folders.append((f"{point.name}-*.toml", Path(spec.origin).parent))
    folders.append(("*.toml", Path(str(resources.files("edgectc") / "configs"))))
    return {
        (family, size): file
        for pattern, folder in folders
        for file in folder.glob(pattern)
        for family, _, size in [file.stem.rpartition("-")]
    }


def set_key(values: dict[str, Any], assignment: str) -> None:
    """Apply one ``section.key=value`` override in place; the value is read as TOML, or is ``null``.

    Raises:
        ConfigError: no ``=``, or a path through something that is not a table.
    """
    import tomllib

    path, equals, text = assignment.partition("=")
    if not equals or not path.strip():
        raise ConfigError(
            f"overrides: {assignment!r}, expected section.key=value", options=["overrides"]
        )
    try:
        value = None if text.strip() == "null" else tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, leaf = path.strip().split(".")
    table = values
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise ConfigError(
                f"overrides: {assignment!r}: {parent!r} is a value, not a table",
                options=["overrides"],
            )
    table[leaf] = value


def _convert(hint: Any, value: Any, where: str) -> Any:
    if hint is Any or type(value) is hint:
        return value
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        options = [a for a in args if a is not type(None)]
        if len(options) == 1:
            return _convert(options[0], value, where)
        for option in options:
            with contextlib.suppress(ConfigError):
                return _convert(option, value, where)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return from_dict(typing.cast(type, hint), value, where=where + ".")
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_convert(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin in (dict, Mapping) or origin is typing.get_origin(Mapping[str, Any]):
        if isinstance(value, Mapping):
            return {str(k): _convert(args[1], v, f"{where}.{k}") for k, v in value.items()}
    elif hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _finite(value, where)
    elif isinstance(hint, type) and isinstance(value, hint):
        if not (isinstance(value, bool) and hint is not bool):
            return value
    expected = getattr(hint, "__name__", str(hint))
    raise ConfigError(f"{where}: expected {expected}, got {type(value).__name__} {shown(value)}")


def shown(value: JSON) -> str:
    """Return a value as a message shows it: of a long one, the beginning."""
    if isinstance(value, str):
        value = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."
    text = repr(value)
    return text if len(text) <= 2 * _SHOWN else f"{text[: 2 * _SHOWN]}..."


def _finite(value: float, where: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ConfigError(f"{where} is {str(value)[:24]}, expected a finite number")
    return number


N = TypeVar("N", int, float, float | None)


@dataclasses.dataclass(frozen=True)
class Range:
    """Finite numbers from ``least`` to ``most``.

    Attributes:
        least: the lowest number, or -inf.
        most: the highest number, or inf.
        above: whether ``least`` itself is too low.
        below: whether ``most`` itself is too high.
    """

    least: float = -math.inf
    most: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        low = value > self.least if self.above else value >= self.least
        high = value < self.most if self.below else value <= self.most
        return math.isfinite(value) and low and high

    def __str__(self) -> str:
        low = f"{'>' if self.above else '>='} {self.least:g}" if self.least > -math.inf else ""
        high = f"{'<' if self.below else '<='} {self.most:g}" if self.most < math.inf else ""
        bounds = " and ".join(bound for bound in (low, high) if bound)
        return f"a finite number {bounds}".rstrip()


def number(
    default: N,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float | None = None,
    below: float | None = None,
    formerly: Sequence[str] = (),
) -> N:
    """Return the field of a dataclass: a number in a range; None is allowed where it is typed so.

    Args:
        default: value where none is given.
        least: the lowest number.
        most: the highest number.
        above: the number that all are above, in place of ``least``.
        below: the number that all are below, in place of ``most``.
        formerly: names that it had; they still work.
    """
    held = Range(
        least if above is None else above,
        most if below is None else below,
        above=above is not None,
        below=below is not None,
    )
    field: N = dataclasses.field(default=default, metadata={"range": held, "formerly": formerly})
    return field


def check_numbers(options: DataclassInstance) -> None:
    """Check every field that `number` made.

    Raises:
        ConfigError: one is out of its range.
    """
    for field in dataclasses.fields(options):
        held: Range | None = field.metadata.get("range")
        value: float | None = getattr(options, field.name)
        if held and value is not None and value not in held:
            off = ", or None for off" if "None" in str(field.type) else ""
            raise ConfigError(f"{field.name} is {value}, expected {held}{off}")


@cache
def say_renamed(what: str, old: str, new: str, *, level: int = logging.WARNING) -> None:
    """Say, once a process, that an option or argument has another name now."""
    logging.getLogger("edgectc").log(
        level, "edgectc: %s %r is called %r now; the old name still works", what, old, new
    )
