"""What each kind of plugin must offer: one Protocol a kind, all of them in this file.

A plugin is one file with ``Options`` (frozen dataclass, JSON-able) and ``create``; see
`edgectc.core.registry`. What ``create`` returns has the defaults of the Protocol of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    NotRequired,
    Protocol,
    TypeAlias,
    TypedDict,
    runtime_checkable,
)

from edgectc.core.tokens import Tokens
from edgectc.core.types import JSON, Array, Decoded, Recording

if TYPE_CHECKING:
    import numpy as np
    from _typeshed import DataclassInstance
    from torch import Tensor, nn

    from edgectc.core.errors import InputError
    from edgectc.exporting.lowering.quantization_plan import Plan
    from edgectc.formats.layouts import Layout
    from edgectc.formats.manifest import Content, Manifest
    from edgectc.language.lexicon import Lexicon
    from edgectc.training.task import Competitors, HeldOut, Metric, Score, TrainingSamples

Setting: TypeAlias = "Layout | str | None"  # a recording's keyboard, its day or signer, or nothing
# Name -> (dtype, shape); a dimension may have a name instead of a number.
Signature: TypeAlias = Mapping[str, tuple[str, list[int]]]
Converted: TypeAlias = Any  # what a target's toolchain holds between conversion and file


class Module(Protocol):
    """What a file of every kind holds.

    Attributes:
        Options: frozen dataclass of the variant's options, all of them with defaults.
        create: returns the variant; takes the options, and by keyword what the kind gives it.
    """

    Options: type[DataclassInstance]
    create: Callable[..., Any]


@runtime_checkable
class LanguageModel(Protocol):
    """Scores words one after another, in natural logarithms. States are immutable and hashable.

    Attributes:
        order: longest n-gram, in words.
    """

    order: int

    def start(self, context: Sequence[str] = ()) -> Hashable:
        """Return the state after the beginning of a sentence and the words of ``context``."""

    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        """Return log P(word | state) and the state after it; unknown words have a score too."""

    def finish(self, state: Hashable) -> float:
        """Return log P(end of sentence | state)."""


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


@runtime_checkable
class MappedModel(ContextModel, Protocol):
    """A language model that may lie in memory as a `.lm` file, as compiled code reads it."""

    @property
    def file_bytes(self) -> Array | None:
        """Return the (bytes,) uint8 of the file, None where the model is of another format."""
        ...


@runtime_checkable
class WordModel(LanguageModel, Protocol):
    """What every language model of ours is: it also tells which words it knows."""

    def known(self, word: str) -> bool:
        """Return whether ``word`` is in the vocabulary."""


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
    """Anything that maps prepared inputs to log_probs. What is not told has its default here.

    Attributes:
        name: of the runner, as `edgectc.core.registry` has it.
    """

    name: str

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (N, T', V) float32."""
        ...

    @property
    def threads(self) -> int:
        """Return how many threads one call uses, 0 where the runtime does not tell."""
        return 0

    @property
    def weights(self) -> Mapping[str, Array]:
        """Return the stored tensors of floats by name, {} where they cannot be read."""
        return {}

    def contract(self) -> Signature | None:
        """Return name -> (dtype, shape) of each input as the graph states it, None if unknown."""
        return None

    def outputs(self) -> Signature | None:
        """Return name -> (dtype, shape) of each output as the graph states it, None if unknown."""
        return None


class RunnerModule(Module, Protocol):
    """A file of ``runners``; ``create`` takes ``source``: the content of an artifact, or a bundle.

    Attributes:
        PACKAGE: distribution without which nothing here can run.
        read_back: reads an artifact's program to evaluate it in numpy; None if that is not done.
    """

    PACKAGE: str
    read_back: Callable[[Mapping[str, bytes]], Runner] | None


class Target(Protocol):
    """From a network to the bytes of an artifact.

    Attributes:
        suffix: of the file, or folder; ``options`` are its `Options`.
        opset: operator set of the graph, None where the format has none.
        batch: samples that the graph takes at once, or the name of that dimension.
        any_length: whether it takes any number of frames, and is run without padding.
        slow: whether what it makes is known to run slower than PyTorch, so that it is timed.
        kept: parts of paths of operators that stay in float.
    """

    suffix: str
    options: DataclassInstance
    opset: int | None = None
    batch: int | str = 1
    any_length: bool = False
    slow: bool = False
    kept: tuple[str, ...] = ()

    def kinds(self, scheme: str) -> tuple[str, ...]:
        """Return the kinds of operators that the scheme quantizes in this format."""
        ...

    def half_arithmetic(self, scheme: str) -> bool:
        """Return whether activations are float16 too, so that they must stay below 65504."""
        return False

    def convert(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        plan: Plan | None = None,
        *,
        window: int = 1,
        stride: int = 1,
    ) -> Converted:
        """Return the converted network at the shapes of ``inputs``.

        Args:
            model: the network; its ``forward`` takes ``*inputs`` in the order of the contract.
            inputs: of one sample.
            plan: what to quantize; None leaves all in float32.
            window: input frames that the first output frame needs; no shorter input is captured.
            stride: input frames from one output frame to the next.

        Raises:
            ExportError: the converter failed; `MissingDependencyError` where it is not installed.
        """

    def width(self, length: int, longest: int, window: int, stride: int) -> int:
        """Return the frames that a recording of ``length`` is padded to when the artifact runs."""
        return longest

    def constants(self, converted: Converted) -> Iterator[tuple[str, Array]]:
        """Yield name and values of every float constant, scales among them."""
        ...

    def embed(self, converted: Converted, manifest: Manifest) -> Content:
        """Return the content of the artifact with the unsealed manifest inside."""
        ...


class TargetModule(Module, Protocol):
    """A file of ``targets``; ``create`` returns a `Target`.

    Attributes:
        SCHEMES: names of the number formats that it holds.
        PACKAGES: distributions whose versions the manifest tells.
    """

    SCHEMES: tuple[str, ...]
    PACKAGES: tuple[str, ...]


@runtime_checkable
class Decoder(Protocol):
    """From log_probs to ranked texts. One decoder may be called in several threads at once.

    A call is ``decoder(log_probs, nbest=5, **more)``: at most ``nbest`` texts of (T, V) natural-log
    probabilities, best first. ``more`` may hold what ``takes`` names: context (words before, the
    last one last), partial (the signal goes on), trace (`edgectc.decoding.search.trace.Path`),
    spans (tell where each word is), normalize (take the log_softmax first).
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
        unit: of its values, for people; so is ``rate``: how often there is a frame.
    """

    dtype: str
    shape: list[int]
    meaning: str
    unit: NotRequired[str]
    rate: NotRequired[str]


class DecoderModule(Module, Protocol):
    """A file of ``decoders``; ``create`` returns a `Decoder`.

    Attributes:
        USES: which of "lexicon", "language_model", "dictionary" and "hotwords" ``create`` takes.
    """

    USES: frozenset[str]


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

    Made by ``create(options, *, frontend, layouts)``: keyboards by name, the default first.

    Attributes:
        metric: what the share of wrong answers is called, e.g. "WER".
        decoder: type of the decoder that answers by default.
        tunable: types of the decoders whose weights `edgectc tune` can fit to such recordings.
        stands_in: options under which generated recordings stand for real ones where none are
            named; None where they cannot.
        made_with: which of "layout" and "lexicon" `synthesize` makes something of.
        told: options of the frontend that `found` gives.
    """

    metric: ClassVar[str]
    decoder: ClassVar[str] = "greedy"
    tunable: ClassVar[tuple[str, ...]] = ()
    stands_in: ClassVar[Mapping[str, JSON] | None] = {}
    made_with: ClassVar[tuple[str, ...]] = ()
    told: ClassVar[tuple[str, ...]] = ()

    def found(self, recordings: Iterable[Recording]) -> Mapping[str, JSON]:
        """Return options of a frontend, `told`, that would take all of these recordings."""
        return {}

    def locate(self, data: str | None, *, option: str = "data") -> Path | None:
        """Return what ``data``, given as ``option``, or the environment names; None for nothing.

        Raises `InputError`, reason ``no_data``, where what is named is not there.
        """
        ...

    def rows(self, path: Path) -> Iterator[Recording | InputError]:
        """Yield the recordings of a file, or why one cannot be used; raises it for the whole."""
        ...

    def read(self, path: Path, split: str | None = None) -> Iterator[Recording | InputError]:
        """Yield the `rows` of a split or "all", of None the measured one; raises as it does."""
        ...

    def synthesize(
        self, count: int, *, seed: int, lexicon: Lexicon | None = None, natural: bool = False
    ) -> Iterator[Recording]:
        """Yield ``count`` generated recordings that the frontend takes, drawn by ``seed``.

        Words are of ``lexicon``, None for a few; rare ones come more often unless ``natural``.
        """
        ...

    def reference(self, *, seed: int) -> list[Recording]:
        """Return the generated recordings that a model's bundle is checked with."""
        ...

    def write(self, path: Path, recordings: Iterable[Recording]) -> None:
        """Write recordings as `read` and training take them, split by group or by turns."""
        ...

    def shipped(self, *, seed: int) -> bytes:
        """Return ``samples.jsonl`` of a bundle: generated recordings to try the model on."""
        ...

    def labelled(self, recording: Recording) -> bool:
        """Return whether the recording says what was meant, so that an answer can be wrong."""
        ...

    def problems(self, recordings: Sequence[Recording]) -> Mapping[str, str]:
        """Return name to detail of what shows another unit, order or scale; see `data.scales`."""
        return {}

    def errors(self, target: Sequence[str], text: str, separator: str) -> tuple[int, int]:
        """Return how much of ``text`` is wrong, and of how much; its symbols stand apart."""
        ...

    def slices(
        self, recordings: Sequence[Recording], seen: frozenset[int] | None
    ) -> dict[str, list[bool]]:
        """Return name to rows where losses hide; ``seen``: hashes of training words, if known."""
        ...


class Task(Protocol):
    """One kind of samples and its measure of success.

    Attributes:
        metric: decides which checkpoint is the best.
        blank_id: column of the blank in log_probs.
        train: training samples.
        dropped: what was left out of the training samples, by reason.
        dev_rows: dev samples that are scored.
        test: samples that the best weights are scored on at the end; None for none.
        rows: of each split before checks; {} for generated samples.
        buffer_rows: rows of an `order` that lie near each other on disk; 0 for all in memory.
        files: what the run folder must hold beside the checkpoints, by file name.
        competitors: finds words for ``loss.mmi``; None where there is no lexicon to find them in.
    """

    competitors: Competitors | None
    metric: Metric
    blank_id: int
    train: TrainingSamples
    dropped: Mapping[str, int]
    dev_rows: int
    test: HeldOut | None
    rows: Mapping[str, int]
    files: Mapping[str, bytes]
    buffer_rows: int = 0

    @property
    def epoch_rows(self) -> int:
        """Return how many rows `order` gives."""

    def order(self, rng: np.random.Generator) -> Array:
        """Return the training rows of one epoch."""

    def dev_inputs(self, rows: Array) -> dict[str, Tensor]:
        """Return the inputs of dev samples, first axis as ``rows``."""
        ...

    def score(self, answers: Iterable[Array], rows: Array | None = None) -> Score:
        """Return the figures of log_probs (T', V) float64, one a dev sample, or of ``rows``."""
