"""Questions to a foreign ONNX file: what its answer is, and whether what is said of it is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgectc.core import metrics
from edgectc.core.errors import ConfigError, NonFiniteError
from edgectc.core.tokens import Tokens, collapse, output_length
from edgectc.core.types import Array, Check
from edgectc.exporting.byo import length_map as maps
from edgectc.exporting.onnx_files.graph import Interface
from edgectc.exporting.onnx_files.session import Foreign
from edgectc.formats import reference

AXES = {"NTV": (0, 1, 2), "TNV": (1, 0, 2), "NVT": (0, 2, 1)}
KINDS = ("log_probs", "logits", "probabilities")
_ALIKE, _UNHEARD = 1e-3, 1e-6  # nats
_SURE, _MOST = 0.9, 0.5
_SHORT = {"NT": 16000, "NTC": 200, "NCT": 200, "NCHW": 320, "NHWC": 320}
_HALF_WRONG = 0.5  # error rate above which labels and tokens do not belong together


@dataclass(frozen=True)
class Labelled:
    """A recording, and what it says if that is known.

    Attributes:
        features: (T, width) float32.
        text: "" if unknown.
    """

    features: Array
    text: str = ""


def noise(about: Interface, frames: int, seed: int = 0) -> Array:
    """Return (frames, width) float32 smooth noise between -1 and 1, indices where they belong."""
    rng = np.random.default_rng(seed)
    rough = rng.standard_normal((frames + 8, about.width))
    smooth = np.tanh(2.0 * np.stack([rough[i : i + frames] for i in range(8)]).mean(0))
    at = about.own
    for one in about.further:
        smooth[:, at : at + one.width] = one.noise(frames, smooth[:, at : at + one.width])
        at += one.width
    return smooth.astype(np.float32)


def answer(
    file: Foreign, about: Interface, axes: str | None, tokens: int, said: str = ""
) -> Interface:
    """Return the interface with name, axes and columns of the answer.

    Args:
        file: opened.
        about: what it takes.
        axes: a key of `AXES` that was said; None to find them out.
        tokens: how many were written down; a blank and a space may go without saying.
        said: name of the output; "" to find it out.

    Raises:
        ConfigError: no output has frames and columns, or its axes are others than said.
    """
    T = about.frames or _SHORT[about.layout]
    long = file.answers(about, noise(about, T), T)
    short = None
    if about.frames is None:
        short = file.answers(about, noise(about, T // 2), T // 2)
    assert long is not None
    if said and said not in long:
        raise ConfigError(
            f"{file.source} has no output {said!r}; it has {list(long)}", options=["answer"]
        )
    found, memories = [], {memory.output for memory in about.memories}
    for name, values in long.items():
        if name in memories or said not in ("", name):
            continue
        if values.ndim != 3 or values.dtype.kind != "f":
            continue
        changing = [
            i for i in range(3) if short is not None and short[name].shape[i] != values.shape[i]
        ]
        for key, order in AXES.items():
            N, frames, V = (values.shape[i] for i in order)
            moving = not changing or changing == [order[1]]
            if N == 1 and V > 1 and moving and (changing or frames < T + 1):
                found.append((name, key, order, V))
    if not found:
        shapes = {name: values.shape for name, values in long.items()}
        raise ConfigError(
            f"no output of {file.source} is (batch, frames, columns) in any order: {shapes}; this "
            "is no CTC network, or not all of one"
        )
    best = sorted(found, key=lambda one: (not 0 <= one[3] - tokens <= 2, -one[3]))
    name = best[0][0]
    near = {0 <= V - tokens <= 2 for output, _, _, V in best if output == name}
    fits = {
        key: (order, V)
        for output, key, order, V in best
        if output == name and (0 <= V - tokens <= 2 or True not in near)
    }
    if axes is not None and axes not in fits:
        raise ConfigError(
            f"output {name!r} has shape {long[name].shape} for {T} frames: its axes are "
            f"{' or '.join(fits)}, not {axes}: axes swapped",
            options=["axes"],
        )
    key = axes or next(iter(fits))
    order, columns = fits[key]
    answered = long[name].shape[order[1]] if about.chunk else 0
    return replace(about, output=name, axes=order, columns=columns, answered=answered)


def kind(file: Foreign, about: Interface, said: str | None) -> tuple[Interface, Check]:
    """Return the interface with the kind of the answer: log_probs, logits or probabilities.

    Raises:
        NonFiniteError: the answer is NaN or Inf.
        ConfigError: it is of another kind than said.
    """
    T = about.frames or _SHORT[about.layout]
    found = file.answers(about, noise(about, T, 1), T)
    assert found is not None
    scores = found[about.output].transpose(about.axes)[0].astype(np.float64)
    if not np.isfinite(scores).all():
        raise NonFiniteError(f"{file.source} answers NaN or Inf to noise between -1 and 1")
    sums, total = scores.sum(-1), np.exp(np.minimum(scores, 700.0)).sum(-1)
    if scores.min() >= 0.0 and np.abs(sums - 1.0).max() < 1e-2:
        seen, text = "probabilities", "rows sum to one: probabilities; their log was added"
    elif scores.max() <= 1e-3 and np.abs(total - 1.0).max() < 1e-2:
        seen, text = "log_probs", "exp of rows sums to one: log_probs"
    else:
        seen = "logits"
        text = f"exp of a row sums to {float(total.max()):.3g}: logits; log_softmax was added"
    if said is not None and said != seen:
        raise ConfigError(
            f"the answer is said to be {said}, and it is {seen}: rows sum to "
            f"{float(sums.mean()):.3g}, exp of rows to {float(total.mean()):.3g}",
            options=["answers"],
        )
    return replace(about, kind=seen), Check("answers", "pass", text)


def length_map(
    file: Foreign, about: Interface, longest: int, said: int | None
) -> tuple[int, int, Check]:
    """Return stride and window, found by shorter inputs, and confirmed at longer ones.

    Raises:
        ConfigError: none fits, or the one that is said does not.
    """
    most = about.frames or min(longest, 4 * _SHORT[about.layout])

    def frames(length: int) -> int:
        found = file.answers(about, noise(about, length), length) if length >= 1 else None
        return 0 if found is None else found[about.output].shape[about.axes[1]]

    if about.chunk:
        stride, window, how = about.stride, about.look_ahead + about.stride, "of one step"
    elif about.frames is None:
        stride, window = maps.find(frames, min(most, _SHORT[about.layout]))
        wrong = [
            f"{n} -> {k}"
            for n in sorted({most - 1, 3 * most // 4})
            if (k := frames(n)) != output_length(n, stride, window)
        ]
        if wrong:
            raise ConfigError(
                f"stride {stride} and window {window} fit short inputs, but (input -> output "
                f"frames) {', '.join(wrong)}"
            )
        how = "by shorter and longer inputs"
    else:
        stride, window, how = _of_one_width(frames(about.frames), about.frames)
    if said is not None and said != stride:
        raise ConfigError(
            f"a stride of {said} was said; the file answers {frames(most)} frames to {most}, as a "
            f"stride of {stride} and a window of {window} make ({how})",
            options=["stride"],
        )
    return stride, window, Check("length map", "pass", f"stride {stride}, window {window}, {how}")


def _of_one_width(answered: int, frames: int) -> tuple[int, int, str]:
    stride = max(1, round(frames / max(1, answered)))
    window = frames - (answered - 1) * stride
    return stride, min(window, stride), "from the one width that it takes"


def listens(file: Foreign, about: Interface, frames: int) -> tuple[str, Check, Check]:
    """Return how recordings are to be padded, and what was seen of frames and padding.

    Raises:
        ConfigError: other frames change no answer, or the same give another one.
    """
    T = about.frames or min(frames, _SHORT[about.layout])
    T += 2 * about.chunk  # three steps
    row, half = noise(about, T), T // 2
    first = _answered(file, about, row, T)
    if not np.array_equal(first, _answered(file, about, row, T)):
        raise ConfigError(f"{file.source} answers the same input otherwise a second time")
    other = float(np.abs(first - _answered(file, about, noise(about, T, 7), T)).max())
    if not other > _UNHEARD:
        raise ConfigError(f"{file.source} is deaf: another input changes no answer")
    heard = Check("frames", "pass", f"another input changes the answer by {other:.2g} nats")
    if about.chunk:
        text = "the last step of a recording is filled with zeros"
        return "zeros", heard, Check("padding", "not_run", text)
    zeros, junk = row.copy(), row.copy()
    zeros[half:, : about.own] = 0.0  # what stands in every frame stays
    junk[half:, : about.own] = reference.junk(T - half, about.own)
    padded, filled = (_answered(file, about, x, half) for x in (zeros, junk))
    leak = float(np.abs(padded - filled)[: max(1, len(padded) // 2 - 1)].max())
    text = f"other values after the length change valid frames by {leak:.2g} nats"
    if leak <= _ALIKE and about.second:
        return "masked", heard, Check("padding", "pass", text)
    if about.frames is None:
        text += "; recordings are run without padding"
    return "zeros", heard, Check("padding", "not_run", text)


def _answered(file: Foreign, about: Interface, features: Array, length: int) -> Array:
    found = file.log_probs(about, features, length)
    if found is None:
        raise ConfigError(f"{file.source} refuses {len(features)} frames: {file.raised}")
    if not np.isfinite(found).all():
        raise NonFiniteError(f"{file.source} answers NaN or Inf to {len(features)} frames")
    return found


def blank(
    file: Foreign,
    about: Interface,
    rows: Sequence[Labelled],
    symbols: Sequence[str],
    said: int | None,
) -> tuple[int, Check]:
    """Return the blank's column, by what is best where nothing is said.

    Raises:
        ConfigError: another column is best, and surely, in most frames; or nothing tells it.
    """
    T = about.frames or _SHORT[about.layout]
    silence, faint = noise(about, T, 2), noise(about, T, 3)
    silence[:, : about.own], faint[:, : about.own] = 0.0, 0.1 * faint[:, : about.own]
    quiet: list[Array] = [silence, faint]
    answers = [_answered(file, about, x, T) for x in quiet]
    answers += [_answered(file, about, x.features, len(x.features)) for x in rows]
    every = np.concatenate(answers)
    counts = np.bincount(every.argmax(-1), minlength=about.columns)
    top, share = int(counts.argmax()), float(counts.max() / counts.sum())
    sure = float(np.exp(every[every.argmax(-1) == top, top]).mean())
    text = f"column {top} ({symbols[top]!r}) is best in {share:.0%} of the frames, {sure:.2f} sure"
    clear = share >= _MOST and sure >= _SURE
    if said is None and not clear:
        raise ConfigError(
            f"nothing says which column is the blank, and {text}; say it with --blank",
            options=["blank"],
        )
    if said is None or said == top:
        return top, Check("blank", "pass", text)
    if clear and counts[said] < counts[top] / 4:
        raise ConfigError(
            f"the blank is said to be column {said} ({symbols[said]!r}), best in "
            f"{counts[said] / counts.sum():.0%} of the frames; {text}: the blank was moved, or "
            f"the tokens are in another order; say --blank {top} if column {top} is the blank",
            options=["blank"],
        )
    return said, Check("blank", "not_run", f"column {said} as said; {text}")


def labels(
    file: Foreign, about: Interface, rows: Sequence[Labelled], tokens: Tokens
) -> Check | None:
    """Return how well the tokens spell the labels; None without labels.

    Raises:
        ConfigError: they do not, and says whether they are shifted.
    """
    said = [row for row in rows if row.text]
    if not said:
        return None
    best = [_answered(file, about, row.features, len(row.features)).argmax(-1) for row in said]
    paths = [[i for i, _ in collapse([*map(int, path)], tokens.blank_id)] for path in best]

    def rate(shift: int) -> float:
        others = [i for i in range(len(tokens)) if i != tokens.blank_id]
        place = {column: k for k, column in enumerate(others)}
        texts = [
            "".join(tokens.symbols[others[(place[i] + shift) % len(others)]] for i in path)
            for path in paths
        ]
        return metrics.error_rate([(row.text, t) for row, t in zip(said, texts, strict=True)])

    error = rate(0)
    if error > _HALF_WRONG:
        shifts = {shift: rate(shift) for shift in (-2, -1, 1, 2)}
        shift = min(shifts, key=shifts.__getitem__)
        hint = ""
        if shifts[shift] < error / 2:
            hint = f"; shifted by {shift:+d} they spell them ({shifts[shift]:.0%}): a line is "
            hint += "missing or too many"
        raise ConfigError(
            f"the tokens do not spell the labels of the sample: {error:.0%} of their symbols are "
            f"wrong{hint}",
            options=["tokens"],
        )
    return Check("labels", "pass", f"{len(said)} labelled recordings, {error:.1%} symbols wrong")


def step(about: Interface, said: int | None) -> Interface:
    """Return the interface of a stream with the frames that a step answers for its chunk alone.

    Args:
        about: what it takes and answers, ``answered`` being all frames of a step.
        said: stride; None for that of its chunk.

    Raises:
        ConfigError: they are no stride.
    """
    answered = about.answered
    stride = said or about.chunk // max(1, answered)
    kept = about.chunk // max(1, stride)
    if not 1 <= kept <= answered or kept * stride != about.chunk:
        raise ConfigError(
            f"a step answers {answered} frames to a chunk of {about.chunk}, which is no whole "
            f"stride; say chunk (--chunk) by which it moves on, or the stride (--stride)",
            options=["chunk", "stride"],
        )
    return replace(about, answered=kept)


def remembers(file: Foreign, about: Interface) -> Check:
    """Return whether what a stream remembers changes its answer.

    Raises:
        ConfigError: none of it does.
    """
    row = noise(about, 3 * about.chunk + about.look_ahead, 5)
    found = file.streamed(about, row, len(row))
    if found is None:
        raise ConfigError(f"{file.source} refuses a second step: {file.raised}")
    last, begin = found[0][-about.answered :], 2 * about.chunk
    alone = file.streamed(about, row[begin:], len(row) - begin)
    assert alone is not None
    apart = float(np.abs(last - alone[0][-about.answered :]).max())
    size = sum(memory.zeros().nbytes for memory in about.memories)
    names = ", ".join(f"{m.name} -> {m.output}" for m in about.memories)
    if not apart > _UNHEARD:
        raise ConfigError(
            f"{file.source} takes states ({names}), and what it remembers changes no answer"
        )
    text = f"{names}: {size:,} bytes, zeros before the first frame; they change the answer by "
    return Check("states", "pass", f"{text}{apart:.2g} nats")


def inputs_matter(file: Foreign, about: Interface) -> Check | None:
    """Return which further inputs change the answer, and what they are; None without any."""
    if not about.further:
        return None
    T = (about.frames or _SHORT[about.layout]) + 2 * about.chunk
    row, other = noise(about, T), noise(about, T, 9)
    first, told, at = _answered(file, about, row, T), [], about.own
    for one in about.further:
        changed = row.copy()
        changed[:, at : at + one.width] = other[:, at : at + one.width]
        if one.count and np.array_equal(changed, row):
            changed[:, at] = (row[:, at] + 1) % one.count
        at += one.width
        if one.kind == "constant":
            told.append(f"{one.name} is always {', '.join(f'{v:g}' for v in one.values[:4])}")
            continue
        apart = float(np.abs(_answered(file, about, changed, T) - first).max())
        of = f" of {one.count}" if one.count else ""
        told.append(
            f"{one.name} ({one.kind}{of}) "
            + (f"changes the answer by {apart:.2g} nats" if apart > _UNHEARD else "CHANGES NOTHING")
        )
    return Check("further inputs", "pass", "; ".join(told))
