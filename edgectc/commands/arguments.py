"""How verbs are declared: one parser a verb, with arguments that several verbs share."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

MODEL = (
    "bundle directory, artifact (.onnx, .pte, .mlpackage, .aimodel, .tflite, .edgectc), or shipped "
    "model (default: swipe-en)"
)
# Arguments of the public functions that are not called like their flags.
_FLAGS = {"overrides": "--set", "check_blank": "--any-blank"}
_OF_THE_PARSER = {
    "verb", "run", "function", "arguments", "completion", "json", "debug", "quiet", "verbose",
}  # fmt: skip


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with the nearest spelling."""

    arguments: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and remember what was parsed for the error."""
        self.arguments = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Exit with one line."""
        known = {option for action in self._actions for option in action.option_strings}
        for word in self.arguments:
            # A misspelt option is the cause, a missing argument only what follows from it.
            if message.startswith("the following arguments are required") and (
                word.startswith("--") and word.split("=")[0] not in known
            ):
                message = f"unrecognized argument {word!r}{self.near(word)}"
        for action in self._actions:
            # Only verbs and actions have choices; argparse would list them all.
            wrong = [word for word in self.arguments if f"invalid choice: {word!r}" in message]
            if message.endswith(f"required: {action.metavar}") and isinstance(
                action, argparse._SubParsersAction
            ):
                message = f"{self.prog} needs an action: {', '.join(action.choices)}"
            if isinstance(action, argparse._SubParsersAction) and wrong:
                kind = str(action.metavar).lower()
                message = f"no {kind} {wrong[0]!r}{self._nearest(wrong[0], [*action.choices])}"
        self.exit(2, f"edgectc: error: {' '.join(message.split())}\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Let go what cannot be printed, as argparse itself does in newer Pythons."""
        with contextlib.suppress(AttributeError, OSError):
            super()._print_message(message, file)

    def near(self, word: str) -> str:
        """Return a hint for a misspelt option."""
        known = [option for action in self._actions for option in action.option_strings]
        if word.split("=")[0] in known:
            return f"; write it after the verb: {self.prog} {word}"
        return self._nearest(word.split("=")[0], known)

    def _nearest(self, word: str, known: Sequence[str]) -> str:
        nearest = difflib.get_close_matches(word, known, n=1)
        return f"; did you mean {nearest[0]!r}?" if nearest else f"; see {self.prog} --help"


class Verbs:
    """The verbs of the command line, each with its parser.

    Attributes:
        root: parser of all.
        parsers: verb or group, e.g. "lm" and "lm build", to its parser.
    """

    def __init__(self, root: Parser) -> None:
        self.root = root
        self.parsers: dict[str, Parser] = {}
        self._groups = {"": root.add_subparsers(metavar="VERB", parser_class=Parser)}

    def group(self, name: str, text: str) -> None:
        """Declare the first word of verbs that have two."""
        parser = self._groups[""].add_parser(name, help=text, description=text, allow_abbrev=False)
        self.parsers[name] = parser
        self._groups[name] = parser.add_subparsers(
            metavar="ACTION", dest="action", required=True, parser_class=Parser
        )

    def add(self, name: str, run: str, text: str, *, function: str = "") -> Parser:
        """Declare a verb and return its parser.

        Args:
            name: of the verb, with its group if it has one.
            run: ``module.function`` of `edgectc.commands` that prints its result.
            text: what it does.
            function: its name in Python; "" for the same one.
        """
        group, _, last = name.rpartition(" ")
        parser = self._groups[group].add_parser(
            last, help=text, description=text, allow_abbrev=False
        )
        parser.set_defaults(verb=name, run=run, function=function or name)
        parser.add_argument("--json", action="store_true", help="print JSON to standard output")
        parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
        talk = parser.add_mutually_exclusive_group()
        text = "say nothing but results, warnings and errors"
        talk.add_argument("-q", "--quiet", action="store_true", help=text)
        text = "show what tool chains print, and the time that the verb took"
        talk.add_argument("-v", "--verbose", action="store_true", help=text)
        self.parsers[name] = parser
        return parser


def add_jobs(parser: Parser) -> None:
    """Declare the flags of a verb that works on rows in several processes."""
    text = "processes that work on the rows; the answer is the same (default 1)"
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help=text)
    text = "what runs them: processes of this machine, or ray (default processes)"
    parser.add_argument("--engine", default="processes", metavar="NAME", help=text)


class Renamed(argparse.Action):
    """An old spelling of a flag: does what the new one does, and says so once."""

    def __init__(self, option_strings: Sequence[str], dest: str, now: str) -> None:
        self.now = now
        super().__init__(
            option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: Namespace,
        values: Any,
        option: str | None = None,
    ) -> None:
        """Set what the new flag sets."""
        note(f"{option} is now called {self.now}")
        setattr(namespace, self.dest, True)


def note(text: str) -> None:
    """Say something that is no error, through the logger of edgectc."""
    import logging  # here, because --help needs none

    logging.getLogger("edgectc").warning(text)


def values(options: Namespace, *, without: Sequence[str] = ()) -> dict[str, Any]:
    """Return what was parsed as arguments of the verb's function."""
    dropped = {*_OF_THE_PARSER, *without, "action"}
    return {name: value for name, value in vars(options).items() if name not in dropped}


def flag(option: str) -> str:
    """Return the flag of an argument: ``max_drop`` is ``--max-drop``, a setting is ``--set``'s."""
    if "." in option:
        return f"--set {option}"
    return _FLAGS.get(option, f"--{option.replace('_', '-')}")


def names(text: str) -> tuple[str, ...]:
    """Return names with commas between, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",")))


def integers(text: str) -> tuple[int, ...]:
    """Return whole numbers with commas between."""
    return _numbers(text, int)


def decimals(text: str) -> tuple[float, ...]:
    """Return numbers with commas between."""
    return _numbers(text, float)


def _numbers(text: str, kind: Callable[[str], T]) -> tuple[T, ...]:
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError as error:
        raise ArgumentTypeError(
            f"is {text!r}, expected numbers with commas between, e.g. 1,2"
        ) from error


def add_labelled(parser: Parser, *, split: str) -> None:
    """Add what names labelled swipes or recordings."""
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="file or folder as training reads it (default: $EDGECTC_DATA)",
    )
    parser.add_argument(
        "--split", default=split, help=f"all, train, dev or test, as in training (default {split})"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most N rows, chosen at random")
    text = "share of the rows that may be unusable (default 0.5)"
    parser.add_argument("--max-dropped", type=float, default=0.5, metavar="SHARE", help=text)


def add_runtime(parser: Parser) -> None:
    """Add how a model is opened."""
    parser.add_argument("--lexicon", metavar="FILE", help="lexicon instead of the model's own")
    parser.add_argument(
        "--language-model", metavar="FILE", help="language model instead of the model's own"
    )
    parser.add_argument(
        "--lm-required", action="store_true", help="fail where the language model cannot be had"
    )
    parser.add_argument("--offensive", action="store_true", help="suggest offensive words too")
    parser.add_argument("--runner", help="onnx, native, pte or eager (default: what is there)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the runtime (default 1)")
    add_trust(parser)


def add_language(parser: Parser) -> None:
    """Add which language packs are used."""
    text = "language packs in place of the model's words, the main one first (docs/languages.md)"
    parser.add_argument("--language", metavar="NAME,NAME,...", help=text)


def add_hotwords(parser: Parser, *, required: bool = False) -> None:
    """Add which terms are favoured."""
    text = "terms to favour, TOML or one a line (docs/decoding.md)"
    parser.add_argument("--hotwords", metavar="FILE", required=required, help=text)


def add_trust(parser: Parser) -> None:
    """Add whose signatures are asked for."""
    text = "public keys: refuse a model that is not signed with one of them, see docs/trust.md"
    parser.add_argument("--trust", metavar="FILE", help=text)


class Named(argparse.Action):
    """Gathers pairs of a name and a value, which may be repeated, as a dictionary."""

    def __call__(
        self, parser: Any, namespace: Namespace, values: Any, option: str | None = None
    ) -> None:
        """Add one."""
        found = vars(namespace)[self.dest] or {}
        setattr(namespace, self.dest, {**found, values[0]: values[1]})


def named(text: str, form: str, read: Callable[[str], T]) -> tuple[str, T]:
    """Return both sides of ``NAME=VALUE``.

    Raises:
        ArgumentTypeError: a side is missing, or no value; says the form, e.g. "NAME=N".
    """
    name, _, value = text.partition("=")
    try:
        if not (name and value):
            raise ValueError(text)
        return name, read(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected {form}, got {text!r}") from error


def count(text: str) -> tuple[str, int]:
    """Return name and number of ``NAME=N``."""
    return named(text, "NAME=N", int)
