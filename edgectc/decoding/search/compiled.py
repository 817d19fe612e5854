"""The C library, loaded once, and what each of its functions takes; `native/` holds its sources.

`native/include/edgectc.h` and `native/src/beam.c` say what the functions do. Those of the engine
are called from `engine`, those of the beam from `beam_native`, those of a network from
`edgectc.runtime.runners.native`, those of a keyboard from `edgectc.runtime.keyboard`.
"""

from __future__ import annotations

import ctypes
import logging
import shlex
from functools import lru_cache
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).with_name("_native.so")
ABI = 3  # EDGECTC_ABI of edgectc.h

Library = ctypes.CDLL

_POINTER, _TEXT, _REAL = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_double
_INT, _LONG, _SIZE = ctypes.c_int32, ctypes.c_int64, ctypes.c_size_t


class File(ctypes.Structure):
    """`edgectc_file`: bytes in memory."""

    _fields_ = (("at", _POINTER), ("size", _SIZE))


# name: what it returns, what it takes
FUNCTIONS = {
    "abi": (ctypes.c_uint32, ()),
    "context": (_INT, (_TEXT, _INT, _POINTER, _INT)),
    "engine_new": (_POINTER, ()),
    "engine_sibling": (_POINTER, (_POINTER,)),
    "engine_free": (None, (_POINTER,)),
    "engine_error": (_TEXT, (_POINTER,)),
    "engine_lexicon": (_INT, (_POINTER, _POINTER, _SIZE)),
    "engine_log_probs": (_INT, (_POINTER, _POINTER, _LONG)),
    "engine_language_model": (_INT, (_POINTER, _POINTER, _SIZE)),
    "engine_option": (_INT, (_POINTER, _TEXT, _REAL)),
    "engine_columns": (_INT, (_POINTER, _POINTER, _POINTER, _INT, _REAL, _REAL)),
    "engine_word": (_INT, (_POINTER, _TEXT, _TEXT, _REAL, _REAL, _INT)),
    "engine_hotword": (_INT, (_POINTER, _TEXT, _TEXT, _REAL)),
    "engine_share": (_INT, (_POINTER, _REAL)),
    "engine_context": (_INT, (_POINTER, _TEXT)),
    "engine_said_context": (_INT, (_POINTER, _TEXT, _TEXT, _POINTER, _LONG, _REAL)),
    "engine_contexts": (_INT, (_POINTER, _INT)),
    "engine_prepare": (_INT, (_POINTER,)),
    "engine_trace": (_INT, (_POINTER, _POINTER, _INT)),
    "engine_path": (_INT, (_POINTER, _POINTER, _INT, _POINTER)),
    "engine_path_times": (_INT, (_POINTER, _POINTER)),
    "engine_search": (_INT, (_POINTER, _POINTER, _INT, _INT, _INT)),
    "engine_search_double": (_INT, (_POINTER, _POINTER, _INT, _INT, _INT)),
    "engine_text": (_TEXT, (_POINTER, _INT)),
    "engine_figure": (_REAL, (_POINTER, _INT, _INT)),
    "engine_ranked": (_INT, (_POINTER, _POINTER, _POINTER, _INT)),
    "network_new": (_POINTER, ()),
    "network_free": (None, (_POINTER,)),
    "network_error": (_TEXT, (_POINTER,)),
    "network_open": (_INT, (_POINTER, _POINTER, _SIZE)),
    "network_size": (_INT, (_POINTER, _INT)),
    "network_kernels": (_TEXT, (_POINTER,)),
    "network_choose": (_INT, (_POINTER, _TEXT)),
    "network_keys": (_INT, (_POINTER, _POINTER, _POINTER, ctypes.c_float, ctypes.c_float)),
    "network_run": (_INT, (_POINTER, _POINTER, _INT, _POINTER)),
    "keyboard_new": (_POINTER, ()),
    "keyboard_free": (None, (_POINTER,)),
    "keyboard_error": (_TEXT, (_POINTER,)),
    "keyboard_reason": (_TEXT, (_POINTER,)),
    "keyboard_log_probs": (_INT, (_POINTER, _POINTER, _POINTER)),
    "keyboard_knows": (_INT, (_POINTER, _TEXT)),
    "keyboard_open": (_INT, (_POINTER, File, File, File)),
    "keyboard_add": (_INT, (_POINTER, File, File, File)),
    "keyboard_language": (_TEXT, (_POINTER, _INT, _POINTER)),
    "keyboard_test": (_INT, (_POINTER,)),
    "keyboard_keys": (_INT, (_POINTER, _POINTER, _INT)),
    "keyboard_before": (_INT, (_POINTER, _TEXT, _INT)),
    "keyboard_prepare": (_INT, (_POINTER,)),
    "keyboard_teach": (_INT, (_POINTER, _TEXT, _REAL)),
    "keyboard_hide": (_INT, (_POINTER, _TEXT)),
    "keyboard_forget": (_INT, (_POINTER, _TEXT)),
    "keyboard_learn": (_INT, (_POINTER, _TEXT, _REAL)),
    "keyboard_today": (_INT, (_POINTER, _REAL)),
    "keyboard_incognito": (_INT, (_POINTER, _INT)),
    "keyboard_favour": (_INT, (_POINTER, _TEXT, _TEXT, _REAL)),
    "keyboard_save": (_INT, (_POINTER, _TEXT)),
    "keyboard_load": (_INT, (_POINTER, _TEXT)),
    "keyboard_words": (_LONG, (_POINTER, _POINTER, _LONG)),
    "keyboard_take_words": (_INT, (_POINTER, File)),
    "keyboard_tap": (_INT, (_POINTER, _POINTER, _INT, _INT, _POINTER, _INT)),
    "keyboard_strokes": (_INT, (_POINTER, _POINTER, _POINTER, _INT, _INT, _POINTER, _INT)),
    "keyboard_complete": (_INT, (_POINTER, _TEXT, _POINTER, _INT)),
    "keyboard_typed": (_TEXT, (_POINTER,)),
    "keyboard_cancel": (_INT, (_POINTER,)),
    "keyboard_swipe": (_INT, (_POINTER, _POINTER, _INT, _INT, _POINTER, _INT)),
    "beam_new": (_POINTER, (_POINTER,)),
    "beam_free": (None, (_POINTER,)),
    "beam_push": (_LONG, (_POINTER, _POINTER, _LONG)),
    "beam_asked": (_LONG, (_POINTER, _POINTER, _LONG)),
    "beam_answer": (None, (_POINTER, _POINTER, _POINTER)),
    "beam_end": (_LONG, (_POINTER,)),
    "beam_endings": (None, (_POINTER, _POINTER, _POINTER)),
    "beam_best": (_LONG, (_POINTER,)),
    "beam_path": (_LONG, (_POINTER, _LONG, _POINTER, _POINTER, _LONG)),
}


def address(array: Any) -> int:
    """Return where a C-contiguous array lies, three times as fast as ``array.ctypes.data``."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError):  # read-only, or empty
        found: int = array.ctypes.data
        return found


@lru_cache(maxsize=1)
def library() -> Library | None:
    """Return the compiled searches, or None, with one notice, where they were not built anew."""
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
    except OSError:
        _tell("is missing")
        return None
    try:
        for name, (returned, taken) in FUNCTIONS.items():
            function = loaded[f"edgectc_{name}"]
            function.restype, function.argtypes = returned, taken
            setattr(loaded, f"edgectc_{name}", function)
        current = loaded.edgectc_abi() == ABI
    except AttributeError:  # it lacks one of them
        current = False
    if not current:
        _tell("was built from other sources")
        return None
    return loaded


def remedy() -> str:
    """Return what to do where the library is missing or of other sources.

    Python that is started in a source tree imports that tree, whatever is installed.
    """
    build = LIBRARY.parents[3] / "native" / "build.py"
    if build.is_file():
        return f"run: python {shlex.quote(str(build))} (edgectc is imported from its source tree)"
    return "reinstall edgectc where a C compiler is: gcc, cc or $CC"


def _tell(why: str) -> None:
    logging.getLogger("edgectc").warning(
        "edgectc: the compiled decoder %s; decoding with numpy, same answers, slower; %s",
        why,
        remedy(),
    )
