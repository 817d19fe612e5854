"""From a bundle or an artifact to a recognizer: files found, checked and opened."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgectc.core import registry
from edgectc.core.contracts import Runner
from edgectc.core.errors import (
    BundleFileMissingError,
    ConfigError,
    MissingDependencyError,
    UnknownNameError,
)
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts
from edgectc.formats import manifest as manifests
from edgectc.language import lexicon as lexicons
from edgectc.language import lexicon_file, loading
from edgectc.language.lexicon import Lexicon
from edgectc.language.user_dictionary import UserDictionary
from edgectc.runtime.recognizer import Recognizer

_RUNNER_PACKAGES = {"onnx": "onnxruntime", "pte": "executorch", "eager": "torch"}


def load(
    path: str | os.PathLike[str] | None = None,
    *,
    runner: str | None = None,
    lexicon: str | None = None,
    language_model: str | None = None,
    lm_required: bool = False,
    dictionary: UserDictionary | str | None = None,
    offensive: bool = False,
    threads: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Recognizer:
    """Return a recognizer for a bundle directory, an artifact, or a shipped model by name.

    Args:
        path: default is the shipped swipe model.
        runner: "onnx", "pte" or "eager"; None takes what the path is made for, and in a bundle the
            first of ONNX, ExecuTorch and PyTorch that has both an artifact and its package.
        lexicon: path of a lexicon to use instead of the model's own.
        language_model: path of a language model to use instead of the model's own.
        lm_required: raise where the language model cannot be had; otherwise a warning says so, and
            words are ranked without context.
        dictionary: the user's words, or the path they were saved to.
        offensive: suggest offensive words too; they lie apart from the lexicon.
        threads: threads of the runtime.
        options: more options of the runner, e.g. ``{"device": "cuda"}``.

    Raises:
        BundleError: damaged, incomplete or unknown content.
        ConfigError: an option that the runner does not have.
        MissingDependencyError: the runtime is not installed.
        UnknownNameError: no such runner.
    """
    if runner is not None and runner not in registry.names("runners"):
        raise UnknownNameError("runner", runner, registry.names("runners"))
    place = bundles.locate(path)
    if isinstance(dictionary, (str, os.PathLike)):
        dictionary = UserDictionary.read(dictionary)
    given = _Given(lexicon, language_model, lm_required, dictionary, offensive)
    how = {"threads": threads, **(options or {})}
    if not bundles.is_bundle(place):
        return _from_artifact(place, runner=runner, given=given, how=how)
    bundle = bundles.read(place)
    name, artifact = _choose(bundle, runner)
    if artifact is not None:
        return _from_artifact(artifact, runner=name, given=given, how=how)
    engine = registry.create("runners", {**how, "type": name}, bundle=bundle)
    index = bundle.index
    return Recognizer(
        name=index.name,
        frontend=registry.create("frontends", dict(index.model["frontend"])),
        runner=engine,
        stride=index.stride,
        window=index.window,
        boards=bundle.layouts,
        decoder=index.decoder,
        lexicon=find_words(index.lexicon, place, lexicon, offensive=offensive),
        **given.words(index.language_model, place),
    )


@dataclass(frozen=True)
class _Given:
    """What the caller of `load` chose beside the model."""

    lexicon: str | None
    language_model: str | None
    lm_required: bool
    dictionary: UserDictionary | None
    offensive: bool

    def words(self, wanted: Mapping[str, Any] | None, beside: Path) -> dict[str, Any]:
        """Return the language model and the dictionary for a recognizer."""
        model, named = None, wanted is not None or self.language_model is not None
        if named:
            try:
                path = bundles.find_file(
                    wanted or {}, beside, kind="language-model", given=self.language_model
                )
                model = loading.load(path, required=self.lm_required)
            except (BundleFileMissingError, ConfigError) as error:
                if self.lm_required:
                    raise
                loading.warn(str(error))
        elif self.lm_required:
            raise ConfigError("the model names no language model; give one, or do not require it")
        return {"language_model": model, "has_model": named, "dictionary": self.dictionary}


def _from_artifact(
    path: Path, *, runner: str | None, given: _Given, how: Mapping[str, Any]
) -> Recognizer:
    data, manifest = manifests.read(path)
    if runner not in (None, manifest.target):
        raise ConfigError(
            f"{path} is a {manifest.target} artifact, it cannot run with {runner!r}; "
            "leave the runner out"
        )
    words = find_words(manifest.lexicon, path.parent, given.lexicon, offensive=given.offensive)
    more = given.words(manifest.language_model, path.parent)
    return from_bytes(data, manifest, lexicon=words, options=how, **more)


def from_bytes(
    data: manifests.Content,
    manifest: manifests.Manifest,
    *,
    lexicon: Lexicon | None,
    options: Mapping[str, Any] | None = None,
    engine: Runner | None = None,
    **more: Any,
) -> Recognizer:
    """Return a recognizer for the content of an artifact whose hash was checked.

    ``options`` are those of the runner, ``engine`` runs it instead of the target's own; ``more``
    goes to `Recognizer`: language model and dictionary.
    """
    spec = {**(options or {}), "type": manifest.target}
    return Recognizer(
        name=manifest.name,
        frontend=registry.create("frontends", dict(manifest.frontend)),
        runner=engine or registry.create("runners", spec, data=data),
        stride=int(manifest.output["stride"]),
        window=int(manifest.output.get("window", 1)),
        boards=[layouts.parse(values) for values in manifest.layouts],
        decoder=manifest.decoder,
        lexicon=lexicon,
        **more,
    )


def find_words(
    wanted: Mapping[str, Any] | None, beside: Path, given: str | None, *, offensive: bool = False
) -> Lexicon | None:
    """Return the lexicon of a model, or the one the caller gave; None if it needs none.

    Args:
        wanted: ``file`` and ``sha256`` of the manifest.
        beside: folder of the model.
        given: path to take instead.
        offensive: add the words of the file ``offensive.tsv`` that lies beside the lexicon.

    Raises:
        BundleFileMissingError: no file has the wanted hash, see `formats.bundle.find_file`; or
            there are no offensive words to add.
        ConfigError: the file cannot be read as a lexicon.
    """
    if wanted is None and given is None:
        return None
    path = bundles.find_file(wanted or {}, beside, kind="lexicon", given=given)
    words = lexicon_file.read(path)
    if not offensive:
        return words
    further = path.parent / lexicon_file.OFFENSIVE
    if not further.is_file():
        raise BundleFileMissingError(
            f"offensive words were asked for, and {further} is not there; leave offensive out, or "
            "build it with: edgectc lexicon build --offensive"
        )
    return lexicons.merged(words, lexicon_file.read(further))


def _choose(bundle: bundles.Bundle, runner: str | None) -> tuple[str, Path | None]:
    """Return a runner's name and the artifact it runs; None means the weights themselves."""
    by_target = {bundles.target_of(path): path for path in reversed(bundle.artifacts())}
    if runner == "eager":
        return runner, None
    if runner is not None:
        if runner not in by_target:
            raise ConfigError(
                f"{bundle.path} holds no {runner} artifact; "
                f"make one with: edgectc export {bundle.path} --target {runner}"
            )
        return runner, by_target[runner]
    for name, package in _RUNNER_PACKAGES.items():
        if importlib.util.find_spec(package) and (name == "eager" or name in by_target):
            return name, by_target.get(name)
    raise MissingDependencyError("running a model", package="onnxruntime", extra="onnx")
