"""Does an artifact that streams answer in pieces what its network answers on the whole?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from edgectc.core.contracts import Setting
from edgectc.core.errors import InputError, NonFiniteError
from edgectc.core.types import Array, Check
from edgectc.formats.manifest import Manifest
from edgectc.formats.reference import Case
from edgectc.runtime.recognizer import Recognizer
from edgectc.runtime.steps import Steps, StreamRunner, spread

LIMIT = 1e-5  # of 1 + |value|, in float32


def pieces(chunk: int) -> list[int]:
    """Return five sizes in which a recording is handed over: around the chunk, and far from it."""
    return [1, max(2, chunk - 1), chunk, chunk + 1, 2 * chunk + chunk // 2 + 1]


def checks(
    loaded: Recognizer, manifest: Manifest, cases: Sequence[Case]
) -> tuple[list[Check], dict[str, float]]:
    """Return the checks of an artifact that streams, none of another; and their figures.

    Every recording that is longer than a chunk goes through in pieces of five sizes. All of them
    have to give the same bits, twice, and the answers and texts of the network run whole; and the
    reference recording has to leave the states that it left in the trained network.

    Args:
        loaded: of the artifact.
        manifest: inside of it.
        cases: what the network answers when it is run whole.
    """
    runner, streaming = loaded.runner, manifest.streaming
    if streaming is None or not isinstance(runner, StreamRunner):
        return [], {}
    limit = max(LIMIT, manifest.scheme.atol) if manifest.scheme.type != "float32" else LIMIT
    sizes = pieces(streaming.chunk)
    try:
        worst, at, texts = _in_pieces(loaded, cases, sizes, manifest.scheme.texts)
        apart = _left(loaded, runner, manifest, cases)
    except (_Differs, InputError, NonFiniteError) as error:
        return [Check("chunks", "fail", str(error))], {}
    figures = {"chunks_max_diff": worst, "states_max_diff": max(apart.values(), default=0.0)}
    told = ", ".join(map(str, sizes))
    detail = (
        f"pieces of {told} frames, twice: the same bits; from the network run whole {worst:.2g} of "
        f"1 + |log_prob| (limit {limit:g}){at}; look-ahead {streaming.look_ahead}"
    )
    made = [Check("chunks", "pass" if worst <= limit else "fail", detail), texts]
    if not apart:
        made.append(Check("states", "not_run", "no reference recording is as long as a chunk"))
        return made, figures
    name = max(apart, key=lambda key: apart[key])
    detail = f"{len(apart)} after {streaming.frames} frames: {apart[name]:.2g} of 1 + |value|"
    detail += f" in {name} (limit {limit:g})"
    made.append(Check("states", "pass" if apart[name] <= limit else "fail", detail))
    return made, figures


class _Differs(Exception):
    """Pieces of two sizes, or the same pieces twice, gave different bits; the text says which."""


def _in_pieces(
    loaded: Recognizer, cases: Sequence[Case], sizes: Sequence[int], share: float
) -> tuple[float, str, Check]:
    """Return the largest difference from the whole, where, and the check on texts.

    The least ``share`` of them must be equal.
    """
    worst, at, wrong, count = 0.0, "", [], 0
    for case in cases:
        setting, expected = loaded.setting(case.layout), case.log_probs.astype(np.float64)
        found: Array | None = None
        for size in sizes:
            for again in range(2):
                got = _pushed(loaded, setting, case, size)
                if found is not None and not np.array_equal(found, got):
                    when = "the second time" if again else f"in pieces of {size} frames"
                    raise _Differs(f"{case.name} is answered otherwise {when}")
                found = got
        if found is None or not len(expected):
            continue
        apart = float((np.abs(_used(found, case) - expected) / (1.0 + np.abs(expected))).max())
        worst, at = (apart, f" at {case.name}") if apart > worst else (worst, at)
        text, count = _text(loaded, case, sizes[count % len(sizes)]), count + 1
        if text != case.greedy:
            wrong.append(f"{case.name}: got {text!r}, expected {case.greedy!r}")
    detail = f"{count - len(wrong)} of {count} texts of streams equal"
    detail += f" (limit {share:.0%}): {'; '.join(wrong[:3])}" if wrong else ""
    enough = count - len(wrong) >= share * count
    return worst, at, Check("streamed", "pass" if enough else "fail", detail)


def _pushed(loaded: Recognizer, setting: Setting, case: Case, size: int) -> Array:
    runner = loaded.runner
    assert isinstance(runner, StreamRunner)
    steps = _steps(loaded, runner, setting)
    return np.concatenate([*map(steps.push, _cut(case, size)), steps.finish()])


def _text(loaded: Recognizer, case: Case, size: int) -> str:
    stream = loaded.stream(layout=case.layout, decoder="greedy")
    for piece in _cut(case, size):
        stream.push(piece)
    return stream.finish().best.text


def _left(
    loaded: Recognizer, runner: StreamRunner, manifest: Manifest, cases: Sequence[Case]
) -> dict[str, float]:
    """Return how far each state is from what the trained network remembers, by its name."""
    streaming = runner.streaming
    case = next((c for c in cases if c.name == streaming.case), None)
    if case is None or not streaming.frames:
        return {}
    steps = _steps(loaded, runner, loaded.setting(case.layout))
    steps.push(case.trace[: streaming.frames + streaming.look_ahead])
    apart = {}
    for state in streaming.states:
        got, expected = spread(steps.states[state.name]), state.final.array()
        if got.shape != expected.shape:
            raise _Differs(f"{state.name} has {got.size} values, {expected.size} are stored")
        wide = expected.astype(np.float64)
        apart[state.name] = float((np.abs(got - wide) / (1.0 + np.abs(wide))).max(initial=0.0))
    return apart


def _steps(loaded: Recognizer, runner: StreamRunner, setting: Setting) -> Steps:
    first = next(iter(loaded.frontend.input_contract()))
    return Steps(runner, first, loaded.frontend.context(setting))


def _cut(case: Case, size: int) -> Iterator[Array]:
    for start in range(0, case.length, size):
        yield case.trace[start : min(start + size, case.length)]


def _used(log_probs: Array, case: Case) -> Array:
    columns = case.log_probs.shape[1]
    return np.concatenate([log_probs[:, : columns - 1], log_probs[:, -1:]], axis=1)
