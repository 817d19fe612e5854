"""What `import edgectc` offers, with every package and with the least that decodes."""

from __future__ import annotations

import inspect
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import edgectc
from edgectc.core import errors
from edgectc.decoding.search import compiled

# Stands for a machine with numpy and onnxruntime alone.
LEAN = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "onnx", "onnxscript", "safetensors", "executorch",
                                      "lightning", "coremltools"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import edgectc
"""


def lean(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", LEAN + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_names_are_sorted_and_complete() -> None:
    assert edgectc.__all__ == sorted(edgectc.__all__)
    assert {*dir(edgectc)} == {*edgectc._WHERE, "__version__"}
    own = [
        c for c in vars(errors).values() if inspect.isclass(c) and c.__module__ == errors.__name__
    ]
    assert {c.__name__ for c in own} <= {*edgectc.__all__}
    for name in edgectc.__all__:
        assert getattr(edgectc, name) is not None


def test_no_submodule_hides_a_name() -> None:
    package = Path(edgectc.__file__).parent
    inside = {path.stem for path in package.iterdir() if path.suffix in ("", ".py")}
    assert not inside & {*edgectc.__all__}


def test_no_module_and_function_share_a_name() -> None:
    for name, module in edgectc._WHERE.items():
        assert module.rpartition(".")[2] != name


def test_a_lean_install_shows_everything() -> None:
    out = lean(
        "import inspect, pydoc\n"
        "assert hasattr(edgectc, 'export') and hasattr(edgectc, 'quantize')\n"
        "assert not hasattr(edgectc, 'exprot')\n"
        "names = {name for name, _ in inspect.getmembers(edgectc)}\n"
        "assert names >= set(edgectc.__all__), set(edgectc.__all__) - names\n"
        "print(pydoc.render_doc(edgectc))\n"
        "print(inspect.signature(edgectc.export))\n"
        "print(inspect.getdoc(edgectc.quantize).splitlines()[0])\n"
    )
    assert "scheme: 'str' = 'float32'" in out or "scheme: str = 'float32'" in out
    assert "verified" in out.splitlines()[-1]


@pytest.mark.parametrize(
    ("call", "extra"),
    [("export(target='onnx')", "torch"), ("quantize(target='onnx')", "torch")],
)
def test_a_lean_install_says_at_the_call_what_to_install(call: str, extra: str) -> None:
    out = lean(f"try: edgectc.{call}\nexcept edgectc.MissingDependencyError as error: print(error)")
    assert errors.install_line(extra) in out


@pytest.mark.parametrize(
    ("told", "there", "line"),
    [
        ('{{"url": "{url}"}}', True, 'pip install "{path}[train]"'),
        ('{{"url": "{url}"}}', False, "pip install '.[train]' in the source tree of edgectc"),
        ('{{"url": "https://example.org/x.whl"}}', True, "pip install '.[train]' in"),
        ("[1]", True, "pip install '.[train]' in the source tree of edgectc"),
        (None, True, "pip install '.[train]' in the source tree of edgectc"),
    ],
)
def test_an_extra_comes_from_where_the_package_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None, there: bool, line: str
) -> None:
    path = tmp_path / "a b" / "edgectc-1-py3-none-any.whl"
    if there:
        path.parent.mkdir()
        path.write_bytes(b"")
    folder = tmp_path / "site" / "edgectc-1.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: edgectc\nVersion: 1\n")
    if told is not None:
        (folder / "direct_url.json").write_text(told.format(url=path.as_uri()))
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert errors.install_line("train").startswith(line.format(path=path))


def test_types_are_for_everyone(tmp_path: Path) -> None:
    assert (Path(edgectc.__file__).parent / "py.typed").is_file()


@pytest.mark.slow
def test_the_wheel_holds_the_marker(tmp_path: Path) -> None:
    root = Path(edgectc.__file__).parents[1]
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q"]
    done = subprocess.run(
        [*command, "-w", str(tmp_path), str(root)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no wheel can be built here: {done.stderr[-200:]}")
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        assert "edgectc/py.typed" in wheel.namelist()
        inside = str(compiled.LIBRARY.relative_to(root))
        if inside in wheel.namelist():  # Python that is started in the tree finds it, too
            assert compiled.LIBRARY.read_bytes() == wheel.read(inside)
