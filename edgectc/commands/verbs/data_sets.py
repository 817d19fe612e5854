"""Data sets: checked, generated, imported, made into shards and compared, each with its page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edgectc.core.arguments import Count, File, Jobs, Seed, checked
from edgectc.core.errors import ConfigError
from edgectc.core.staging import claimed, write_bytes
from edgectc.data import checks, checks_page, importing, sharding, synthesis
from edgectc.data.checks import Findings
from edgectc.data.importers import Imported
from edgectc.data.importing import ImportedRecordings
from edgectc.data.movement import Comparison
from edgectc.data.readers import Choices
from edgectc.data.sharding import Sharded
from edgectc.data.synthesis import Synthesized
from edgectc.language import pronunciations as pronunciation


@checked
def check_data(
    *files: File,
    model: File | None = None,
    days: bool = False,
    kind: str | None = None,
    html: File | None = None,
    jobs: Jobs = 1,
    engine: str = "processes",
) -> Findings:
    """Return what is wrong with a data set.

    Args:
        files: swipes (``.jsonl``, ``.jsonl.gz``) or recordings (``.npz``, or in a format of
            others); of several, each is a split.
        model: bundle, to find labels that it has too few frames for.
        days: groups are days, which splits share on purpose.
        kind: what takes the recordings, e.g. "landmarks" or "neural"; None takes what ``model`` is
            of, or what they plainly are.
        html: file to write a page with plots to.
        jobs: processes that read the rows; the answer is the same.
        engine: "processes", or "ray" for a cluster.

    Raises:
        InputError: a file cannot be read.
        MissingDependencyError: Ray is not installed.
        ConfigError: ``model`` takes other recordings than these.
    """
    paths = [os.fspath(file) for file in files]
    name = None if model is None else os.fspath(model)
    with claimed(html):
        findings = checks.check_data(
            paths, model=name, days=days, kind=kind, jobs=jobs, engine=engine
        )
    if html is not None:
        title = f"Data check: {', '.join(paths)}"
        write_bytes(html, checks_page.page(findings, title).encode(errors="backslashreplace"))
    return findings


@checked
def synth_data(
    kind: str,
    *,
    out: File,
    count: Count = 1000,
    seed: Seed = 0,
    lexicon: File | None = None,
    layout: str | None = None,
    style: str | None = None,
    size: str = "full",
) -> Synthesized:
    """Return where generated recordings were written, as training reads them.

    Args:
        kind: type of a frontend, e.g. "swipe", "landmarks" or "neural".
        out: ``.jsonl`` or ``.jsonl.gz`` of swipes, else ``.npz``.
        count: how many.
        seed: of every choice.
        lexicon: file of words for swipes to mean.
        layout: keyboard of swipes; None for qwerty.
        style: of swipes, "plain" or "fitted"; None for the default.
        size: "full" or "small": of the shipped config whose frontend takes them.

    Raises:
        ConfigError: fewer than one recording, or too few for the splits; swipes without words; an
            option that this kind makes nothing of.
        UnknownNameError: no such kind, layout, style or size.
    """
    return synthesis.synth_data(
        kind,
        out,
        count=count,
        seed=seed,
        lexicon=lexicon,
        layout=layout,
        style=style,
        size=size,
    )


@checked
def import_data(
    source: str,
    *,
    out: File,
    pronunciations: File | None = None,
    points: Sequence[str] | None = None,
) -> Imported | ImportedRecordings:
    """Return what was written of a collection of others: its usable rows, as ours.

    Args:
        source: ``FORMAT:PATH``, where FORMAT is "cleverkeys", "futo", "heliboard" or
            "how_we_swipe", of swipes; or "array_table", "brain_to_text_24",
            "brain_to_text_25" or "kaggle_asl".
        out: ``.jsonl`` or ``.jsonl.gz`` of swipes, ``.npz`` of recordings.
        pronunciations: dictionary in the format of CMUdict, for sentences that are to be phonemes.
        points: order of the parts in arrays of 543 points, "pose", "left_hand", "right_hand" and
            "face"; None for this one.

    Raises:
        ConfigError: ``out`` or a choice does not fit the format.
        UnknownNameError: no such format, or part of a body.
        InputError: no row can be used.
        MissingDependencyError: the format needs a package that is absent.
    """
    said = None if pronunciations is None else pronunciation.read(pronunciations)
    return importing.import_data(source, out, Choices(said, tuple(points or ())))


@checked
def shard_data(*files: File, out: File, rows: Count = sharding.ROWS) -> Sharded:
    """Return where recordings of any number were written as shards; see docs/data.md.

    Args:
        files: swipes, or recordings of another family; read one after another.
        out: folder to make; a set of shards that is there is replaced.
        rows: recordings of a shard.

    Raises:
        ConfigError: no file, files of two kinds, or ``out`` holds something else.
        InputError: a file cannot be read, or no row can be used.
    """
    if not files:
        raise ConfigError("no file was named; name swipes or recordings", options=["files"])
    return sharding.shard([Path(file) for file in files], Path(out), rows=rows)


@checked
def compare_data(
    real: File,
    generated: File | None = None,
    *,
    split: str = "all",
    limit: Count | None = None,
    style: str = "plain",
    seed: Seed = 0,
    html: File | None = None,
) -> Comparison:
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
    with claimed(html):
        comparison = synthesis.compare_data(
            real, generated, split=split, limit=limit, style=style, seed=seed
        )
    if html is not None:
        title = f"Generated against real swipes: {os.fspath(real)}"
        write_bytes(
            html, checks_page.comparison(comparison, title).encode(errors="backslashreplace")
        )
    return comparison
