"""A training run as a person starts it: from a config by name, with overrides, all its phases."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TypedDict

from edgectc.core import config as configs
from edgectc.core.config import from_dict
from edgectc.core.errors import ConfigError
from edgectc.core.parallel import ONE, Workers
from edgectc.core.types import JSON
from edgectc.data.recordings import samples_for
from edgectc.data.sources import File, Sources, several
from edgectc.formats import bundle as bundles
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon
from edgectc.training import overfitting, phases, vocabulary
from edgectc.training.loop import devices
from edgectc.training.loop.trainer import Result
from edgectc.training.overfitting import Overfitted
from edgectc.training.preparing import owned
from edgectc.training.settings import FIRST, Settings

Config = str | os.PathLike[str] | Mapping[str, JSON]
Files = File | Sequence[File] | None
Words = str | os.PathLike[str] | Lexicon | None


class Common(TypedDict, total=False):
    """What `train` and `overfit` are both told."""

    data: Files
    split_by: str
    lexicon: Words
    overrides: Sequence[str]
    cache: str | os.PathLike[str] | None
    device: str
    threads: int


def train(
    config: Config,
    out: str | os.PathLike[str],
    *,
    data: Files = None,
    lexicon: Words = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    cache: str | os.PathLike[str] | None = None,
    device: str = "auto",
    threads: int = 1,
    dev: Files = None,
    test: Files = None,
    split_by: str = "auto",
    accept_changes: bool = False,
    workers: Workers = ONE,
) -> Result:
    """Return where a run left its best weights; it goes on where one in ``out`` was stopped.

    A config with a table ``[then]`` is trained in two phases, see `edgectc.training.phases`.

    Args:
        config: TOML file, name of a family's config such as "gru-small", or its tables.
        out: folder of the run.
        data: file of recordings, or several; None takes what EDGECTC_DATA names, or generates
            samples.
        lexicon: words for the decoder, and for generated swipes; a file of them will do.
        overrides: "section.key=value" each, read as TOML.
        resume: refuse to begin: ``out`` has to hold a run.
        cache: folder that keeps prepared samples for the next run; None prepares them anew.
        device: "auto", "cpu", "cuda" or "cuda:N".
        threads: of torch, on the CPU.
        dev: file of recordings to choose the best checkpoint by; None takes some of ``data``.
        test: file of recordings to measure it on; None takes some of ``data``.
        split_by: "auto", "user" or "row", see `edgectc.data.splits.assign`.
        accept_changes: go on with a run though its data or lexicon are others now.
        workers: processes that prepare shards.

    Raises:
        ConfigError: the configuration cannot be honoured, or there is nothing to resume.
        UnknownNameError: no config of that name, or a name in it is unknown.
        InputError: no usable samples, or targets that CTC cannot emit.
        BundleMismatchError: ``out`` holds a run of another configuration, or of other data.
        NonFiniteError: too many steps were not finite.
    """
    folder = Path(out)
    begun = any((run / "config.json").exists() for run in (folder, folder / FIRST))
    if resume and not begun:
        raise ConfigError(
            f"resume: {out} holds no run; leave resume out to begin one", options=["resume"]
        )
    _check_threads(threads)
    devices.check(device)
    values = load_config(config, overrides)
    # Before anything is read: what a second trainer would prepare is for nothing.
    with owned(folder) if devices.is_first() else nullcontext():
        files = _recordings(values, data, dev, test, split_by)
        return phases.run(
            vocabulary.complete(values, files, folder),
            folder,
            data=files,
            lexicon=_words(lexicon),
            cache=Path(cache) if cache else None,
            device=device,
            threads=threads,
            accept_changes=accept_changes,
            workers=workers,
        )


def overfit(
    config: Config,
    out: str | os.PathLike[str],
    *,
    count: int,
    steps: int = 1000,
    as_configured: bool = False,
    data: Files = None,
    lexicon: Words = None,
    overrides: Sequence[str] = (),
    cache: str | os.PathLike[str] | None = None,
    device: str = "auto",
    threads: int = 1,
    split_by: str = "auto",
) -> Overfitted:
    """Return whether a model can learn a few samples by heart; write ``overfit.json``.

    Args:
        config: as in `train`; of two phases the first.
        out: folder of the report.
        count: samples to learn.
        steps: most optimizer steps.
        as_configured: see `edgectc.training.overfitting.learn_by_heart`.
        data: file of recordings; None generates them.
        lexicon: as in `train`.
        overrides: as in `train`.
        cache: as in `train`.
        device: as in `train`.
        threads: as in `train`.
        split_by: as in `train`.

    Raises:
        ConfigError: the configuration cannot be honoured.
        InputError: fewer samples than ``count``, or targets that CTC cannot emit.
        NonFiniteError: too many steps in a row were not finite.
    """
    _check_threads(threads)
    devices.check(device)
    values = phases.split(load_config(config, overrides))[0]
    files = _recordings(values, data, split_by=split_by) if data else None
    return overfitting.learn_by_heart(
        vocabulary.complete(values, files),
        Path(out),
        count=count,
        limit=steps,
        as_configured=as_configured,
        data=files,
        lexicon=_words(lexicon),
        cache=Path(cache) if cache else None,
        device=device,
        threads=threads,
    )


def load_config(config: Config, overrides: Sequence[str] = ()) -> dict[str, JSON]:
    """Return the tables of a config, by name, file or themselves, with overrides applied.

    One that names no model, but weights to start from, has the model of these.

    Raises:
        ConfigError: the file cannot be read, or an override cannot be applied.
        UnknownNameError: neither a file nor the name of a config.
        BundleError: ``start`` names no bundle that can be read.
    """
    if isinstance(config, Mapping):
        values: dict[str, JSON] = configs.to_dict(config)
    else:
        values = configs.load_run(os.fspath(config))
    for assignment in overrides:
        configs.set_key(values, assignment)
    start = values.get("start")
    if "model" not in values and isinstance(start, str) and start:
        values["model"] = bundles.read(bundles.locate(start)).index.model
    return vocabulary.left_open(values)


def _recordings(
    values: Mapping[str, JSON], data: Files, dev: Files = None, test: Files = None,
    split_by: str = "auto",
) -> Sources | None:  # fmt: skip
    """Return the files of recordings that were named; None if they are to be generated."""
    settings = from_dict(Settings, phases.split(values)[0])
    samples = samples_for(settings.model["frontend"])

    def located(files: Files, option: str) -> tuple[Path, ...]:
        found = (samples.locate(os.fspath(file), option=option) for file in several(files))
        return tuple(path for path in found if path is not None)

    named = several(data)
    default = None if named else samples.locate(None)
    held = located(dev, "dev"), located(test, "test")
    if not named and default is None:
        if any(held) or split_by != "auto":
            raise ConfigError(
                "dev, test and split_by go with data; name it too",
                options=["dev", "test", "split_by", "data"],
            )
        return None
    return Sources(located(data, "data") if default is None else (default,), *held, split_by)


def _words(lexicon: Words) -> Lexicon | None:
    if lexicon is None or isinstance(lexicon, Lexicon):
        return lexicon
    return lexicon_file.read(os.fspath(lexicon))


def _check_threads(threads: int) -> None:
    if threads < 1:
        raise ConfigError(f"threads is {threads}, expected 1 or more", options=["threads"])
