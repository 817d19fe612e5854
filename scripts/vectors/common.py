"""What several files of vectors share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgectc.core import config
from edgectc.core.errors import EdgectcError, InputError
from edgectc.decoding.decoders.lexicon import Options, create

VERSION = 1


def decoder(options: dict[str, Any], **given: Any) -> Callable[..., list[dict[str, Any]]]:
    """Return what lists the words that the compiled search finds and the plain one confirms."""
    plain, compiled = (
        create(config.from_dict(Options, options), **given, backend=b) for b in ("numpy", "native")
    )

    def decode(log_probs: np.ndarray, **how: Any) -> list[dict[str, Any]]:
        found = [_word(one) for one in compiled(log_probs, **how)]
        proven = [_word(one) for one in plain(log_probs, **how) if one.exact]
        for one, other in zip(proven, found, strict=False):
            apart = abs(one["score"] - other["score"])
            if one["text"] != other["text"] or not other["exact"] or apart > 2e-9:
                raise SystemExit(f"the searches disagree: {one} and {other}; build edgectc anew")
        return found

    return decode


def _word(one: Any) -> dict[str, Any]:
    return {
        "text": one.text,
        "score": round(one.score, 9),
        "probability": round(one.probability, 9),
        "exact": one.exact,
    }


def outcome(call: Callable[[], Any], show: Callable[[Any], Any]) -> Any:
    """Return what `show` makes of the error that a call raises, None if it raises none."""
    try:
        call()
    except (InputError, EdgectcError) as error:
        return show(error)
    return None
