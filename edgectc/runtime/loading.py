"""From a bundle or an artifact to a recognizer: files found, checked and opened."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edgectc.core import registry
from edgectc.core.arguments import FileName, Threads, checked
from edgectc.core.contracts import Frontend, Runner, RunnerModule, WordModel
from edgectc.core.errors import (
    BundleError,
    BundleFileMissingError,
    BundleMismatchError,
    ConfigError,
    EdgectcError,
    MissingDependencyError,
    UnknownNameError,
)
from edgectc.core.tokens import output_length
from edgectc.core.types import JSON
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats import public_keys, signature
from edgectc.formats.bundle import Bundle
from edgectc.formats.manifest import Content, Manifest
from edgectc.formats.records import NamedFile
from edgectc.language import lexicon as lexicons
from edgectc.language import lexicon_file, loading
from edgectc.language.hotwords import Hotwords
from edgectc.language.lexicon import Lexicon
from edgectc.language.pronunciations import spoken
from edgectc.language.user_dictionary import UserDictionary
from edgectc.runtime import languages
from edgectc.runtime.recognizer import Recognizer
from edgectc.runtime.steps import StreamRunner

T = TypeVar("T")
_PREFERRED = (
    "onnx",
    "native",
    "pte",
    "eager",
)  # of a bundle: the first that can run and has something to run


@checked
def load(
    path: str | os.PathLike[str] | None = None,
    *,
    runner: str | None = None,
    lexicon: FileName | None = None,
    pronunciations: FileName | None = None,
    language_model: FileName | None = None,
    lm_required: bool = False,
    dictionary: UserDictionary | FileName | None = None,
    hotwords: Hotwords | FileName | None = None,
    language: str | os.PathLike[str] | Sequence[str] | None = None,
    offensive: bool = False,
    threads: Threads = 1,
    trust: FileName | None = None,
    options: Mapping[str, JSON] | None = None,
) -> Recognizer:
    """Return a recognizer for a bundle directory, an artifact, or a shipped model by name.

    Args:
        path: default is the shipped swipe model.
        runner: "onnx", "native", "pte" or "eager"; None takes what the path is made for, and in a
            bundle the first of ONNX, this package's own library, ExecuTorch and PyTorch that has
            both an artifact and its package.
        lexicon: path of a lexicon to use instead of the model's own.
        pronunciations: path of a dictionary of CMUdict or Kaldi, for a model that answers in
            phonemes: its words, or those of the lexicon, are found by the decoder "spoken".
        language_model: path of a language model to use instead of the model's own.
        lm_required: raise where the language model cannot be had; otherwise a warning says so, and
            words are ranked without context.
        dictionary: the user's words, or the path they were saved to.
        hotwords: terms to favour, or the path of a file of them, see docs/decoding.md.
        language: words, language model and keyboard of a language pack, by its name or path, in
            place of the model's own; of several, as ["en", "de"], the first is the main one, and
            "own" stands for the words of the model. See docs/languages.md.
        offensive: suggest offensive words too; they lie apart from the lexicon.
        threads: threads of the runtime.
        trust: file of Ed25519 public keys, PEM or as ssh-keygen writes them; what is not signed
            with one of them is refused, see docs/trust.md. None asks for no signature.
        options: more options of the runner, e.g. ``{"device": "cuda"}``.

    Raises:
        BundleError: damaged, incomplete or unknown content, or not signed as ``trust`` asks.
        ConfigError: an option that the runner does not have, or ``trust`` holds no keys.
        MissingDependencyError: the runtime is not installed.
        UnknownNameError: no such runner.
    """
    if runner is not None and runner not in registry.names("runners"):
        raise UnknownNameError("runner", runner, registry.names("runners"))
    location = bundles.locate(path)
    users, terms = _read(UserDictionary.read, dictionary), _read(Hotwords.read, hotwords)
    wanted = _languages(language)
    for name, other in (("lexicon", lexicon), ("language_model", language_model)):
        if wanted is not None and other is not None:
            raise ConfigError(
                f"a language pack brings its own {name}; leave language or {name} out",
                options=["language", name],
            )
    own = offensive and wanted is None  # a pack has its own list
    chosen = _Chosen(
        lexicon, language_model, lm_required, users, own, pronunciations, wanted, offensive, terms
    )
    settings = {"threads": threads, **(options or {})}
    keys = None if trust is None else public_keys.trusted(trust)
    bundle: Bundle | None = None
    if bundles.is_bundle(location):
        bundle = bundles.read(location)
        if keys:
            signature.check(keys, bundle.path / bundles.INDEX, signature.BUNDLE, bundle.sha256)
        name, artifact = _choose(bundle, runner)
        if artifact is None:
            engine: Runner = registry.create("runners", {**settings, "type": name}, source=bundle)
            index = bundle.index
            words = chosen.words(location, index.lexicon, index.language_model)
            return chosen.decoding(from_bundle(bundle, runner=engine, words=words))
        location, runner = artifact, name
    data, manifest = manifests.read(location)
    if keys:
        signature.check(keys, location, signature.ARTIFACT, manifests.seal(data))
    if bundle is not None:
        bundle.check(location.name, stated(manifest))
    if runner not in (None, manifest.target):
        raise ConfigError(
            f"{location} is a {manifest.target} artifact, it cannot run with {runner!r}; "
            "leave the runner out"
        )
    words = chosen.words(location.parent, *_named(manifest))
    recognizer = from_bytes(data, manifest, words=words, options=settings, where=str(location))
    if wrong := contradiction(recognizer, manifest):
        raise BundleMismatchError(f"{location}: {wrong}")
    return chosen.decoding(recognizer)


def stated(manifest: Manifest) -> dict[str, JSON]:
    """Return what a manifest and the index of a bundle both say, by the key of the index."""
    length_map = {"stride": manifest.output.stride, "window": manifest.output.window}
    frontend = registry.complete("frontends", manifest.frontend)
    tokens = {"blank_id": manifest.blank_id, "tokens": len(manifest.tokens)}
    return {**length_map, **tokens, "frontend": frontend}


def contradiction(loaded: Recognizer, manifest: Manifest) -> str:
    """Return what a manifest says otherwise than its own frontend, "" for nothing.

    Hosts read either.
    """
    tokens = loaded.tokens(loaded.setting(loaded.layout))
    columns = zip(manifest.tokens, tokens.symbols, strict=False)
    stride, window = manifest.output.stride, manifest.output.window
    frames = output_length(loaded.frontend.max_frames, stride, window)
    contract = loaded.frontend.input_contract()
    # Where a graph takes any number of frames, the number of those that it answers has a name.
    stated_frames = manifest.output.shape[1]
    said_frames = stated_frames if isinstance(stated_frames, str) else frames
    further: list[str] = []
    if manifest.streaming is not None:  # a graph of one chunk, which also takes its states
        said_frames = manifest.streaming.chunk // stride
        further = [state.name for state in manifest.streaming.states]
    pairs: list[tuple[str, JSON, JSON]] = [
        ("blank_id", manifest.blank_id, tokens.blank_id),
        ("separator", manifest.separator, tokens.separator),
        ("number of tokens", len(manifest.tokens), len(tokens)),
        *((f"token {i}", said, meant) for i, (said, meant) in enumerate(columns)),
        ("list of inputs", [i.name for i in manifest.inputs], [*contract, *further]),
        ("shape of the output", list(manifest.output.shape[1:]), [said_frames, len(tokens)]),
    ]
    for what, said, meant in pairs:
        if said != meant:
            return f"the manifest says that the {what} is {said!r}, its frontend says {meant!r}"
    lengths = [output_length(case.length, stride, window) for case in manifest.reference.values()]
    held = [case.log_probs.shape[0] for case in manifest.reference.values()]
    if held != lengths:
        return (
            f"the reference cases have {held} output frames, and a stride of {stride} and a "
            f"window of {window} make {lengths}"
        )
    return ""


def _read(read: Callable[[str], T], given: T | str | None) -> T | None:
    """Return what was given, or what the file of this name holds."""
    return read(given) if isinstance(given, str) else given


def _languages(
    given: str | os.PathLike[str] | Sequence[str] | None,
) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, (str, os.PathLike)):
        return tuple(os.fspath(given).split(","))
    return tuple(map(os.fspath, given))


@dataclass(frozen=True)
class Words:
    """What a recognizer knows of words; nothing by default.

    Attributes:
        lexicon: the words, None where there are none.
        language_model: what previous words say about the next.
        promised: whether the model names a language model, be it there or not.
        dictionary: the user's words.
        hotwords: terms to favour.
    """

    lexicon: Lexicon | None = None
    language_model: WordModel | None = None
    promised: bool = False
    dictionary: UserDictionary | None = None
    hotwords: Hotwords | None = None


@dataclass(frozen=True)
class _Chosen:
    """The words that the caller of `load` chose in place of the model's, or beside them."""

    lexicon: str | None
    language_model: str | None
    lm_required: bool
    dictionary: UserDictionary | None
    offensive: bool
    pronunciations: str | None = None
    languages: tuple[str, ...] | None = None
    offensive_too: bool = False
    hotwords: Hotwords | None = None

    def decoding(self, recognizer: Recognizer) -> Recognizer:
        """Return the recognizer with the decoder that the chosen words need."""
        if self.languages is not None:
            recognizer = languages.speaking(
                recognizer,
                self.languages,
                offensive=self.offensive_too,
                required=self.lm_required,
            )
        if self.pronunciations is None or recognizer.preset["type"] == "spoken":
            return recognizer
        return recognizer.replace(preset=registry.complete("decoders", {"type": "spoken"}))

    def words(
        self,
        beside: Path,
        lexicon: NamedFile | None,
        language_model: NamedFile | None,
        said: NamedFile | None = None,
    ) -> Words:
        """Return the words for a recognizer; what the manifest names, in the folder ``beside``."""
        held = find_words(lexicon, beside, self.lexicon, offensive=self.offensive)
        held = find_spoken(held, said, beside, self.pronunciations)
        return Words(
            held,
            find_language_model(
                language_model, beside, self.language_model, required=self.lm_required
            ),
            language_model is not None or self.language_model is not None,
            self.dictionary,
            self.hotwords,
        )


def _named(manifest: Manifest) -> tuple[NamedFile | None, ...]:
    """Return the files of words that a manifest names, as `_Chosen.words` takes them."""
    return manifest.lexicon, manifest.language_model, manifest.pronunciations


def from_bundle(
    bundle: Bundle, *, runner: Runner, frontend: Frontend | None = None, words: Words | None = None
) -> Recognizer:
    """Return a recognizer for a bundle whose network ``runner`` runs.

    Args:
        bundle: of the model.
        runner: of its network.
        frontend: of the network, where it is there already.
        words: None for none.
    """
    index, words = bundle.index, words or Words()
    where = f"{bundle.path / 'bundle.json'}"
    check_decoder(index.decoder, where)
    return Recognizer(
        name=index.name,
        frontend=frontend or made_frontend(index.model["frontend"], where),
        runner=runner,
        stride=index.stride,
        window=index.window,
        layouts=bundle.layouts,
        decoder=index.decoder,
        lexicon=words.lexicon,
        language_model=words.language_model,
        has_model=words.promised,
        dictionary=words.dictionary,
        hotwords=words.hotwords,
        kind=str(index.model["frontend"].get("type", "")),
    )


def from_bytes(
    data: Content,
    manifest: Manifest,
    *,
    words: Words | None = None,
    options: Mapping[str, JSON] | None = None,
    runner: Runner | None = None,
    where: str = "",
) -> Recognizer:
    """Return a recognizer for the content of an artifact whose hash was checked.

    Args:
        data: the content.
        manifest: inside of it.
        words: None for none.
        options: of the runner.
        runner: to run it with instead of the target's own.
        where: names the artifact in messages; its model's name by default.
    """
    where = where or manifest.name
    check_decoder(manifest.decoder, where)
    spec, words = {**(options or {}), "type": manifest.target}, words or Words()
    frontend = made_frontend(manifest.frontend, where)  # first: its sizes may be absurd
    engine: Runner = runner or registry.create("runners", spec, source=data)
    if manifest.streaming is not None:
        stride, window = manifest.output.stride, manifest.output.window
        engine = StreamRunner(
            engine, manifest.streaming, stride=stride, window=window, columns=len(manifest.tokens)
        )
    return Recognizer(
        name=manifest.name,
        frontend=frontend,
        runner=engine,
        stride=manifest.output.stride,
        window=manifest.output.window,
        layouts=manifest.layouts,
        decoder=manifest.decoder,
        lexicon=words.lexicon,
        language_model=words.language_model,
        has_model=words.promised,
        dictionary=words.dictionary,
        hotwords=words.hotwords,
        kind=str(manifest.frontend.get("type", "")),
    )


def made_frontend(spec: Mapping[str, JSON], where: str) -> Frontend:
    """Return the frontend that a file names.

    Raises:
        BundleError: it has no such options; names the file.
    """
    try:
        made: Frontend = registry.create("frontends", spec)
        return made
    except EdgectcError as error:
        raise BundleError(f"{where}: {error}") from error


def check_decoder(spec: Mapping[str, JSON], where: str) -> None:
    """Refuse a decoder preset whose options its decoder does not have; one not installed is left.

    Raises:
        BundleError: names the file.
    """
    try:
        registry.complete("decoders", spec)
    except MissingDependencyError:
        return
    except EdgectcError as error:
        raise BundleError(f"{where}: {error}") from error


def find_language_model(
    wanted: NamedFile | None,
    beside: Path,
    given: str | None = None,
    *,
    required: bool = False,
) -> WordModel | None:
    """Return the language model of a model, or the one the caller gave; None without one.

    Args:
        wanted: what the manifest names.
        beside: folder of the model.
        given: path to take instead.
        required: raise where it cannot be had; otherwise a warning says so, once.

    Raises:
        BundleFileMissingError: required, and no file has the wanted hash.
        ConfigError: required, and the model names none, or the file is no language model.
    """
    if wanted is None and given is None:
        if required:
            raise ConfigError("the model names no language model; give one, or do not require it")
        return None
    try:
        path = bundles.find_file(wanted, beside, kind="language_model", given=given)
        return loading.load(path, required=required)
    except (BundleFileMissingError, ConfigError) as error:
        if required:
            raise
        loading.warn(str(error))
        return None


def find_words(
    wanted: NamedFile | None,
    beside: Path,
    given: str | None = None,
    *,
    offensive: bool = False,
) -> Lexicon | None:
    """Return the lexicon of a model, or the one the caller gave; None if it needs none.

    Args:
        wanted: what the manifest names.
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
    path = bundles.find_file(wanted, beside, kind="lexicon", given=given)
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


def find_spoken(
    words: Lexicon | None, wanted: NamedFile | None, beside: Path, given: str | None = None
) -> Lexicon | None:
    """Return words with how they are said, as a model names it or the caller gave it.

    Args:
        words: of the lexicon, returned as they are where nothing says how they are said.
        wanted: what the manifest names.
        beside: folder of the model.
        given: path to take instead.

    Raises:
        BundleFileMissingError: no file has the wanted hash, see `formats.bundle.find_file`.
        ConfigError: the file cannot be read, or says none of the words.
    """
    if wanted is None and given is None:
        return words
    return spoken(words, bundles.find_file(wanted, beside, kind="pronunciations", given=given))


def _choose(bundle: Bundle, runner: str | None) -> tuple[str, Path | None]:
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
    for name in _PREFERRED:
        module: RunnerModule = registry.module("runners", name)
        if importlib.util.find_spec(module.PACKAGE) and (name == "eager" or name in by_target):
            return name, by_target.get(name)
    raise MissingDependencyError("running a model", package="onnxruntime", extra="onnx")
