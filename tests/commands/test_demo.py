"""The browser keyboard's files and server; the keyboard itself is tested by Node and Chromium."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgectc.commands import cli
from edgectc.commands.serving import pages
from edgectc.commands.serving.server import TYPES, Server
from edgectc.core.errors import (
    BundleError,
    BundleFileMissingError,
    ConfigError,
    MissingDependencyError,
)

NAME = "swipe-en-int8-dynamic.edgectc"
WEB = Path(__file__).parents[2] / "web_demo"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that stands for the built one."""
    folder = tmp_path / "site"
    (folder / "app").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>keyboard</h1>")
    (folder / "app" / "main.js").write_text("1;\n" * 5000)
    (folder / "package").mkdir()
    (folder / "package" / "library.wasm").write_bytes(b"\0asm")
    monkeypatch.setattr(pages, "SITE", folder)
    return folder


def test_without_the_page_the_command_says_what_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "SITE", tmp_path / "none")
    monkeypatch.setattr(pages, "origin", lambda: "")
    with pytest.raises(MissingDependencyError, match="not built; run: scripts/build-demo"):
        pages.collect(None)
    assert cli.main(["demo"]) == 3
    assert "scripts/build-demo" in capsys.readouterr().err


def test_the_page_of_the_source_tree_serves_what_was_installed_from_it(
    site: Path, tmp_path: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of README: installed first, then `scripts/build-demo` in the tree."""
    monkeypatch.setattr(pages, "SITE", tmp_path / "none")
    monkeypatch.setattr(pages, "origin", lambda: str(tmp_path / "tree"))
    with pytest.raises(MissingDependencyError, match="scripts/build-demo"):
        pages.collect(None)
    built = tmp_path / "tree" / "edgectc" / "commands" / "serving" / "site"
    shutil.copytree(site, built)
    assert pages.collect(None).files["index.html"] == built / "index.html"


def test_the_shipped_model_is_served_whole(site: Path, shipped: Path) -> None:
    made = pages.collect(None)
    index = json.loads(made.index)
    assert index["name"] == made.name == "swipe-en"
    assert index["artifacts"][0]["scheme"] == "int8-dynamic"
    assert "qwerty" in [layout["name"] for layout in index["layouts"]]
    for name in (index["lexicon"], index["language_model"], index["artifacts"][0]["file"]):
        data = made.read(f"model/{name}")
        assert data
        assert data in [p.read_bytes() for p in shipped.rglob(name)]
    assert made.read("") == made.read("index.html") == b"<h1>keyboard</h1>"
    for address in ("../pages.py", "model/bundle.json", "app", "app/../index.html", "/etc/passwd"):
        assert made.read(address) is None


def test_models_that_are_no_keyboard_are_refused(site: Path, tmp_path: Path, shipped: Path) -> None:
    with pytest.raises(BundleFileMissingError):
        pages.collect(str(tmp_path / "nothing"))
    damaged = tmp_path / "damaged.edgectc"
    data = bytearray((shipped / "artifacts" / NAME).read_bytes())
    data[1000] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(BundleError, match="damaged"):
        pages.collect(str(damaged))
    bare = tmp_path / "bare"
    shutil.copytree(shipped, bare)
    shutil.rmtree(bare / "artifacts")
    with pytest.raises(ConfigError, match="edgectc export"):
        pages.collect(str(bare))
    with pytest.raises(ConfigError, match=r"no \.edgectc file"):
        pages.collect(str(shipped / "artifacts" / "swipe-en.onnx"))


def test_the_lexicon_is_found_by_its_hash_alone(
    site: Path, tmp_path: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = tmp_path / "alone.edgectc"
    shutil.copy(shipped / "artifacts" / NAME, alone)
    assert json.loads(pages.collect(str(alone)).index)["lexicon"] == "lexicon.trie"
    monkeypatch.setattr("edgectc.formats.bundle.models_dir", lambda: None)
    (tmp_path / "lexicon.trie").write_bytes(b"another")
    with pytest.raises(BundleFileMissingError, match="lexicon"):
        pages.collect(str(alone))
    shutil.copy(shipped / "lexicon.trie", tmp_path / "lexicon.trie")
    index = json.loads(pages.collect(str(alone)).index)
    assert index["lexicon"] == "lexicon.trie"
    assert index["language_model"] is None  # the page goes on without, and says so


def test_export_writes_all_for_a_static_host(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["demo", "--export", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == str(out)
    made = pages.collect(None)
    found = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert found == {*made.files, "model/index.json", "model/trials.json"}
    assert cli.main(["demo", "--export", str(out)]) == 2
    assert "not an empty folder" in capsys.readouterr().err


def test_an_export_that_fails_leaves_nothing(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pages.collect(None)
    names = [*made.files]
    made.files[names[-1]] = tmp_path / "gone"
    place = tmp_path / "place"
    (place / "out").mkdir(parents=True)
    with pytest.raises(OSError, match="gone"):
        pages.export(made, place / "out")
    assert [*place.rglob("*")] == [place / "out"]


@pytest.fixture
def server(site: Path) -> Iterator[Server]:
    made = Server(pages.collect(None), "127.0.0.1", 0)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def test_types_tags_and_headers(server: Server) -> None:
    for address, kind in (
        ("", "text/html"),
        ("app/main.js", "text/javascript"),
        ("package/library.wasm", "application/wasm"),
        ("model/index.json", "application/json"),
        ("model/lexicon.trie", "application/octet-stream"),
        ("index.html?x=1", "text/html"),
    ):
        with urllib.request.urlopen(server.url + address) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith(kind)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert len(answer.read()) == int(answer.headers["Content-Length"])
    request = urllib.request.Request(server.url, headers={"If-None-Match": answer.headers["ETag"]})
    assert _refused(request) == 304
    for address in ("nothing.js", "..%2fpages.py", "app/", "model/../index.html"):
        assert _refused(server.url + address) == 404
    head = urllib.request.Request(server.url, method="HEAD")
    with urllib.request.urlopen(head) as answer:
        assert answer.read() == b""
    post = urllib.request.Request(server.url, data=b"x", method="POST")
    assert _refused(post) == 501


def _refused(request: Any) -> int:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    caught.value.close()
    return caught.value.code


def test_what_goes_over_a_network_is_packed(server: Server) -> None:
    plain, packed, tag = server.answer("app/main.js", small=False) or (b"", True, "")
    assert not packed
    small, packed, other = server.answer("app/main.js", small=True) or (b"", False, "")
    assert packed
    assert tag == other
    assert gzip.decompress(small) == plain
    assert TYPES[".wasm"] == "application/wasm"


def test_bad_ports_are_refused(site: Path, server: Server, capsys: Any) -> None:
    assert cli.main(["demo", "--port", "70000"]) == 2
    assert cli.main(["demo", "--port", str(server.server_address[1])]) == 2
    assert "choose another with --port" in capsys.readouterr().err


def _node(*tests: str) -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("needs Node")
    if not (WEB / "node_modules" / "puppeteer-core").is_dir():
        pytest.skip(f"needs the packages of {WEB}: npm ci --ignore-scripts")
    if not (pages.SITE / "package" / "library.wasm").is_file():
        pytest.skip("needs the built page: scripts/build-demo")
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(
        [node, "--test", *tests], cwd=WEB, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:]
    if "# pass 0\n" in done.stdout:
        pytest.skip("needs Chromium")


def test_the_page_takes_from_storage_what_it_put_there() -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("needs Node")
    files = [WEB / "test" / name for name in ("page.test.mjs", "ahead.test.mjs")]
    done = subprocess.run([node, "--test", *files], capture_output=True)
    assert done.returncode == 0, done.stdout.decode()[-4000:]


@pytest.mark.slow
def test_keyboard_in_a_real_browser() -> None:
    _node(
        "test/browser.test.mjs",
        "test/phone.test.mjs",
        "test/keys.test.mjs",
        "test/settings.test.mjs",
        "test/message.test.mjs",
    )
