"""Data sets: checked, generated, imported and compared."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgectc.core import registry
from edgectc.core.config import family_config
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.files import write_bytes
from edgectc.core.tokens import output_length
from edgectc.core.types import Sample, Swipe
from edgectc.data import checks, checks_page, importers, movement, signals, swipe_files
from edgectc.data.checks import Findings
from edgectc.data.movement import Comparison
from edgectc.formats import bundle, layouts
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import spell

File = str | os.PathLike[str]
_PEOPLE = 50  # generated users, so that swipes can be split by user


@dataclass(frozen=True)
class Synthesized:
    """Generated samples that were written.

    Attributes:
        path: their file.
        kind: "swipe", "landmarks" or "neural".
        samples: how many.
    """

    path: Path
    kind: str
    samples: int


@dataclass(frozen=True)
class Imported:
    """Swipes of another collection that were written.

    Attributes:
        path: their file.
        swipes: how many.
        users: how many different ones.
        without_user: swipes of nobody known.
        refused: rows that were left out, by reason.
    """

    path: Path
    swipes: int
    users: int
    without_user: int
    refused: dict[str, int]


@dataclass(frozen=True)
class ComparedData:
    """Two sets of swipes and how they differ.

    Attributes:
        real: number of real swipes.
        generated: number of generated ones.
        comparison: statistic by statistic.
    """

    real: int
    generated: int
    comparison: Comparison = field(repr=False)


def check_data(
    *files: File, model: File | None = None, days: bool = False, html: File | None = None
) -> Findings:
    """Return what is wrong with a data set.

    Args:
        files: swipes (``.jsonl``, ``.jsonl.gz``) or recordings (``.npz``); of several, each is a
            split.
        model: bundle, to find labels that it has too few frames for.
        days: groups are days, which splits share on purpose.
        html: file to write a page with plots to.

    Raises:
        InputError: a file cannot be read.
    """
    paths = [os.fspath(file) for file in files]
    findings = checks.check(paths, room=None if model is None else _room(model), days=days)
    if html is not None:
        title = f"Data check: {', '.join(paths)}"
        write_bytes(html, checks_page.page(findings, title).encode())
    return findings


def _room(model: File) -> Callable[[Swipe | Sample], int]:
    """Return what gives the output frames of a recording, by a bundle's own length map."""
    index = bundle.read(bundle.locate(model)).index
    frontend = registry.create("frontends", index.model["frontend"])
    swipes = "keys" in frontend.input_contract()

    def room(sample: Swipe | Sample) -> int:
        if isinstance(sample, Swipe) != swipes:
            raise ConfigError(f"model {model} takes other samples than these", options=["model"])
        try:
            if isinstance(sample, Swipe):
                frames = frontend.frames(sample.points, layouts.load(sample.layout))
            else:
                frames = frontend.frames(sample.signal)
        except (InputError, UnknownNameError):
            return 0
        return output_length(len(frames), index.stride, index.window)

    return room


def import_data(source: str, *, out: File) -> Imported:
    """Return what was written of a collection of others: its usable rows, as swipes.

    Args:
        source: ``FORMAT:PATH``, where FORMAT is "cleverkeys", "futo" or "how_we_swipe".
        out: ``.jsonl`` or ``.jsonl.gz``.

    Raises:
        UnknownNameError: no such format.
        InputError: no row can be used.
    """
    dropped, written = Counter[str](), Counter[str | None]()

    def counted() -> Iterator[Swipe]:
        for swipe in importers.usable(importers.read(source), dropped):
            written[swipe.user] += 1
            yield swipe
        if not written:
            raise InputError(
                f"no usable row in {source!r}; refused: {dict(dropped) or 'none'}", reason="empty"
            )

    path = Path(out)
    swipe_files.write(path, counted())
    users, refused = len({*written} - {None}), dict(sorted(dropped.items()))
    return Imported(path, written.total(), users, written[None], refused)


def compare_data(
    real: File,
    generated: File | None = None,
    *,
    split: str = "all",
    limit: int | None = None,
    style: str = "plain",
    seed: int = 0,
    html: File | None = None,
) -> ComparedData:
    """Return how generated swipes differ from real ones.

    Args:
        real: labelled swipes.
        generated: swipes to compare; None generates each word of ``real`` once.
        split: of ``real``: "all", "train", "dev" or "test".
        limit: at most so many of ``real``, drawn by ``seed``.
        style: of the generator, "plain" or "fitted".
        seed: of every choice.
        html: file to write a page with plots to.

    Raises:
        ConfigError: ``limit`` is below 1.
        InputError: a file has no usable swipe.
        UnknownNameError: no such style.
    """
    from edgectc.data.samples import swipe as synthesis

    manner, rng = synthesis.named_style(style), np.random.default_rng(seed)
    first, _ = swipe_files.load(os.fspath(real), split=split)
    if limit is not None:
        if limit < 1:
            raise ConfigError(f"limit is {limit}, expected 1 or more", options=["limit"])
        first = [first[row] for row in sorted(rng.permutation(len(first))[:limit])]
    second = (
        swipe_files.load(os.fspath(generated))[0]
        if generated is not None
        else list(synthesis.again(first, rng, manner))
    )
    comparison = movement.compare(first, second)
    if html is not None:
        title = f"Generated against real swipes: {os.fspath(real)}"
        write_bytes(html, checks_page.comparison(comparison, title).encode())
    return ComparedData(len(first), len(second), comparison)


@dataclass(frozen=True)
class _Request:
    """What is to be generated."""

    path: Path
    count: int
    seed: int
    lexicon: File | None
    layout: str
    style: str
    size: str


def synthesize_data(
    kind: str,
    *,
    out: File,
    count: int = 1000,
    seed: int = 0,
    lexicon: File | None = None,
    layout: str = "qwerty",
    style: str = "plain",
    size: str = "full",
) -> Synthesized:
    """Return where generated samples were written, as training reads them.

    Args:
        kind: "swipe", "landmarks" or "neural".
        out: ``.jsonl`` or ``.jsonl.gz`` of swipes, else ``.npz``.
        count: how many.
        seed: of every choice.
        lexicon: words of swipes; None takes those of the shipped model.
        layout: keyboard of swipes.
        style: of swipes, "plain" or "fitted".
        size: of the others, "full" or "small".

    Raises:
        ConfigError: too few samples, or the layout can spell no word.
        UnknownNameError: no such kind, layout, style or size.
    """
    if count < 1:
        raise ConfigError(f"count is {count}, expected 1 or more", options=["count"])
    writers: Mapping[str, Callable[[_Request], int]] = {
        "swipe": _write_swipes,
        "landmarks": _write_landmarks,
        "neural": _write_neural,
    }
    if kind not in writers:
        raise UnknownNameError("kind of samples", kind, writers)
    request = _Request(Path(out), count, seed, lexicon, layout, style, size)
    return Synthesized(request.path, kind, writers[kind](request))


def _write_swipes(request: _Request) -> int:
    from edgectc.data.samples.swipe import generate, named_style

    style = named_style(request.style)
    words, layout = _words(request.lexicon), layouts.load(request.layout)
    if not any(spell(word, layout.letters) for word in words.words):
        raise ConfigError(
            f"{request.layout} can spell no word of {request.lexicon or 'the shipped lexicon'}"
        )
    # Words that the layout cannot spell are drawn, and left out; the next seed fills the gap.
    many = itertools.chain.from_iterable(
        generate(
            words, [layout], count=request.count, words=len(words.words), seed=seed, style=style
        )
        for seed in itertools.count(request.seed * 1_000_000)
    )
    rows = itertools.islice(many, request.count)
    people = (f"synthetic-{request.seed}-{n % _PEOPLE}" for n in itertools.count())
    swipe_files.write(
        request.path, (replace(s, user=who) for s, who in zip(rows, people, strict=False))
    )
    return request.count


def _write_landmarks(request: _Request) -> int:
    """Write generated signing; the last signer is the split dev."""
    from edgectc.data.samples import landmarks

    shape = registry.create(
        "frontends", family_config("mobilenetv3", request.size)["model"]["frontend"]
    )
    how = shape.options
    made = list(
        landmarks.synthesize(
            request.count,
            seed=request.seed,
            glosses=shape.tokens().symbols[1:],
            points=landmarks.Points(how.pose, how.hand, how.face),
            max_frames=how.max_frames,
        )
    )
    last = max(str(sample.group) for sample in made)
    dev = [sample for sample in made if sample.group == last]
    if len(dev) == len(made):
        raise ConfigError(
            f"count is {request.count}, expected 2 or more: train and dev", options=["count"]
        )
    train = [sample for sample in made if sample.group != last]
    signals.write(request.path, {"train": train, "dev": dev})
    return len(made)


def _write_neural(request: _Request) -> int:
    """Write generated brain activity; every tenth sentence is split dev, of days that train has."""
    from edgectc.data.samples import neural

    how = registry.create(
        "frontends", family_config("gru", request.size)["model"]["frontend"]
    ).options
    if request.count < 2:
        raise ConfigError(
            f"count is {request.count}, expected 2 or more: train and dev", options=["count"]
        )
    made = list(
        neural.synthesize(
            request.count,
            seed=request.seed,
            channels=how.channels,
            days=how.days,
            phonemes=how.phonemes,
            max_frames=how.max_frames,
        )
    )
    dev = made[1::10]
    train = [sample for n, sample in enumerate(made) if n % 10 != 1]
    signals.write(request.path, {"train": train, "dev": dev})
    return len(made)


def _words(lexicon: File | None) -> Lexicon:
    """Return the words of a file, or of the shipped model."""
    if lexicon is not None:
        return lexicon_file.read(Path(lexicon))
    model = bundle.read(bundle.locate(None))
    return lexicon_file.read(
        bundle.find_file(model.index.lexicon or {}, model.path, kind="lexicon")
    )
