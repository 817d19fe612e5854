"""The command line: parsing and exit codes; the work is in `edgectc.commands.verbs`.

Exit codes: 0 done; 1 a check failed; 2 usage, config, bad input or bundle; 3 missing dependency or
nothing could be checked; 4 a tool chain failed.
"""

from __future__ import annotations

import importlib
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from errno import ENOSPC

from edgectc.commands import (
    accuracy,
    adoption,
    artifacts,
    benchmark,
    completion,
    data,
    favouring,
    hub,
    language,
    machine,
    models,
    quantization,
    recognition,
    reporting,
    signals,
    signing,
    streams,
)
from edgectc.commands.arguments import Parser, Verbs, flag
from edgectc.core import messages
from edgectc.core.errors import EdgectcError
from edgectc.core.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    streams.prepare()
    try:
        return streams.finish(_run(arguments))
    except KeyboardInterrupt:  # also before there is a verb
        return streams.finish(_fail("interrupted", 128 + signal.SIGINT))
    except SystemExit as end:  # help was printed, or what is wrong with the arguments
        raise SystemExit(streams.finish(int(end.code or 0))) from None


def _run(arguments: Sequence[str] | None) -> int:
    verbs = build_verbs()
    parser = verbs.root
    options, rest = parser.parse_known_args(arguments)
    options.arguments = list(sys.argv[1:] if arguments is None else arguments)
    if rest:
        used = verbs.parsers.get(options.verb, parser) if options.verb else parser
        used.error(f"unrecognized argument {rest[0]!r}{used.near(rest[0])}")
    if options.completion is not None:
        try:
            print(completion.script(options.completion, verbs), end="")
        except EdgectcError as error:
            parser.error(str(error))
        return 0
    if options.verb is None:
        parser.print_help()
        return 0
    return _call(options)


def _call(options: Namespace) -> int:
    """Call the verb, and make one line and an exit code of whatever ends it."""
    try:
        module, _, function = options.run.partition(".")
        commands = importlib.import_module(f"edgectc.commands.{module}")
        began = time.monotonic()
        with messages.spoken(options.verbose - options.quiet), signals.cleaning_up():
            code: int = getattr(commands, function)(options)
            if options.verbose:
                messages.say(f"edgectc {options.verb}: {time.monotonic() - began:.1f} s")
        return code
    except EdgectcError as error:
        if options.debug:
            raise
        return _fail(error.spelled(flag), error.exit_code)
    except signals.Terminated:
        return _fail("terminated", 128 + signal.SIGTERM)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and streams.unread():
            return streams.failed(error)
        if options.debug:
            raise
        where = f": {error.filename}" if error.filename else ""
        advice = "; make room and run the same command again" if error.errno == ENOSPC else ""
        return _fail(f"{error.strerror or error}{where}{advice}", 2)
    except UnicodeEncodeError as error:  # an argument in another encoding than the file's, UTF-8
        if options.debug:
            raise
        near = error.object[max(0, error.start - 20) : error.end + 20]
        return _fail(f"{near!r} is no text in UTF-8, and cannot be written; write it in UTF-8", 2)
    except UnicodeDecodeError as error:
        if options.debug:
            raise
        return _fail(
            f"a package reads its own files as {error.encoding}, as this locale has it; set "
            "PYTHONUTF8=1 and run the same command again",
            4,
        )
    except MemoryError:
        if options.debug:
            raise
        return _fail("not enough memory; take fewer recordings at once, or another machine", 4)
    except Exception as error:  # the last net: one line, and --debug for the rest
        if options.debug:
            raise
        return _fail(f"internal error: {type(error).__name__}: {error}; --debug shows where", 4)


def _fail(message: str, code: int) -> int:
    messages.say(f"edgectc: error: {' '.join(message.split())}", always=True)
    return code


def build_verbs() -> Verbs:
    """Return the parser of every verb, in the order of ``--help``."""
    parser = Parser(
        prog="edgectc",
        description="CTC models from training to a phone, proven at every step.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"edgectc {__version__}")
    parser.add_argument("--completion", metavar="SHELL", help=completion.HELP)
    parser.set_defaults(verb=None, debug=False)
    verbs = Verbs(parser)
    recognition.declare(verbs)
    accuracy.declare(verbs)
    favouring.declare(verbs)
    artifacts.declare_checks(verbs)
    machine.declare(verbs)
    artifacts.declare_export(verbs)
    adoption.declare(verbs)
    quantization.declare(verbs)
    signing.declare(verbs)
    hub.declare(verbs)
    models.declare(verbs)
    language.declare_lexicon(verbs)
    language.declare_languages(verbs)
    benchmark.declare(verbs)
    reporting.declare(verbs)
    data.declare(verbs)
    language.declare_models(verbs)
    return verbs


if __name__ == "__main__":
    sys.exit(main())
