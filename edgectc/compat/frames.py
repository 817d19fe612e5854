"""First and last frame of each word, from the frames where a search is surest of its tokens.

Between the surest frames of two tokens the best alignment says the one, silence, then the other, so
where a word begins or ends is the best division of the frames between, each found once a signal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgectc.core.tokens import Tokens
from edgectc.core.types import Array

Span = tuple[int, int]


class Divider:
    """Divides the frames of one signal.

    Args:
        log_probs: (T, V) natural-log probabilities.
        tokens: meaning of the columns.
        boundary: column of the separator, which counts as silence too.
    """

    def __init__(self, log_probs: Array, tokens: Tokens, boundary: int) -> None:
        self._values, self._tokens, self._boundary = log_probs, tokens, boundary
        self._silence = np.maximum(log_probs[:, tokens.blank_id], log_probs[:, boundary])
        self._words: dict[tuple[tuple[int, ...], int, int, int, int], tuple[str, Span]] = {}

    def words(self, ids: Sequence[int], frames: Sequence[int]) -> list[tuple[str, Span]]:
        """Return each word, its first frame, and the one after its last.

        Args:
            ids: tokens of a text, with the separators between its words.
            frames: where the best alignment is surest of each.
        """
        found = []
        ends = [at for at, token in enumerate(ids) if token == self._boundary]
        first, quiet = 0, -1  # of the word; frame of the separator before
        for at in (*ends, len(ids)):
            after = frames[at] if at < len(ids) else len(self._values)
            if at > first:
                word = tuple(ids[first:at])
                key = (word, frames[first], frames[at - 1], quiet, after)
                if key not in self._words:  # most texts of a beam have it in the same place
                    span = (
                        self._divided(word[0], frames[first], quiet),
                        self._divided(word[-1], frames[at - 1], after),
                    )
                    self._words[key] = self._tokens.decode(word), span
                found.append(self._words[key])
            first, quiet = at + 1, after
        return found

    def _divided(self, token: int, sure: int, far: int) -> int:
        """Return where a token begins that is sure after frame ``far``, or ends that is before."""
        back = far < sure
        between = slice(far + 1, sure) if back else slice(sure + 1, far)
        gain = self._values[between, token] - self._silence[between]
        total = np.cumsum(gain[::-1] if back else gain)
        longest = int(total.argmax()) + 1 if len(total) and total.max() > 0 else 0
        return sure - longest if back else sure + 1 + longest
