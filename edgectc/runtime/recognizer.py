"""From a finger trace to words: one object that owns preparation, network and decoding."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import NoneType
from typing import Any, NoReturn, Self, SupportsIndex

import numpy as np

from edgectc.core import registry
from edgectc.core.contracts import Decoder, LanguageModel, Runner, Setting
from edgectc.core.errors import ConfigError, InputError, NonFiniteError
from edgectc.core.stepping import StreamingDecoder
from edgectc.core.tokens import Tokens, output_length
from edgectc.core.types import JSON, Array, Decoded, Recording
from edgectc.data.preparation import Preparation, Sample
from edgectc.decoding.mixing import mixed
from edgectc.decoding.search.checks import are_words, check_nbest, check_partial
from edgectc.decoding.search.context import PreparedDecoder
from edgectc.decoding.search.trace import Path as TracePath
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.language.hotwords import Hotwords
from edgectc.language.lexicon import Lexicon
from edgectc.language.ngram.text import context_of
from edgectc.language.user_dictionary import UserDictionary
from edgectc.runtime.steps import Steps, StreamRunner
from edgectc.runtime.streaming import Stream


@dataclass(frozen=True)
class Vocabulary:
    """The words of a language beside those of the recognizer.

    Attributes:
        lexicon: the words.
        language_model: what previous words say about the next, or None.
    """

    lexicon: Lexicon
    language_model: LanguageModel | None = None


class _Closed(Runner):
    """The runner of a recognizer that was closed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Refuse to run."""
        raise ConfigError("this recognizer was closed; open the model again with edgectc.load")


class Recognizer:
    """Calls on a trace, answers with ranked texts; several threads may call one at once.

    It may be closed, also by ``with edgectc.load() as recognizer``, and is never copied or pickled:
    a process that needs one opens the model itself.

    Attributes:
        name: name of the model.
        kind: type of its frontend, which is that of its recordings too.
        runner: runs the network.
        runner_name: of the runner: "onnx", "pte" or "eager".
        preset: decoder spec that a call uses unless it names another.
        lexicon: the words, None where there are none.
        language_model: what previous words say about the next, None where there is none.
        dictionary: the user's words; changes to it are followed.
        hotwords: terms to favour, or None.
        layout: the keyboard assumed where a call names none; "" for a model without keyboards.
        language: name of the language whose words ``lexicon`` holds, "" where nobody said.
        languages: further languages that it writes at the same time, by name.
    """

    def __init__(
        self,
        *,
        name: str,
        frontend: Any,
        runner: Runner,
        stride: int,
        window: int,
        layouts: Sequence[Layout],
        decoder: Mapping[str, JSON],
        lexicon: Lexicon | None,
        language_model: LanguageModel | None = None,
        has_model: bool | None = None,
        dictionary: UserDictionary | None = None,
        hotwords: Hotwords | None = None,
        kind: str = "",
        language: str = "",
        languages: Mapping[str, Vocabulary] | None = None,
    ) -> None:
        self.name, self.frontend, self.kind = name, frontend, kind
        self.language, self.languages = language, dict(languages or {})
        self.runner = runner
        self._length_map = (stride, window)
        self.preset, self.lexicon = dict(decoder), lexicon
        self.language_model, self.dictionary, self.hotwords = language_model, dictionary, hotwords
        self._promised = has_model or language_model is not None
        self._layouts = {layout.name: layout for layout in layouts}
        self.layout = layouts[0].name if layouts else ""
        self._decoders: dict[tuple[Setting, str], Decoder] = {}

    def __repr__(self) -> str:
        if self.closed:
            return f"Recognizer({self.name!r}, closed)"
        words = f"{len(self.lexicon.words)} words" if self.lexicon is not None else "no lexicon"
        return f"Recognizer({self.name!r}, {self.runner_name}, {self.preset['type']}, {words})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise ConfigError(
            f"recognizer {self.name!r} cannot be pickled or copied: it holds an open network; call "
            "edgectc.load where it is needed, or hand over the path"
        )

    def close(self) -> None:
        """Let go of the network and the words; a call raises `ConfigError` from now on."""
        self.runner = _Closed(self.runner_name)
        self._decoders, self._promised = {}, False
        self.lexicon = self.language_model = self.dictionary = None
        self.languages = {}

    @property
    def closed(self) -> bool:
        """Return whether it was closed."""
        return isinstance(self.runner, _Closed)

    @property
    def runner_name(self) -> str:
        """Return the name of the runner."""
        return self.runner.name

    def replace(
        self,
        *,
        runner: Runner | None = None,
        preset: Mapping[str, JSON] | None = None,
        lexicon: Lexicon | None = None,
        language_model: LanguageModel | None = None,
        hotwords: Hotwords | None = None,
    ) -> Recognizer:
        """Return one like this with another network, preset, words, language model or hotwords.

        Decoders that were built are shared as long as nothing that they hold is another.
        """
        other = Recognizer(
            name=self.name,
            frontend=self.frontend,
            runner=runner or self.runner,
            stride=self._length_map[0],
            window=self._length_map[1],
            layouts=list(self._layouts.values()),
            decoder=self.preset if preset is None else preset,
            lexicon=self.lexicon if lexicon is None else lexicon,
            language_model=self.language_model if language_model is None else language_model,
            has_model=self._promised or language_model is not None,
            dictionary=self.dictionary,
            hotwords=hotwords or self.hotwords,
            kind=self.kind,
            language=self.language,
            languages=self.languages,
        )
        other.layout = self.layout
        if preset is None and lexicon is None and language_model is None and hotwords is None:
            other._decoders = self._decoders
        return other

    def speaking(
        self, languages: Mapping[str, Vocabulary], *, layout: Layout | None = None
    ) -> Recognizer:
        """Return one like this that writes other languages.

        Args:
            languages: by name, one or more; the first is the main one.
            layout: the keyboard assumed where a call names none; None for the one of before.
        """
        (name, main), *others = languages.items()
        known = {**self._layouts}
        if layout is not None:
            known = {layout.name: layout} | {k: v for k, v in known.items() if k != layout.name}
        return Recognizer(
            name=self.name,
            frontend=self.frontend,
            runner=self.runner,
            stride=self._length_map[0],
            window=self._length_map[1],
            layouts=list(known.values()),
            decoder=self.preset,
            lexicon=main.lexicon,
            language_model=main.language_model,
            has_model=any(one.language_model is not None for one in languages.values()),
            dictionary=self.dictionary,
            hotwords=self.hotwords,
            kind=self.kind,
            language=name,
            languages=dict(others),
        )

    def __call__(
        self,
        trace: object,
        *,
        nbest: int = 5,
        layout: str | os.PathLike[str] | None = None,
        decoder: str | None = None,
        context: Sequence[str] | str = (),
        partial: bool = False,
        unfinished: bool | None = None,
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
            context: the text before this one, "I am " or "", or its words, the last one last;
                ["<s>"] where a sentence begins.
            partial: the finger still moves: rank the words that the trace so far may begin.
            unfinished: old name of ``partial``.

        Raises:
            InputError: the trace cannot be used; ``reason`` names why.
            ConfigError: ``nbest`` is below 1.
            UnknownNameError: no such layout or decoder.
            NonFiniteError: the network answered NaN.
        """
        setting = self._setting(layout)
        inputs = self.frontend.prepare(trace, setting)
        return self.decode(
            self.run(inputs),
            inputs,
            setting=setting,
            nbest=nbest,
            decoder=decoder,
            context=context,
            partial=check_partial(partial, unfinished),
        )

    def prepare(self, recording: Recording) -> Sample:
        """Return the inputs of a recording of a data set, by its own keyboard or day.

        Raises:
            InputError: it cannot be used; ``reason`` names why.
        """
        named = recording.setting or self.layout
        prepare = Preparation(self.frontend, self._layouts.values())
        return prepare(replace(recording, setting=named))

    def decode(
        self,
        log_probs: Array,
        inputs: Mapping[str, Array],
        *,
        setting: Setting,
        nbest: int = 5,
        decoder: str | None = None,
        context: Sequence[str] | str = (),
        partial: bool = False,
        unfinished: bool | None = None,
    ) -> Decoded:
        """Return the ranked texts of what the network answered: the last step of a call.

        Args:
            log_probs: (T', V) of `run`.
            inputs: what the frontend prepared for it.
            setting: what the recording was made with, as `setting` returns it.
            nbest: most texts to return.
            decoder: as in a call; so are ``context`` and ``partial``.
            context: the text before this one, or its words.
            partial: rank what the trace may begin.
            unfinished: old name of ``partial``.

        Raises:
            InputError: the context cannot be used.
            ConfigError: ``nbest`` is below 1, or the decoder does not take what was given.
        """
        context = self._usable(context)
        decode = self.decoder(setting, decoder)
        chosen: dict[str, Any] = {"context": context} if context else {}
        if check_partial(partial, unfinished):
            chosen["partial"] = True
        if not chosen.keys() <= (takes := decode.takes):
            raise ConfigError(
                f"decoder {decoder or self.preset['type']!r} does not take {' and '.join(chosen)}; "
                "leave it out"
            )
        if "trace" in takes and isinstance(setting, Layout):
            chosen["trace"] = path_of(inputs, setting)
        return decode(log_probs, nbest=check_nbest(nbest), **chosen)

    def _usable(self, context: Sequence[str] | str | None) -> Sequence[str] | str:
        """Return the words of a context; none where the language model is missing."""
        words = _words(context)
        if words and not self._promised:
            raise InputError(
                f"model {self.name!r} carries no word language model, so context cannot be used; "
                "call without it",
                reason="no_language_model",
            )
        if self.languages:  # each looks for its own language model, and text before tells which
            return context or ()
        # Where it should be there and is not, `load` has said so.
        return () if self.language_model is None else words

    def prepare_words(
        self, *, context: Sequence[str] | str = (), layout: str | os.PathLike[str] | None = None
    ) -> None:
        """Make ready what the next call with this context would do first.

        A keyboard calls it after each word written: the words that the context makes likelier and
        the user's dictionary as it is now are laid over the lexicon here, not while somebody waits.

        Args:
            context: as in a call.
            layout: as in a call.

        Raises:
            InputError: the context cannot be used.
        """
        decode = self.decoder(self._setting(layout))
        if isinstance(decode, PreparedDecoder):
            decode.prepare(self._usable(context))

    def log_probs(self, trace: object, *, layout: str | os.PathLike[str] | None = None) -> Array:
        """Return (T', V) float64 log_probs of the valid frames of one trace.

        Raises:
            InputError: the trace cannot be used.
            NonFiniteError: the network answered NaN.
        """
        inputs = self.frontend.prepare(trace, self._setting(layout))
        return self.run(inputs)

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return (T', V) float64 log_probs of prepared inputs, batch of one, valid frames only."""
        frames = output_length(int(inputs["length"][0]), *self._length_map)
        log_probs = self.runner.run(inputs)[0, :frames].astype(np.float64)
        if not np.isfinite(log_probs).all():
            raise NonFiniteError(
                f"{self.name} ({self.runner_name}) answered NaN or Inf at output frame "
                f"{int(np.argwhere(~np.isfinite(log_probs))[0][0])}; run edgectc verify on it"
            )
        return log_probs

    def stream(
        self,
        *,
        layout: str | os.PathLike[str] | None = None,
        decoder: str | None = None,
        context: Sequence[str] = (),
    ) -> Stream:
        """Return what hears a recording piece by piece, for artifacts made with ``chunk``.

        Args:
            layout: as in a call: what else the recording is made with, e.g. its day.
            decoder: "greedy" or "beam"; None for the model's preset.
            context: words before this recording, for the language model.

        Raises:
            ConfigError: the artifact takes whole recordings, or the decoder whole signals.
            InputError: the context cannot be used.
        """
        runner = self.runner
        if not isinstance(runner, StreamRunner):
            if self.closed:
                runner.run({})  # says so
            raise ConfigError(
                f"{self.name} takes whole recordings; a network that streams is exported with "
                "chunk=FRAMES (--chunk), see docs/streaming.md"
            )
        setting = self._setting(layout)
        decode, named = self.decoder(setting, decoder), decoder or self.preset["type"]
        if not isinstance(decode, StreamingDecoder):
            raise ConfigError(
                f"decoder {named!r} takes whole signals; say decoder='greedy' or 'beam'",
                options=["decoder"],
            )
        words = {"context": _words(context)} if context else {}
        if words and "context" not in decode.takes:
            raise ConfigError(f"decoder {named!r} does not take context; leave it out")
        restart = partial(decode.stream, **words)
        first = next(iter(self.frontend.input_contract()))
        steps = Steps(runner, first, self.frontend.context(setting))
        return Stream(steps, self.frontend, restart(), restart)

    def tokens(self, setting: Setting) -> Tokens:
        """Return the meaning of the log_probs columns on a layout."""
        tokens: Tokens = self.frontend.tokens(setting)
        return tokens

    def setting(self, name: str | os.PathLike[str]) -> Setting:
        """Return a layout this model carries, one that ships, or one from a ``.json`` path.

        A model without keyboards takes the name itself, or None if it is empty.
        """
        if not isinstance(name, (str, os.PathLike)):
            raise ConfigError(
                f"layout is {name!r}, expected the name of one, or the path of a .json",
                options=["layout"],
            )
        return layouts.setting(self._layouts, os.fspath(name))

    def _setting(self, layout: str | os.PathLike[str] | None) -> Setting:
        return self.setting(self.layout if layout is None or layout == "" else layout)

    def decoder(self, setting: Setting, name: str | None = None) -> Decoder:
        """Return the decoder for a layout: the preset, or another by name with its defaults."""
        if not isinstance(name, (str, NoneType)):
            raise ConfigError(f"decoder is {name!r}, expected the name of one", options=["decoder"])
        name = name or str(self.preset["type"])
        key = (setting or None, name)  # the layout itself: two may have one name
        found = self._decoders.get(key)
        if found is None:
            if self.closed:
                self.runner.run({})  # says so
            spec: Mapping[str, JSON] = {"type": name}
            if name == self.preset["type"]:  # its options may have had other names when it was made
                spec = registry.current("decoders", self.preset)
            own = {"lexicon": self.lexicon, "language_model": self.language_model}
            if self.languages:
                spoken = {self.language: own}
                spoken |= {name: vars(one) for name, one in self.languages.items()}
                made = self._mixed(spec, setting, spoken)
            else:
                made = self._made(spec, setting, own, self.language or "own")
            found = self._decoders[key] = made
        return found

    def _mixed(
        self, spec: Mapping[str, JSON], setting: Setting, spoken: Mapping[str, Mapping[str, Any]]
    ) -> Decoder:
        """Return the decoder of the languages that this keyboard can write."""
        decoders: dict[str, Decoder] = {}
        wrong: ConfigError | None = None
        for name, words in spoken.items():
            try:
                decoders[name] = self._made(spec, setting, words, name)
            except ConfigError as error:  # of another script: English on a Ukrainian keyboard
                wrong = error
        if not decoders:
            assert wrong is not None
            raise wrong
        return mixed(decoders)

    def _made(
        self, spec: Mapping[str, JSON], setting: Setting, words: Mapping[str, Any], language: str
    ) -> Decoder:
        hot = {} if self.hotwords is None else {"hotwords": self.hotwords}
        if hot and "hotwords" not in registry.module("decoders", str(spec["type"])).USES:
            raise ConfigError(f"decoder {spec['type']!r} takes no hotwords; leave them out")
        own = None if self.dictionary is None else self.dictionary.of(language)
        made: Decoder = registry.create(
            "decoders",
            spec,
            tokens=self.tokens(setting),
            offered={**words, "dictionary": own, **hot},
        )
        return made


def _words(context: Sequence[str] | str | None) -> Sequence[str]:
    """Return the words of a context: those of a text as `context_of` finds them, () for None.

    Raises:
        InputError: reason ``bad_context``.
    """
    if isinstance(context, str):
        return context_of(context)
    if context is None:
        return ()
    if isinstance(context, Iterable) and are_words((*context,)):
        return (*context,)
    raise InputError(
        f"context is {context!r}, expected a text or its words, e.g. ['see', 'you']",
        reason="bad_context",
    )


def path_of(inputs: Mapping[str, Array], layout: Layout) -> TracePath:
    """Return where the finger went, from prepared inputs (batch of one) and their layout."""
    frames = inputs["trace"][0, : int(inputs["length"][0])]
    points = frames[:, :2]
    keys = layout.near_in_keys(points)
    return TracePath(points / layout.key_size, layout.letters, keys, frames[:, 2])
