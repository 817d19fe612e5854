"""The files of the browser keyboard and of the model it is to use, by their address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgectc.core.errors import (
    BundleFileMissingError,
    ConfigError,
    MissingDependencyError,
    origin,
)
from edgectc.core.staging import staged_folder, write_bytes
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats.layouts import describe
from edgectc.formats.manifest import Manifest
from edgectc.formats.records import NamedFile

NATIVE = ".edgectc"
SITE = Path(__file__).with_name("site")
PROMPTS = Path(__file__).with_name("prompts.txt")
BUILD = "scripts/build-demo, in the source tree that edgectc was installed from"


@dataclass(frozen=True)
class Pages:
    """What is served.

    Attributes:
        name: name of the model.
        files: address relative to the page -> file.
        index: what the page is told about the model, JSON.
        trials: what the phone kit tries, JSON.
    """

    name: str
    files: Mapping[str, Path]
    index: bytes
    trials: bytes

    def read(self, address: str) -> bytes | None:
        """Return the bytes at an address, None if there is nothing."""
        made = {"model/index.json": self.index, "model/trials.json": self.trials}
        if address in made:
            return made[address]
        path = self.files.get(address or "index.html")
        return path.read_bytes() if path else None


def collect(
    model: str | None, *, lexicon: str | None = None, language_model: str | None = None
) -> Pages:
    """Return the keyboard with a model: a bundle, a native artifact, or a shipped model by name.

    Args:
        model: None is the shipped swipe model.
        lexicon: path of the lexicon, where it does not lie beside the model.
        language_model: path of the language model, likewise.

    Raises:
        MissingDependencyError: the page was not built.
        BundleError: the model is damaged, or a file it needs is nowhere.
        ConfigError: a browser cannot run the model.
    """
    page = _page()
    place = bundles.locate(model)
    artifacts = _artifacts(place)
    first = _checked(artifacts[0])
    files = {
        str(path.relative_to(page).as_posix()): path
        for path in sorted(page.rglob("*"))
        if path.is_file()
    }
    files |= {f"model/{path.name}": path for path in artifacts}
    words = _named(first.lexicon, artifacts[0], "lexicon", lexicon)
    files[f"model/{words.name}"] = words
    context: Path | None = None
    if first.language_model is not None or language_model is not None:
        try:
            context = _named(first.language_model, artifacts[0], "language_model", language_model)
            files[f"model/{context.name}"] = context
        except BundleFileMissingError:
            context = None  # the page says that it goes on without
    index = {
        "name": first.name,
        "decoder": first.decoder["type"],
        "layouts": [describe(layout) for layout in first.layouts],
        "artifacts": [_entry(path) for path in artifacts],
        "lexicon": words.name,
        "language_model": context.name if context else None,
    }
    return Pages(first.name, files, *(json.dumps(one).encode() for one in (index, trials(first))))


def _page() -> Path:
    """Return the folder of the page: the package's, or the one that its source tree has built."""
    source = Path(origin(), "edgectc", "commands", "serving", "site")
    for folder in (SITE, source) if origin() else (SITE,):
        if (folder / "index.html").is_file():
            return folder
    raise MissingDependencyError(
        "edgectc demo", system="the browser page, which is not built", command=f"run: {BUILD}"
    )


def trials(manifest: Manifest) -> dict[str, Any]:
    """Return what the phone kit tries: the model's own traces, and words to swipe."""
    cases = manifest.reference.values()
    traces = [
        {"layout": case.layout, "points": case.points.array().round(6).tolist()}
        for case in cases
        if case.points is not None and case.layout is not None
    ]
    prompts = PROMPTS.read_text(encoding="ascii").split()
    return {"cases": len(cases), "traces": traces, "prompts": prompts}


def export(pages: Pages, folder: Path) -> int:
    """Write the keyboard for any static host, whole or not at all; return its bytes.

    Raises:
        ConfigError: the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{str(folder)!r} is not an empty folder; name another, or empty it")
    total = len(pages.index) + len(pages.trials)
    with staged_folder(folder) as staging:
        for address, path in pages.files.items():
            data = path.read_bytes()
            total += len(data)
            write_bytes(staging / address, data)
        write_bytes(staging / "model" / "index.json", pages.index)
        write_bytes(staging / "model" / "trials.json", pages.trials)
    return total


def _artifacts(place: Path) -> list[Path]:
    """Return the native artifacts of a model, the one in full precision first."""
    if not place.is_dir():
        found = [place]
    else:
        found = [p for p in bundles.read(place).artifacts() if p.suffix == NATIVE]
    if not found:
        raise ConfigError(
            f"{place} holds no native artifact; make one with: "
            f"edgectc export {place} --target native"
        )
    if found[0].suffix != NATIVE:
        raise ConfigError(
            f"{found[0]} is no {NATIVE} file, which is all that the page runs; "
            "make one of its bundle with: edgectc export BUNDLE --target native"
        )
    return sorted(found, key=lambda path: (_checked(path).scheme.type != "float32", path.name))


def _checked(path: Path) -> Manifest:
    _, manifest = manifests.read(path)
    if manifest.frontend["type"] != "swipe":
        raise ConfigError(f"model {manifest.name!r} takes no swipes, so it is no keyboard")
    if manifest.lexicon is None or manifest.decoder["type"] != "lexicon":
        raise ConfigError(f"model {manifest.name!r} has no lexicon, which a keyboard needs")
    return manifest


def _named(wanted: NamedFile | None, artifact: Path, kind: str, given: str | None) -> Path:
    return bundles.find_file(wanted, artifact.parent, kind=kind, given=given)


def _entry(path: Path) -> dict[str, Any]:
    manifest = _checked(path)
    off = manifest.parity.get("max_abs_diff")
    size = path.stat().st_size
    return {"file": path.name, "scheme": str(manifest.scheme.type), "bytes": size, "off": off}
