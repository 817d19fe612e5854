"""Every verb of the command line is a public function with the same options and defaults."""

from __future__ import annotations

import argparse
import inspect

import pytest

import edgectc
from edgectc.commands.arguments import Parser, flag
from edgectc.commands.cli import build_verbs

VERBS = {
    name: parser for name, parser in build_verbs().parsers.items() if parser.get_default("run")
}
COMMON = {"help", "json", "debug", "quiet", "verbose"}  # of the command line alone
# Flags that are no argument of the same function: compare_layers is that of `verify --layerwise`.
APART = {"verify": {"layerwise", "network", "weights"}}


def flags(parser: Parser) -> dict[str, argparse.Action]:
    return {
        action.dest: action
        for action in parser._actions
        if action.option_strings and action.dest not in COMMON and action.help != "==SUPPRESS=="
    }


def plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def parameters(verb: str) -> dict[str, inspect.Parameter]:
    function = getattr(edgectc, VERBS[verb].get_default("function"))
    return dict(inspect.signature(function).parameters)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_and_its_function_take_the_same_options(verb: str) -> None:
    named = parameters(verb)
    options = {name for name, p in named.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    ours = set(flags(VERBS[verb])) - APART.get(verb, set())
    if verb in ("export", "quantize"):  # the rest are options of plugins, see with_torch/
        ours &= options
    positional = {name for name, p in named.items() if name == "data"}  # evaluate(model, data)
    assert ours == options | (positional & ours)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_and_its_function_have_the_same_defaults(verb: str) -> None:
    named = parameters(verb)
    for name, action in flags(VERBS[verb]).items():
        if name not in named or name in APART.get(verb, ()):
            continue
        default = named[name].default
        if action.required:
            assert default is inspect.Parameter.empty, name
        else:
            assert plain(action.default) == plain(default), name


@pytest.mark.parametrize("verb", VERBS)
def test_positional_arguments_come_in_the_same_order(verb: str) -> None:
    function = [
        p for p in parameters(verb).values() if p.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    shell = [a for a in VERBS[verb]._actions if not a.option_strings]
    first = [p for p in function if p.kind is not inspect.Parameter.VAR_KEYWORD][: len(shell)]
    assert len(first) == len(shell)
    for parameter, action in zip(first, shell, strict=True):
        several = action.nargs in ("*", "+")
        assert several is (parameter.kind is inspect.Parameter.VAR_POSITIONAL)
        if not several:
            needed = parameter.default is inspect.Parameter.empty
            assert needed is (action.nargs is None)


@pytest.mark.parametrize("verb", VERBS)
def test_a_flag_is_spelt_like_its_argument(verb: str) -> None:
    for name, action in flags(VERBS[verb]).items():
        assert flag(name) in action.option_strings


def test_every_verb_is_public_and_described() -> None:
    for parser in VERBS.values():
        name = parser.get_default("function")
        assert name in edgectc.__all__
        doc = inspect.getdoc(getattr(edgectc, name))
        assert doc
        assert doc.startswith("Return") or name in ("adopt", "export", "quantize")


def test_a_verb_of_a_group_names_its_object() -> None:
    for verb, parser in VERBS.items():
        name = parser.get_default("function")
        if " " not in verb:
            assert name == {
                "eval": "evaluate",
                "hotwords": "measure_hotwords",
                "hub": "from_hub",
                "list": "list_names",
            }.get(verb, verb.replace("-", "_"))
