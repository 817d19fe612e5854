"""From a finger trace to words: one object that owns preparation, network and decoding."""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from edgectc.core import registry
from edgectc.core.errors import (
    BundleFileMissingError,
    ConfigError,
    InputError,
    MissingDependencyError,
    NonFiniteError,
)
from edgectc.core.tokens import Tokens, output_length
from edgectc.core.types import Array, Decoded, LanguageModel
from edgectc.decoding.search.trace import Path as TracePath
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts
from edgectc.formats import manifest as manifests
from edgectc.formats.layouts import Layout
from edgectc.language import builder as language
from edgectc.language import lexicon as lexicons
from edgectc.language.lexicon import Lexicon
from edgectc.language.user_dictionary import UserDictionary

_RUNNER_PACKAGES = {"onnx": "onnxruntime", "pte": "executorch", "eager": "torch"}


class Runner(Protocol):
    """Anything that maps prepared inputs to log_probs."""

    name: str

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (N, T', V) float32."""
        ...


class Recognizer:
    """Calls on a trace, answers with ranked texts. Safe to keep; make one per thread.

    Attributes:
        name: name of the model.
        runner: what runs the network: "onnx", "pte" or "eager".
        engine: the runner itself.
        preset: decoder spec that a call uses unless it names another.
        lexicon: the words, None where there are none.
        language_model: what previous words say about the next, None where there is none.
        dictionary: the user's words; changes to it are followed.
        layout: the keyboard assumed where a call names none; "" for a model without keyboards.
    """

    def __init__(
        self,
        *,
        name: str,
        frontend: Any,
        runner: Runner,
        stride: int,
        window: int,
        boards: Sequence[Layout],
        decoder: Mapping[str, Any],
        lexicon: Lexicon | None,
        language_model: LanguageModel | None = None,
        has_model: bool | None = None,
        dictionary: UserDictionary | None = None,
    ) -> None:
        self.name, self.frontend = name, frontend
        self.runner, self.engine = runner.name, runner
        self._length_map = (stride, window)
        self.preset, self.lexicon = dict(decoder), lexicon
        self.language_model, self.dictionary = language_model, dictionary
        self._promised = has_model or language_model is not None
        self._boards = {board.name: board for board in boards}
        self.layout = boards[0].name if boards else ""
        self._decoders: dict[tuple[str, str], Any] = {}

    def __call__(
        self,
        trace: object,
        *,
        nbest: int = 5,
        layout: str | None = None,
        decoder: str | None = None,
        context: Sequence[str] = (),
        unfinished: bool = False,
    ) -> Decoded:
        """Return the ranked texts of one trace.

        Args:
            trace: (n, 3) array of x, y, t_ms in the letter-area frame (x 0..1 over the keyboard
                width, y 0..1 over the letter rows), or a list of {"x", "y", "t"}; of another
                family, (T, C) numbers as its frontend says.
            nbest: most texts to return.
            layout: name of the keyboard, or path of a layout ``.json``; of another family, what
                else the recording was made with, e.g. its day; None for the default.
            decoder: name of another decoder; None for the model's preset.
            context: words before this one, the last one last; ["<s>"] where a sentence begins.
            unfinished: the finger still moves: rank the words that the trace so far may begin.

        Raises:
            InputError: the trace cannot be used; ``reason`` names why.
            ConfigError: ``nbest`` is below 1.
            UnknownNameError: no such layout or decoder.
            NonFiniteError: the network answered NaN.
        """
        board = self.board(layout or self.layout)
        inputs = self.frontend.prepare(trace, board)
        return self.decode(
            self.run(inputs),
            inputs,
            board=board,
            nbest=nbest,
            decoder=decoder,
            context=context,
            unfinished=unfinished,
        )

    def decode(
        self,
        log_probs: Array,
        inputs: Mapping[str, Array],
        *,
        board: Layout | str | None,
        nbest: int = 5,
        decoder: str | None = None,
        context: Sequence[str] = (),
        unfinished: bool = False,
    ) -> Decoded:
        """Return the ranked texts of what the network answered: the last step of a call.

        Args:
            log_probs: (T', V) of `run`.
            inputs: what the frontend prepared for it.
            board: the layout, or other setting, as `board` returns it.
            nbest: most texts to return.
            decoder: as in a call; so are ``context`` and ``unfinished``.
            context: words before this one.
            unfinished: rank what the trace may begin.

        Raises:
            InputError: the context cannot be used.
            ConfigError: ``nbest`` is below 1, or the decoder does not take what was given.
        """
        if isinstance(context, str):
            raise InputError(
                f"context is the text {context!r}, expected its words: {context.split()}",
                reason="bad_context",
            )
        if context and not self._promised:
            raise InputError(
                f"model {self.name!r} carries no word language model, so context cannot be used; "
                "call without it",
                reason="no_language_model",
            )
        if self.language_model is None:  # it should be there and is not, which `load` has said
            context = ()
        if nbest < 1:
            raise ConfigError(f"nbest is {nbest}, expected 1 or more")
        decode, more = self.decoder(board, decoder), {"context": context, "unfinished": unfinished}
        chosen: dict[str, Any] = {name: value for name, value in more.items() if value}
        kind: type = type(decode)
        taken = _parameters(kind)
        if not chosen.keys() <= taken:
            name = decoder or self.preset["type"]
            raise ConfigError(
                f"decoder {name!r} does not take {' and '.join(chosen)}; leave it out"
            )
        # A decoder that gives the trace no weight says so: laying it among the keys takes time.
        if "trace" in taken and getattr(decode, "weighs_trace", True) and isinstance(board, Layout):
            chosen["trace"] = path_of(inputs, board)
        decoded: Decoded = decode(log_probs, nbest=nbest, **chosen)
        return decoded

    def log_probs(self, trace: object, *, layout: str | None = None) -> Array:
        """Return (T', V) float64 log_probs of the valid frames of one trace.

        Raises:
            InputError: the trace cannot be used.
            NonFiniteError: the network answered NaN.
        """
        inputs = self.frontend.prepare(trace, self.board(layout or self.layout))
        return self.run(inputs)

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return (T', V) float64 log_probs of prepared inputs, batch of one, valid frames only."""
        frames = output_length(int(inputs["length"][0]), *self._length_map)
        log_probs = self.engine.run(inputs)[0, :frames].astype(np.float64)
        if not np.isfinite(log_probs).all():
            raise NonFiniteError(
                f"{self.name} ({self.runner}) answered NaN or Inf at output frame "
                f"{int(np.argwhere(~np.isfinite(log_probs))[0][0])}; run edgectc verify on it"
            )
        return log_probs

    def tokens(self, board: Layout | str | None) -> Tokens:
        """Return the meaning of the log_probs columns on a layout."""
        tokens: Tokens = self.frontend.tokens(board)
        return tokens

    def board(self, name: str) -> Any:
        """Return a layout this model carries, one that ships, or one from a ``.json`` path.

        A model without keyboards takes the name itself, or None if it is empty.
        """
        if not self._boards:
            return name or None
        return self._boards.get(name) or layouts.load(name)

    def decoder(self, board: Layout | str | None, name: str | None = None) -> Any:
        """Return the decoder for a layout: the preset, or another by name with its defaults."""
        name = name or str(self.preset["type"])
        key = (board.name if isinstance(board, Layout) else board or "", name)
        if key not in self._decoders:
            spec = self.preset if name == self.preset["type"] else {"type": name}
            self._decoders[key] = registry.create(
                "decoders",
                spec,
                tokens=self.tokens(board),
                lexicon=self.lexicon,
                **self._more(spec),
            )
        return self._decoders[key]

    def _more(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a decoder may know beside its lexicon."""
        takes = inspect.signature(registry.module("decoders", str(spec["type"])).create).parameters
        more = {"language_model": self.language_model, "dictionary": self.dictionary}
        return {name: value for name, value in more.items() if name in takes and value is not None}


def path_of(inputs: Mapping[str, Array], board: Layout) -> TracePath:
    """Return where the finger went, from prepared inputs (batch of one) and their layout."""
    points = inputs["trace"][0, : int(inputs["length"][0]), :2] / board.key_size
    return TracePath(points, board.letters, board.centers / board.key_size)


@lru_cache(maxsize=16)
def _parameters(decoder: type) -> frozenset[str]:
    """Return what a call of a decoder takes."""
    return frozenset(inspect.signature(decoder.__call__).parameters)


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
                model = language.load(path, required=self.lm_required)
            except (BundleFileMissingError, ConfigError) as error:
                if self.lm_required:
                    raise
                language.warn(str(error))
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
    words = Lexicon.read(path)
    if not offensive:
        return words
    further = path.parent / lexicons.OFFENSIVE
    if not further.is_file():
        raise BundleFileMissingError(
            f"offensive words were asked for, and {further} is not there; leave offensive out, or "
            "build it with: edgectc lexicon build --offensive"
        )
    return lexicons.merged(words, Lexicon.read(further))


def _choose(bundle: bundles.Bundle, runner: str | None) -> tuple[str, Path | None]:
    """Return a runner's name and the artifact it runs; None means the weights themselves."""
    if runner is not None and runner not in registry.names("runners"):
        registry.module("runners", runner)  # raises with the nearest spelling
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
