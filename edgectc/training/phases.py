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
from typing import Any

from edgectc.core.config import from_dict
from edgectc.core.errors import ConfigError
from edgectc.training.loop.trainer import Result, train
from edgectc.training.objectives import mmi
from edgectc.training.settings import Settings

THEN = "then"
FIRST = "first"
# What makes the first weights is over by then, and another network could not have them.
_FIRST_ONLY = {"start": "", "init": ()}


def split(config: Mapping[str, Any]) -> list[dict[str, Any]]:
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


def run(config: Mapping[str, Any], out: Path, **given: Any) -> Result:
    """Train all phases, continuing where a run in ``out`` was stopped.

    Args:
        config: see `edgectc.training.settings.Settings`, with ``then`` or without.
        out: folder of the run; it is the one of the last phase.
        given: see `edgectc.training.loop.trainer.train`.

    Raises:
        ConfigError: a phase cannot be honoured; and what `train` raises.
    """
    first, *second = split(config)
    if not second:
        return train(first, out, **given)
    later = from_dict(Settings, second[0]).completed()
    if later.loss.mmi and (later.decoder.get("type") != "lexicon" or given.get("lexicon") is None):
        mmi.term(None)
    done = train(first, out / FIRST, **given)
    if done.value is None:
        return done
    return train(second[0], out, weights=done.checkpoint, **given)


def _merged(values: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(dict(values))
    for key, value in change.items():
        held = merged.get(key)
        if isinstance(held, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(held, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged
