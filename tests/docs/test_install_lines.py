"""What a page tells to install is all that its commands need, and can be installed today."""

from __future__ import annotations

import re
import tomllib

import pytest
from pages import ROOT, commands

from edgectc.core.errors import INSTALL

NEEDS = {  # what a command holds: the extra that brings its packages
    r"^edgectc train\b": "train",
    r"^edgectc (export|quantize)\b.*--target onnx": "export-onnx",
    r"^edgectc (export|quantize)\b.*--target pte": "pte",
    r"^edgectc \w+ .*\S\.onnx\b": "onnx",
    r"^edgectc \w+ .*\S\.pte\b": "pte",
    r"^edgectc sign\b": "sign",
    r"^edgectc language build\b(?!.*--source)": "lexicon",
}
MADE = re.compile(r"pip install ([^`\n]*)'\.\[([\w,-]+)\]'")
PAGES = ["README.md", "docs/evaluation.md", "docs/training.md", "docs/languages.md"]
PAGES += [str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs" / "tutorials").glob("*.md"))]


def brought(extra: str, extras: dict[str, list[str]]) -> set[str]:
    """An extra and those that it names."""
    inner = re.findall(r"edgectc\[([\w,-]+)\]", " ".join(extras[extra]))
    return {extra}.union(*(brought(one, extras) for names in inner for one in names.split(",")))


@pytest.mark.parametrize("page", PAGES)
def test_what_is_installed_is_what_the_commands_need(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    has = set[str]()
    for _, names in MADE.findall(text):
        for one in names.split(","):
            has |= brought(one, project["optional-dependencies"])
    lines = [line for block in commands(text) for line in block]
    lines += re.findall(r"^    (edgectc .*)$", text, re.MULTILINE)
    lines = [line.partition(" #")[0] for line in lines]
    needed = {
        extra: line for line in lines for what, extra in NEEDS.items() if re.search(what, line)
    }
    before = "docs/tutorials/own_network.md"  # int8.md goes on in its folder, and says so
    if page.endswith("int8.md") and "](own_network.md)" in text:
        assert "'.[pte]'" in (ROOT / before).read_text(encoding="utf-8")
        has |= {"pte"}
    assert {extra: line for extra, line in needed.items() if extra not in has} == {}


@pytest.mark.parametrize("page", PAGES)
def test_torch_is_the_tested_one(page: str) -> None:
    """Where torch comes by an extra, the line that names it alone picks the version."""
    for before, names in MADE.findall((ROOT / page).read_text(encoding="utf-8")):
        if {"train", "pte"} & {*names.split(",")}:
            assert "torch==" in before, names


def test_no_page_names_an_index_that_lacks_us() -> None:
    assert "{origin}" in INSTALL, "with a name on an index pages may say it, too"
    for page in [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "models").rglob("*.md"),
    ]:
        assert "pip install 'edgectc" not in page.read_text(encoding="utf-8"), page
