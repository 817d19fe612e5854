"""A trained model on disk: one directory with all that is needed to use it.

The format is docs/bundle_format.md. Every file is hashed in ``bundle.json`` and checked before use.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

from edgectc.core import registry, strict_json
from edgectc.core.config import check_version, dumps, from_dict
from edgectc.core.errors import (
    BundleError,
    BundleFileMissingError,
    BundleMismatchError,
    ConfigError,
)
from edgectc.core.files import file_sha256, hint, read_plain, sha256
from edgectc.core.staging import recover, staged_folder, write_bytes
from edgectc.core.tokens import Tokens
from edgectc.core.types import JSON
from edgectc.formats import signature
from edgectc.formats.layouts import Layout
from edgectc.formats.records import NamedFile, check_inside, check_sha256

SCHEMA_VERSION = 1
DEFAULT = "swipe-en"
INDEX = "bundle.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class Index:
    """The content of ``bundle.json``."""

    schema_version: int
    name: str
    model: Mapping[str, Mapping[str, Any]]
    blank_id: int
    stride: int
    layouts: tuple[Layout, ...]
    decoder: Mapping[str, Any]
    lexicon: NamedFile | None
    seen_words: str | None
    training: Mapping[str, Any]
    files: Mapping[str, str]
    window: int = 1
    language_model: NamedFile | None = None

    def __repr__(self) -> str:
        return f"Index({self.name!r}, {len(self.files)} files)"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} must match [a-z0-9][a-z0-9-]*")
        if self.stride < 1 or self.window < 1:
            raise ValueError(f"stride {self.stride} and window {self.window} must be >= 1")
        if self.blank_id < 0:
            raise ValueError(f"blank_id is {self.blank_id}, expected 0 or more")
        registry.check_model(self.model)
        registry.check_spec("decoder", self.decoder)
        for name, digest in self.files.items():
            check_inside(name)
            check_sha256(f"files.{name}", digest)


@dataclass(frozen=True)
class Bundle:
    """A bundle that was opened; files are read and checked on demand.

    Attributes:
        path: of the directory.
        index: content of ``bundle.json``.
        sha256: of the bytes of ``bundle.json`` that were read.
    """

    path: Path
    index: Index
    sha256: str

    def __repr__(self) -> str:
        return f"Bundle({self.index.name!r}, {str(self.path)!r})"

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """Keyboard layouts, the default first."""
        return self.index.layouts

    def file(self, name: str) -> bytes:
        """Return the bytes of a listed file after checking its hash.

        Raises:
            BundleFileMissingError: it is not listed or not there.
            BundleMismatchError: its hash differs.
        """
        if name not in self.index.files:
            raise BundleFileMissingError(f"{self.path} lists no file {name!r}")
        try:
            data = read_plain(self.path / name)
        except OSError as error:
            raise BundleFileMissingError(
                f"{self.path / name}: {error.strerror}; the bundle is incomplete"
            ) from error
        if sha256(data) != self.index.files[name]:
            raise BundleMismatchError(
                f"{self.path / name} is not the file this bundle was packed with "
                f"(sha256 {sha256(data)[:12]}..., expected {self.index.files[name][:12]}...)"
            )
        return data

    def tokens(self) -> Tokens:
        """Return the output alphabet of the default layout.

        Raises:
            BundleMismatchError: ``tokens.txt`` and ``blank_id`` disagree.
            BundleError: ``tokens.txt`` is no token table.
        """
        try:
            tokens = Tokens.from_text(self.file("tokens.txt").decode("utf-8"))
        except (ConfigError, UnicodeDecodeError) as error:
            raise BundleError(f"{self.path / 'tokens.txt'} is malformed: {error}") from error
        if tokens.blank_id != self.index.blank_id:
            raise BundleMismatchError(
                f"{self.path}: the blank is line {tokens.blank_id} of tokens.txt but blank_id is "
                f"{self.index.blank_id}"
            )
        return tokens

    def check(self, what: str, facts: Mapping[str, JSON]) -> None:
        """Compare what the index and ``tokens.txt`` say with what something else does.

        Args:
            what: says so, for the message.
            facts: by key: ``stride``, ``window``, ``blank_id``, ``tokens`` (their number), and
                ``frontend``, with every option spelled out.

        Raises:
            BundleMismatchError: a value differs; names both.
        """
        held = {**vars(self.index), "tokens": len(self.tokens())}
        if "frontend" in facts:
            held["frontend"] = registry.complete("frontends", self.index.model["frontend"])
        for key, expected in facts.items():
            if held[key] != expected:
                raise BundleMismatchError(
                    f"{self.path / 'bundle.json'}: {key} is {held[key]}, and {what} says {expected}"
                )

    def artifacts(self) -> list[Path]:
        """Return the exported artifacts that lie in the bundle, float32 before quantized ones."""
        inside = (self.path / "artifacts").glob("*")
        paths = [p for p in inside if not p.name.startswith(".") and p.suffix != signature.SUFFIX]
        return sorted(paths, key=lambda path: (len(path.name), path.name))


def read(path: str | os.PathLike[str]) -> Bundle:
    """Return the bundle in a directory, or a shipped one by name.

    Raises:
        BundleFileMissingError: there is no bundle.
        BundleError: ``bundle.json`` is malformed or of another version.
    """
    folder = Path(path)
    recover(folder)
    try:
        content = read_plain(folder / INDEX, most=strict_json.MOST_BYTES)
        values = strict_json.parse(content)
        if not isinstance(values, dict):
            raise ConfigError("not a JSON object")
        _check_version(folder, values)
        return Bundle(folder, from_dict(Index, values), sha256(content))
    except OSError as error:
        raise BundleFileMissingError(
            f"no bundle at {os.fspath(path)!r}: {error.strerror} (bundle.json)"
        ) from error
    except BundleError:
        raise
    except ValueError as error:
        raise BundleError(f"{folder / 'bundle.json'} is malformed: {error}") from error


def _check_version(folder: Path, values: Mapping[str, Any]) -> None:
    """Refuse an index of another version, before keys that are new in it are refused."""
    try:
        check_version(
            f"{folder / 'bundle.json'}",
            values.get("schema_version", SCHEMA_VERSION),
            SCHEMA_VERSION,
        )
    except ConfigError as error:
        raise BundleError(str(error)) from error


def write(
    path: str | os.PathLike[str],
    values: Mapping[str, Any],
    files: Mapping[str, bytes],
    *,
    notes: Mapping[str, bytes] | None = None,
) -> Bundle:
    """Write a new bundle whole or not at all; an existing one is replaced.

    Args:
        path: the directory to make.
        values: `Index` without ``schema_version`` and ``files``.
        files: relative name to content; hashed in the index.
        notes: the same for people's files (card, samples), which may be edited later.

    Raises:
        ConfigError: the values make no bundle.
        BundleError: ``path`` holds something that is not part of a bundle; it is left alone.
    """
    final = Path(path)
    check_replaceable(final, {*files, *(notes or {})})
    hashes = {name: sha256(data) for name, data in files.items()}
    index = {**values, "schema_version": SCHEMA_VERSION, "files": hashes}
    from_dict(Index, index)  # refuse before anything touches the disk
    with staged_folder(final) as staging:
        for file, data in {**(notes or {}), **files}.items():
            write_bytes(staging / file, data)
        write_bytes(staging / "bundle.json", dumps(index).encode())
    return read(final)


def check_replaceable(folder: Path, ours: Iterable[str]) -> None:
    """Raise unless ``folder`` is absent or holds only what a bundle holds: nothing else is lost.

    Args:
        folder: of a bundle to be made.
        ours: names of files that may be there.

    Raises:
        BundleError: it is a file, or holds something else.
    """
    recover(folder)
    ours = {*ours}
    if not folder.exists():
        return
    if not folder.is_dir():
        raise BundleError(
            f"{folder} is a file; a bundle is a directory, choose another out=DIR", options=["out"]
        )
    if (folder / "bundle.json").is_file():
        ours = {*ours, *read(folder).index.files, INDEX, INDEX + signature.SUFFIX}
    for path in sorted(p for p in folder.rglob("*") if not p.is_dir()):
        name = path.relative_to(folder).as_posix()
        if name not in ours and not name.startswith("artifacts/"):
            raise BundleError(
                f"{folder} holds {name!r}, which is no part of a bundle; move it away"
            )


def models_dir() -> Path | None:
    """Return the folder of shipped models: in the installed package, else in the source tree."""
    here = Path(__file__).resolve().parents[1]
    for folder in (here / "models", here.parent / "models"):
        if (folder / DEFAULT / "bundle.json").is_file():
            return folder
    return None


def locate(path: str | os.PathLike[str] | None) -> Path:
    """Return where a model is: the path itself, or a shipped model by name (default swipe-en).

    ``models/swipe-en`` also names the shipped model where no such path exists.

    Raises:
        BundleFileMissingError: neither a path nor the name of a shipped model.
        ConfigError: no path at all.
    """
    if not isinstance(path, (str, os.PathLike, NoneType)):
        raise ConfigError(f"{path!r} is no model; give a path, or the name of a shipped model")
    wanted = Path(path) if path is not None else Path(DEFAULT)
    if path is not None:
        recover(wanted)
        if wanted.exists():
            return wanted
    shipped = models_dir()
    parts = wanted.parts
    if shipped and len(parts) in (1, 2) and parts[:-1] in ((), ("models",)):
        if (shipped / wanted.name / "bundle.json").is_file():
            return shipped / wanted.name
    nearest = hint(wanted, shipped_names())
    raise BundleFileMissingError(
        f"no bundle or artifact at {os.fspath(wanted)!r}{nearest}; give a bundle directory, "
        "a .onnx, .pte, .mlpackage, .aimodel, .tflite or .edgectc artifact, or a shipped model: "
        f"{', '.join(shipped_names()) or 'none here'}"
    )


def is_bundle(place: Path) -> bool:
    """Tell a bundle's folder from an artifact, which may be a folder too."""
    return place.is_dir() and target_of(place) not in ("coreml", "coreai")


def target_of(artifact: Path) -> str:
    """Return the name of the target, and runner, that an artifact's file name stands for."""
    suffix = artifact.suffix.removeprefix(".")
    targets = {"mlpackage": "coreml", "aimodel": "coreai", "edgectc": "native", "tflite": "litert"}
    return targets.get(suffix, suffix)


def shipped_names() -> list[str]:
    """Return the names of the models that ship."""
    folder = models_dir()
    return sorted(p.parent.name for p in folder.glob("*/bundle.json")) if folder else []


def find_file(
    wanted: NamedFile | None, beside: Path, *, kind: str, given: str | None = None
) -> Path:
    """Return a file that a manifest names: the one the user gave, beside the model, or shipped.

    Args:
        wanted: what the manifest names; None only where one is given.
        beside: folder of the model.
        kind: option that names such a file, e.g. "lexicon".
        given: path to take instead.

    Raises:
        BundleFileMissingError: none of these has the wanted hash; the message names it.
        ConfigError: the given file does not exist.
    """
    if given is not None:
        if not Path(given).is_file():
            raise ConfigError(
                f"{kind} is {given!r}, and there is no such file{hint(given)}", options=[kind]
            )
        return Path(given)
    if wanted is None:
        raise ConfigError(f"the model names no {kind}; give the path of one", options=[kind])
    folders = [beside, beside.parent]  # artifacts/x.onnx lies one level below its bundle
    shipped = models_dir()
    if shipped:
        folders += sorted(p.parent for p in shipped.glob("*/bundle.json"))
    for folder in folders:
        candidate = folder / wanted.file
        if candidate.is_file() and file_sha256(candidate) == wanted.sha256:
            return candidate
    raise BundleFileMissingError(
        f"{wanted.file!r} with sha256 {wanted.sha256} is neither beside the model nor in the "
        f"installed package; give the path of one as {kind}",
        options=[kind],
    )
