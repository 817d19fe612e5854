from __future__ import annotations

import pytest

from edgectc.core.files import staged, write_bytes


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "x.bin"
    write_bytes(path, b"old")

    def fail() -> None:
        with staged(path) as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.bin"]


def test_folders_are_made_and_the_file_is_readable_by_all(tmp_path) -> None:
    path = tmp_path / "a" / "b" / "x.bin"
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o400
