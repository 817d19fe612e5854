"""What every decoder asks of its options and its input before it searches."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgectc.core.arguments import MOST_TEXTS
from edgectc.core.config import say_renamed
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, is_masked
from edgectc.decoding.search import compiled

if TYPE_CHECKING:
    import numpy as np
else:
    from edgectc.core.lazy_numpy import np

BACKENDS = ("auto", "numpy", "native")

# float32 log_softmax over hundreds of tokens is good to about 1e-5; raw logits are off by nats.
_TOLERANCE = 1e-3


def check_backend(backend: str) -> compiled.Library | None:
    """Return the compiled searches where a backend means them, None for the plain ones.

    Raises:
        UnknownNameError: no such backend.
        ConfigError: "native", and they were not built.
    """
    if backend not in BACKENDS:
        raise UnknownNameError("backend", backend, BACKENDS)
    loaded = None if backend == "numpy" else compiled.library()
    if backend == "native" and loaded is None:
        raise ConfigError("the compiled search was not built; reinstall with a C compiler")
    return loaded


def as_numbers(log_probs: object) -> Array:
    """Return ``log_probs`` as float64, of any shape; the argument is left as it is.

    Raises:
        InputError: reason ``bad_shape``: they are no real numbers, or masked.
    """
    if type(log_probs) is np.ndarray and log_probs.dtype == np.float64:
        return log_probs
    try:
        if is_masked(log_probs):
            raise TypeError("a masked array, whose hidden values would be used; fill it first")
        given = np.asarray(log_probs)
        if given.dtype.kind not in "fiu":  # complex numbers and texts would become floats unseen
            raise TypeError(f"type {given.dtype}")
        return given.astype(np.float64, copy=False)
    except Exception as error:  # an object's own ``__array__`` may raise anything
        raise InputError(
            f"log_probs are no table of numbers: {error}; give (T, V) float32 or float64, a tensor "
            "as log_probs.detach().float().cpu().numpy()",
            reason="bad_shape",
        ) from None


def check_log_probs(log_probs: object, n_tokens: int, *, normalize: bool = False) -> Array:
    """Return ``log_probs`` as (T, V) float64; the argument is left as it is.

    Args:
        log_probs: (T, V) natural-log probabilities, each row summing to 1; -inf is log 0.
        n_tokens: V of the token table.
        normalize: take any scores, logits for example, whose log_softmax is meant.

    Raises:
        InputError: reason ``bad_shape``, ``empty``, ``wrong_vocabulary``, ``not_finite`` or
            ``not_log_probs``.
    """
    values = as_numbers(log_probs)
    if values.ndim != 2:
        raise InputError(
            f"log_probs have shape {values.shape}, expected (T, V); decode one sample at a time",
            reason="bad_shape",
        )
    T, V = values.shape
    if T == 0:
        raise InputError("log_probs have no frames, expected at least one", reason="empty")
    if V != n_tokens:
        raise InputError(
            f"log_probs have {V} columns, the token table has {n_tokens}; "
            "use the tokens of the model that made them",
            reason="wrong_vocabulary",
        )
    if not _truth("normalize", normalize) and _sums_to_one(values):
        return values
    if not np.all(values < np.inf):  # false for NaN too
        frame = int(np.argmin(np.all(values < np.inf, axis=1)))
        raise InputError(f"log_probs hold NaN or +Inf at frame {frame}", reason="not_finite")
    # One frame of a stream may sum to 1 by chance where its scores are never negative.
    if _are_probabilities(values) and (T > 1 or not normalize):
        raise InputError(
            "log_probs are probabilities, every frame of which sums to 1; give their logarithm, "
            "np.log(probabilities)",
            reason="not_log_probs",
        )
    total = log_sum(values)
    if normalize:
        if not np.all(total > -np.inf):
            raise InputError(
                f"frame {int(np.argmin(total))} is -Inf throughout, so no token is possible there; "
                "leave the frame out",
                reason="not_log_probs",
            )
        return np.asarray(values - total[:, None])
    excess = np.abs(total)
    if not np.all(excess <= _TOLERANCE):
        frame = int(np.argmax(excess))
        raise InputError(
            f"the probabilities of frame {frame} do not sum to 1 (their log-sum is off by "
            f"{excess[frame]:.3g}, expected at most {_TOLERANCE}); did you forget log_softmax? "
            "normalize=True applies it",
            reason="not_log_probs",
        )
    return values


def _sums_to_one(values: Array) -> bool:
    """Tell whether (T, V) are log_probs: the common case, without `log_sum`'s guard of overflow."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        excess = np.abs(np.log(np.exp(values).sum(axis=1)))
    return bool(np.all(excess <= _TOLERANCE))  # false for NaN and infinity, too


def _are_probabilities(values: Array) -> bool:
    """Tell whether (T, V) are probabilities; as scores, log_softmax would flatten them unseen."""
    return bool(np.all(values >= 0) and np.all(np.abs(values.sum(axis=1) - 1) <= _TOLERANCE))


def fold_special(values: Array, tokens: Tokens) -> Array:
    """Return (T, V) log_probs in which special tokens, which write nothing, are blank.

    Args:
        values: (T, V) natural-log probabilities, left as they are.
        tokens: the table.
    """
    hidden = [*tokens.writing.hidden]
    if not hidden:
        return values
    folded = values.copy()
    folded[:, tokens.blank_id] = log_sum(values[:, [tokens.blank_id, *hidden]])
    folded[:, hidden] = -np.inf
    return folded


def check_nbest(nbest: int) -> int:
    """Return the number of wanted texts; NumPy's whole numbers become Python's.

    Raises:
        ConfigError: it is below 1 or no whole number.
    """
    if type(nbest) is int and 1 <= nbest <= MOST_TEXTS:  # the common case, in every call twice
        return nbest
    try:
        whole = 0 if isinstance(nbest, bool) else operator.index(nbest)
    except TypeError:
        raise ConfigError(
            f"nbest is {nbest!r}, expected a whole number", options=["nbest"]
        ) from None
    if not 1 <= whole <= MOST_TEXTS:
        raise ConfigError(f"nbest is {whole}, expected 1 to {MOST_TEXTS}", options=["nbest"])
    return whole


def check_partial(partial: bool, unfinished: bool | None) -> bool:
    """Return whether the signal goes on, by the keyword of today or by its old name.

    Args:
        partial: as it was given.
        unfinished: the old name, None where it was not given; the log says once that it is old.

    Raises:
        ConfigError: one of them is no truth value, or ``unfinished`` denies ``partial``.
    """
    if partial is False and unfinished is None:
        return False
    now = _truth("partial", partial)
    if unfinished is None:
        return now
    say_renamed("argument", "unfinished", "partial")
    before = _truth("unfinished", unfinished)
    if now and not before:
        raise ConfigError(
            "partial is True and unfinished, its old name, is False; give partial alone",
            options=["partial", "unfinished"],
        )
    return before


def _truth(name: str, value: bool) -> bool:
    """Return a truth value, of NumPy too, or 0 or 1, as Python's own."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    try:
        whole = operator.index(value)
    except TypeError:
        whole = -1
    if whole not in (0, 1):
        raise ConfigError(f"{name} is {value!r}, expected True or False", options=[name])
    return bool(whole)


def are_words(context: Sequence[str] | str) -> bool:
    """Return whether it is a sequence of texts, and no text itself."""
    if type(context) is tuple and {*map(type, context)} <= {str}:  # the common case, and a fast one
        return True
    return (
        isinstance(context, Sequence)
        and not isinstance(context, str)
        and all(isinstance(word, str) for word in context)
    )


def check_context(context: Sequence[str] | str, model: object) -> Sequence[str]:
    """Return the words of a context, a text's as `context_of` finds them.

    Raises:
        InputError: reason ``bad_context``: no text and no words; ``no_language_model``: there are
            words, and nothing to use them.
    """
    if isinstance(context, str):
        from edgectc.language.ngram.text import context_of

        context = context_of(context)
    if not are_words(context):
        raise InputError(
            f"context is {context!r}, expected a text or its words, e.g. ['see', 'you']",
            reason="bad_context",
        )
    if context and model is None:
        raise InputError(
            f"a context of {len(context)} words was given to a decoder without language model; "
            "make it with language_model=..., or leave the context out",
            reason="no_language_model",
        )
    return context


def log_sum(values: Array) -> Array:
    """Return (T,) the log of the sum of exp over each row of (T, V); all -inf gives -inf."""
    highest = values.max(axis=1)
    shift = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        total: Array = np.log(np.exp(values - shift[:, None]).sum(axis=1)) + shift
    return total
