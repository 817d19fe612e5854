"""Runs the main verbs and says which files and rooms they pass, and what they make twice.

    python scripts/trace_rooms.py [--json] [--tree ROOT] [NAME ...]

Runs with the packages of the Python that starts it, on the package of ROOT (a checkout, by default
this one). A room is a package or module at the top of the package. Per run it prints:

- files: in how many a function is entered, and in how many any code runs, imports included (the
  ground floor does not count in the first);
- moves: files in the order in which any code of them is first entered; how often the next one lies
  in another room. Neither does it count here, nor ``__init__``: everybody goes there;
- pairs: distinct (room of the caller, room of the called), ground floor and plugins apart;
- how often something is built or read: in this process and in those that it starts.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

Call = Callable[[], object]
PACKAGE, MODEL = "edgectc", "models/swipe-en"
_LOG, _TREE = "TRACE_ROOMS_LOG", "TRACE_ROOMS_TREE"
# `core`, and the modules that it was made of, so that older trees compare.
_GROUND = {
    "__init__", "core", "config", "errors", "explaining", "files", "metrics", "nonfinite", "quiet",
    "registry", "report", "schemes", "tokens", "types",
}  # fmt: skip
_PLUGINS = {
    "decoders", "encoders", "features", "frontends", "lms", "runners", "samples", "targets",
    "tasks",
}  # fmt: skip
# Found by name, so that they may move: "file.py:qualified name".
_EVENTS = {
    "networks built": re.compile(r":CtcModel\.__init__$"),
    "recognizers built": re.compile(r":Recognizer\.__init__$"),
    "bundles read": re.compile(r"(^|/)bundle\.py:read$"),
    "artifacts read": re.compile(r"(^|/)manifest\.py:read$"),
    "lexicons read": re.compile(r"(^|/)lexicon\w*\.py:(Lexicon\.)?(read|load)\w*$"),
    "language models loaded": re.compile(r"(^|/)language(/load(ing)?)?\.py:load$"),
}
_OPENED = {"bundle.json": "bundle.json", "lexicon.trie": "lexicon", "words.lm": "language model"}


class Recorder:
    """Notes the first entry of every piece of code, and every event.

    Attributes:
        entered: file and whether it was a function, in order.
        pairs: rooms of callers and called.
        events: written to the log at once, since a process may be killed.
    """

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = f"{folder}{os.sep}"
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.entered: list[tuple[str, bool]] = []
        self.pairs: set[tuple[str, str]] = set()
        self._known: dict[int, tuple[CodeType, str, str]] = {}
        self._steps: set[tuple[int, int]] = set()
        sys.addaudithook(self._audit)

    def start(self) -> None:
        threading.setprofile(self)
        sys.setprofile(self)

    def stop(self) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def note(self, event: str) -> None:
        os.write(self.log, f"{event}\n".encode())

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and sys.getprofile() is self:
            name = os.path.basename(str(arguments[0]))
            if name in _OPENED:
                self.note(f"{_OPENED[name]} opened")

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event != "call":
            return
        code, back = frame.f_code, frame.f_back
        step = (id(code), id(back.f_code) if back else 0)
        if step in self._steps:
            return
        path, label = self._code(code)
        if not path:
            self._steps.add(step)
            return
        # A call through others' code may come from anywhere, and an event is noted each time.
        if not label and back is not None and self._path(back):
            self._steps.add(step)
        if (caller := self._caller(frame)) and caller != path:
            self.pairs.add((caller, path))
        if label and not self._within(frame, label):
            self.note(label)

    def _code(self, code: CodeType) -> tuple[str, str]:
        """Return a code's file inside the package, "" if it is outside, and its event."""
        if known := self._known.get(id(code)):
            return known[1:]
        path = label = ""
        if code.co_filename.startswith(self.folder):
            path = code.co_filename.removeprefix(self.folder).replace(os.sep, "/")
            self.entered.append((path, bool(code.co_flags & inspect.CO_OPTIMIZED)))
            place = f"{path}:{code.co_qualname}"
            label = next((name for name, form in _EVENTS.items() if form.search(place)), "")
        self._known[id(code)] = (code, path, label)  # holds the code, so that ids stay its own
        return path, label

    def _caller(self, frame: FrameType) -> str:
        """Return the nearest file of the package that called; "" if none did, or in an import."""
        if not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            return ""
        back = frame.f_back
        while back is not None and not (path := self._path(back)):
            back = back.f_back
        return path if back is not None else ""

    def _path(self, frame: FrameType) -> str:
        """Return the file of code that was entered; "" outside the package."""
        known = self._known.get(id(frame.f_code))
        return known[1] if known else ""

    def _within(self, frame: FrameType, label: str) -> bool:
        """Whether the same event is already going on: a reader that calls a reader reads once."""
        back = frame.f_back
        while back is not None:
            known = self._known.get(id(back.f_code))
            if known and known[2] == label:
                return True
            back = back.f_back
        return False


def room(path: str) -> str:
    return path.partition("/")[0].removesuffix(".py")


def moves(files: list[str]) -> int:
    """Return how often the next file lies in another room, the ground floor apart."""
    rooms = [room(path) for path in dict.fromkeys(files) if room(path) not in _GROUND]
    return sum(1 for a, b in pairwise(rooms) if a != b)


def figures(recorder: Recorder) -> dict[str, Any]:
    files = [path for path, _ in recorder.entered]
    entered = {
        path for path, function in recorder.entered if function and room(path) not in _GROUND
    }
    pairs = {(room(a), room(b)) for a, b in recorder.pairs if not _met_by_contract(a, b)}
    return {
        "files_with_functions": len(entered),
        "files": len({*files}),
        "moves": moves(files),
        "pairs": len({(a, b) for a, b in pairs if a != b}),
        "order": list(dict.fromkeys(files)),
    }


def _met_by_contract(*paths: str) -> bool:
    """Whether one of two files is a plugin, or on the ground floor."""
    folders = {part for path in paths for part in path.split("/")[:-1]}
    return bool(folders & _PLUGINS) or any(room(path) in _GROUND for path in paths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RUNS)}")
    parser.add_argument("--tree", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--json", action="store_true", help="print JSON, order of files included")
    options = parser.parse_args()
    tree = options.tree.resolve()
    made = {name: traced(name, tree) for name in options.names or RUNS}
    if options.json:
        print(json.dumps(made, indent=1, sort_keys=True))
        return
    for name, found in made.items():
        told = {key: value for key, value in found.items() if key not in ("events", "order")}
        print(f"{name}: {', '.join(f'{key} {value}' for key, value in told.items())}")
        print("    " + ", ".join(f"{key} {value}" for key, value in found["events"].items()))


def traced(name: str, tree: Path) -> dict[str, Any]:
    """Return the figures of one run, made in a process of its own."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        # Processes that the verb starts are watched too: each Python imports this by itself.
        hook = f"import sys; sys.path.insert(1, {str(Path(__file__).parent)!r})\n"
        hook += "import trace_rooms; trace_rooms.watch(); del sys.path[1]\n"
        (folder / "hook").mkdir()
        (folder / "hook" / "sitecustomize.py").write_text(hook, encoding="utf-8")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder / "hook"), str(tree)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            _LOG: str(folder / "log"),
            _TREE: str(tree),
        }
        code = f"import trace_rooms; trace_rooms.run({name!r}, {str(folder)!r})"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
        events = Counter((folder / "log").read_text(encoding="utf-8").splitlines())
        return {**found, "events": dict(sorted(events.items()))}


_recorder: Recorder | None = None


def watch() -> None:
    """Record what a process started by a traced one does; the traced one starts by itself."""
    global _recorder
    _recorder = Recorder(Path(os.environ[_TREE]) / PACKAGE, Path(os.environ[_LOG]))
    if os.environ.get(f"{_LOG}_CHILD"):
        _recorder.start()


def run(name: str, folder: str) -> None:
    """Prepare a run, record it, and write its figures."""
    assert _recorder is not None
    call = RUNS[name](Path(os.environ[_TREE]), Path(folder))
    os.environ[f"{_LOG}_CHILD"] = "1"
    _recorder.start()
    call()
    _recorder.stop()
    text = json.dumps(figures(_recorder))
    (Path(folder) / "figures.json").write_text(text, encoding="utf-8")


def _swipes(tree: Path) -> list[dict[str, Any]]:
    lines = (tree / MODEL / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _trace(tree: Path) -> Any:
    import numpy as np

    return np.array(_swipes(tree)[0]["points"])


def _loading(tree: Path, folder: Path) -> Call:
    import edgectc

    return lambda: edgectc.load(tree / MODEL)


def _tracing(tree: Path, folder: Path) -> Call:
    import edgectc

    trace, recognizer = _trace(tree), edgectc.load(tree / MODEL)
    return lambda: recognizer(trace)


def _loading_and_tracing(tree: Path, folder: Path) -> Call:
    import edgectc

    trace = _trace(tree)
    return lambda: edgectc.load(tree / MODEL)(trace)


def _batch(tree: Path, folder: Path) -> Call:
    import edgectc

    trace, recognizer = _trace(tree), edgectc.load(tree / MODEL)
    tokens = recognizer.tokens(recognizer.setting(recognizer.layout))
    log_probs = [recognizer.log_probs(trace)] * 2
    decoder = edgectc.make_decoder(
        "lexicon",
        tokens=tokens.symbols,
        blank_id=tokens.blank_id,
        lexicon={"hello": -1.0, "help": -2.0},
    )
    decode_batch = edgectc.decode_batch
    return lambda: decode_batch(decoder, log_probs, threads=1)


def _export(tree: Path, folder: Path) -> Call:
    import edgectc

    export = edgectc.export
    return lambda: export(tree / MODEL, target="onnx", out=folder)


def _quantize(tree: Path, folder: Path) -> Call:
    import edgectc

    data, quantize = folder / "swipes.jsonl", edgectc.quantize
    rows = [{**row, "user": f"user-{i}"} for i in range(20) for row in _swipes(tree)]
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    named = {"calibration": str(data), "dev": str(data)}
    return lambda: quantize(
        tree / MODEL, target="onnx", scheme="int8-static", samples=64, limit=20, out=folder, **named
    )


def _bench(tree: Path, folder: Path) -> Call:
    import edgectc

    bench = edgectc.bench
    if "rounds" in inspect.signature(bench).parameters:
        few = {"samples": 5, "limit": 5, "rounds": 1, "processes": 1}
        return lambda: bench(tree / MODEL, runtime=["onnx"], **few)
    settings = None  # of an earlier order, found by its fields
    for module in [m for name, m in sys.modules.items() if name.startswith(PACKAGE)]:
        for kind in [k for k in vars(module).values() if isinstance(k, type)]:
            if {"processes", "rounds", "throughput_s"} <= {*getattr(kind, "__annotations__", ())}:
                settings = kind(processes=1, rounds=1, throughput_s=0.0)
    return lambda: bench(tree / MODEL, runtimes=["onnx"], timed=5, scored=5, settings=settings)


RUNS: dict[str, Callable[[Path, Path], Call]] = {
    "load": _loading,
    "trace": _tracing,
    "load+trace": _loading_and_tracing,
    "batch": _batch,
    "export": _export,
    "quantize": _quantize,
    "bench": _bench,
}

if __name__ == "__main__":
    main()
