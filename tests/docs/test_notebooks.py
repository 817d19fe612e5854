"""The notebooks are those of the tutorials, and run from top to bottom."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
notebooks = runpy.run_path(str(ROOT / "scripts" / "notebooks.py"))


@pytest.mark.parametrize("name", notebooks["MADE"])
def test_a_notebook_is_its_page_as_it_stands(name: str) -> None:
    text = (ROOT / "docs" / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    assert text == notebooks["notebook"](name), "run: python scripts/notebooks.py"
    assert not any(cell.get("outputs") for cell in json.loads(text)["cells"])


def test_what_is_refused_must_be() -> None:
    """In the middle of a cell bash would not mind."""
    (cell,) = notebooks["cells"]("```\nedgectc verify x  # refused\n```\n")
    assert cell["source"] == "%%bash\n! edgectc verify x  # refused"
    with pytest.raises(AssertionError, match="last line"):
        notebooks["cells"]("```\nedgectc verify x\nedgectc verify y  # refused\n```\n")


def run(name: str, folder: Path) -> list[tuple[str, str]]:
    """Run a notebook in a folder, every cell, as Jupyter does; return code and output of each."""
    for package in ("nbclient", "ipykernel", "torch", "executorch"):
        pytest.importorskip(package)
    import nbformat

    environment = {key: text for key, text in os.environ.items() if key != "EDGECTC_DATA"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment |= {"PYTHONPATH": str(ROOT), "HOME": str(folder)}
    place = folder / f"{name}.ipynb"
    shutil.copyfile(ROOT / "docs" / "notebooks" / place.name, place)
    nbformat.validate(nbformat.read(place, 4))
    done = subprocess.run(
        [sys.executable, "-c", "from nbclient.cli import main; main()", "--inplace", str(place)],
        env=environment, text=True, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cells = [c for c in json.loads(place.read_text(encoding="utf-8"))["cells"] if "outputs" in c]
    assert all(cell["execution_count"] for cell in cells)
    return [
        ("".join(cell["source"]), "".join("".join(out.get("text", "")) for out in cell["outputs"]))
        for cell in cells
    ]


@pytest.mark.slow
def test_the_notebooks_run_one_after_the_other(tmp_path: Path) -> None:
    """The second goes on where the first one ends, and both end in what they promise."""
    for name in notebooks["MADE"]:
        cells = run(name, tmp_path)
        page = (notebooks["PAGES"] / f"{name}.md").read_text(encoding="utf-8")
        (refused,) = [said for code, said in cells if code.startswith("%%bash\n! ")]
        assert refused.splitlines()[-1][:60] in " ".join(page.split())
        (verified,) = [said for code, said in cells if "edgectc verify" in code]
        assert "verdict: pass" in verified
        for row in re.findall("^MB .*$", "\n".join(said for _, said in cells), re.M):
            assert row in page, "the page has another size"
        for line in re.findall("^next: (.*)$", "\n".join(said for _, said in cells), re.MULTILINE):
            assert line in page, "what is said to come next does"
    assert (tmp_path / "net-int8.pte").stat().st_size < (tmp_path / "net.pte").stat().st_size
    assert not (tmp_path / "never.pte").exists()
