"""Models from the Hub: fetched by its package, here a stand-in that copies, and checked by us."""

from __future__ import annotations

import inspect
import re
import shutil
import sys
import types
from pathlib import Path

import pytest

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import (
    BundleError,
    BundleFileMissingError,
    ConfigError,
    InputError,
    MissingDependencyError,
    install_line,
)

ROOT = Path(__file__).parents[2]


class HubError(OSError):
    pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the Hub: OWNER/NAME in it are the repositories."""
    served = tmp_path / "hub"
    monkeypatch.chdir(tmp_path)

    def snapshot_download(
        repo_id: str, *, revision: str | None, local_dir: Path, library_name: str
    ) -> str:
        if not (served / repo_id).is_dir() or revision == "none":
            raise HubError(f"404 Client Error: {repo_id}\nRepository Not Found")
        shutil.copytree(served / repo_id, local_dir)
        (local_dir / ".cache").mkdir()
        return str(local_dir)

    package, errors = types.ModuleType("huggingface_hub"), types.ModuleType("errors")
    package.__dict__["snapshot_download"] = snapshot_download
    errors.__dict__.update(HfHubHTTPError=HubError, HFValidationError=ValueError)
    monkeypatch.setitem(sys.modules, "huggingface_hub", package)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    (served / "we").mkdir(parents=True)
    shutil.copytree(ROOT / "models" / "swipe-en-tiny", served / "we" / "tiny")
    return served / "we"


def test_a_bundle_is_fetched_checked_and_opens(
    hub: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["hub", "we/tiny"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "next: edgectc inspect tiny"
    assert edgectc.load("tiny")(edgectc.sample("hello")).best.text == "hello"
    assert not Path("tiny", ".cache").exists()
    assert sorted(path.name for path in Path().iterdir()) == ["hub", "tiny"]


def test_artifacts_alone_are_fetched(hub: Path) -> None:
    (hub / "files").mkdir()
    shutil.copy(next((hub / "tiny" / "artifacts").glob("*.edgectc")), hub / "files")
    folder = edgectc.from_hub("we/files", out="made/here")
    (file,) = folder.glob("*")
    assert edgectc.load(file)(edgectc.sample("hello")).best.text == "hello"


@pytest.mark.parametrize("name", ["tokens.txt", "artifacts/swipe-en-tiny-int8-dynamic.edgectc"])
def test_a_damaged_file_leaves_nothing(name: str, hub: Path) -> None:
    path = hub / "tiny" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError):
        edgectc.from_hub("we/tiny")
    assert [path.name for path in Path().iterdir()] == ["hub"]


def test_what_is_not_signed_is_refused_where_that_is_asked(hub: Path) -> None:
    keys = ROOT / "tests" / "formats" / "signed" / "public.pub"
    with pytest.raises(BundleFileMissingError, match="not signed"):
        edgectc.from_hub("we/tiny", trust=keys)
    assert not Path("tiny").exists()


@pytest.mark.parametrize("repository", ["tiny", "we/", "a/b/c", "we/.."])
def test_names_that_are_none(repository: str, hub: Path) -> None:
    with pytest.raises(ConfigError, match="OWNER/NAME"):
        edgectc.from_hub(repository)


def test_what_the_hub_lacks(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="404 Client Error: we/gone; check the name"):
        edgectc.from_hub("we/gone")
    assert cli.main(["hub", "we/tiny", "--revision", "none"]) == 2
    assert "we/tiny at none" in capsys.readouterr().err
    (hub / "other").mkdir()
    (hub / "other" / "model.bin").write_bytes(b"x")
    with pytest.raises(BundleError, match="holds no model of edgectc"):
        edgectc.from_hub("we/other")


def test_a_folder_that_is_there_stays(hub: Path) -> None:
    Path("tiny").mkdir()
    Path("tiny", "mine").write_text("x")
    with pytest.raises(ConfigError, match="tiny exists; name another folder with out"):
        edgectc.from_hub("we/tiny")
    assert edgectc.from_hub("we/tiny", out="another").name == "another"  # the remedy
    assert Path("tiny", "mine").read_text() == "x"


def test_without_the_package(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match=re.escape(install_line("hub"))):
        edgectc.from_hub("we/tiny")


def test_the_package_takes_what_we_give_it() -> None:
    package = pytest.importorskip("huggingface_hub")
    errors = pytest.importorskip("huggingface_hub.errors")
    given = {"repo_id", "revision", "local_dir", "library_name"}
    assert given <= set(inspect.signature(package.snapshot_download).parameters)
    assert issubclass(errors.HfHubHTTPError, Exception)
    assert issubclass(errors.HFValidationError, Exception)


@pytest.mark.parametrize("name", ["swipe-en", "swipe-en-tiny"])
def test_the_hub_reads_the_head_of_a_card(name: str) -> None:
    package = pytest.importorskip("huggingface_hub")
    text = (ROOT / "models" / name / "CARD.md").read_text(encoding="utf-8")
    data = package.ModelCard(text).data
    assert data.library_name == "edgectc"
    assert "apache-2.0" in data.license
    assert data.language == "en"
    assert "ctc" in data.tags
    assert text.split("---\n", 2)[2].lstrip().startswith(f"# {name}\n")
