"""The source of an export: a network, read once, and all that its manifest says of it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from torch import nn

from edgectc.core import registry
from edgectc.core.config import from_dict, to_dict
from edgectc.core.contracts import Runner
from edgectc.core.errors import ConfigError, ParityError
from edgectc.core.schemes import Float32
from edgectc.core.tokens import Tokens
from edgectc.core.types import JSON, Check
from edgectc.data.columns import Input
from edgectc.evaluation import verification
from edgectc.exporting import references
from edgectc.exporting.byo import adoption, answers, streams
from edgectc.exporting.byo import inputs as several
from edgectc.exporting.byo.adapter import Adapter
from edgectc.exporting.byo.caches import Step
from edgectc.exporting.references import References
from edgectc.formats import bundle as bundles
from edgectc.formats import reference
from edgectc.formats.bundle import Bundle
from edgectc.formats.layouts import Layout
from edgectc.formats.records import NamedFile, Streaming
from edgectc.formats.reference import Case
from edgectc.language.lexicon import Lexicon
from edgectc.networks import model as models
from edgectc.networks.chunked import ChunkedModel
from edgectc.networks.model import CtcModel
from edgectc.runtime import loading
from edgectc.runtime.recognizer import Recognizer

Network: TypeAlias = CtcModel | Adapter | Step | ChunkedModel


@dataclass(frozen=True)
class Origin:
    """What is exported: a network and all that its manifest says of it.

    Attributes:
        name: of the model.
        family: its kind: the encoder's name, or of a network made elsewhere its class.
        model: the network, folded, in evaluation mode, with ``frontend``, ``stride``, ``window``.
        recognizer: answers with that very network, in PyTorch, one thread; it holds no words.
        frontend: its spec.
        tokens: of the default layout.
        cases: what the network has to answer.
        decoder: preset.
        weights_sha256: of the weights.
        layouts: as in the bundle.
        lexicon: as in the bundle.
        language_model: as in the bundle.
        pronunciations: how the words are said, of a network that answers in phonemes.
        words: the lexicon, None where there is none.
        bundle: it came from; None for a network that was made elsewhere.
        checks: what was looked at before the export.
        suspects: what may be the cause if a converter fails.
        streaming: of a network that goes chunk by chunk; ``model`` is one step then.
        any_length: whether the graph takes recordings of any number of frames, without padding.
        beside: folder of the language model of a network that was made elsewhere.
        references: how many of the cases an artifact carries; None for all.
    """

    name: str
    family: str
    model: Network
    recognizer: Recognizer
    frontend: Mapping[str, JSON]
    tokens: Tokens
    cases: list[Case]
    decoder: Mapping[str, JSON]
    weights_sha256: str
    layouts: tuple[Layout, ...] = ()
    lexicon: NamedFile | None = None
    language_model: NamedFile | None = None
    pronunciations: NamedFile | None = None
    words: Lexicon | None = None
    bundle: Bundle | None = None
    checks: tuple[Check, ...] = ()
    suspects: str = ""
    streaming: Streaming | None = None
    any_length: bool = False
    references: References | None = None
    beside: Path = Path()

    def __repr__(self) -> str:
        return f"Origin({self.name!r}, {self.family}, {len(self.cases)} cases)"


def of_bundle(path: str | os.PathLike[str] | None) -> Origin:
    """Return a bundle's network and what its manifest will say; None is the shipped model.

    All files are read before the network is built, so that a missing one costs nothing.

    Raises:
        BundleError: there is no bundle, or it is damaged.
        BundleFileMissingError: the lexicon is neither in the bundle nor in one that is shipped.
        ParityError: the weights do not answer the bundle's own reference.
    """
    bundle = bundles.read(bundles.locate(path))
    index, layouts = bundle.index, bundle.layouts
    cases = reference.from_safetensors(bundle.file("reference.safetensors"))
    words = loading.find_words(index.lexicon, bundle.path)
    model = models.load(bundle)
    runner: Runner = registry.create("runners", {"type": "eager"}, source=model)
    recognizer = loading.from_bundle(bundle, runner=runner, frontend=model.frontend)
    _check_original(recognizer, cases, bundle)
    separator = model.frontend.tokens(next(iter(layouts), None)).separator
    return Origin(
        name=index.name,
        family=str(index.model["encoder"]["type"]),
        model=model,
        recognizer=recognizer,
        frontend=index.model["frontend"],
        tokens=dataclasses.replace(bundle.tokens(), separator=separator),
        cases=cases,
        decoder=index.decoder,
        weights_sha256=index.files["weights.safetensors"],
        layouts=index.layouts,
        lexicon=index.lexicon,
        language_model=index.language_model,
        words=words,
        bundle=bundle,
    )


def streamed(origin: Origin, chunk: int) -> Origin:
    """Return a bundle's network as one step of a stream, proven against the network run whole.

    Args:
        origin: of a bundle.
        chunk: frames by which the stream moves on.

    Raises:
        ConfigError: it cannot stream, or not in such chunks.
    """
    assert isinstance(origin.model, CtcModel)
    step = ChunkedModel(origin.model, chunk).eval()
    streams.check_chunk(chunk, step.look_ahead, step.stride, step.window)
    longest = max(case.length for case in origin.cases)
    if longest < 2 * chunk + step.look_ahead:
        most = (longest - step.look_ahead) // 2 // step.stride * step.stride
        raise ConfigError(
            f"chunk is {chunk}, expected at most {most}: the longest reference recording has "
            f"{longest} frames, and each step sees {step.look_ahead} ahead",
            options=["chunk"],
        )
    with torch.no_grad():
        streaming, proof = streams.proven(step, origin.cases, chunk, step.look_ahead)
    recognizer = origin.recognizer.replace(runner=streams.runner(step, streaming))
    return dataclasses.replace(
        origin, model=step, recognizer=recognizer, streaming=streaming, checks=tuple(proof)
    )


def of_network(
    network: nn.Module,
    sample: object,
    about: Mapping[str, object],
    *,
    width: Callable[[int, int, int, int], int] | None = None,
) -> Origin:
    """Return a network that was made elsewhere and what its manifest will say.

    Args:
        network: see `edgectc.exporting.byo.adoption.adopt`.
        sample: features and lengths.
        about: fields of `edgectc.exporting.byo.adoption.About`.
        width: of the target, see `edgectc.core.contracts.Target.width`; None for the longest.
    """
    said, streaming = from_dict(adoption.About, about), None
    network = answers.unwrapped(network)
    model: Network
    family, inputs = type(network).__name__, tuple[Input, ...]()
    network, before = answers.in_float32(network, said.to_float32)
    if said.answer:
        network = answers.picked(network, said.answer)
    if several.needed(sample):
        packed, sample = several.packed(network, several.named(network, sample), said.counts)
        network, inputs = packed, packed.inputs
    if said.chunk:
        adopted, model, streaming = streams.adopt(network, sample, said, inputs=inputs)
    else:
        adopted = adoption.adopt(network, sample, said, width=width, inputs=inputs)
        model = adopted.model
    frontend = adopted.model.frontend
    runner: Runner = registry.create("runners", {"type": "eager"}, source=model)
    if streaming is not None:
        runner = streams.runner(model, streaming)
    recognizer = Recognizer(
        name=adopted.name,
        frontend=frontend,
        runner=runner,
        stride=model.stride,
        window=model.window,
        layouts=(),
        decoder=adopted.words.decoder,
        lexicon=None,
        kind="features",
    )
    return Origin(
        name=adopted.name,
        family=family,
        model=model,
        recognizer=recognizer,
        frontend={"type": "features", **to_dict(frontend.options)},
        tokens=adopted.tokens,
        cases=adopted.cases,
        decoder=adopted.words.decoder,
        lexicon=adopted.words.lexicon,
        language_model=adopted.words.language_model,
        pronunciations=adopted.words.pronunciations,
        words=adopted.words.words,
        beside=adopted.words.folder,
        weights_sha256=_digest(model.network),
        streaming=streaming,
        references=references.said(said.references, adoption.weights_bytes(model.network)),
        checks=(*before, *adopted.checks),
        suspects=adopted.suspects,
    )


def _digest(network: nn.Module) -> str:
    """SHA-256 over names, types, shapes and bytes of all weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _check_original(recognizer: Recognizer, cases: list[Case], bundle: Bundle) -> None:
    """The weights must still answer the reference cases, or the reference proves nothing."""
    checks, _ = verification.compare_numbers(recognizer, cases, Float32())
    failed = [check for check in checks if check.status == "fail"]
    if failed:
        raise ParityError(
            f"{bundle.path}: PyTorch does not reproduce the bundle's own reference "
            f"({failed[0].detail}); pack the bundle again"
        )
