"""`edgectc.adopt`: an ONNX file of others to one sealed, self-describing, verified artifact."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core import registry
from edgectc.core.arguments import Count, File, FileName, Index, checked
from edgectc.core.config import to_dict
from edgectc.core.contracts import Runner
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.files import read_given
from edgectc.core.schemes import Float32
from edgectc.core.staging import claimed, temporaries
from edgectc.core.tokens import BLANK, Tokens
from edgectc.core.types import JSON, Array, Check
from edgectc.data.signals import read_arrays
from edgectc.exporting import references as references_module
from edgectc.exporting.artifact import Artifact, Job, destination, sealed, write
from edgectc.exporting.finished import FinishedTarget, Stand
from edgectc.exporting.onnx_files import alphabet, cases, meaning, questions
from edgectc.exporting.onnx_files import graph as graphs
from edgectc.exporting.onnx_files.graph import Interface
from edgectc.exporting.onnx_files.questions import Labelled
from edgectc.exporting.onnx_files.session import Beside, Foreign
from edgectc.exporting.origin import Origin
from edgectc.exporting.references import References
from edgectc.formats import one_file
from edgectc.formats.manifest import PREFIX
from edgectc.formats.records import PackedArray, State, Streaming
from edgectc.formats.reference import Case
from edgectc.runtime.recognizer import Recognizer
from edgectc.runtime.steps import spread

_LONGEST = {"NT": 320_000, "NTC": 2000, "NCT": 2000, "NCHW": 2560, "NHWC": 2560}


@checked
def adopt(
    path: File,
    *,
    tokens: FileName | None = None,
    blank: str | None = None,
    sample: File | None = None,
    out: File | None = None,
    name: str | None = None,
    separator: str = "",
    layout: str | None = None,
    height: Count | None = None,
    axes: str | None = None,
    answers: str | None = None,
    stride: Count | None = None,
    max_frames: Count | None = None,
    references: Count | str | None = None,
    answer: str | None = None,
    constants: Mapping[str, Any] | None = None,
    counts: Mapping[str, Count] | None = None,
    states: Mapping[str, str] | None = None,
    chunk: Count | None = None,
    look_ahead: Index | None = None,
    mask: str = "",
) -> Artifact:
    """Make a sealed, self-describing artifact of an ONNX file of others.

    What the file takes and answers is found out by running it, and whatever is said here and is
    not so is refused. See docs/adopt.md.

    Args:
        path: the ONNX file; it is not changed.
        tokens: file of its tokens; None takes those inside it, or of a file beside it.
        blank: symbol or column of the blank; None to find it out.
        sample: ``.npz`` of recordings: ``features`` (N, T, C), (N, T) or images (N, C, H, W),
            ``lengths`` (N,) in frames, and, if wanted, ``texts`` (N,), what they say.
        out: file or existing directory; default is ``NAME-adopted.onnx`` here.
        name: of the model; None takes that of the file.
        separator: what stands between symbols in a text.
        layout: of its input: "NT", "NTC", "NCT", "NCHW" or "NHWC"; None to find it out.
        height: of images, in pixels; None to find it out.
        axes: of its answer: "NTV", "TNV" or "NVT"; None to find it out.
        answers: "log_probs", "logits" or "probabilities"; None to find it out.
        stride: input frames per output frame; None to find it out.
        max_frames: longest recording; None for what the file or its kind suggests.
        references: most bytes of reference cases; "none"; the name of a file beside the artifact
            for them; None for 12 % of the file, at least 60 kB and at most 2 MB.
        answer: name of the output with the scores; None to find it out.
        constants: value of an input that is always the same, by its name.
        counts: of an input of integers, such as a speaker or a language, how many there are.
        states: output that follows an input, by the name of the input, where names do not tell.
        chunk: of a file that remembers, frames by which a step moves on; None where it says so.
        look_ahead: of a file that remembers, frames that a step sees after them.
        mask: "valid" or "padding", what 1 means in a mask, or "added" to scores; "" to find it out.

    Raises:
        ConfigError: something that is said is not so, or cannot be found out.
        BundleError: the file keeps values in another file.
        NonFiniteError: it answers NaN or Inf.
        ParityError: the artifact does not answer as the file does.
    """
    said = Said(
        tokens, blank, name, separator, layout, height, axes, answers, stride, max_frames,
        references, answer or "", constants or {}, counts or {}, states or {},
        chunk, look_ahead, mask,
    )  # fmt: skip
    origin, target = found(Path(path), sample, said)
    final = destination(out, f"{origin.name}-adopted.onnx")
    job = Job(origin, "onnx", target, Float32(), final)
    with claimed(final), temporaries():
        return write(job, sealed(job, target.graph))


@dataclass(frozen=True)
class Said:
    """What is said of a file, the arguments of `adopt` by their names; the rest is found out."""

    tokens: str | None = None
    blank: str | None = None
    name: str | None = None
    separator: str = ""
    layout: str | None = None
    height: int | None = None
    axes: str | None = None
    answers: str | None = None
    stride: int | None = None
    max_frames: int | None = None
    references: int | str | None = None
    answer: str = ""
    constants: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    chunk: int | None = None
    look_ahead: int | None = None
    mask: str = ""

    def __post_init__(self) -> None:
        _check_options(self.layout, self.axes, self.answers)
        if self.mask and self.mask not in meaning.SAID:
            raise ConfigError(
                f"mask is {self.mask!r}, expected one of {list(meaning.SAID)}", options=["mask"]
            )


def found(source: Path, sample: File | None, said: Said) -> tuple[Origin, FinishedTarget]:
    """Return an ONNX file of others as an origin, and the target that holds its graph.

    Args:
        source: the file.
        sample: as of `adopt`.
        said: of it.

    Raises:
        EdgectcError: as `adopt` does.
    """
    data = read_given(source, "ONNX file", options=["path"])
    if PREFIX[:20] in data:
        raise ConfigError(f"{source} is an artifact of edgectc already; verify or decode with it")
    one_file.check(data, "onnx", str(source))
    file = Foreign(data, str(source))
    written = alphabet.found(source, file.metadata, said.tokens, said.blank)
    beside = Beside(said.constants, said.counts, said.states, said.chunk, said.look_ahead)
    about = file.inputs(said.layout, said.height, beside)
    about = questions.answer(file, about, said.axes, len(written.symbols), said.answer)
    about = questions.step(about, said.stride) if about.chunk else about
    about, meant = meaning.found(file, about, said.mask)
    about, kind = questions.kind(file, about, said.answers)
    symbols, column, added = alphabet.fitted(written, about.columns)
    rows = [] if sample is None else _recordings(sample, about)
    column, blanks = questions.blank(file, about, rows, symbols, column)
    table = _table(symbols, column, said.separator)
    longest = about.fixed or said.max_frames or _LONGEST[about.layout]
    step, first, mapped = questions.length_map(file, about, longest, said.stride)
    padding, heard, padded = questions.listens(file, about, longest)
    spelled = questions.labels(file, about, rows, table)
    further = questions.inputs_matter(file, about)
    remembered = questions.remembers(file, about) if about.chunk else None
    held = References(cases.budget(len(data)))
    if said.references is not None:
        held = references_module.said(said.references, len(data))
    most = held.most_bytes or cases.budget(len(data))
    made, budgeted = cases.made(
        file, about, rows, table, longest=longest, length_map=(step, first), most_bytes=most
    )
    tokens = Check("tokens", "pass", f"{len(table)} from {written.source}; {added}")
    inputs = Check("inputs", "pass", _described(file, about))
    checks = [
        inputs,
        meant,
        further,
        remembered,
        kind,
        tokens,
        blanks,
        mapped,
        heard,
        padded,
        spelled,
    ]
    facts = _Facts(about, table, (step, first), longest, padding)
    digest = hashlib.sha256(data).hexdigest()
    origin = _origin(file, facts, made, digest, said.name or _name(source))
    told = tuple(check for check in checks if check is not None)
    if held.most_bytes:  # all that was made fits already
        origin = replace(origin, checks=(*told, budgeted))
    else:
        origin = replace(origin, checks=told, references=held)
    graph = graphs.wrapped(_parsed(data), about, shortest=max(1, first))
    return origin, FinishedTarget(graph, about, _opset(data))


@dataclass(frozen=True)
class _Facts:
    """What was found out of a file."""

    about: Interface
    tokens: Tokens
    length_map: tuple[int, int]
    longest: int
    padding: str


class _FileRunner(Runner):
    """Answers with the file itself."""

    name = "onnx"

    def __init__(self, file: Foreign, about: Interface) -> None:
        self._file, self._about = file, about

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (1, T', V)."""
        features, length = inputs["features"][0], int(inputs["length"][0])
        rows = features if self._about.fixed else features[:length]
        found = self._file.log_probs(self._about, rows, length)
        if found is None:
            raise InputError(f"the file refused: {self._file.raised}", reason="bad_shape")
        return found[None].astype(np.float32)


def _origin(file: Foreign, facts: _Facts, made: Any, digest: str, name: str) -> Origin:
    about, tokens = facts.about, facts.tokens
    columns = about.inputs()
    image = (about.channels, about.height) if about.layout in ("NCHW", "NHWC") else ()
    spec: dict[str, JSON] = {
        "type": "features",
        "max_frames": facts.longest,
        "channels": about.width,
        "tokens": list(tokens.symbols),
        "blank_id": tokens.blank_id,
        "separator": tokens.separator,
        "padding": facts.padding,
        **({"image": list(image)} if image and not columns else {}),
        **({"inputs": [to_dict(one) for one in columns]} if columns else {}),
    }
    frontend = registry.create("frontends", spec)
    stand: Any = Stand(frontend, facts.length_map)
    stride, window = facts.length_map
    decoder = registry.complete("decoders", {"type": "greedy"})
    recognizer = Recognizer(
        name=name,
        frontend=frontend,
        runner=_FileRunner(file, about),
        stride=stride,
        window=window,
        layouts=(),
        decoder=decoder,
        lexicon=None,
        kind=str(spec["type"]),
    )
    return Origin(
        name=name,
        family="adopted",
        model=stand,
        recognizer=recognizer,
        frontend=spec,
        tokens=tokens,
        cases=made,
        decoder=decoder,
        weights_sha256=digest,
        any_length=about.frames is None,
        streaming=_streaming(file, about, made) if about.chunk else None,
    )


def _streaming(file: Foreign, about: Interface, made: Sequence[Case]) -> Streaming:
    """Return how a file that remembers is run, and what it remembers of the longest case."""
    longest = max(made, key=lambda case: case.length)
    steps = max(0, (longest.length - about.look_ahead) // about.chunk)
    found = file.streamed(about, longest.trace, longest.length, steps)
    assert found is not None
    named = zip(about.memories, graphs.moved(about).memories, strict=True)
    states = tuple(
        State(
            ours.name, ours.output, ours.dtype, ours.shape,
            PackedArray.of(spread(found[1][own.name])),
        )
        for own, ours in named
    )  # fmt: skip
    return Streaming(about.chunk, about.look_ahead, states, longest.name, steps * about.chunk)


def _check_options(
    layout: str | None,
    axes: str | None,
    answers: str | None,
) -> None:
    allowed = {
        "layout": (layout, graphs.LAYOUTS),
        "axes": (axes, tuple(questions.AXES)),
        "answers": (answers, questions.KINDS),
    }
    for option, (value, choices) in allowed.items():
        if value is not None and value not in choices:
            raise ConfigError(f"{option} is {value!r}, expected one of {choices}", options=[option])


def _table(symbols: Sequence[str], column: int, separator: str) -> Tokens:
    named = [BLANK if i == column else symbol for i, symbol in enumerate(symbols)]
    return Tokens(tuple(named), column, separator=separator)


def _recordings(path: File, about: Interface) -> list[Labelled]:
    """Return the recordings of a sample as frames."""
    arrays = read_arrays(Path(path))
    features = arrays.get("features")
    if features is None or features.ndim not in (2, 3, 4):
        raise InputError(
            f"{path} holds {sorted(arrays)}, expected features of 2, 3 or 4 axes", reason="bad_file"
        )
    if features.ndim == 2:
        features = features[:, :, None]
    if features.ndim == 4:
        features = features.transpose(0, 3, 1, 2).reshape(len(features), features.shape[3], -1)
    if features.shape[2] != about.own:
        raise InputError(
            f"the sample has {features.shape[2]} values a frame, the file takes {about.own}",
            reason="bad_shape",
        )
    features = np.concatenate([features, *_further(path, arrays, about, features)], axis=2)
    lengths = arrays.get("lengths", np.full(len(features), features.shape[1]))
    texts = [str(t) for t in arrays["texts"]] if "texts" in arrays else [""] * len(features)
    if not (len(lengths) == len(texts) == len(features)):
        raise InputError(f"{path}: features, lengths and texts differ in number", reason="bad_file")
    cut = [x[: int(n)].astype(np.float32) for x, n in zip(features, lengths, strict=True)]
    return [Labelled(x, t) for x, t in zip(cut, texts, strict=True)]


def _further(
    path: File, arrays: Mapping[str, Array], about: Interface, features: Array
) -> list[Array]:
    """Return (N, T, width) columns of each further input of a sample."""
    found, (N, T) = [], features.shape[:2]
    for one in about.further:
        if not one.width:
            continue
        held = np.asarray(arrays.get(one.name, np.zeros(0)))
        moves = one.kind in ("frames", "ids")
        if held.size != N * one.width * (T if moves else 1) or len(held) != N:
            raise InputError(
                f"{path} holds {one.name!r} of shape {list(held.shape)}, expected {N} recordings "
                f"of {one.width} values{' a frame' if moves else ''}",
                reason="bad_shape",
            )
        rows = held.reshape(N, T if moves else 1, one.width)
        if one.count and not ((rows >= 0) & (rows < one.count)).all():
            raise InputError(
                f"{path}: {one.name} goes to {rows.max()}, and there are {one.count} of it",
                reason="bad_index",
            )
        found.append(np.broadcast_to(rows, (N, T, one.width)).astype(np.float32))
    return found


def _described(file: Foreign, about: Interface) -> str:
    size = f"{about.channels} channels" + (f" of height {about.height}" if about.height > 1 else "")
    frames = f"{about.frames} frames" if about.frames else "any number of frames"
    if about.chunk:
        frames = f"chunks of {about.chunk} frames and {about.look_ahead} after them"
    second = f", {about.second!r} tells {about.second_meaning}" if about.second else ""
    taken = f"{about.name!r} is {about.layout}, {size}, {frames}{second}"
    states = {memory.output for memory in about.memories}
    dropped = [o.name for o in file.session.get_outputs() if o.name not in {about.output, *states}]
    others = f", and not {', '.join(dropped)} (dropped)" if dropped else ""
    return f"{taken}; {about.output!r} is the answer{others}"


def _name(path: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "model"


def _parsed(data: bytes) -> Any:
    import onnx

    return onnx.load_from_string(data)


def _opset(data: bytes) -> int:
    return next((e.version for e in _parsed(data).opset_import if e.domain in ("", "ai.onnx")), 1)
