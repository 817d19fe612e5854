"""Every reader of a file that somebody hands over: what is no plain file ends in one line, soon."""

from __future__ import annotations

import gzip
import json
import os
import resource
import shutil
import signal
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from edited import edited, sealed

import edgectc
from edgectc.benchmarking import gate
from edgectc.commands.verbs import measuring
from edgectc.commands.verbs import models as model_verbs
from edgectc.core.errors import EdgectcError
from edgectc.data import importers, signals, swipe_files
from edgectc.exporting.byo import factory
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts, public_keys, signature
from edgectc.formats import manifest as manifests
from edgectc.language import builder, lexicon_file, loading
from edgectc.language.ngram import corpus
from edgectc.quantization import repair
from edgectc.training import preparing, runs
from edgectc.training.loop import checkpoints

FILES = Path(__file__).parents[2] / "compat/files-1"
SOON = 20  # seconds on a busy machine; each takes a fraction of one
MEMORY = 1 << 30
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")


@dataclass(frozen=True)
class Reader:
    """Opens a file as its user does.

    Attributes:
        open: takes the path of a file called ``name`` in a folder of its own.
        pipes: a pipe is text that is read once, as ``<(command)`` of a shell gives it.
        folders: a folder may be one, too.
        unpacks: gzip is unpacked.
    """

    name: str
    open: Callable[[Path], object]
    pipes: bool = False
    folders: bool = False
    unpacks: bool = False


def _in_bundle(name: str, then: Callable[[Path], object]) -> Callable[[Path], object]:
    """Put what is at a path into a bundle, in place of one of its files."""

    def run(path: Path) -> object:
        folder = path.parent / "bundle"
        if not folder.exists():
            shutil.copytree(FILES / "swipe", folder)
        place = folder / name
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif place.exists() or place.is_symlink():
            place.unlink()
        os.rename(path, place)
        return then(folder)

    return run


def _rows(rows: Iterator[Any]) -> list[Any]:
    return [*rows]


READERS = {
    "artifact": Reader("x.onnx", edgectc.load),
    "artifact to verify": Reader("x.pte", edgectc.verify),
    "artifact to inspect": Reader("x.onnx", edgectc.inspect),
    "index": Reader("bundle.json", _in_bundle("bundle.json", edgectc.load)),
    "tokens": Reader("t", _in_bundle("tokens.txt", lambda f: bundles.read(f).tokens())),
    "weights": Reader("w", _in_bundle("weights.safetensors", edgectc.verify)),
    "reference": Reader("r", _in_bundle("reference.safetensors", edgectc.verify)),
    "layout": Reader("x.json", lambda p: layouts.load(str(p))),
    "lexicon": Reader("x.tsv", lexicon_file.read, unpacks=True),
    "lexicon of load": Reader("x.trie", lambda p: edgectc.load(lexicon=str(p)), unpacks=True),
    "word list": Reader("x.txt", lexicon_file.read_word_list, unpacks=True),
    "language model": Reader("x.lm", lambda p: loading.load(p, required=True), unpacks=True),
    "ARPA file to read": Reader("x.arpa", lambda p: _read_input(p), unpacks=True, pipes=True),
    "corpus": Reader("x.txt", lambda p: corpus.exclusions([p]), unpacks=True, pipes=True),
    "user dictionary": Reader("x.json", edgectc.UserDictionary.read),
    "user dictionary of load": Reader("x.json", lambda p: edgectc.load(dictionary=str(p))),
    "swipes": Reader("x.jsonl", lambda p: swipe_files.load(p), unpacks=True, pipes=True),
    "collection": Reader("x.jsonl", lambda p: _imported(p), unpacks=True, folders=True),
    "recordings": Reader("x.npz", signals.read),
    "features": Reader("x.npz", signals.recordings),
    "sample": Reader("x.npz", factory.read_sample),
    "token file": Reader("x.txt", lambda p: factory.read_tokens({"tokens": str(p)}, None)),
    "weights of a factory": Reader(
        "x.safetensors", lambda p: factory.load_weights(torch.nn.Linear(1, 1), p)
    ),
    "config": Reader("x.toml", lambda p: runs.load_config(str(p))),
    "config of a run": Reader("config.json", lambda p: preparing.run_settings(p.parent)),
    "checkpoint": Reader("x.safetensors", checkpoints.read),
    "state to repair from": Reader("x.safetensors", lambda p: repair._read(p), folders=True),
    "preset": Reader("x.json", lambda p: model_verbs._preset(p, ())),
    "sentences": Reader("x.txt", measuring._sentences),
    "baseline": Reader("x.json", gate.read),
    "signature": Reader("x.sig", lambda p: signature.read(p.with_suffix(""), "artifact")),
    "public keys": Reader("x.pem", public_keys.trusted),
    "words to pack": Reader(
        "x.tsv",
        lambda p: edgectc.pack(FILES / "gru", out=p.parent / "out", lexicon=str(p)),
        unpacks=True,
    ),
}


def _read_input(path: Path) -> object:
    read = builder.read_input(path)
    return [*read] if not hasattr(read, "tables") else read


def _imported(path: Path) -> object:
    return importers.import_data(f"futo:{path}", path.parent / "out.jsonl")


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    """Whatever waits is ended: a test that hangs names itself."""

    def ring(number: int, frame: object) -> None:
        raise TimeoutError(f"more than {SOON} s")

    before = signal.signal(signal.SIGALRM, ring)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))
    signal.alarm(SOON)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.mkdir()


def _circle(path: Path) -> None:
    other = path.with_name("other")
    path.symlink_to(other)
    other.symlink_to(path)


def _socket(path: Path) -> None:
    import socket

    place = os.getcwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(place)


def _nothing(path: Path) -> None:
    pass


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _bomb(path: Path) -> None:
    """Under 300 kB that unpack to 200 million line feeds."""
    with gzip.open(path, "wb", compresslevel=9) as file:
        for _ in range(20):
            file.write(b"\n" * 10_000_000)


DOORS = [_fifo, _device, _folder, _circle, _socket, _nothing, _empty, _bomb]
# Text without a line is no error of its reader; a corpus may be of any size, and ends after 16 MiB.
TAKEN = {
    (_empty, "corpus"), (_empty, "ARPA file to read"), (_empty, "word list"),
    (_empty, "swipes"), (_empty, "sentences"), (_empty, "config"),
    (_empty, "token file"), (_bomb, "corpus"),
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_plain_file_ends_in_one_line(
    door: Callable[[Path], None], reader: str, tmp_path: Path
) -> None:
    how = READERS[reader]
    if (door is _fifo and how.pipes) or (door is _bomb and not how.unpacks):
        pytest.skip("it is what this reader takes, or plain bytes")
    if (door, reader) in TAKEN:
        pytest.skip("nothing in it is no error")
    path = tmp_path / how.name
    door(path)
    if door is _nothing and path.name in ("t", "w", "r", "bundle.json"):
        pytest.skip("there is nothing to move")
    with pytest.raises(EdgectcError) as caught:
        how.open(path)
    assert len(str(caught.value).splitlines()) == 1
    names = (path.name, "tokens.txt", "weights.safetensors", "reference.safetensors")
    assert any(name in str(caught.value) for name in names), str(caught.value)


# ---- small files of a large cost --------------------------------------------------------------


@pytest.mark.parametrize("reader", ["lexicon", "word list", "user dictionary", "swipes"])
def test_a_word_of_ten_megabytes(reader: str, tmp_path: Path) -> None:
    word = "a" * 10_000_000
    user = {"schema_version": 1, "words": {word: {"count": 1}}}
    swipe = {"word": word, "points": [{"x": 0.1, "y": 0.2, "t": 0}, {"x": 0.3, "y": 0.2, "t": 90}]}
    text = {
        "user dictionary": json.dumps(user),
        "swipes": json.dumps(swipe),
        "lexicon": f"{word}\t5\nab\t9\n",
        "word list": f"{word}\nab\n",
    }[reader]
    path = tmp_path / READERS[reader].name
    path.write_text(text)
    said = ""
    try:
        READERS[reader].open(path)
    except EdgectcError as error:
        said = str(error)
    assert len(said) < 2000


FRONTENDS = ("slots", "max_frames")


@pytest.mark.parametrize("key", FRONTENDS)
@pytest.mark.parametrize("value", [10**9, 10**18, 0, -1])
def test_a_manifest_may_not_ask_for_the_whole_memory(key: str, value: int, tmp_path: Path) -> None:
    data = (FILES / "swipe/artifacts/swipe.onnx").read_bytes()
    values = json.loads(manifests.parse(data, source="x").text())["manifest"]
    changed = edited(values, lambda v: v["frontend"].update({key: value}))
    changed["target"] = "pte"  # this file holds a manifest alone
    body = sealed(changed)
    with pytest.raises(EdgectcError, match=key):
        loading_of(body)


def loading_of(body: bytes) -> object:
    from edgectc.runtime import loading as opening

    return opening.from_bytes(body, manifests.parse(body, source="x"))


@pytest.mark.parametrize("key", FRONTENDS)
def test_an_index_may_not_either(key: str, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(FILES / "swipe", folder)
    index = json.loads((folder / "bundle.json").read_text())
    index["model"]["frontend"][key] = 10**9
    (folder / "bundle.json").write_text(json.dumps(index))
    with pytest.raises(EdgectcError, match=rf"bundle\.json.*{key} is 1000000000"):
        edgectc.load(folder, runner="eager")


@pytest.mark.parametrize(
    ("frontend", "options"),
    [
        ("features", {"max_frames": 10**9}),
        ("features", {"channels": 10**9}),
        ("features", {"max_frames": 10**5, "channels": 10**5}),
        ("neural", {"max_frames": 10**9}),
        ("neural", {"channels": 10**12}),
        ("landmarks", {"columns": 10**9}),
        ("landmarks", {"face": 10**9}),
    ],
)
def test_nor_may_another_frontend(frontend: str, options: dict[str, int]) -> None:
    from edgectc.core import registry

    with pytest.raises(EdgectcError, match="of more than"):
        registry.create("frontends", {"type": frontend, **options})


def _npz(path: Path, method: int, **arrays: Any) -> None:
    import io

    with zipfile.ZipFile(path, "w", method) as packed:
        for name, array in arrays.items():
            held = io.BytesIO()
            np.lib.format.write_array(held, array)
            packed.writestr(f"{name}.npy", held.getvalue())


@pytest.mark.parametrize("reader", ["recordings", "features", "sample"])
def test_a_packed_array_cannot_fill_the_memory(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    _npz(path, zipfile.ZIP_DEFLATED, features=np.zeros((1, 30_000_000), np.float32))
    assert path.stat().st_size < 200_000
    with pytest.raises(EdgectcError, match=r"x\.npz.*it unpacks to 120,000,"):
        READERS[reader].open(path)


@pytest.mark.parametrize("reader", ["recordings", "features", "sample"])
@pytest.mark.parametrize("oddity", ["encrypted", "method 9", "method 99", "shape", "pickle"])
def test_odd_archives_are_refused(reader: str, oddity: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    if oddity == "pickle":
        _object(path)
    else:
        _npz(path, zipfile.ZIP_STORED, features=np.zeros((2, 9), np.float32))
        data = bytearray(path.read_bytes())
        central = data.index(b"PK\x01\x02")
        if oddity == "encrypted":
            data[6] |= 1
            data[central + 8] |= 1
        elif oddity == "shape":  # of 8 TB
            data = bytearray(data.replace(b"(2, 9)", b"(2, 1" + b"0" * 12 + b")"))
        else:
            for place in (8, central + 10):
                struct.pack_into("<H", data, place, int(oddity.split()[1]))
        path.write_bytes(data)
    with pytest.raises(EdgectcError, match=r"x\.npz") as caught:
        READERS[reader].open(path)
    assert len(str(caught.value).splitlines()) == 1


def _object(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, features=np.array([{}, 1], dtype=object))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_that_zipfile_can_read_are_read(method: int, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    _npz(path, method, features=np.ones((2, 9), np.float32))
    ((first, _), _) = signals.recordings(path)
    assert first.tolist() == [1.0] * 9


@pytest.mark.parametrize("door", [_fifo, _device, _circle, _socket])
def test_a_package_holds_plain_files_alone(door: Callable[[Path], None], tmp_path: Path) -> None:
    package = tmp_path / "x.mlpackage"
    shutil.copytree(FILES / "swipe/artifacts/swipe.mlpackage", package)
    door(package / "more")
    with pytest.raises(EdgectcError, match="is no plain file"):
        edgectc.verify(package)
