"""What each kind of plugin must offer: one Protocol a kind, all of them in this file.

A plugin is one file with ``Options`` (frozen dataclass, JSON-able) and ``create``; see
`edgectc.core.registry`. What ``create`` returns follows the Protocol of its kind. A class that
names its Protocol as a base inherits the defaults that are written here, such as those of a runner
that cannot tell its weights; nothing is asked by reflection.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, Decoded

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from torch import Tensor, nn

    from edgectc.formats.layouts import Layout

# What a recording was made with: its keyboard, the name of its day or signer, or nothing.
Setting: TypeAlias = "Layout | str | None"


class Module(Protocol):
    """What a file of every kind holds.

    Attributes:
        Options: frozen dataclass of the variant's options, all of them with defaults.
        create: returns the variant; takes the options, and by keyword what the kind gives it.
    """

    Options: type[DataclassInstance]
    create: Callable[..., Any]


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


class LanguageModelModule(Module, Protocol):
    """A file of ``lms``; its ``create`` takes ``path`` or ``lexicon`` and returns a `WordModel`."""

    def recognizes(self, head: bytes) -> bool:
        """Return whether a file whose content begins so (4096 bytes) is one that it reads."""
        ...


@runtime_checkable
class Foldable(Protocol):
    """A part of a network that holds what only training needs."""

    def fold(self) -> object:
        """Merge it into its neighbours, in place, once; what is computed stays the same."""
        ...


class Features(Protocol):
    """The first part of a network: an ``nn.Module`` from a frontend's inputs to frames.

    Its module's ``create`` takes ``frontend``.

    Attributes:
        out_features: channels F of a frame.
    """

    out_features: int

    def make_head(self, in_features: int) -> nn.Module:
        """Return what maps encoder output (N, C, T') and the tuple to scores (N, T', V)."""
        ...

    @property
    def __call__(self) -> Callable[..., tuple[Tensor, Tensor, tuple[Tensor, ...]]]:
        """Return the call: the frontend's inputs to x (N, F, T), keep (N, 1, T) and a tuple.

        keep is 1 on valid frames and 0 on padding; the tuple goes to the head.
        """
        ...


class Encoder(Protocol):
    """The middle of a network: an ``nn.Module`` from frames to fewer frames.

    Its module's ``create`` takes ``in_features`` and ``max_frames``.

    Attributes:
        out_features: channels C of an output frame.
        stride: input frames per output frame.
        window: input frames that the first output frame needs, see `core.tokens.output_length`.
    """

    out_features: int
    stride: int
    window: int

    def __call__(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T') of x (N, F, T); keep (N, 1, T) is 1 on valid frames, 0 on padding."""
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


class Frontend(Protocol):
    """From a raw recording to the inputs of a network; needs numpy alone.

    Attributes:
        max_frames: frames of the padded input.
        padding: "masked": nothing after the length is seen; "zeros": the zeros there are a signal.
        settings: names of the settings that it tells apart, e.g. days; () if it takes none, or any.
    """

    padding: str = "masked"
    settings: tuple[str, ...] = ()

    @property
    def max_frames(self) -> int:
        """Return the frames of the padded input."""
        ...

    def input_contract(self) -> dict[str, dict[str, Any]]:
        """Return name -> dtype, shape and meaning of each network input, in call order."""
        ...

    def prepare(self, recording: object, setting: Setting = None, /) -> dict[str, Array]:
        """Return the network inputs of one recording, batch of one.

        Raises:
            InputError: the recording cannot be used; ``reason`` names why.
            UnknownNameError: no such setting.
        """
        ...

    def tokens(self, setting: Setting = None, /) -> Tokens:
        """Return what the columns of log_probs mean."""
        ...
