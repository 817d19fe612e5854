"""Where torch may be imported, and what an import costs; test_structure.py has the floors."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "edgectc"
TORCH = {"exporting", "kit", "networks", "quantization", "training"}
TORCH_FILES = {
    "benchmarking/operator_trace.py", "evaluation/inspection/onnx.py", "evaluation/layerwise.py",
    "runtime/mil.py", "runtime/runners/coreml.py", "runtime/runners/eager.py",
    "runtime/runners/pte.py",
}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at any depth, as dotted names."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    only_types = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in
                  ast.unparse(n.test)]  # fmt: skip
    skipped = {child for node in only_types for child in node.body}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_stays_where_models_are_made(path: Path) -> None:
    place = path.relative_to(PACKAGE)
    heavy = {"torch", "executorch", "onnx", "onnxscript", "safetensors", "coremltools"}
    if place.parts[0].removesuffix(".py") in TORCH or str(place) in TORCH_FILES:
        return
    found = {name.split(".")[0] for name in imports(path)} & heavy
    if place.name == "reference.py":
        found -= {"safetensors"}  # its numpy half, imported where a bundle is read
    assert not found


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_import_edgectc_is_free() -> None:
    heavy = "{'numpy', 'torch', 'onnxruntime', 'onnx', 'executorch'}"
    assert run(f"import sys, edgectc; print({heavy} & set(sys.modules))").strip() == "set()"


def test_onnx_decoding_never_imports_torch(shipped: Path) -> None:
    code = (
        "import sys, edgectc; from edgectc.data import swipe_files\n"
        f"traces, _ = swipe_files.load({str(shipped / 'samples.jsonl')!r})\n"
        "rec = edgectc.load(runner='onnx'); print(rec(traces[0].points).best.text != '')\n"
        "print({'torch', 'onnx', 'executorch', 'safetensors'} & set(sys.modules))"
    )
    assert run(code).split("\n")[:2] == ["True", "set()"]


def test_loading_imports_nothing_that_only_builds(shipped: Path) -> None:
    language = "edgectc.language"
    ngram = f"{language}.ngram"
    workshop = {f"{language}.builder", f"{language}.sources"} | {
        f"{ngram}.{name}" for name in ("corpus", "counting", "kneser_ney", "mixture", "pruning")
    }
    code = (
        "import sys, edgectc; from edgectc.data import swipe_files\n"
        f"traces, _ = swipe_files.load({str(shipped / 'samples.jsonl')!r})\n"
        "edgectc.load(runner='onnx')(traces[0].points)\n"
        f"print({ngram + '.lm_file'!r} in sys.modules, {workshop!r} & set(sys.modules))"
    )
    assert run(code).strip() == "True set()"
