"""No file names a module, path or package of an earlier order of the house.

Old names are found in two ways: every dotted name ``edgectc.x.y`` and every path must exist, and
the modules that were moved out of the top of the package are known here by name.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from names import DOTTED, GROUPS, ROOT, resolves, without

import edgectc

# Modules and packages that stood at the top of edgectc/, or changed their name on the way.
TOP = """
benching benchmark bundle calibration comparison config decoders demo drilling encoders errors
explaining exporter features files foreign frontends isolation lms manifest metrics mil model
nonfinite operators parity quantizer quantizing quiet recognizer reference registry report runners
schemes targets tasks tokens types
""".split()
RENAMED = """
benching discriminative drilling explaining foreign initialising quantizing adopting probing
watching simulate
""".split()
MOVED = """
commands/_shared commands/drill commands/foreign commands/language data/doctor data/doctor_page
data/jsonl data/landmarks data/layouts data/lexicons data/neural data/packed data/personal
data/tries data/keyboards training/card training/checkpoints training/devices
training/discriminative training/display training/distillation training/feeding training/guards
training/initialising training/losses training/packing training/plots training/recordings
training/records training/schedules training/trainer
""".split()
PATHS = """
decoders/_ demo/web/ demo/pages demo/server lms/_ targets/_ tasks/_ encoders/_layers
features/_head frontends/_signal tests/contract tests/unit tests/parity
""".split()

HISTORY = ("docs/decisions/", "docs/notes/", "CHANGELOG.md", "tests/compat/", "bench/results/",
           "tests/core/test_old_names.py",
           "tests/core/test_structure.py")  # fmt: skip
FILES = without(*HISTORY)
PUBLIC = {f"edgectc.{name}" for name in edgectc.__all__}
PATH = re.compile(
    r"(?<![\w./~-])(?:edgectc|docs|tests|bench|scripts|native|web_demo|android_demo)/[\w./-]*\w"
)
NOT_IN_A_CHECKOUT = ("edgectc/commands/serving/site", "edgectc/constraints.txt", "edgectc/models",
                     "web_demo/node_modules", "bench/results/quantization.txt",
                     "edgectc/worker")  # fmt: skip


def old_names(text: str) -> set[str]:
    """The names in a text that an earlier order of the house would have."""
    found = {name for name in PATHS if re.search(rf"(?<!\w){re.escape(name)}", text)}
    for name in TOP:
        if re.search(rf"(?<![\w./-])edgectc[./]{name}(?![\w-])", text) and (
            f"edgectc.{name}" not in GROUPS | PUBLIC or f"edgectc/{name}" in text
        ):
            found.add(f"edgectc.{name}")
        if (
            re.search(rf"from edgectc import (?:\w+, )*{name}\b", text)
            and f"edgectc.{name}" not in PUBLIC
        ):
            found.add(f"from edgectc import {name}")
    for name in MOVED:
        package, last = name.split("/")
        forms = (name + r"(?:\.|\b)", rf"edgectc\.{package}\.{last}\b")
        if any(re.search(rf"(?<![\w./]){form}", text) for form in forms):
            found.add(name)
    found |= set(re.findall(rf"(?<![\w./])(?:{'|'.join(RENAMED)})\.[A-Za-z_]\w*", text))
    return found


def missing(path: Path, text: str) -> set[str]:
    """Dotted names that are no module's, and paths where nothing is."""
    names = {n.removesuffix(".__file__") for n in DOTTED.findall(text)} - GROUPS
    found = {name for name in names if not resolves(name)}
    for name in set(PATH.findall(text)):
        near = [folder / name for folder in path.parents if folder.is_relative_to(ROOT)]
        plain = any(file.exists() or file.with_suffix(".py").exists() for file in near)
        if not plain and not name.startswith(NOT_IN_A_CHECKOUT) and "NAME" not in name:
            found.add(name)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_old_name(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.is_relative_to(ROOT / "android_demo"):
        text = re.sub(r'"edgectc\.\w+"', "", text)  # names of properties
    assert not old_names(text)
    assert not missing(path, text)


@pytest.mark.parametrize(
    "text",
    [
        "edgectc/recognizer.py",
        "from edgectc import errors",
        "from edgectc import bundle, errors",
        "`edgectc.quantizing.measure`",
        "edgectc/benching/schema.json",
        "decoders/_search.c",
        "edgectc.tasks._base",
        "edgectc/tasks",
        "see `watching.Sizes`",
        "data/jsonl.py",
        "edgectc.training.trainer",
    ],
)
def test_an_old_name_is_seen(text: str) -> None:
    assert old_names(text) | missing(ROOT / "README.md", text)


@pytest.mark.parametrize(
    "text",
    ["the group `edgectc.tasks`", "edgectc.load", "edgectc.core.errors", "org.edgectc.core.errors",
     "edgectc/core/errors.py", "edgectc.training.loop.trainer", "edgectc.formats.layouts.load"],
)  # fmt: skip
def test_a_name_of_today_is_none(text: str) -> None:
    assert not old_names(text) | missing(ROOT / "README.md", text)
