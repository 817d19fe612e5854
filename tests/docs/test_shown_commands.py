"""Every command that a page shows is one: its verb is there, and takes what it is given."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from pages import FENCE, ROOT, blocks

from edgectc.commands.cli import build_verbs

FOLDERS = (".", "docs", "docs/tutorials", "docs/notes", "models/*", "android_demo", "bench")
PAGES = [page for folder in FOLDERS for page in sorted(ROOT.glob(f"{folder}/*.md"))
         if page.name != "CHANGELOG.md"]  # fmt: skip
NAMED = re.compile(r"`(edgectc [^`]+)`")
VERBS = build_verbs()


def shown(page: Path) -> list[str]:
    """The whole commands of a page's blocks, those over several lines in one."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    kinds = ("", "text", "console")
    lines = "\n".join(code for kind, code in blocks(text) if kind in kinds).splitlines()
    lines += re.findall(r"^    (\S.*)$", FENCE.sub("", text), re.MULTILINE)
    return [
        line.removeprefix("$ ") for line in lines if re.match(r"(\$ )?edgectc [a-z-]+( |$)", line)
    ]


def refusal(words: list[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            VERBS.root.parse_args(words)
        except SystemExit as end:
            return said.getvalue().strip() if end.code else ""
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_that_is_shown_is_parsed(page: Path) -> None:
    for line in shown(page):
        words = shlex.split(line.partition(" [--")[0], comments=True)
        assert refusal([word for word in words[1:] if word != "..."]) == "", line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_that_is_named_has_its_verb_and_options(page: Path) -> None:
    for line in NAMED.findall(page.read_text(encoding="utf-8").replace("\n", " ")):
        words = [word for word in shlex.split(line)[1:] if word != "signature"]
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in VERBS.parsers), None)
        assert name is not None or words[0].startswith(("-", "1")), line
        known = VERBS.parsers[name]._option_string_actions if name else {"--completion": None}
        assert {word for word in words if word.startswith("--")} <= {*known}, line


def test_most_pages_of_use_show_some() -> None:
    assert sum(len(shown(page)) for page in PAGES) > 130
