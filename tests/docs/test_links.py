"""Links, files and names in the manual exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from names import DOTTED, GROUPS, ROOT, files, held, module, resolves, text_files

from edgectc.core import registry

PAGES = [path for path in text_files() if path.suffix == ".md"]
CURRENT = [p for p in PAGES if "decisions" not in p.parts and p.name != "CHANGELOG.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([\w./-]+\.(?:c|h|java|js|json|md|mjs|py|sh|svg|toml))`")
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
OF_USERS = {"bench.html", "preset.json", "distillation.json", "metrics.jsonl", "config.json",
            "overfit.json", "curves.svg", "speech.py", "ship.py", "mine.json"}  # fmt: skip


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        file = (page.parent / target) if target else page
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


@pytest.mark.parametrize("page", CURRENT, ids=named)
def test_every_file_that_is_named_exists(page: Path) -> None:
    known = {path.name for path in files()} | OF_USERS
    for name in QUOTED.findall(page.read_text(encoding="utf-8")):
        if "NAME" in name:
            continue
        near = (page.parent / name, ROOT / name, page.parent.parent / name)
        assert any(path.exists() for path in near) or Path(name).name in known, name


@pytest.mark.parametrize("page", CURRENT, ids=named)
def test_every_name_of_ours_resolves(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not {n for n in {*DOTTED.findall(text)} - GROUPS if not resolves(n)}
    for block in CODE.findall(text):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("edgectc"):
                assert all(resolves(f"{node.module}.{a.name}") for a in node.names), block


@pytest.mark.parametrize("page", CURRENT, ids=named)
def test_code_blocks_use_what_modules_hold(page: Path) -> None:
    """After `from edgectc import language`, `language.load` must be there."""
    for block in CODE.findall(page.read_text(encoding="utf-8")):
        tree = ast.parse(block)
        ours = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("edgectc")
            for alias in node.names
        } | {"edgectc": "edgectc"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                path = module(ours.get(node.value.id, ""))
                if path is not None and path.is_file():
                    assert node.attr in held(path), ast.unparse(node)


def test_every_page_of_the_manual_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / link).resolve() for link in LINK.findall(index)}
    pages = {*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "notes").glob("*.md")}
    assert pages - linked == {ROOT / "docs" / "index.md"}


def test_the_page_of_plugins_has_every_kind() -> None:
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in page.splitlines() if "| `edgectc/" in line]
    table = {row[0].strip(): [cell.strip() for cell in row] for row in rows if len(row) == 5}
    assert table.keys() >= {*registry.KINDS}
    for kind, (_, folder, group, _, _) in table.items():
        assert group == f"`edgectc.{kind}`"
        assert (ROOT / folder.strip("`")).is_dir()
        assert Path(folder.strip("`")).name == kind
