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


def stand_in(module: str, name: str, error: ModuleNotFoundError) -> Callable[..., None]:
    """Return a function that stands for ``name`` of ``module``, and says what to install for it.

    Raises:
        ModuleNotFoundError: what is missing is ours, and nothing that could be installed.
    """
    if str(error.name).partition(".")[0] == "edgectc":
        raise error
    return _stand_in(module, name, str(error.name))


def _stand_in(module: str, name: str, package: str) -> Callable[..., None]:
    def function(*args: object, **options: object) -> None:
        raise MissingDependencyError(f"edgectc.{name}", package=package, extra=_extra(package))

    function.__name__ = function.__qualname__ = name
    function.__module__ = module
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.origin:
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                function.__doc__ = ast.get_docstring(node)
                function.__dict__["__signature__"] = _signature(node)
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
    arguments, fields = node.args, inspect.Parameter
    plain = [*arguments.posonlyargs, *arguments.args]
    absent: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    parameters = [
        fields(a.arg, fields.POSITIONAL_OR_KEYWORD, default=_value(value), annotation=_text(a))
        for a, value in zip(plain, [*absent, *arguments.defaults], strict=True)
    ]
    if a := arguments.vararg:
        parameters.append(fields(a.arg, fields.VAR_POSITIONAL, annotation=_text(a)))
    parameters += [
        fields(a.arg, fields.KEYWORD_ONLY, default=_value(value), annotation=_text(a))
        for a, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if a := arguments.kwarg:
        parameters.append(fields(a.arg, fields.VAR_KEYWORD, annotation=_text(a)))
    returns = ast.unparse(node.returns) if node.returns else inspect.Signature.empty
    return inspect.Signature(parameters, return_annotation=returns)


def _text(argument: ast.arg) -> str:
    return ast.unparse(argument.annotation) if argument.annotation else ""


def _value(default: ast.expr | None) -> object:
    if default is None:
        return inspect.Parameter.empty
    try:
        return ast.literal_eval(default)
    except ValueError:  # an expression: shown as it is written
        return ast.unparse(default)
