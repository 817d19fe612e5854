"""`edgectc demo`."""

from __future__ import annotations

import argparse
import json
from argparse import Namespace
from pathlib import Path

from edgectc.core.errors import ConfigError


def arguments(one: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    one.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets phones in (default: not)")
    one.add_argument("--port", type=int, default=8321, help="0 takes a free one (default 8321)")
    one.add_argument("--export", metavar="DIR", help="write the page for any web server instead")
    one.add_argument("--lexicon", metavar="FILE", help="the model's lexicon, if it lies elsewhere")
    one.add_argument(
        "--language-model", metavar="FILE", help="its language model, if it lies elsewhere"
    )


def run(options: Namespace) -> int:
    """Serve the browser keyboard until interrupted, or write it to a folder."""
    from edgectc.commands.serving import pages
    from edgectc.commands.serving.server import Server

    made = pages.collect(
        options.model, lexicon=options.lexicon, language_model=options.language_model
    )
    if options.export is not None:
        size = pages.export(made, Path(options.export))
        about = {"folder": options.export, "bytes": size, "model": made.name}
        _print(options, about, f"{options.export}: {size / 1e6:.1f} MB, any web server will do")
        return 0
    if not 0 <= options.port < 65536:
        raise ConfigError(f"--port is {options.port}, expected 0 to 65535")
    try:
        server = Server(made, options.host, options.port)
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {options.host}:{options.port}: {error.strerror or error}; "
            "choose another with --port"
        ) from error
    _print(options, {"url": server.url, "model": made.name}, f"{made.name} at {server.url}")
    if options.host in ("0.0.0.0", "::") and not options.json:
        print("Phones in this network open the same with this machine's name. Stop: Ctrl-C.")
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def _print(options: Namespace, about: dict[str, object], text: str) -> None:
    print(json.dumps(about, sort_keys=True) if options.json else text, flush=True)
