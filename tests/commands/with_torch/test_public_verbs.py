"""`edgectc export` and `edgectc.export` take the same options: of targets and of one's network."""

from __future__ import annotations

import dataclasses
import inspect

import edgectc
from edgectc.commands.cli import build_verbs
from edgectc.core import registry
from edgectc.exporting.byo.adoption import About

# A file of each; Python hands over the module with its weights, and blank_id. In Python a process
# that keeps a crash out is the caller's.
OF_THE_SHELL = {"weights", "blank", "isolate", "preset"}
OF_PYTHON = {"blank_id", "decoder"}


def test_export_takes_the_options_of_its_plugins() -> None:
    fields = {field.name for field in dataclasses.fields(About)}
    for target in registry.names("targets"):
        options = registry.module("targets", target).Options
        fields |= {field.name for field in dataclasses.fields(options)}
    own = {
        name
        for name, parameter in inspect.signature(edgectc.export).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    parser = build_verbs().parsers["export"]
    flags = {action.dest for action in parser._actions if action.option_strings}
    shell = flags - {"help", "json", "debug", "quiet", "verbose"} - OF_THE_SHELL
    assert shell <= own | fields
    assert own <= shell
    assert fields - shell <= OF_PYTHON
