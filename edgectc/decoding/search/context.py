"""The words before a text, as decoders use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from edgectc.core.contracts import ContextModel, Decoder
from edgectc.core.types import Array


@runtime_checkable
class PreparedDecoder(Decoder, Protocol):
    """A decoder that can do what a call would do first before there is anything to decode."""

    def prepare(self, context: Sequence[str] | str = ()) -> None:
        """Make ready what a call with this context needs; calls answer the same without it."""
        ...


BEGIN = "<s>"  # of a sentence, as a word of a context


def of_sentence(context: Sequence[str]) -> Sequence[str]:
    """Return the words of a context that its last sentence has so far.

    What stands before "<s>", the beginning of a sentence, says nothing about the words after it.
    """
    for row in range(len(context) - 1, -1, -1):
        if context[row] == BEGIN:
            return context[row + 1 :]
    return context


def following(model: ContextModel, context: Sequence[str]) -> tuple[Sequence[str], Array, float]:
    """Return the words that a context makes more or less likely, by how much, and all the others.

    The values are log P(word | context) - log P(word); the first are relative to the last.
    """
    words, log_probs, backoff = model.following(model.start(of_sentence(context)))
    return words, log_probs - model.unigram(words) - backoff, float(backoff)
