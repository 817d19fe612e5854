"""Pages that are run from top to bottom, as a newcomer would: each command, each line of Python."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# ([\w/]+\.(?:py|toml))\n")
SHOWN = ("text", "json", "toml", "c", "java", "js", "html")  # is read, and not run


def blocks(page: Path | str) -> list[tuple[str, str]]:
    """Language and text of every block of a page or text, in order; "" for commands."""
    text = page if isinstance(page, str) else page.read_text(encoding="utf-8")
    found = FENCE.findall(text)
    return [("" if kind in ("sh", "bash") else kind, code) for kind, code in found]


def commands(page: Path | str, elsewhere: Sequence[str] = ()) -> list[list[str]]:
    """The commands of each block that has any, but for those that begin as what others run."""
    found = [code.splitlines() for kind, code in blocks(page) if not kind]
    return [
        [line for line in lines if line.strip() and not line.startswith(tuple(elsewhere))]
        for lines in found
    ]


def run_command(line: str, *, inside: bool = False) -> str:
    """Run one and return what it printed; one that ends in "# refused" has to be, in one line.

    Args:
        line: of a page.
        inside: run our command in this process, which spares the imports of torch.
    """
    words = shlex.split(line, comments=True)
    assert words[0] in ("edgectc", "python"), line
    if inside and words[0] == "edgectc":
        code, out, said = _inside(words[1:])
    else:
        module = ["-m"] if words[0] == "edgectc" else []
        done = subprocess.run(
            [sys.executable, *module, *words[0 if module else 1 :]],
            text=True, capture_output=True, check=False,
        )  # fmt: skip
        code, out, said = done.returncode, done.stdout, done.stderr
    if line.endswith("# refused"):
        assert code in (1, 2), f"{line}\n{out}{said}"
        return said
    assert code == 0, f"{line}\n{out}{said}"
    return out


def _inside(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Return exit code, output and errors of our command; modules of the folder are forgotten."""
    from edgectc.commands import cli

    out, said, path = io.StringIO(), io.StringIO(), [*sys.path]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
            code = cli.main(arguments)
    finally:
        sys.path[:] = path
        for name, module in [*sys.modules.items()]:
            file = getattr(module, "__file__", None)
            if file is not None and Path(file).parent == Path.cwd():
                del sys.modules[name]
        importlib.invalidate_caches()
    return code, out.getvalue(), said.getvalue()


def run(
    page: Path | str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    elsewhere: Sequence[str] = (),
    *,
    inside: bool = False,
) -> dict[str, str]:
    """Run a page, or a text, in an empty folder; return what each command printed.

    A block of Python or TOML whose first line names a file is written there; other Python is one
    session.

    Args:
        page: file or text.
        folder: empty, or that of the page before.
        monkeypatch: of the test.
        elsewhere: how commands begin that another test runs.
        inside: see `run_command`.
    """
    monkeypatch.chdir(folder)
    monkeypatch.delenv("EDGECTC_DATA", raising=False)  # a newcomer has none
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    session: dict[str, object] = {"__name__": "session"}
    printed = {}
    for kind, code in blocks(page):
        named = FILE.match(code)
        if named and kind in ("python", "toml"):
            (folder / named[1]).write_text(code, encoding="utf-8")
            continue
        if kind in SHOWN:
            continue
        if kind == "python":
            exec(compile(code, "page", "exec"), session)
            continue
        assert not kind, f"a block of {kind!r} is neither run nor shown"
        for line in code.splitlines():
            if line.strip() and not line.startswith(tuple(elsewhere)):
                printed[line] = run_command(line, inside=inside)
    assert printed.keys() == {line for lines in commands(page, elsewhere) for line in lines}
    return printed
