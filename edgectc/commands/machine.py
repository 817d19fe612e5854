"""`edgectc doctor`, `edgectc demo` and `edgectc list`."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from edgectc.commands.arguments import MODEL, Verbs, values

if TYPE_CHECKING:  # building the parser stays light
    from edgectc.commands.verbs.machine import Diagnosis


def declare(verbs: Verbs) -> None:
    """Declare the verbs."""
    text = "Tell what this machine can do, and what to install."
    parser = verbs.add("doctor", "machine.run_doctor", text)
    parser.add_argument("--need", metavar="EXTRA", help="exit 3 unless all that it needs is there")
    parser.add_argument(
        "--errors",
        nargs="?",
        const="",
        metavar="TEXT",
        help="explain an error of a tool chain; without a text, list those that are known",
    )
    parser.add_argument(
        "--deep", action="store_true", help="import each package, in its own process"
    )
    text = (
        "first make the environment of a tool chain of its own: coreai or litert (pip fetches it)"
    )
    parser.add_argument("--make", metavar="NAME", help=text)

    text = "Swipe in a browser: serve a keyboard with a model."
    parser = verbs.add("demo", "machine.run_demo", text)
    parser.add_argument("model", nargs="?", help=MODEL)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets phones in (default: not)")
    parser.add_argument("--port", type=int, default=8321, help="0 takes a free one (default 8321)")
    parser.add_argument("--export", metavar="DIR", help="write the page for any web server instead")
    parser.add_argument(
        "--lexicon", metavar="FILE", help="the model's lexicon, if it lies elsewhere"
    )
    parser.add_argument(
        "--language-model", metavar="FILE", help="its language model, if it lies elsewhere"
    )

    text = "List what is registered."
    parser = verbs.add("list", "machine.run_list", text, function="list_names")
    parser.add_argument(
        "kind",
        nargs="?",
        help="targets, schemes, layouts, models, decoders, ... (default: everything)",
    )


def run_doctor(options: Namespace) -> int:
    """Print what this machine can do; exit 3 if something that was asked for is missing."""
    from edgectc.commands.verbs.machine import doctor
    from edgectc.core.config import to_dict

    diagnosis = doctor(**values(options))
    if options.errors is not None:
        return _print_errors(diagnosis, as_json=options.json)
    if options.json:
        lacking = [finding.name for finding in diagnosis.lacking]
        findings = [to_dict(finding) for finding in diagnosis.findings]
        print(json.dumps({"findings": findings, "lacking": lacking}, sort_keys=True))
    else:
        _print_findings(diagnosis)
    return 0 if diagnosis.healthy else 3


def _print_findings(diagnosis: Diagnosis) -> None:
    from edgectc.core.console import print_table

    rows = [
        [f.name, f.verdict, f.found or "-", f.tested or "-", ", ".join(f.needed_by)]
        for f in diagnosis.findings
    ]
    print_table(["part", "verdict", "found", "tested", "needed by"], rows, right=False)
    for finding in diagnosis.findings:
        if finding.fix:
            print(f"{finding.name}: {finding.fix}")


def _print_errors(diagnosis: Diagnosis, *, as_json: bool) -> int:
    """Print the errors of tool chains that are understood, or the one that a text is."""
    from edgectc.core.config import to_dict

    if as_json:
        print(json.dumps([to_dict(error) for error in diagnosis.errors]))
    else:
        for error in diagnosis.errors:
            print(f"{error.name} ({error.tool})\n  cause: {error.cause}\n  fix: {error.fix}")
        if not diagnosis.errors:
            print("no known error has such a text; edgectc doctor --errors lists them")
    return 0 if diagnosis.errors else 3


def run_demo(options: Namespace) -> int:
    """Serve the browser keyboard until interrupted, or write it to a folder."""
    from edgectc.commands.verbs.machine import demo

    page = demo(**values(options))
    if page.url is None:
        document = {
            "folder": str(options.export),
            "bytes": page.bytes,
            "model": page.name,
        }
        text = f"{page.folder}: {page.bytes / 1e6:.1f} MB, any web server will do"
    else:
        document = {"url": page.url, "phones": [*page.phones], "model": page.name}
        text = f"{page.name} at {page.url}"
        if options.host in ("0.0.0.0", "::"):
            where = " or ".join(page.phones) or "the same with this machine's name"
            text += f"\nPhones in this network open {where}. Stop: Ctrl-C."
            if page.phones and sys.stdout.isatty():
                text += f"\n{_code(page.phones[0])}"
    print(json.dumps(document, sort_keys=True) if options.json else text, flush=True)
    page.serve()
    return 0


def _code(address: str) -> str:
    """Return an address for the cameras of phones, black on white unless colours are unwanted."""
    from edgectc.commands.serving import qr

    on, off = ("", "") if os.environ.get("NO_COLOR") else ("\x1b[30;107m", "\x1b[0m")
    return "\n".join(f"{on}{line}{off}" for line in qr.lines(address))


def run_list(options: Namespace) -> int:
    """List registered names; nothing is imported for it."""
    from edgectc.commands.verbs.machine import list_names
    from edgectc.core import schemes
    from edgectc.core.console import print_table

    if options.kind == "schemes":
        support = schemes.support()
        rows = [[name, *cells.values()] for name, cells in support.items()]
        header = ["scheme", *schemes.SUPPORTED]
        if options.json:
            print(json.dumps(support))
        else:
            print_table(header, rows, right=False)
        return 0
    names = list_names(options.kind)
    if options.json:
        print(json.dumps(names if options.kind is None else names[options.kind]))
    else:
        for kind, registered in names.items():
            text = ", ".join(registered) or "none here"
            print("\n".join(registered) if options.kind else f"{kind}: {text}")
    return 0
