"""Stages what the manual is built of, see `scripts/site`: the pages as they lie, and the API's.

A link to a file that is no page, such as a header, is staged with it, so that it leads somewhere.
"""

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import edgectc  # noqa: E402

STAGE = ROOT / "build" / "site-source"
PAGES = ("*.md", "docs/**/*.md", "models/*/CARD.md", "bench/*.md", "android_demo/*.md")
LINK = re.compile(r"\]\(([^)\s#]+)")
MAKE = {"adopt", "export", "pack", "quantize", "sign", "train"}
DATA = re.compile(r"_data$|lexicon|language_model|read_tokens")
TITLES = {
    "use": ("Use", "Load, decode, measure: what runs with NumPy and one runtime."),
    "make": ("Make", "From data or a network to a verified file; needs torch."),
    "words_and_data": ("Words and data", "Lexicons, language models, token tables and data sets."),
    "types": ("Types", "What functions take and return."),
    "errors": ("Errors", "All are `edgectc.EdgectcError`; a message says what to do."),
}


def group(name: str) -> str:
    """Return the page that a public name stands on."""
    where = edgectc._WHERE[name]
    if where in ("core.errors", "core.types"):
        return where.removeprefix("core.")
    return "make" if name in MAKE else "words_and_data" if DATA.search(name) else "use"


def api() -> dict[str, str]:
    """Return the pages of the API by name; their text is made from docstrings."""
    names = sorted(set(edgectc.__all__) - {"__version__"}, key=str.lower)
    pages = {
        page: f"# {title}\n\n{purpose}\n\n"
        + "\n".join(f"::: edgectc.{name}\n" for name in names if group(name) == page)
        for page, (title, purpose) in TITLES.items()
    }
    purpose = (
        "Modules that export everywhere, see [bring your own network](../docs/byo.md#the-kit)."
    )
    pages["kit"] = f"# Kit for networks\n\n{purpose}\n\n::: edgectc.kit\n"
    return pages


def main() -> None:
    shutil.rmtree(STAGE, ignore_errors=True)
    for page in sorted({found for pattern in PAGES for found in ROOT.glob(pattern)}):
        text = page.read_text(encoding="utf-8")
        target = STAGE / page.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        for link in LINK.findall(text):
            linked = (page.parent / link).resolve()
            if "://" not in link and linked.is_file() and linked.suffix != ".md":
                copy = STAGE / linked.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(linked, copy)
    shutil.copyfile(ROOT / "docs" / "site.css", STAGE / "docs" / "site.css")
    for name, text in api().items():
        page = STAGE / "api" / f"{name}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
