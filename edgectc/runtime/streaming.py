"""A recognizer that hears a recording piece by piece and says what it has heard so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeAlias

import numpy as np

from edgectc.core.contracts import Frontend
from edgectc.core.errors import InputError
from edgectc.core.stepping import DecoderStream
from edgectc.core.types import Array, Decoded
from edgectc.runtime.steps import Steps

Restart: TypeAlias = Callable[[], DecoderStream]


class Stream:
    """A recognizer that hears a recording piece by piece; made by `Recognizer.stream`.

    Not to be called by several threads at once.
    """

    def __init__(
        self, steps: Steps, frontend: Frontend, search: DecoderStream, restart: Restart
    ) -> None:
        self._steps, self._frontend = steps, frontend
        self._search, self._restart = search, restart
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.reset()

    def push(self, frames: Array) -> str:
        """Take the next frames, of any number, and return the text so far.

        Args:
            frames: (m, C) numbers, as a whole recording has them.

        Raises:
            InputError: they cannot be used, and none was taken; ``reason`` names why.
            NonFiniteError: the network answered NaN or Inf.
        """
        if self._ended:
            raise InputError("the stream has ended; reset() begins the next", reason="ended")
        log_probs = self._steps.push(self._frontend.frames(frames))
        if len(log_probs):
            self._search.push(log_probs.astype(np.float64))
        return self._search.partial()

    def partial(self) -> str:
        """Return the text so far; its end may still change."""
        return self._search.partial()

    def finish(self, *, nbest: int = 5) -> Decoded:
        """Return the ranked texts of the whole; the stream ends here."""
        if not self._ended:
            log_probs = self._steps.finish()
            if len(log_probs):
                self._search.push(log_probs.astype(np.float64))
            self._ended = True
        return self._search.finish(nbest=nbest)

    def reset(self) -> None:
        """Forget what was heard: the next frame is the first of another recording."""
        self._steps.reset()
        self._search, self._ended = self._restart(), False
