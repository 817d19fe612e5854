"""Every host knows what an artifact says: a key that only Python knows is refused elsewhere."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from edgectc.data.frontends.swipe import Options
from edgectc.formats.manifest import Manifest

ROOT = Path(__file__).parents[2]

# No host of swipes runs a stream, says phonemes or looks for reference cases in another file: each
# refuses these as keys that it does not know. Manifests without them leave them out.
REFUSED = {"streaming", "pronunciations", "reference_file"}


def listed(path: str, pattern: str) -> set[str]:
    """Return the words in what the one group of ``pattern`` finds in a file."""
    found = re.findall(pattern, (ROOT / path).read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1, path
    return set(re.findall(r"\w+", found[0]))


CONTRACT = "docs/host_contract.md"


def test_the_contract_names_every_key_of_a_manifest() -> None:
    known = {field.name for field in fields(Manifest)} - REFUSED
    assert listed(CONTRACT, r"Known keys of `manifest`: (.*?)\.") == known


def test_the_contract_names_every_option_of_the_swipe_frontend() -> None:
    found = listed(CONTRACT, r"All in double. `frontend` gives (.*?)\. ")
    assert found - {"type"} == {field.name for field in fields(Options)}


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
    assert known == {field.name for field in fields(Manifest)} - REFUSED


def test_the_c_library_knows_every_option_of_the_swipe_frontend() -> None:
    text = _function("read_frontend")
    (names,) = re.findall(r"names\[\] = {(.*?)};", text, re.DOTALL)
    known = {*re.findall(r'"(\w+)"', names), *re.findall(READ, text)}
    assert known - {"type"} == {field.name for field in fields(Options)}
