"""Names that are imported on first use, and what stands for one whose packages are not installed.

A missing package must not spoil ``help``, ``hasattr``, ``inspect.getmembers`` or completion: a
function that cannot be imported is stood for by one with the same signature and docstring, read
from the source, and the error comes at the call.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgectc.core.errors import MissingDependencyError

_KINDS = inspect.Parameter


def attribute(module: str, name: str) -> object:
    """Return what ``module`` calls ``name``, or a function that says what to install for it."""
    try:
        return vars(importlib.import_module(module))[name]
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] == "edgectc":
            raise  # ours: nothing that could be installed
        return _stand_in(module, name, str(error.name))


def _stand_in(module: str, name: str, package: str) -> Callable[..., object]:
    def function(*args: object, **options: object) -> object:
        raise MissingDependencyError(f"edgectc.{name}", package=package, extra=_extra(package))

    function.__name__ = function.__qualname__ = name
    function.__module__ = module
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.origin:
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                function.__doc__ = ast.get_docstring(node)
                function.__signature__ = _signature(node)  # type: ignore[attr-defined]
    return function


@contextmanager
def requires(what: str, *, extra: str = "") -> Iterator[None]:
    """Import modules of ours inside: a package that they lack is an error that says what to type.

    Args:
        what: needs the package, for the message.
        extra: that brings it; "" finds it by the package.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name)
        raise MissingDependencyError(
            what, package=package, extra=extra or _extra(package)
        ) from error


def _extra(package: str) -> str:
    """Return the extra that brings a package."""
    first = package.partition(".")[0]
    return {"executorch": "pte", "coremltools": "coreml", "lightning": "train"}.get(
        first, "export-onnx" if first.startswith("onnx") else "torch"
    )


def _signature(node: ast.FunctionDef) -> inspect.Signature:
    """Return the signature of a function that was parsed and not run; annotations are text."""
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    absent: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    defaults = [*absent, *arguments.defaults]
    parameters = [
        _parameter(argument, _KINDS.POSITIONAL_OR_KEYWORD, default)
        for argument, default in zip(plain, defaults, strict=True)
    ]
    if arguments.vararg:
        parameters.append(_parameter(arguments.vararg, _KINDS.VAR_POSITIONAL, None))
    parameters += [
        _parameter(argument, _KINDS.KEYWORD_ONLY, default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg:
        parameters.append(_parameter(arguments.kwarg, _KINDS.VAR_KEYWORD, None))
    returns = ast.unparse(node.returns) if node.returns else inspect.Signature.empty
    return inspect.Signature(parameters, return_annotation=returns)


def _parameter(argument: ast.arg, kind: object, default: ast.expr | None) -> inspect.Parameter:
    annotation = ast.unparse(argument.annotation) if argument.annotation else _KINDS.empty
    value: object = _KINDS.empty
    if default is not None:
        try:
            value = ast.literal_eval(default)
        except ValueError:  # an expression: shown as it is written
            value = ast.unparse(default)
    return inspect.Parameter(argument.arg, kind, default=value, annotation=annotation)  # type: ignore[arg-type]
