"""`edgectc.doctor`, `edgectc.list_names` and `edgectc.demo`: this machine, and what is here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgectc.commands import environment
from edgectc.commands.environment import Finding
from edgectc.commands.serving import pages
from edgectc.commands.serving.server import Server
from edgectc.core import config, environments, registry, schemes, toolchain_errors
from edgectc.core.arguments import File, FileName, Port, checked
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.core.messages import say
from edgectc.core.toolchain_errors import Known
from edgectc.formats import bundle, layouts
from edgectc.runtime import languages


@dataclass(frozen=True)
class Diagnosis:
    """What this machine can do.

    Attributes:
        findings: packages, parts of edgectc, and the machine.
        lacking: those that the needed extra lacks.
        errors: known errors of tool chains, where those were asked for instead.
    """

    findings: tuple[Finding, ...] = ()
    lacking: tuple[Finding, ...] = ()
    errors: tuple[Known, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether nothing is broken, and nothing that is needed is missing."""
        return not self.lacking and all(f.verdict != "broken" for f in self.findings)

    def __repr__(self) -> str:
        counts = {"errors": len(self.errors), "lacking": len(self.lacking)}
        for finding in self.findings:
            counts[finding.verdict] = counts.get(finding.verdict, 0) + 1
        return f"Diagnosis({', '.join(f'{name}={n}' for name, n in counts.items() if n)})"


@checked
def doctor(
    *,
    need: str | None = None,
    errors: str | None = None,
    deep: bool = False,
    make: str | None = None,
) -> Diagnosis:
    """Return what this machine can do, and what to install.

    Args:
        need: an extra, e.g. "pte", of which all must be there.
        errors: instead, the known error that a tool chain's message is; "" for all of them.
        deep: import each package, in a process of its own.
        make: first make the environment of a tool chain that does not go with ours: "coreai" or
            "litert"; pip fetches it.

    Raises:
        UnknownNameError: no such extra, or environment.
        ExportError: the environment could not be made.
    """
    if make is not None:
        say(f"made {environments.make(make)}")
    if errors is not None:
        known = toolchain_errors.find(errors) if errors else None
        return Diagnosis(errors=((known,) if known else ()) if errors else toolchain_errors.KNOWN)
    findings = environment.examine(deep=deep)
    lacking = environment.lacking(findings, need) if need else []
    return Diagnosis(tuple(findings), tuple(lacking))


@checked
def list_names(kind: str | None = None) -> dict[str, list[str]]:
    """Return what is registered, by kind; nothing is imported for it.

    Args:
        kind: "targets", "schemes", "layouts", "models", "decoders" ...; None for all.

    Raises:
        UnknownNameError: no such kind.
    """
    known: dict[str, Callable[[], list[str]]] = {
        name: lambda name=name: registry.names(name)  # type: ignore[misc]
        for name in registry.KINDS
    }
    known |= {
        "families": lambda: sorted(config.families()),
        "languages": languages.names,
        "layouts": layouts.names,
        "models": bundle.shipped_names,
        "schemes": lambda: sorted(schemes.SCHEMES),
    }
    if kind is not None and kind not in known:
        raise UnknownNameError("kind", kind, known)
    return {name: known[name]() for name in ([kind] if kind else sorted(known))}


@dataclass(frozen=True)
class Demo:
    """The browser keyboard: written to a folder, or ready to be served.

    Attributes:
        name: of the model.
        url: where this machine finds the page; None for a folder.
        folder: what was written; None for a server.
        bytes: of the folder.
        server: of the page; None for a folder.
    """

    name: str
    url: str | None = None
    folder: Path | None = None
    bytes: int = 0
    server: Server | None = field(default=None, repr=False)

    @property
    def phones(self) -> tuple[str, ...]:
        """Where phones in this network find the page."""
        return self.server.network_urls if self.server is not None else ()

    def serve(self) -> None:
        """Serve the page until interrupted; a folder needs none."""
        if self.server is None:
            return
        with self.server:
            try:
                self.server.serve_forever()
            except KeyboardInterrupt:
                return


@checked
def demo(
    model: FileName | None = None,
    *,
    host: str = "127.0.0.1",
    port: Port = 8321,
    export: File | None = None,
    lexicon: FileName | None = None,
    language_model: FileName | None = None,
) -> Demo:
    """Return a keyboard in the browser with a model: call its ``serve``.

    Args:
        model: bundle, ``.onnx`` file or shipped name, None for the default one.
        host: "0.0.0.0" lets phones in.
        port: 0 takes a free one.
        export: folder to write the page to instead, for any web server.
        lexicon: the model's lexicon, if it lies elsewhere.
        language_model: its language model, if it lies elsewhere.

    Raises:
        ConfigError: the model is no keyboard, or the port cannot be had.
        MissingDependencyError: the page was not built.
    """
    content = pages.collect(model, lexicon=lexicon, language_model=language_model)
    if export is not None:
        folder = Path(export)
        return Demo(content.name, folder=folder, bytes=pages.export(content, folder))
    try:
        server = Server(content, host, port)
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {host}:{port}: {error.strerror or error}; choose another with port",
            options=["port"],
        ) from error
    return Demo(content.name, url=server.url, server=server)
