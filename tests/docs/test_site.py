"""The site: what it is staged from; `scripts/site` builds it, and a dead link ends that."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import edgectc

ROOT = Path(__file__).parents[2]
site = runpy.run_path(str(ROOT / "scripts" / "site.py"))


def test_every_public_name_has_a_place_in_the_reference() -> None:
    placed = re.findall(r"^::: edgectc\.(\w+)$", "\n".join(site["api"]().values()), re.MULTILINE)
    assert sorted(placed) == sorted([*(set(edgectc.__all__) - {"__version__"}), "kit"])


def test_every_page_of_the_navigation_is_there() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    pages = re.findall(r": ([\w/.-]+\.md)$", text, re.MULTILINE)
    assert len(pages) == len({*pages}) > 40
    for page in pages:
        made = page.startswith("api/") and Path(page).stem in site["api"]()
        assert made or (ROOT / page).is_file(), page


def test_tables_have_their_style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a theme's widest columns push others out of sight."""
    stage = runpy.run_path(str(ROOT / "scripts" / "site.py"))["main"]
    monkeypatch.setitem(stage.__globals__, "STAGE", tmp_path)
    stage()
    (named,) = re.findall(r"^extra_css: \[(.+)\]$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert "min-width: 0" in (tmp_path / named).read_text(encoding="utf-8")


def test_every_page_of_the_manual_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    folders = ("docs", "docs/tutorials", "docs/notes", "bench", "android_demo")
    pages = [str(page.relative_to(ROOT)) for name in folders for page in (ROOT / name).glob("*.md")]
    assert [page for page in pages if f": {page}\n" not in text] == []


def test_every_page_says_its_purpose_in_its_first_lines() -> None:
    """After the title a sentence; no page begins with a table, a list or another title."""
    folders = ("docs", "docs/tutorials", "docs/notes", "bench", "android_demo")
    pages = [page for name in folders for page in (ROOT / name).glob("*.md")]
    for page in [*pages, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]:
        title, _, rest = page.read_text(encoding="utf-8").partition("\n")
        first = rest.strip().splitlines()[0]
        assert title.startswith("# "), page
        assert re.match(r"[A-Z`]", first), (page, first)
        assert not first.startswith(("```", "Generated")), page
