"""Every host knows what an artifact says: a key that only Python knows is refused elsewhere."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from edgectc.data.frontends.swipe import Options
from edgectc.formats.manifest import Manifest

ROOT = Path(__file__).parents[2]
JAVA = "android_demo/core/src/org/edgectc/core"


def listed(path: str, pattern: str) -> set[str]:
    """Return the words in what the one group of ``pattern`` finds in a file."""
    found = re.findall(pattern, (ROOT / path).read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1, path
    return set(re.findall(r"\w+", found[0]))


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("docs/host_contract.md", r"Known keys of `manifest`: (.*?)\."),
        (f"{JAVA}/Recognizer.java", r"KNOWN =\s+Arrays.asList\((.*?)\)"),
    ],
)
def test_hosts_know_every_key_of_a_manifest(path: str, pattern: str) -> None:
    # No host of swipes runs a stream, so each refuses it as a key that it does not know.
    known = {field.name for field in fields(Manifest)} - {"streaming"}
    assert listed(path, pattern) == known


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("docs/host_contract.md", r"All in double. `frontend` gives (.*?)\. "),
        (f"{JAVA}/SwipeFrontend.java", r"KNOWN =\s+Arrays.asList\((.*?)\)"),
    ],
)
def test_hosts_know_every_option_of_the_swipe_frontend(path: str, pattern: str) -> None:
    assert listed(path, pattern) - {"type"} == {field.name for field in fields(Options)}


READ = r'edgectc_json_is\(key, "(\w+)"\)'


def _function(name: str) -> str:
    """The text of a function of the C library's reader of manifests."""
    text = (ROOT / "native" / "src" / "artifact.c").read_text(encoding="ascii")
    (found,) = re.findall(
        rf"^\w[^;{{}}]*\b{name}\([^;{{}}]*\) {{\n(.*?)^}}", text, re.DOTALL | re.M
    )
    return str(found)


def test_the_c_library_knows_every_key_of_a_manifest() -> None:
    known = {*re.findall(READ, _function("edgectc_artifact"))}
    known |= {*re.findall(r'"(\w+)"', _function("is_known"))}
    assert known == {field.name for field in fields(Manifest)} - {"streaming"}


def test_the_c_library_knows_every_option_of_the_swipe_frontend() -> None:
    text = _function("read_frontend")
    (names,) = re.findall(r"names\[\] = {(.*?)};", text, re.DOTALL)
    known = {*re.findall(r'"(\w+)"', names), *re.findall(READ, text)}
    assert known - {"type"} == {field.name for field in fields(Options)}
