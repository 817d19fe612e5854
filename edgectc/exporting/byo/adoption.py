"""Any torch.nn.Module of features and lengths to a model that can be exported."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgectc.core import registry, vocabularies
from edgectc.core.config import from_dict, to_dict
from edgectc.core.errors import BundleMismatchError, ConfigError, InputError
from edgectc.core.tokens import BLANK, Tokens, output_length
from edgectc.core.types import JSON, Check, Recording
from edgectc.data.columns import Input
from edgectc.data.frontends.features import PADDINGS
from edgectc.exporting import references, words
from edgectc.exporting.byo import deciding, probes, signature
from edgectc.exporting.byo import inputs as several
from edgectc.exporting.byo.adapter import AXES, Adapter
from edgectc.exporting.byo.answers import copied, plain, unwrapped
from edgectc.exporting.byo.original import Original
from edgectc.exporting.references import References
from edgectc.exporting.words import Named
from edgectc.formats import reference
from edgectc.formats.manifest import Manifest
from edgectc.formats.reference import Case
from edgectc.networks.model import check_finite

_RECORDINGS = 3  # of the sample that become reference cases


@dataclass(frozen=True)
class About:
    """What a network cannot say about itself.

    Attributes:
        tokens: symbol of each output column.
        blank_id: column of the CTC blank; None if one token is ``<blank>``.
        name: of the model, ``[a-z0-9][a-z0-9-]*``; "" for that of its class.
        separator: what stands between symbols in a text, e.g. " " for phonemes.
        axes: of the answer, "NTV" (batch, frames, tokens), "TNV" or "NVT".
        padding: "masked": what lies after ``length`` must not change a valid frame. "zeros": the
            network is padding-sensitive, and every recording is padded with zeros.
        stride: input frames per output frame; None to find it out.
        window: input frames that the first output frame needs; None to find it out.
        lengths: name of the argument that tells the length or holds the mask; "" to go by names.
        mask: "valid" or "padding" if it is a mask and what 1 means in it, "added" if it is added
            to attention scores; "" to find it out.
        decoder: preset ``{"type": NAME, options}``; {} for greedy, for beam where words are named,
            or for spoken where pronunciations are.
        lexicon: file of words that it decodes with, found by its hash beside the artifact; "" for
            none. So are pronunciations, of a network that answers in phonemes, and language_model.
        check_blank: whether to refuse a network whose surest token is not the blank.
        counts: how many there are of each input of ids or indices; {} for those of the sample.
        answer: name or place of the scores among the answers; "" for the first.
        to_float32: whether weights of other float types are converted.
        sample_rate: samples a second of a waveform, which is then floats of -1 to 1; 0 if unknown.
        chunk: frames by which a stream goes on, see docs/streaming.md; 0 for whole recordings.
        look_ahead: frames after the chunk that a step sees too; None for what the window needs.
        states: argument to its shape, or its tensor before the first frame; empty to find them.
        state_outputs: names of the states in the order in which they come back; () if that is the
            order in which they go in.
        step: name of the method that answers a chunk; "" for ``forward``.
        references: most bytes of reference cases inside the file; "none"; the name of a file beside
            it for them; None for the weights' size, at least 60 kB and at most 2 MB.
    """

    tokens: tuple[str, ...]
    blank_id: int | None = None
    name: str = ""
    separator: str = ""
    axes: str = "NTV"
    padding: str = "masked"
    stride: int | None = None
    window: int | None = None
    lengths: str = ""
    mask: str = ""
    decoder: Mapping[str, Any] = field(default_factory=dict)
    lexicon: str = ""
    pronunciations: str = ""
    language_model: str = ""
    check_blank: bool = True
    counts: Mapping[str, int] = field(default_factory=dict)
    answer: str = ""
    to_float32: bool = False
    sample_rate: int = 0
    chunk: int = 0
    look_ahead: int | None = None
    states: Mapping[str, Any] = field(default_factory=dict)
    state_outputs: tuple[str, ...] = ()
    step: str = ""
    references: int | str | None = None

    def __post_init__(self) -> None:
        if self.axes not in AXES:
            raise ConfigError(f"axes is {self.axes!r}, expected one of {list(AXES)}")
        if self.padding not in PADDINGS:
            raise ConfigError(f"padding is {self.padding!r}, expected one of {list(PADDINGS)}")
        if self.mask not in signature.MASKS_SAID:
            raise ConfigError(
                f"mask is {self.mask!r}, expected one of {list(signature.MASKS_SAID[1:])}"
            )
        if self.stride is not None and self.stride < 1:
            raise ConfigError(f"stride is {self.stride}, expected 1 or more")
        if self.chunk < 0 or (self.look_ahead or 0) < 0:
            raise ConfigError(
                f"chunk is {self.chunk} and look_ahead {self.look_ahead}, expected 0 or more"
            )
        if not self.chunk and (self.states or self.step or self.look_ahead is not None):
            raise ConfigError("states, step and look_ahead go with chunk=FRAMES", options=["chunk"])
        if (self.stride is None) != (self.window is None):
            raise ConfigError("name stride and window together, or neither")

    def table(self) -> Tokens:
        """Return the tokens, the blank's symbol being ``<blank>``.

        Raises:
            ConfigError: no blank is named, or the tokens are no table.
        """
        symbols = list(self.tokens)
        blank = self.blank_id
        if blank is None:
            if BLANK not in symbols:
                raise ConfigError(f"no token is {BLANK}; name the blank's column with blank_id")
            blank = symbols.index(BLANK)
        if 0 <= blank < len(symbols):
            symbols[blank] = BLANK
        return Tokens(tuple(symbols), blank, separator=self.separator)


@dataclass(frozen=True)
class Adopted:
    """A network that can be exported, and what was seen on the way.

    Attributes:
        model: the network behind our contract, a copy in evaluation mode.
        name: of the model.
        tokens: meaning of its columns.
        cases: its answers to the sample and to parts of it.
        words: decoder preset, lexicon, pronunciations and language model.
        checks: what was looked at.
        suspects: what may be the cause if a converter fails.
    """

    model: Adapter
    name: str
    tokens: Tokens
    cases: list[Case]
    words: Named
    checks: tuple[Check, ...]
    suspects: str


def adopt(
    network: nn.Module,
    sample: object,
    about: About,
    *,
    width: Callable[[int, int, int, int], int] | None = None,
    inputs: Sequence[Input] = (),
) -> Adopted:
    """Return a network ready for export.

    Args:
        network: maps features (N, T, C) or (N, T) float32 and lengths (N,) to logits or log_probs,
            alone, first in a tuple, or as ``.logits``; or takes a mask (N, T) in place of lengths.
            It is copied, never changed.
        sample: pair of features and lengths; T is the longest input that the artifact takes, and
            the recordings become its reference cases.
        about: what the network cannot say.
        width: of the target, see `edgectc.core.contracts.Target.width`; None for the longest.
        inputs: of a network of several, what the columns of its features are.

    Raises:
        ConfigError: the network cannot be exported as it is; the message says why and what to do.
        InputError: the sample cannot be used.
        NonFiniteError: a weight or an answer is NaN or Inf.
    """
    tokens = about.table()
    features, lengths = _sample(sample)
    waveform = _waveform(about, features)
    check_finite(network)
    trained = network.training
    network = copied(network).eval().requires_grad_(False)
    ways = signature.callings(network, features, lengths, told_by=about.lengths, mask=about.mask)
    with torch.no_grad():
        probe = probes.Probe(network, ways, features, tokens)
        stride, window = _probed(probe, about, inputs)
    if trained:
        text = "the module was in training mode; a copy in evaluation mode was exported"
        probe.checks.append(Check("mode", "pass", text))
    model = Adapter(plain(network), probe.calling).eval()
    spec = _spec(about, probe.calling.wave, features, tokens, inputs) | waveform
    model.frontend = registry.create("frontends", spec)
    model.stride, model.window = stride, window
    return Adopted(
        model=model,
        name=about.name or _name(network),
        tokens=tokens,
        cases=_answered(
            model,
            probe.original,
            tokens,
            features,
            lengths,
            width,
            references.said(about.references, weights_bytes(network)),
        ),
        words=words.named(
            dict(about.decoder),
            tokens,
            lexicon=about.lexicon,
            pronunciations=about.pronunciations,
            language_model=about.language_model,
        ),
        checks=tuple(probe.checks),
        suspects=probe.seen.suspects(),
    )


def _probed(probe: probes.Probe, about: About, inputs: Sequence[Input]) -> tuple[int, int]:
    """Ask a network every question, in their order; return its stride and window.

    Raises:
        ConfigError: the network cannot be exported as it is.
    """
    probe.watch()
    probe.shape(about.axes)
    probe.forgets()
    optional = signature.is_optional(probe.network, probe.ways[0].second)
    probe.heard(optional=optional)
    deciding.check(probe.network, probe.calling, probe.full)
    probe.numbers()
    probe.read_sizes()
    stride, window = probe.length_map(about.stride, about.window)
    probe.padding(stride, window, masked=about.padding == "masked")
    probe.listens(stride, window)
    probe.checks += deciding.rounding(probe.network, probe.calling, probe.full)
    if inputs:
        ask = partial(probe.original.ask, lengths=torch.tensor([probe.T]))
        probe.checks.append(several.matter(inputs, probe.full, ask))
    probe.outputs()
    probe.blank(about.check_blank)
    return stride, window


def _spec(
    about: About, wave: bool, features: Tensor, tokens: Tokens, inputs: Sequence[Input]
) -> dict[str, JSON]:
    """Return what makes the frontend of a network."""
    return {
        "type": "features",
        "max_frames": features.shape[1],
        "channels": 1 if wave else features.shape[2],
        "tokens": list(tokens.symbols),
        "blank_id": tokens.blank_id,
        "separator": about.separator,
        "padding": about.padding,
        **({"inputs": [to_dict(one) for one in inputs]} if inputs else {}),
    }


def _waveform(about: About, features: Tensor) -> dict[str, JSON]:
    """Return what a frontend is told of a waveform.

    Raises:
        ConfigError: there is none, or it is not of -1 to 1.
    """
    if not about.sample_rate:
        return {}
    most = float(features.abs().max())
    if features.dim() != 2 or most > 1.0:
        what = (
            "features of the shape (N, T, C)" if features.dim() != 2 else f"values up to {most:g}"
        )
        raise ConfigError(
            f"sample_rate is that of waveforms (N, T) with floats of -1 to 1, and the sample holds "
            f"{what}; divide int16 by 32768, or leave sample_rate out",
            options=["sample_rate"],
        )
    return {"sample_rate": about.sample_rate}


def again(network: nn.Module, manifest: Manifest) -> Adapter:
    """Return a network behind the contract of an artifact that was made from it.

    Args:
        network: as given to `adopt`.
        manifest: of the artifact; its recordings are the sample.

    Raises:
        ConfigError: the network cannot be called as the artifact says.
        BundleError: the artifact was made from something else.
    """
    if manifest.frontend["type"] != "features":
        raise BundleMismatchError(
            f"{manifest.name} was made from a bundle, not from a network of one's own"
        )
    options, network = manifest.frontend, unwrapped(network)
    inputs = tuple(from_dict(Input, {**one}) for one in options.get("inputs", ()))
    if inputs:
        network = several.wrapped(network, inputs, {})
    found = reference.from_json(manifest.reference)
    cases = [case for case in found if case.name.startswith(references.SAMPLE)]
    if not cases:
        raise BundleMismatchError(f"{manifest.name} holds no recordings to call a network with")
    longest = int(options["max_frames"])
    features = torch.from_numpy(np.stack([case.padded(longest) for case in cases]))
    lengths = torch.tensor([case.length for case in cases])
    said = About(
        tokens=manifest.tokens,
        blank_id=manifest.blank_id,
        padding=str(options["padding"]),
        stride=manifest.output.stride,
        window=manifest.output.window,
        check_blank=False,
    )
    waves = [features[:, :, 0]] if features.shape[2] == 1 else []
    first: Exception | None = None
    for sample in (features, *waves):
        for axes in AXES:
            try:
                said = replace(said, axes=axes)
                return adopt(network, (sample, lengths), said, inputs=inputs).model
            except Exception as error:  # the network was called in a way that it does not take
                first = first or error
    raise ConfigError(
        f"{type(network).__name__} does not answer as {manifest.name} does: {first}"
    ) from first


def _sample(sample: object) -> tuple[Tensor, Tensor]:
    try:
        pair: Any = sample
        features, lengths = (torch.as_tensor(part) for part in pair)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"sample is {type(sample).__name__}, expected a pair of features and lengths: {error}",
            reason="bad_shape",
        ) from None
    if not features.is_floating_point() or features.dim() not in (2, 3):
        raise InputError(
            f"sample features are {features.dtype} of shape {tuple(features.shape)}, expected "
            "floats (N, T, C), or (N, T) for waveforms",
            reason="bad_shape",
        )
    N, T = features.shape[:2]
    if lengths.is_floating_point() or tuple(lengths.shape) != (N,):
        raise InputError(
            f"sample lengths are {lengths.dtype} of shape {tuple(lengths.shape)}, expected ({N},) "
            "integers, one for each recording",
            reason="bad_shape",
        )
    if N < 1 or not ((lengths >= 1) & (lengths <= T)).all():
        raise InputError(
            f"sample lengths are {lengths.tolist()}, expected 1..{T} each: the features have {T} "
            "frames",
            reason="bad_shape",
        )
    if not torch.isfinite(features).all():
        raise InputError("the sample features hold NaN or Inf", reason="not_finite")
    features = features.detach().float().cpu()
    keep = torch.arange(T)[None] < lengths[:, None]
    return features * (keep if features.dim() == 2 else keep[:, :, None]), lengths.cpu()


def _name(network: nn.Module) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(network).__name__).lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-") or "model"


def _answered(
    model: Adapter,
    original: Original,
    tokens: Tokens,
    features: Tensor,
    lengths: Tensor,
    width: Callable[[int, int, int, int], int] | None,
    held: References,
) -> list[Case]:
    """Return reference cases with the answers of the user's own network, as the file is run.

    Of recordings that are too large for the budget their beginnings are cases too.
    """
    longest = torch.argsort(lengths, descending=True)[:_RECORDINGS].tolist()
    rows = [(i, features[i, : int(lengths[i])].numpy()) for i in sorted(longest)]
    recordings = [Recording(row, name=f"{references.SAMPLE}{i}") for i, row in rows]
    for i, row in rows if held.most_bytes else ():
        fits = references.longest_within(
            len(row), partial(_cost, model, features), held.most_bytes / (_RECORDINGS + 1)
        )
        if 0 < fits < len(row):
            name = f"{references.SAMPLE}{i}-first-{fits}"
            recordings.append(Recording(row[:fits], name=name))
    cases = reference.generate(model.frontend, recordings, layouts={}, window=model.window)
    greedy = registry.create("decoders", {"type": "greedy"}, tokens=tokens, lexicon=None)
    T, found = features.shape[1], []
    for case in cases:
        frames = T if width is None else width(case.length, T, model.window, model.stride)
        found.append(_answer(model, original, case, frames, greedy))
    return found


def _cost(model: Adapter, features: Tensor, length: int) -> float:
    """Return the bytes of a case of so many frames inside a manifest."""
    channels = features.shape[2] if features.dim() == 3 else 1
    out = np.zeros((model.output_length(length), len(model.frontend.options.tokens)), np.float32)
    return references.cost(Case("", "", np.zeros((0, channels), np.float32), length, out))


def weights_bytes(network: nn.Module) -> int:
    """Return the size of all weights and buffers of a network."""
    return sum(t.numel() * t.element_size() for t in network.state_dict().values())


def _answer(model: Adapter, original: Original, case: Case, width: int, greedy: Any) -> Case:
    frames = output_length(case.length, model.stride, model.window)
    row = torch.from_numpy(case.trace[None, :width].copy())
    answers = original.padded(row, case.length)
    if answers is None or len(answers) < frames:
        answers = original.alone(row, case.length)
    if frames and (answers is None or len(answers) < frames):
        raise ConfigError(
            f"the network answers {0 if answers is None else len(answers)} frames for "
            f"{case.length} input frames, padded to {width} or alone; a stride of {model.stride} "
            f"and a window of {model.window} make {frames}"
        )
    columns = len(model.frontend.options.tokens)
    out = np.zeros((0, columns), np.float32) if answers is None else answers[:frames].numpy()
    probes.check_answer(out, f"for {case.length} valid frames")
    text = greedy(out.astype(np.float64), nbest=1).best.text if len(out) else ""
    return replace(reference.answered(case, out, text, ""), points=case.points)


def tokens_of(
    symbols: Sequence[str], blank: str | None = None
) -> tuple[tuple[str, ...], int | None]:
    """Return the tokens of a file and the blank's column, None if one of them is ``<blank>``.

    Args:
        symbols: as the file has them.
        blank: the blank's symbol or column, the one after the last adds it; None to find it.

    Raises:
        ConfigError: no such token.
    """
    named = next((name for name in vocabularies.SURELY if name in symbols), None)
    if blank is None and named in (None, BLANK):
        return tuple(symbols), None
    column = vocabularies.column_of([*symbols], blank or named, "the token file")
    return (*symbols, *([BLANK] if column == len(symbols) else [])), column
