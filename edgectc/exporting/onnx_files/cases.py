"""Reference cases of a foreign file, within a budget of bytes, answered by that very file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgectc.core import registry
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens, output_length
from edgectc.core.types import Array, Check
from edgectc.exporting.onnx_files.graph import Interface
from edgectc.exporting.onnx_files.questions import Labelled, noise
from edgectc.exporting.onnx_files.session import Foreign
from edgectc.exporting.references import LEAST_BYTES, MOST_BYTES, SAMPLE, longest_within
from edgectc.formats import reference
from edgectc.formats.reference import Case

_SHARE = 0.12  # of the file, where that is less
_BASE64 = 4 / 3


def budget(file_bytes: int) -> int:
    """Return how many bytes all reference cases may take."""
    return max(LEAST_BYTES, min(MOST_BYTES, int(_SHARE * file_bytes)))


def made(
    file: Foreign,
    about: Interface,
    rows: Sequence[Labelled],
    tokens: Tokens,
    *,
    longest: int,
    length_map: tuple[int, int],
    most_bytes: int,
) -> tuple[list[Case], Check]:
    """Return answered cases: recordings, cut to fit, and parts of them of chosen lengths.

    Args:
        file: answers.
        about: how it is called.
        rows: recordings; noise takes their place where there are none.
        tokens: of the answer.
        longest: frames that the artifact takes.
        length_map: stride and window.
        most_bytes: of all cases.

    Raises:
        ConfigError: not even one output frame fits.
    """
    stride, window = length_map
    greedy = registry.create("decoders", {"type": "greedy"}, tokens=tokens, lexicon=None)

    def cost(length: int) -> float:
        held = about.fixed or length
        frames = output_length(length, stride, window)
        return 4 * _BASE64 * (held * about.width + frames * about.columns) + 300

    cases: list[Case] = []
    left = float(most_bytes)
    real = [row.features for row in rows if len(row.features)]
    for i, features in enumerate(real[:3]):
        length = longest_within(len(features), cost, left / 2)
        if output_length(length, stride, window) >= 1:
            cases.append(_case(f"{SAMPLE}{i}", features, length, about, window))
            left -= cost(length)
    chosen = {1, 2, 7, 31, max(1, window - 1), max(1, window), window + stride, longest // 2}
    chosen |= {2 * about.chunk + about.look_ahead, 3 * about.chunk + about.look_ahead + 1}
    chosen |= {longest - 1, longest, *(2**k for k in range(3, 12))}
    told = sorted(n for n in chosen if 1 <= n <= (about.fixed or longest))
    for length in told:
        if cost(length) <= left:
            row = _repeated(real, length) if real else noise(about, length, length)
            cases.append(_case(f"length-{length}", row, length, about, window))
            left -= cost(length)
    answered = [_answered(file, about, case, length_map, greedy) for case in cases]
    kept = [case for case in answered if case is not None]
    if not any(len(case.log_probs) for case in kept):
        raise ConfigError(
            f"no reference case fits {most_bytes:,} bytes: an output frame of {about.columns} "
            "columns takes more; raise references (--references)"
        )
    lengths = sorted({case.length for case in kept})
    text = (
        f"{len(kept)} cases, lengths {', '.join(map(str, lengths))}, within {most_bytes:,} bytes"
        f"{'' if rows else '; no sample was given: all are noise'}"
    )
    return kept, Check("references", "pass", text)


def _repeated(real: Sequence[Array], length: int) -> Array:
    """Return (length, width), the longest recording as often as it takes."""
    whole = max(real, key=len)
    rows: Array = whole[np.arange(length) % len(whole)]
    return rows


def _case(name: str, features: Array, length: int, about: Interface, window: int) -> Case:
    """Return an unanswered case; a graph of any length gets a window of frames at least."""
    trace = np.zeros((about.fixed or max(length, window), about.width), np.float32)
    trace[:length] = features[:length]
    return Case(name, "", trace, length, np.zeros((0, about.columns), np.float32))


def _answered(
    file: Foreign, about: Interface, case: Case, length_map: tuple[int, int], greedy: Any
) -> Case | None:
    """Return a case with the file's own answer; None where the file itself takes it not."""
    frames = output_length(case.length, *length_map)
    found = file.log_probs(about, case.trace, case.length) if frames else None
    if frames and found is None:
        return None
    out = np.zeros((0, about.columns)) if found is None else found[:frames]
    text = greedy(out, nbest=1).best.text if len(out) else ""
    return replace(reference.answered(case, out, text, ""), points=None)
