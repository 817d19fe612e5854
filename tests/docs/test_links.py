"""Links, files and names in the manual exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from names import DOTTED, GROUPS, ROOT, files, resolves, text_files, unresolved

from edgectc.core import registry

PAGES = [path for path in text_files() if path.suffix == ".md"]
CURRENT = [p for p in PAGES if "decisions" not in p.parts and p.name != "CHANGELOG.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([\w./-]+\.(?:c|h|java|js|json|md|mjs|py|sh|svg|toml))`")
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
SCRIPTS = {"android_demo", "bench", "scripts"}
OF_USERS = {"bench.html", "preset.json", "distillation.json", "metrics.jsonl", "config.json",
            "shards.json", "overfit.json", "curves.svg", "identity.json", "test.json",
            "speech.py", "ship.py", "mine.json", "net.py", "language.json",
            "vocab.json", "tokenizer.json", "added_tokens.json", "edgectc-phone.json"}  # fmt: skip


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


@pytest.mark.parametrize("page", CURRENT, ids=named)
def test_code_blocks_use_what_modules_hold(page: Path) -> None:
    """After `from edgectc import language`, `language.load` must be there."""
    for block in CODE.findall(page.read_text(encoding="utf-8")):
        assert not unresolved(block)


@pytest.mark.parametrize(
    "script",
    [p for p in text_files() if p.suffix == ".py" and p.relative_to(ROOT).parts[0] in SCRIPTS],
    ids=named,
)
def test_scripts_use_what_modules_hold(script: Path) -> None:
    assert not unresolved(script.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "code",
    [
        "from edgectc import language\nlanguage.load('x.arpa')",
        "from edgectc.language import nothing",
        "import edgectc\nedgectc.nothing()",
    ],
)
def test_what_is_not_there_is_seen(code: str) -> None:
    assert unresolved(code)


def test_the_host_contract_names_functions_of_the_engine() -> None:
    header = (ROOT / "native" / "include" / "edgectc.h").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "host_contract.md").read_text(encoding="utf-8")
    assert {*re.findall(r"edgectc_engine_\w+", page)} <= {*re.findall(r"edgectc_\w+", header)}


def test_every_page_of_the_manual_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / link).resolve() for link in LINK.findall(index)}
    pages = {*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "notes").glob("*.md")}
    assert pages - linked == {ROOT / "docs" / "index.md"}


def test_the_page_of_plugins_has_every_kind() -> None:
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in page.splitlines() if "| `edgectc/" in line]
    table = {row[0].strip(): [cell.strip() for cell in row] for row in rows if len(row) == 5}
    assert table.keys() == {*registry.KINDS}
    for kind, (_, folder, group, _, contract) in table.items():
        name = contract.strip("`")
        assert resolves(name if "." in name else f"edgectc.core.contracts.{name}")
        assert group == f"`edgectc.{kind}`"
        assert (ROOT / folder.strip("`")).is_dir()
        assert Path(folder.strip("`")).name == kind
