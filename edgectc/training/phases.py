"""A run in two phases: the second begins with the best weights of the first.

The table ``[then]`` of a config holds what the second phase changes::

    epochs = 15

    [then]
    epochs = 3

    [then.loss]
    mmi = 0.8

Tables are merged key by key; all that ``[then]`` does not name stays. The first phase is the run
in the folder ``first`` of the run.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

from edgectc.core.config import from_dict
from edgectc.core.errors import ConfigError
from edgectc.core.parallel import ONE, Workers
from edgectc.core.types import JSON
from edgectc.data.sources import Sources
from edgectc.language.lexicon import Lexicon
from edgectc.networks import torch_state
from edgectc.networks.model import CtcModel
from edgectc.training.loop.trainer import Result, train
from edgectc.training.preparing import check_run, refuse_early
from edgectc.training.settings import FIRST, Settings

THEN = "then"
# What makes the first weights is over by then, and another network could not have them.
_FIRST_ONLY = {"start": "", "init": ()}


def split(config: Mapping[str, JSON]) -> list[dict[str, JSON]]:
    """Return the configuration of each phase, one or two.

    Raises:
        ConfigError: a phase cannot be read, or the second asks for what only the first can have.
    """
    first = copy.deepcopy({key: value for key, value in config.items() if key != THEN})
    if THEN not in config:
        return [first]
    change = config[THEN]
    if not isinstance(change, Mapping):
        raise ConfigError(
            f"{THEN} is {change!r}, expected a table of what the second phase changes"
        )
    for name in ("model", "task", THEN, *_FIRST_ONLY):
        if name in change:
            raise ConfigError(f"[{THEN}] cannot change {name!r}: the second phase goes on with it")
    second = {**_merged(first, change), **_FIRST_ONLY}
    from_dict(Settings, second).completed()  # now, not after hours
    return [first, second]


def run(
    config: Mapping[str, JSON],
    out: Path,
    *,
    data: Path | Sources | None,
    lexicon: Lexicon | None = None,
    device: str = "cpu",
    threads: int = 1,
    cache: Path | None = None,
    accept_changes: bool = False,
    workers: Workers = ONE,
) -> Result:
    """Train all phases, continuing where a run in ``out`` was stopped.

    Args:
        config: see `edgectc.training.settings.Settings`, with ``then`` or without.
        out: folder of the run; it is the one of the last phase.
        data: file of recordings; None generates them.
        lexicon: words for the decoder.
        device: see `edgectc.training.loop.devices.fabric`.
        threads: of torch, on the CPU.
        cache: folder of prepared samples; None prepares them anew.
        accept_changes: go on with a run though its data or lexicon are others now.
        workers: processes that prepare shards.

    Raises:
        ConfigError: a phase cannot be honoured; and what `train` raises.
    """

    def phase(values: Mapping[str, JSON], folder: Path, weights: Path | None = None) -> Result:
        return train(
            values,
            folder,
            data=data,
            lexicon=lexicon,
            device=device,
            threads=threads,
            cache=cache,
            weights=weights,
            accept_changes=accept_changes,
            workers=workers,
        )

    first, *second = split(config)
    if not second:
        return phase(first, out)
    later = from_dict(Settings, second[0]).completed()
    check_run(second[0], out)
    with torch_state.training(threads):
        refuse_early(later, CtcModel(later.model), lexicon)
    done = phase(first, out / FIRST)
    if done.value is None:
        return done
    return phase(second[0], out, done.checkpoint)


def _merged(values: Mapping[str, JSON], change: Mapping[str, JSON]) -> dict[str, JSON]:
    merged = copy.deepcopy(dict(values))
    for key, value in change.items():
        held = merged.get(key)
        if isinstance(held, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(held, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged
