"""What each kind of plugin must offer: one Protocol a kind, all of them in this file.

A plugin is one file with ``Options`` (frozen dataclass, JSON-able) and ``create``; see
`edgectc.core.registry`. What ``create`` returns follows the Protocol of its kind. A class that
names its Protocol as a base inherits the defaults that are written here, such as those of a runner
that cannot tell its weights; nothing is asked by reflection.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    ClassVar,
    NotRequired,
    Protocol,
    TypeAlias,
    TypedDict,
    runtime_checkable,
)

from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, Decoded, Recording

if TYPE_CHECKING:
    from edgectc.core.errors import InputError
    from edgectc.formats.layouts import Layout
    from edgectc.language.lexicon import Lexicon

# What a recording was made with: its keyboard, the name of its day or signer, or nothing.
Setting: TypeAlias = "Layout | str | None"


class LanguageModel(Protocol):
    """Scores words one after another, in natural logarithms. States are immutable and hashable.

    Attributes:
        order: longest n-gram, in words.
    """

    order: int

    def start(self, context: Sequence[str] = ()) -> Hashable:
        """Return the state after the beginning of a sentence and the words of ``context``."""
        ...

    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        """Return log P(word | state) and the state after it; unknown words have a score too."""
        ...

    def finish(self, state: Hashable) -> float:
        """Return log P(end of sentence | state)."""
        ...


@runtime_checkable
class ContextModel(LanguageModel, Protocol):
    """A language model that can also list what a context makes likely."""

    def following(self, state: Hashable) -> tuple[Sequence[str], Array, float]:
        """Return lower-case words, their log P(word | state) (n,) float64, and a back-off.

        For every word that is not listed, log P(word | state) is the back-off + log P(word).
        """
        ...

    def unigram(self, words: Sequence[str]) -> Array:
        """Return (n,) float64 log P(word) without any context."""
        ...


class WordModel(LanguageModel, Protocol):
    """What every language model of ours is: it also tells which words it knows."""

    def known(self, word: str) -> bool:
        """Return whether ``word`` is in the vocabulary."""
        ...


class Runner(Protocol):
    """Anything that maps prepared inputs to log_probs."""

    name: str

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (N, T', V) float32."""
        ...


class Decoder(Protocol):
    """From log_probs to ranked texts. One decoder may be called in several threads at once.

    The module of a decoder says in ``USES`` what its ``create`` takes beside options and tokens: of
    "lexicon", "language_model", "dictionary" and "hotwords".

    A call is ``decoder(log_probs, nbest=5, **more)``: at most ``nbest`` texts of (T, V) natural-log
    probabilities, best first. ``more`` may hold what ``takes`` names:

    - context: words before this text, the last one last;
    - partial: whether the signal goes on;
    - trace: `edgectc.decoding.search.trace.Path`, where a finger went.
    """

    @property
    def takes(self) -> frozenset[str]:
        """Return what a call makes something of; a caller leaves the others out."""
        ...

    @property
    def __call__(self) -> Callable[..., Decoded]:
        """Return the call itself; its keywords are those of ``takes``."""
        ...


class InputSpec(TypedDict):
    """What one input of a network is, as manifests state it.

    Attributes:
        dtype: "float32" or "int32".
        shape: of a batch of one.
        meaning: for people.
        unit: of its values, for people.
        rate: how often there is a frame, for people.
    """

    dtype: str
    shape: list[int]
    meaning: str
    unit: NotRequired[str]
    rate: NotRequired[str]


class Frontend(Protocol):
    """From a raw recording to the inputs of a network; needs numpy alone.

    The first input is the recording's frames (1, T, C), the second its ``length`` (1,), the rest
    tell what it was made with.

    Attributes:
        max_frames: frames of the padded input.
        padding: "masked": nothing after the length is seen; "zeros": the zeros there are a signal.
        settings: names of the settings that it tells apart, e.g. days; () for none.
        slots: most keys of a keyboard that recordings are made on; 0: it takes no `Layout`.
    """

    max_frames: int
    padding: str = "masked"
    settings: tuple[str, ...] = ()
    slots: int = 0

    def input_contract(self) -> dict[str, InputSpec]:
        """Return name -> dtype, shape and meaning of each network input, in call order."""
        ...

    def prepare(self, recording: object, setting: Setting = None, /) -> dict[str, Array]:
        """Return the network inputs of one recording, batch of one.

        Raises:
            InputError: the recording cannot be used; ``reason`` names why.
            UnknownNameError: no such setting.
        """
        ...

    def frames(self, recording: object, setting: Setting = None, /) -> Array:
        """Return (length, C), what the network sees of a recording; raises as `prepare` does."""
        ...

    def context(self, setting: Setting = None, /) -> dict[str, Array]:
        """Return the inputs after ``length``; raises as `prepare` does."""
        ...

    def tokens(self, setting: Setting = None, /) -> Tokens:
        """Return what the columns of log_probs mean."""
        ...


class Samples(Protocol):
    """The recordings of a frontend's type, under its name: how they are read, made and measured.

    Made by ``create(options, *, frontend, layouts)``; ``layouts`` are the keyboards by name, the
    default first.

    Attributes:
        metric: what the share of wrong answers is called, e.g. "WER".
        decoder: type of the decoder that answers by default.
        tunable: types of the decoders whose weights `edgectc tune` can fit to such recordings.
        generated_suffices: whether generated recordings stand for real ones where none are named.
    """

    metric: ClassVar[str]
    decoder: ClassVar[str] = "greedy"
    tunable: ClassVar[tuple[str, ...]] = ()
    generated_suffices: ClassVar[bool] = True

    def locate(self, data: str | None) -> Path | None:
        """Return the file that ``data`` or the environment names; None: nothing is named.

        Raises:
            InputError: reason ``no_data``: what is named is not there.
        """
        ...

    def read(self, path: Path, split: str | None = None) -> Iterator[Recording | InputError]:
        """Yield the recordings of a file, or why one of them cannot be used.

        Args:
            path: of the file.
            split: "train", "dev", "test" or "all"; None for what figures are measured on.

        Raises:
            InputError: the file cannot be read.
            UnknownNameError: no such split.
        """
        ...

    def synthesize(
        self, count: int, *, seed: int, lexicon: Lexicon | None = None, natural: bool = False
    ) -> Iterator[Recording]:
        """Yield ``count`` generated recordings that the frontend takes.

        Args:
            count: how many.
            seed: of all draws.
            lexicon: words to be meant, where words are; None for a few of its own.
            natural: words as frequent as in text; otherwise rare ones come more often.
        """
        ...

    def reference(self, *, seed: int) -> list[Recording]:
        """Return the generated recordings that a model's bundle is checked with.

        Raises:
            ConfigError: there are none for such a frontend.
        """
        ...

    def write(self, path: Path, recordings: Iterable[Recording]) -> None:
        """Write recordings as `read` and training take them, split by group or by turns.

        Raises:
            InputError: too few for each split.
        """
        ...

    def shipped(self, *, seed: int) -> bytes:
        """Return ``samples.jsonl`` of a bundle: generated recordings to try the model on."""
        ...

    def errors(self, target: Sequence[str], text: str, separator: str) -> tuple[int, int]:
        """Return how much of an answer is wrong, and of how much.

        Args:
            target: what was meant.
            text: best answer.
            separator: what stands between the symbols of a text.
        """
        ...

    def slices(
        self, recordings: Sequence[Recording], seen: frozenset[int] | None
    ) -> dict[str, list[bool]]:
        """Return where losses hide: name to which recordings belong there.

        Args:
            recordings: labelled.
            seen: hashes of the words that the model was trained on; None if unknown.
        """
        ...
