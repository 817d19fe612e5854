"""The table of what is proven for each family names tests that exist and run on that family."""

from __future__ import annotations

import importlib.util
import inspect
from functools import cache
from pathlib import Path
from types import ModuleType

from edgectc.core import config

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "families.md"
FAMILIES = sorted(config.families())
NOT_RUN = "not_run"
# Column of the table: its test. A target of a parametrized test follows the second "::".
PROOFS = {
    "trains": "tests/training/test_training_tasks.py::test_every_family_trains_resumes_and_packs",
    "to a target": "tests/exporting/test_trained_targets.py::test_every_family_reaches_its_target",
    "overfits": "tests/training/test_training_tasks.py"
    "::test_every_family_learns_five_samples_by_heart",
    "killed, resumes": "tests/training/test_training_processes.py"
    "::test_a_killed_run_goes_on_to_the_same_bits",
    "ONNX": "tests/exporting/test_families.py::test_a_family_exports_and_passes::onnx",
    "PTE": "tests/exporting/test_families.py::test_a_family_exports_and_passes::pte",
    "Core ML": "tests/exporting/test_coreml.py::test_a_family_converts_and_computes_the_same",
    "parity at 1, prime, max": "tests/exporting/test_families.py::test_a_family_exports_and_passes"
    "::onnx",
    "padding": "tests/networks/test_families.py::test_padding_never_changes_a_valid_frame",
}


@cache
def module_of(file: str) -> ModuleType:
    path = ROOT / file
    spec = importlib.util.spec_from_file_location(f"proofs_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cell(family: str, proof: str) -> str:
    """Return "pass" or "pass, slow" where the test runs on the family, by its own parameters."""
    if proof == NOT_RUN:
        return NOT_RUN
    file, name, *target = proof.split("::")
    module = module_of(file)
    test = getattr(module, name)
    marks = getattr(test, "pytestmark", [])
    assert not any(mark.name in ("skip", "skipif", "xfail") for mark in marks), proof
    slow = any(mark.name == "slow" for mark in marks)
    chosen = [mark.args[1] for mark in marks if mark.name == "parametrize"]
    if not chosen:
        assert {"model", "family"} & {*inspect.signature(test).parameters}, proof
        return "pass" if family in module.FAMILIES else NOT_RUN
    found = []
    for value in (value for values in chosen for value in values):
        given = getattr(value, "values", value)
        parts = (given,) if isinstance(given, str) else tuple(given)
        if {family, *target} <= {*parts}:
            found.append(slow or any(m.name == "slow" for m in getattr(value, "marks", ())))
    if not found:
        return NOT_RUN
    return "pass, slow" if all(found) else "pass"


def table() -> list[str]:
    lines = [f"| family | {' | '.join(PROOFS)} |", "|---" * (len(PROOFS) + 1) + "|"]
    for family in FAMILIES:
        cells = [cell(family, proof) for proof in PROOFS.values()]
        lines.append(f"| {family} | {' | '.join(cells)} |")
    return lines


def test_the_table_of_proofs_is_what_the_tests_are() -> None:
    page, expected = PAGE.read_text(encoding="utf-8"), table()
    assert "\n".join(expected) in page, "put this into docs/families.md:\n" + "\n".join(expected)


def test_the_page_names_each_test() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for column, proof in PROOFS.items():
        if proof != NOT_RUN:
            file, name, *_ = proof.split("::")
            assert f"| {column} | `{file}` | `{name}` |" in page, column


def test_a_lost_test_would_be_seen() -> None:
    """A family or a target that a test does not run on is no pass."""
    assert cell("nobody", PROOFS["ONNX"]) == NOT_RUN
    assert cell("gru", PROOFS["ONNX"] + "x") == NOT_RUN
    assert cell("nobody", PROOFS["padding"]) == NOT_RUN
