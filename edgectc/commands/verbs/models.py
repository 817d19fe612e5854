"""`edgectc.train` and `edgectc.pack`: from samples to a run, and from a run to a bundle."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgectc.core import config as configs
from edgectc.core import lazy, strict_json
from edgectc.core.arguments import Count, Jobs, Seed, Threads, checked
from edgectc.core.errors import ConfigError
from edgectc.core.files import read_given
from edgectc.core.parallel import Workers
from edgectc.core.types import JSON
from edgectc.data.sources import several
from edgectc.formats import bundle as bundles
from edgectc.formats.bundle import Bundle
from edgectc.language import loading as language_models

if TYPE_CHECKING:  # these need torch
    from edgectc.exporting.packing import Words
    from edgectc.training.loop.trainer import Result
    from edgectc.training.overfitting import Overfitted

File = str | os.PathLike[str]
Overrides = Sequence[str] | Mapping[str, JSON]


@checked
def train(
    config: str | os.PathLike[str] | Mapping[str, JSON],
    *,
    out: str | os.PathLike[str],
    resume: bool = False,
    data: File | Sequence[File] | None = None,
    dev: File | Sequence[File] | None = None,
    test: File | Sequence[File] | None = None,
    split_by: str = "auto",
    accept_changes: bool = False,
    lexicon: str | os.PathLike[str] | None = None,
    bundle: str | os.PathLike[str] | None = None,
    overfit: Count | None = None,
    overfit_steps: Count = 1000,
    overfit_as_configured: bool = False,
    overrides: Overrides = (),
    cache: str | os.PathLike[str] | None = None,
    jobs: Jobs = 1,
    engine: str = "processes",
    device: str = "auto",
    threads: Threads = 1,
) -> Result | Overfitted:
    """Return where the best weights of a run are, after all its phases; a stopped run goes on.

    Args:
        config: TOML file, name of a shipped config, e.g. "gru-small", or its tables.
        out: folder of the run.
        resume: refuse to begin: go on with the run in ``out``.
        data: swipes, or a ``.npz`` of recordings, or several; None takes what EDGECTC_DATA names;
            without any, samples are generated.
        dev: file, or files, to choose the best checkpoint by; None takes some of ``data``.
        test: file, or files, to measure it on at the end; None takes some of ``data``.
        split_by: how ``data`` is split: "user", "row", or "auto", see docs/data.md.
        accept_changes: go on with a run though its data or lexicon are others than at its start.
        lexicon: file of words for the decoder.
        bundle: folder to pack the best weights into at the end, decoder tuned and figures measured
            on held-out recordings; they stand in ``summary.html`` of the run.
        overfit: only learn so many samples by heart, and return how well.
        overfit_steps: at most, of ``overfit``.
        overfit_as_configured: of ``overfit``: keep dropout, weight decay, smoothing, freezing,
            warm-up and schedule as the config has them.
        overrides: settings to change, as "optimizer.lr=1e-3" or {"optimizer.lr": 1e-3}.
        cache: folder to keep prepared samples in for the next run.
        jobs: processes that prepare shards before the first step; the samples are the same.
        engine: what runs them: "processes", or "ray" for a cluster.
        device: "auto", "cpu", "cuda" or "cuda:N".
        threads: of torch.

    Raises:
        ConfigError: a setting cannot be honoured, or ``out`` holds no run to resume.
        InputError: no usable samples.
        BundleMismatchError: ``out`` holds a run of another configuration, or of other data.
        NonFiniteError: too many steps were not finite.
    """
    workers = Workers(jobs, engine)
    idle = {"dev": dev, "test": test, "accept_changes": accept_changes, "bundle": bundle}
    _check_folders(out, bundle)
    said = any(idle.values()) or not workers.alone
    _check_overfit(overfit, overfit_as_configured, resume, said)
    with lazy.requires("edgectc.train", extra="train"):
        from edgectc.exporting import packing
        from edgectc.training import runs
    if bundle is not None:
        packing.check_out(Path(bundle))  # now, not after hours
    both: runs.Common = {
        "data": data, "split_by": split_by, "lexicon": lexicon, "cache": cache,
        "overrides": assignments(overrides), "device": device, "threads": threads,
    }  # fmt: skip
    if overfit is not None:
        return runs.overfit(
            config, out, count=overfit, steps=overfit_steps,
            as_configured=overfit_as_configured, **both,
        )  # fmt: skip
    result = runs.train(
        config, out, dev=dev, test=test, accept_changes=accept_changes, resume=resume,
        workers=workers, **both,
    )  # fmt: skip
    if os.environ.get("RANK", "0") == "0":  # one of torchrun's processes speaks for all
        _finish(result, out, bundle, lexicon, (data, dev, test))
    return result


def _check_folders(out: str | os.PathLike[str], bundle: str | os.PathLike[str] | None) -> None:
    """Refuse one folder for a run and its bundle, which would replace it."""
    if bundle is not None and Path(bundle).resolve() == Path(out).resolve():
        raise ConfigError(
            f"out and bundle are both {os.fspath(out)}; the run needs a folder of its own",
            options=["out", "bundle"],
        )


def _finish(
    result: Result,
    out: str | os.PathLike[str],
    bundle: str | os.PathLike[str] | None,
    lexicon: str | os.PathLike[str] | None,
    files: tuple[File | Sequence[File] | None, ...],
) -> None:
    """Make the bundle that was asked for, and the page of the run."""
    from edgectc.training.log import summary

    told: dict[str, JSON] = {}
    if bundle is not None and result.value is not None:
        from edgectc.commands.verbs import finishing

        packed = pack(out, out=bundle, lexicon=lexicon)
        held = finishing.HeldOut(*(several(one) for one in files))
        told = finishing.finish(packed, Path(out), held)
    summary.write(Path(out), told)


def assignments(overrides: Overrides) -> list[str]:
    """Return overrides as ``section.key=value``, the value as TOML has it."""
    if isinstance(overrides, Mapping):
        return [f"{key}={_toml(value)}" for key, value in overrides.items()]
    return [*overrides]


def _toml(value: JSON) -> str:
    return "null" if value is None else json.dumps(value)  # scalars and lists are alike in both


def _check_overfit(count: int | None, as_configured: bool, resume: bool, held_out: bool) -> None:
    """Refuse options that say nothing where samples are learnt by heart, or only there.

    Raises:
        ConfigError: names them.
    """
    if as_configured and count is None:
        raise ConfigError(
            "overfit_as_configured goes with overfit; give a number of samples",
            options=["overfit_as_configured", "overfit"],
        )
    if resume and count is not None:
        raise ConfigError(
            "overfit always begins anew; leave resume out", options=["overfit", "resume"]
        )
    if count is not None and held_out:
        raise ConfigError(
            "overfit holds nothing out and begins anew; leave dev, test, accept_changes, bundle, "
            "jobs and engine out",
            options=["overfit", "dev", "test", "accept_changes", "bundle", "jobs", "engine"],
        )


@checked
def pack(
    source: str | os.PathLike[str] | None = None,
    *,
    init: str | None = None,
    config: str = "small",
    seed: Seed = 0,
    out: str | os.PathLike[str],
    name: str | None = None,
    lexicon: str | os.PathLike[str] | None = None,
    licence: str = "",
    language_model: str | os.PathLike[str] | None = None,
    lm_licence: str = "",
    words_of: str | os.PathLike[str] | None = None,
    preset: str | os.PathLike[str] | Mapping[str, JSON] | None = None,
    overrides: Overrides = (),
) -> Bundle:
    """Return the bundle of a run, an untrained family, or a bundle with other words or preset.

    Args:
        source: folder that `train` wrote, a bundle, or a shipped model's name.
        init: family to pack with untrained weights instead.
        config: size of ``init``, "small" or "full".
        seed: of ``init``.
        out: bundle to make or replace.
        name: of the model; None takes the name of ``out``, its letters small, and hyphens for what
            is neither a letter nor a digit.
        lexicon: file of words to carry, if the decoder needs one.
        licence: of the lexicon.
        language_model: file to carry, ``.lm``.
        lm_licence: of the language model.
        words_of: decode with the words of this bundle, which are not copied.
        preset: file that `tune_decoder` wrote, or its values. None keeps the source's; where that
            is `greedy`, which reads no words, and words are named, it is that of ``words_of``, or
            a decoder that reads them.
        overrides: changes to the decoder preset, as "lm_weight=0.3" or {"lm_weight": 0.3}.

    Raises:
        ConfigError: options that exclude each other, or a decoder without the words it needs.
        BundleError: the source is damaged, or has no checkpoint yet.
        NonFiniteError: a weight is NaN or Inf.
    """
    folder = Path(out)
    if (source is None) == (init is None):
        raise ConfigError(
            "give either source, a folder that train wrote or a bundle, or init=FAMILY",
            options=["init"],
        )
    words = _WordOptions(lexicon, licence, language_model, lm_licence, words_of)
    if init is not None:
        chosen = {**vars(words), "preset": preset, "overrides": overrides}
        _refuse_with_init([name for name, value in chosen.items() if value])
        with lazy.requires("edgectc.pack"):
            from edgectc.exporting.untrained import initialise
        return initialise(folder, init, config, name=name or _named(folder), seed=seed)
    decoder = _preset(preset, overrides)
    words.check()
    with lazy.requires("edgectc.pack"):
        from edgectc.exporting import packing
    place = _source(source)
    if (place / "bundle.json").is_file():
        return packing.repack(
            bundles.read(place), folder, name=name, words=words.read(), decoder=decoder
        )
    return packing.pack(
        place, folder, name=name or _named(folder), words=words.read(), decoder=decoder
    )


def _named(folder: Path) -> str:
    """Return the name of the model that a folder is to hold, e.g. "my-model" of "My Model"."""
    return re.sub("[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-") or "model"


@dataclass(frozen=True)
class _WordOptions:
    """The options of `pack` that choose what a bundle decodes with."""

    lexicon: str | os.PathLike[str] | None
    licence: str
    language_model: str | os.PathLike[str] | None
    lm_licence: str
    words_of: str | os.PathLike[str] | None

    def check(self) -> None:
        """Refuse options that exclude each other."""
        own = self.licence or self.language_model or self.lm_licence
        if self.words_of and (self.lexicon or own):
            raise ConfigError(
                "words_of names lexicon, language model and licences; leave those out",
                options=["words_of"],
            )
        if own and not self.lexicon:
            raise ConfigError(
                "name lexicon too; words are exchanged together or kept together",
                options=["lexicon"],
            )
        if self.lexicon and not Path(self.lexicon).is_file():
            raise ConfigError(
                f"lexicon is {str(self.lexicon)!r}, where no file is; make one with `edgectc "
                "lexicon build`, or take those of a bundle with words_of",
                options=["lexicon", "words_of"],
            )
        if self.language_model:
            language_models.load(self.language_model, required=True)  # a bundle holds no junk

    def read(self) -> Words | None:
        """Return the words that were named; None keeps what is there."""
        from edgectc.exporting import packing

        if self.words_of:
            words = packing.words_of(bundles.read(bundles.locate(self.words_of)))
            if words is None:
                raise ConfigError(f"{self.words_of} decodes without a lexicon; name another bundle")
            return replace(words, carried=False)
        if not self.lexicon:
            return None
        model = Path(self.language_model) if self.language_model else None
        return packing.Words(Path(self.lexicon), model, (self.licence, self.lm_licence))


def _refuse_with_init(names: list[str]) -> None:
    if names:
        raise ConfigError(
            f"{', '.join(names)} belongs to a run, not to init; leave it out",
            options=[*names, "init"],
        )


def _source(source: str | os.PathLike[str] | None) -> Path:
    """Return the folder of a run, of a bundle, or of a shipped model by its name."""
    assert source is not None
    path = Path(source)
    return (
        path if path.exists() or path.name not in bundles.shipped_names() else bundles.locate(path)
    )


def _preset(
    preset: str | os.PathLike[str] | Mapping[str, JSON] | None, overrides: Overrides
) -> dict[str, JSON]:
    """Return the changes to a decoder preset."""
    values: dict[str, JSON] = {}
    if isinstance(preset, Mapping):
        values = {**preset}
    elif preset is not None:
        content = read_given(preset, "preset", options=["preset"])
        try:
            values = strict_json.parse(content)
        except ValueError as error:
            raise ConfigError(f"{preset} is not a preset: {error}") from error
    for assignment in assignments(overrides):
        configs.set_key(values, assignment)
    return values
