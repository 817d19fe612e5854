"""What the beams of spelled and of spoken words share: the call, and the signal piece by piece."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, Decoded
from edgectc.decoding.search import compiled
from edgectc.decoding.search.beam_native import NativeSearch
from edgectc.decoding.search.beam_numpy import Ask, PlainSearch
from edgectc.decoding.search.beam_tables import Tables
from edgectc.decoding.search.checks import check_log_probs, check_nbest, fold_special
from edgectc.decoding.search.naming import Names


def check_token_threshold(value: float | None) -> None:
    """Raise `ConfigError` if the option is no natural-log probability and not None."""
    if value is not None and not value <= 0:
        raise ConfigError(
            f"token_threshold is {value}, expected a natural-log probability (0 or less), or None "
            "for off"
        )


def search_of(
    native: compiled.Library | None, tables: Tables, ask: Ask
) -> PlainSearch | NativeSearch:
    """Return the beam over tables, compiled where there is a library, with the same answers."""
    return NativeSearch(native, tables, ask) if native else PlainSearch(tables, ask)


class BeamStream(ABC):
    """One signal, piece by piece.

    Memory grows with the text, not with the frames; with ``spans`` it grows with these, too.

    Attributes:
        normalize: whether chunks are scores of any scale, whose log_softmax is meant.
        frames: the chunks so far, kept where spans are wanted; else None.
        names: how hotwords are shown; None as they are spelled.
    """

    def __init__(self, tokens: Tokens, search: PlainSearch | NativeSearch) -> None:
        self._tokens, self._search = tokens, search
        self.normalize = False
        self.frames: list[Array] | None = None
        self.names: Names | None = None

    def push(self, log_probs: object) -> None:
        """Take the next frames.

        Args:
            log_probs: (T, V) natural-log probabilities.

        Raises:
            InputError: they cannot be decoded, and none of them was taken; ``reason`` names why.
        """
        values = check_log_probs(log_probs, len(self._tokens), normalize=self.normalize)
        values = fold_special(values, self._tokens)
        self._search.push(values)
        if self.frames is not None:
            self.frames.append(values.copy())

    @abstractmethod
    def partial(self) -> str:
        """Return the text of the prefix that leads now."""

    @abstractmethod
    def finish(self, *, nbest: int = 5) -> Decoded:
        """Return the ``nbest`` best texts if the signal ends here; more frames may still come.

        Args:
            nbest: most texts to return.

        Raises:
            ConfigError: ``nbest`` is below 1.
        """


class BeamSearch(ABC):
    """A decoder whose one call is a stream of one piece."""

    takes: ClassVar[frozenset[str]] = frozenset({"context", "normalize", "spans"})
    _native: compiled.Library | None

    @property
    def backend(self) -> str:
        """Return "native" or "numpy"."""
        return "native" if self._native else "numpy"

    def __call__(
        self,
        log_probs: object,
        *,
        nbest: int = 5,
        context: Sequence[str] | str = (),
        spans: bool = False,
        normalize: bool = False,
    ) -> Decoded:
        """Return the ``nbest`` best texts, by score; none where silence beats them all.

        Args:
            log_probs: (T, V) natural-log probabilities.
            nbest: most texts to return.
            context: the text before this one, or its words, for the language model.
            spans: tell where each word is, once the texts are found.
            normalize: take scores of any scale, whose log_softmax is meant.

        Raises:
            InputError: ``log_probs`` cannot be decoded; ``reason`` names why.
        """
        nbest = check_nbest(nbest)
        stream = self.stream(context=context, spans=spans, normalize=normalize)
        stream.push(log_probs)
        return stream.finish(nbest=nbest)

    @abstractmethod
    def stream(
        self, *, context: Sequence[str] | str = (), spans: bool = False, normalize: bool = False
    ) -> BeamStream:
        """Return a search that takes its frames piece by piece and answers as one call would.

        Args:
            context: the text before this one, or its words, for the language model.
            spans: keep the frames, so that the answer tells where each word is.
            normalize: take scores of any scale, whose log_softmax is meant.

        Raises:
            InputError: a context without a language model.
        """
