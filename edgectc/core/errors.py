"""The exception tree of edgectc.

EdgectcError
├─ ConfigError(ValueError)              ├─ BundleError(ValueError)
├─ UnknownNameError(LookupError)        │   ├─ BundleFileMissingError(FileNotFoundError)
├─ MissingDependencyError(ImportError)  │   └─ BundleMismatchError
├─ InputError(ValueError)               ├─ ExportError(RuntimeError) ── UnsupportedSchemeError
├─ NonFiniteError(ValueError)           ├─ BudgetError(RuntimeError)
└─ ParityError(RuntimeError)            └─ WriteError(OSError)

Every error is also the builtin a caller would expect, and carries the exit code of the
command line: 1 a check failed, 2 bad input, config or bundle, 3 missing dependency,
4 a tool chain failed.
"""

from __future__ import annotations

import difflib
import platform
import re
from collections.abc import Callable, Iterable
from typing import Any

# What installs an extra. The name is on no package index: the line names what edgectc came from.
INSTALL = 'pip install "{origin}[{extra}]"'
_UNKNOWN = "pip install '.[{extra}]' in the source tree of edgectc"


def install_line(extra: str) -> str:
    """Return what to type to install an extra, from the same wheel or source tree as edgectc."""
    place = origin()
    return (INSTALL if place else _UNKNOWN).format(origin=place, extra=extra)


def origin() -> str:
    """Return the path that pip installed edgectc from (PEP 610); "" where that is not known."""
    import json  # none of which anything but a message needs
    import os
    from importlib import metadata
    from pathlib import Path
    from urllib.parse import unquote, urlsplit

    try:
        text = metadata.distribution("edgectc").read_text("direct_url.json")
        url = urlsplit(json.loads(text or "{}")["url"])
    except (metadata.PackageNotFoundError, OSError, ValueError, LookupError, TypeError):
        return ""
    path = unquote(url.path) if url.scheme == "file" else ""
    path = path.lstrip("/") if os.name == "nt" else path  # of /C:/folder
    return path if path and Path(path).exists() else ""


class EdgectcError(Exception):
    """Base of every error that edgectc raises on purpose.

    Attributes:
        options: arguments that the message names; the command line prints them as its flags.
    """

    exit_code = 2

    def __init__(self, message: str = "", *, options: Iterable[str] = ()) -> None:
        self.options = tuple(options)
        super().__init__(message)

    def __reduce__(self) -> tuple[Callable[..., EdgectcError], tuple[Any, ...]]:
        """Return how another process makes the error again, as it is."""
        return _again, (type(self), self.args, vars(self))

    def spelled(self, spelling: Callable[[str], str]) -> str:
        """Return the message with each of ``options`` as ``spelling`` has it.

        ``name=VALUE`` is spelled as flag and value, or stays one word behind a flag for settings; a
        name in quotes is a value and stays, and so does a command: `edgectc language build de`.
        """
        if not self.options:
            return str(self)
        names = "|".join(map(re.escape, sorted({*self.options}, key=len, reverse=True)))

        def flag(match: re.Match[str]) -> str:
            if match[1] is None:
                return match[0]
            found = spelling(match[1])
            if not match[2]:
                return found
            return f"{found}=" if " " in found else f"{found} "

        option = rf"(?<![\w'./-])({names})\b(?!['./-]\w|')(=?)"
        return re.sub(rf"`edgectc [^`]*`|{option}", flag, str(self))


def _again(kind: type[EdgectcError], args: tuple[Any, ...], state: dict[str, Any]) -> EdgectcError:
    made = kind.__new__(kind, *args)
    vars(made).update(state)
    return made


class ConfigError(EdgectcError, ValueError):
    """A configuration or an option that cannot be honoured."""


class UnknownNameError(EdgectcError, LookupError):
    """A name that no registry, layout or token set holds."""

    def __init__(
        self, kind: str, got: str, known: Iterable[str], *, options: Iterable[str] = ()
    ) -> None:
        self.kind, self.got, self.known = kind, got, tuple(sorted(known))
        near = difflib.get_close_matches(got, self.known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(self.known) or 'none'}"
        super().__init__(f"unknown {kind} {got!r}; {hint}", options=options)


class MissingDependencyError(EdgectcError, ImportError):
    """A package, or a system, that the requested work needs is not there."""

    exit_code = 3

    def __init__(
        self, what: str, *, package: str = "", extra: str = "", command: str = "", system: str = ""
    ) -> None:
        if system:
            super().__init__(f"{what} needs {system}; {command or f'this is {platform.system()}'}")
            return
        command = command or install_line(extra)
        super().__init__(
            f"{what} needs the package {package!r}, which is not installed; run: {command}"
        )


class InputError(EdgectcError, ValueError):
    """A sample that no model should see.

    Attributes:
        reason: stable machine-readable name of the problem, e.g. ``"not_finite"``.
        name: of the recording, where who reads a file knows it.
    """

    def __init__(
        self, message: str, *, reason: str, options: Iterable[str] = (), name: str = ""
    ) -> None:
        self.reason, self.name = reason, name
        super().__init__(message, options=options)


class NonFiniteError(EdgectcError, ValueError):
    """A NaN or Inf, named by tensor, sample or operator."""

    exit_code = 1


class ParityError(EdgectcError, RuntimeError):
    """An artifact that does not reproduce its reference."""

    exit_code = 1


class BundleError(EdgectcError, ValueError):
    """A bundle or artifact that cannot be trusted or read."""


class BundleFileMissingError(BundleError, FileNotFoundError):
    """A file that a bundle or artifact needs is not there."""

    # OSError would format itself from errno; the message is all we have.
    __str__ = Exception.__str__


class BundleMismatchError(BundleError):
    """Parts that do not belong together: a wrong hash, lexicon or token set."""


class ExportError(EdgectcError, RuntimeError):
    """A converter failed or returned something other than what was asked."""

    exit_code = 4


class UnsupportedSchemeError(ExportError):
    """A target that cannot hold a quantization scheme."""

    exit_code = 2


class WriteError(EdgectcError, OSError):
    """A file or folder that cannot be written; what had its name is as it was."""

    __str__ = Exception.__str__  # as above


class BudgetError(EdgectcError, RuntimeError):
    """An accuracy, size or speed budget that no candidate met."""

    exit_code = 1
