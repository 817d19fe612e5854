"""First and last frame of each word, from the frames where a search is surest of its tokens.

Between the surest frames of two tokens the best alignment says the one, silence, then the other, so
where a word begins or ends is the best division of the frames between, each found once a signal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgectc.core.types import Array


class Divider:
    """Divides the frames of one signal.

    Args:
        log_probs: (T, V) natural-log probabilities.
        blank: column of the blank.
        boundary: column of the separator, which counts as silence too.
    """

    def __init__(self, log_probs: Array, blank: int, boundary: int) -> None:
        self._values = log_probs
        self._silence = np.maximum(log_probs[:, blank], log_probs[:, boundary])
        self._known: dict[tuple[int, int, int], int] = {}
        self._boundary = boundary

    def words(
        self, ids: Sequence[int], frames: Sequence[int]
    ) -> list[tuple[list[int], tuple[int, int]]]:
        """Return the tokens of each word, its first frame, and the one after its last.

        Args:
            ids: tokens of a text, with the separators between its words.
            frames: where the best alignment is surest of each.
        """
        found = []
        first, quiet, n = 0, -1, len(ids)  # of the word; frame of the separator before
        for at in range(n + 1):
            if at < n and ids[at] != self._boundary:
                continue
            if at > first:
                after = frames[at] if at < n else len(self._values)
                span = (
                    self._divided(ids[first], frames[first], quiet),
                    self._divided(ids[at - 1], frames[at - 1], after),
                )
                found.append((list(ids[first:at]), span))
            first, quiet = at + 1, frames[at] if at < n else -1
        return found

    def _divided(self, token: int, sure: int, far: int) -> int:
        """Return where a token begins that is sure after frame ``far``, or ends that is before."""
        key = (token, sure, far)
        if key not in self._known:
            back = far < sure
            between = slice(far + 1, sure) if back else slice(sure + 1, far)
            gain = self._values[between, token] - self._silence[between]
            total = np.cumsum(np.nan_to_num(gain[::-1] if back else gain, neginf=-1e9))
            longest = 0
            if len(total) and total.max() > 0:
                longest = int(total.argmax()) + 1
            self._known[key] = sure - longest if back else sure + 1 + longest
        return self._known[key]
