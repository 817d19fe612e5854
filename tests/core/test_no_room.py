"""Folders that are read-only, disks that are full or another one: one clear line, nothing lost."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from string import ascii_lowercase

import limited
import pytest
import verbs

import edgectc
from edgectc.core import staging
from edgectc.core.errors import WriteError
from edgectc.core.staging import scratch, staged, staged_folder, write_bytes

bound = pytest.mark.skipif(limited.bound() is None, reason="permissions bind nobody here")
small_disk = pytest.mark.skipif(not limited.small_disks(), reason="no disk can be mounted here")
posix = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a model and files of each kind, all of it read-only."""
    folder = tmp_path_factory.mktemp("read-only")
    verbs.prepare(folder)
    shutil.copytree(verbs.TINY, folder / "b")
    shutil.copy(verbs.ROOT / "models/swipe-en/lexicon.trie", folder)
    for _, name in verbs.WRITES.values():
        (folder / "out" / name).write_text("old")
    edgectc.UserDictionary().save(folder / "user.json")
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    yield folder
    for path in folders:
        path.chmod(stat.S_IRWXU)


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _run(line: str, work: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*(limited.bound() or ()), *verbs.command(line, work)],
        capture_output=True, text=True, env={**os.environ, **environment},
    )  # fmt: skip


@bound
@pytest.mark.parametrize(
    "verb",
    [
        pytest.param(verb, marks=[] if verb == "lexicon build" else [pytest.mark.slow])
        for verb in verbs.WRITES
    ],
)
def test_a_read_only_folder_is_told_in_one_line(verb: str, work: Path) -> None:
    line, name = verbs.WRITES[verb]
    before = _names(work)
    done = _run(line, work)
    assert (done.returncode, done.stdout) == (2, "")
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"edgectc: error: cannot write {work}/out/{name}: Permission denied; ")
    assert said.endswith("choose another path, or make its folder writable")
    assert (work / "out" / name).read_text() == "old"
    assert _names(work) == before


@bound
@pytest.mark.parametrize(
    "line",
    [
        "decode {w}/b --input {w}/swipes.jsonl --dictionary {w}/user.json",
        pytest.param("verify {w}/b/artifacts/swipe-en-tiny.onnx", marks=pytest.mark.slow),
        pytest.param("inspect {w}/b", marks=pytest.mark.slow),
        pytest.param("eval {w}/b --data {w}/swipes.jsonl --split all", marks=pytest.mark.slow),
    ],
)
def test_a_read_only_model_is_read_without_a_home(line: str, work: Path) -> None:
    before = _names(work)
    done = _run(line, work, HOME="/nowhere", TMPDIR=str(work / "out"))
    assert done.returncode == 0, done.stderr
    assert _names(work) == before


@bound
def test_from_python_the_error_is_ours_and_the_systems(work: Path) -> None:
    script = f"""
import edgectc
words = edgectc.UserDictionary.read({str(work / "user.json")!r})
words.add("one")
try:
    words.save({str(work / "user.json")!r})
except edgectc.WriteError as error:
    assert isinstance(error, OSError) and error.errno == 13
    print(error)
"""
    done = limited.python(script, before=limited.bound() or ())
    assert done.stdout.startswith(f"cannot write {work}/user.json: Permission denied; choose")
    assert len(edgectc.UserDictionary.read(work / "user.json")) == 0


@bound
def test_no_place_for_temporary_files(work: Path) -> None:
    script = """
import tempfile, edgectc
from edgectc.core.staging import scratch
tempfile._candidate_tempdir_list = lambda: ["/nowhere", "/proc"]
try:
    with scratch():
        pass
except edgectc.WriteError as error:
    print(error)
"""
    done = limited.python(script)
    assert "set TMPDIR to a folder that can be written" in done.stdout
    line = verbs.WRITES["lexicon build"][0].replace("{w}/out", str(work.parent))
    done = subprocess.run(
        [*(limited.bound() or ()), *verbs.command(line, work)],
        env={**os.environ, "TMPDIR": str(work)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@posix
@pytest.mark.parametrize("old", [True, False], ids=["replaced", "first"])
@pytest.mark.parametrize(
    "verb",
    [
        pytest.param(verb, marks=[] if verb == "lm build" else [pytest.mark.slow])
        for verb in verbs.WRITES
    ],
)
def test_a_file_that_may_grow_no_more(verb: str, old: bool, tmp_path: Path) -> None:
    verbs.prepare(tmp_path)
    line, name = verbs.WRITES[verb]
    made = tmp_path / "out" / name
    if old:
        made.write_text("old")
    done = verbs.run(line, tmp_path, preexec_fn=limited.small_files(100))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().splitlines()[-1] == (
        f"edgectc: error: cannot write {made}: File too large; choose another path"
    )
    assert [path.name for path in made.parent.iterdir()] == ([name] if old else [])
    assert not old or made.read_text() == "old"


@small_disk
def test_a_full_disk(tmp_path: Path) -> None:
    verbs.prepare(tmp_path)
    words = (f"{a}{b}{c}" for a in ascii_lowercase for b in ascii_lowercase for c in "aeiou")
    (tmp_path / "words.txt").write_text("".join(f"{word}\t9\n" for word in words))
    command = verbs.command("lexicon build {w}/words.txt --out {w}/out/x.trie", tmp_path)
    done = subprocess.run(
        limited.on_a_small_disk(command, tmp_path / "out", "8k"), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "left: \n")
    assert done.stderr.splitlines()[-1] == (
        f"edgectc: error: cannot write {tmp_path}/out/x.trie: No space left on device; make room "
        "and do the same again"
    )
    done = subprocess.run(
        limited.on_a_small_disk(command, tmp_path / "out", "10m"), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "left: x.trie ")


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="one file system alone here")
def test_temporaries_on_another_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.stat("/dev/shm").st_dev == tmp_path.stat().st_dev:
        pytest.skip("one file system alone here")
    monkeypatch.setattr("tempfile.tempdir", "/dev/shm")
    with scratch() as elsewhere:
        (elsewhere / "a").write_text("new")
        assert elsewhere.stat().st_dev != tmp_path.stat().st_dev
        with staged(tmp_path / "x") as temporary:
            shutil.copy(elsewhere / "a", temporary)
            assert temporary.parent == tmp_path
        with staged_folder(tmp_path / "y") as temporary:
            shutil.copy(elsewhere / "a", temporary / "a")
    assert (tmp_path / "x").read_text() == (tmp_path / "y" / "a").read_text() == "new"
    assert not elsewhere.exists()


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="one file system alone here")
def test_a_link_to_another_file_system(tmp_path: Path) -> None:
    far = Path("/dev/shm") / f"edgectc-test-{os.getpid()}"
    far.mkdir()
    try:
        (tmp_path / "x").symlink_to(far / "x")
        write_bytes(tmp_path / "x", b"new")
        assert (far / "x").read_bytes() == b"new"
        assert [path.name for path in far.iterdir()] == ["x"]
    finally:
        shutil.rmtree(far)


def test_errors_of_other_files_pass(tmp_path: Path) -> None:
    def read(name: str) -> None:
        with staged(tmp_path / "x"):
            (tmp_path / name).read_bytes()

    with pytest.raises(FileNotFoundError) as caught:
        read("y")
    assert not isinstance(caught.value, WriteError)
    with pytest.raises(WriteError, match=r"cannot write .*/x/y: (Not a directory|File exists)"):
        write_bytes(_file(tmp_path / "x") / "y", b"")
    assert staging._belongs(tmp_path / ".x.edgectc-new" / "a", tmp_path / "x")
    assert not staging._belongs(tmp_path / "z", tmp_path / "x")


def _file(path: Path) -> Path:
    path.touch()
    return path
