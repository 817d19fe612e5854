"""Bundles: byte-exact index, hashes, escaping paths, lexicons found by hash."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from edgectc.core import staging
from edgectc.core.errors import (
    BundleError,
    BundleFileMissingError,
    BundleMismatchError,
    ConfigError,
)
from edgectc.core.files import sha256
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts

VALUES = {
    "name": "tiny",
    "model": {part: {"type": "swipe"} for part in ("frontend", "features", "encoder")},
    "blank_id": 1,
    "stride": 2,
    "layouts": [layouts.describe(layouts.load("qwerty"))],
    "decoder": {"type": "greedy"},
    "lexicon": None,
    "seen_words": None,
    "training": {},
}
FILES = {"tokens.txt": b"a\n<blank>\n", "sub/weights.bin": b"12"}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = bundles.write(tmp_path / "b", VALUES, FILES)
    assert made == bundles.read(tmp_path / "b")
    assert made.file("sub/weights.bin") == b"12"
    assert made.tokens().symbols == ("a", "<blank>")
    assert made.layouts[0].name == "qwerty"
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_index_is_byte_exact(tmp_path: Path) -> None:
    bundles.write(tmp_path / "b", {**VALUES, "layouts": []}, {"tokens.txt": b"x"})
    assert (tmp_path / "b/bundle.json").read_text() == (
        '{\n "blank_id": 1,\n "decoder": {\n  "type": "greedy"\n },\n "files": {\n'
        f'  "tokens.txt": "{sha256(b"x")}"\n'
        ' },\n "layouts": [],\n "lexicon": null,\n'
        ' "model": {\n  "encoder": {\n   "type": "swipe"\n  },\n'
        '  "features": {\n   "type": "swipe"\n  },\n  "frontend": {\n   "type": "swipe"\n  }\n'
        ' },\n "name": "tiny",\n'
        ' "schema_version": 1,\n "seen_words": null,\n "stride": 2,\n "training": {}\n}\n'
    )


def test_notes_may_be_edited(tmp_path: Path) -> None:
    made = bundles.write(tmp_path / "b", VALUES, FILES, notes={"CARD.md": b"old"})
    (tmp_path / "b/CARD.md").write_bytes(b"new")
    assert "CARD.md" not in bundles.read(tmp_path / "b").index.files
    assert made.file("tokens.txt") == FILES["tokens.txt"]


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match=r"thesis\.txt"):
        bundles.write(tmp_path / "home", VALUES, FILES)
    bundles.write(tmp_path / "b", VALUES, FILES)
    (tmp_path / "b/mine.txt").write_text("a note of mine")
    with pytest.raises(BundleError, match=r"mine\.txt"):
        bundles.write(tmp_path / "b", VALUES, FILES)
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="is a file"):
        bundles.write(tmp_path / "file", VALUES, FILES)
    assert (tmp_path / "home/thesis.txt").read_text() == "years of work"
    assert (tmp_path / "b/mine.txt").read_text() == "a note of mine"


def test_a_rename_that_fails_brings_the_old_bundle_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bundles.write(tmp_path / "b", VALUES, FILES)
    rename = Path.rename

    def broken(self: Path, target: Path) -> Path:
        if self.name.endswith("-new"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    monkeypatch.setattr(staging, "_exchanged", lambda one, other: False)
    with pytest.raises(OSError, match="No space"):
        bundles.write(tmp_path / "b", {**VALUES, "stride": 4}, FILES)
    assert bundles.read(tmp_path / "b") == before
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_replacing_a_bundle_leaves_no_old_file(tmp_path: Path) -> None:
    bundles.write(tmp_path / "b", VALUES, {**FILES, "old.txt": b""})
    bundles.write(tmp_path / "b", VALUES, FILES)
    assert not (tmp_path / "b/old.txt").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    made = bundles.write(tmp_path / "b", VALUES, FILES)
    (tmp_path / "b/sub/weights.bin").write_bytes(b"13")
    with pytest.raises(BundleMismatchError, match=r"weights\.bin"):
        made.file("sub/weights.bin")
    (tmp_path / "b/sub/weights.bin").unlink()
    with pytest.raises(BundleFileMissingError, match="incomplete"):
        made.file("sub/weights.bin")
    with pytest.raises(BundleFileMissingError, match="lists no file"):
        made.file("other")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "c:\\x", "a\\b"])
def test_paths_that_leave_the_bundle_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="leaves the bundle"):
        bundles.write(tmp_path / "b", VALUES, {name: b""})
    assert not (tmp_path / "b").exists()
    bundles.write(tmp_path / "b", VALUES, FILES)
    index = tmp_path / "b/bundle.json"
    values = json.loads(index.read_text())
    values["files"][name] = "0" * 64
    index.write_text(json.dumps(values))
    with pytest.raises(BundleError, match="leaves the bundle"):
        bundles.read(tmp_path / "b")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"schema_version": 2, "later": 1},
            "bundle.json has version 2, .* reads version 1; upgrade",
        ),
        ({"name": "../x"}, "must match"),
        ({"extra": 1}, "unknown key"),
        ({"blank_id": "1"}, "expected int"),
    ],
)
def test_a_malformed_index_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    bundles.write(tmp_path / "b", VALUES, FILES)
    index = tmp_path / "b/bundle.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | change))
    with pytest.raises(BundleError, match=says):
        bundles.read(tmp_path / "b")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "\x00"])
def test_garbage_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bundle.json").write_text(text)
    with pytest.raises(BundleError, match="malformed"):
        bundles.read(tmp_path)


def test_blank_must_agree_with_the_tokens(tmp_path: Path) -> None:
    made = bundles.write(tmp_path / "b", {**VALUES, "blank_id": 0}, FILES)
    with pytest.raises(BundleMismatchError, match="blank"):
        made.tokens()


def test_shipped_models_are_found_by_name(shipped: Path) -> None:
    assert bundles.locate(None) == bundles.locate("swipe-en") == shipped
    assert bundles.locate("models/swipe-en").samefile(shipped)
    for wrong in ("nothing", "models/nothing", "/nothing", "models/x/swipe-en"):
        with pytest.raises(BundleFileMissingError, match="no bundle or artifact"):
            bundles.locate(wrong)


def test_a_lexicon_is_found_by_its_hash(shipped: Path, tmp_path: Path) -> None:
    wanted = bundles.read(shipped).index.lexicon
    assert wanted is not None
    assert bundles.find_file(wanted, tmp_path, kind="lexicon") == shipped / wanted.file
    shutil.copy(shipped / wanted.file, tmp_path)
    assert bundles.find_file(wanted, tmp_path, kind="lexicon").parent == tmp_path
    (tmp_path / wanted.file).write_bytes(b"another")
    assert bundles.find_file(wanted, tmp_path, kind="lexicon").parent == shipped
    with pytest.raises(BundleFileMissingError, match="0000"):
        bundles.find_file(dataclasses.replace(wanted, sha256="0" * 64), tmp_path, kind="lexicon")
    with pytest.raises(ConfigError, match=r"lexicon is .* no such file"):
        bundles.find_file(wanted, tmp_path, kind="lexicon", given=str(tmp_path / "none"))
