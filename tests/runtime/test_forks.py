"""A recognizer in forked and spawned processes: it answers, or refuses; nothing waits for ever."""

from __future__ import annotations

import faulthandler
import json
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import BaseContext

import numpy as np
import pytest
import verbs
from names import ROOT

import edgectc
from edgectc.core import forks

fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
LIMIT_S = 60  # that a child may take before it is given up


def trace() -> np.ndarray:
    with (ROOT / "models/swipe-en/samples.jsonl").open(encoding="utf-8") as file:
        return np.array(json.loads(next(file))["points"])


def in_fork(work) -> int:
    """Run in a fork and return its exit code, negative for a signal: SIGALRM tells of a hang."""
    child = os.fork()
    if not child:
        faulthandler.register(signal.SIGALRM, file=2, chain=True)
        signal.alarm(LIMIT_S)
        try:
            os._exit(int(work() or 0))
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture(scope="module")
def loaded() -> edgectc.Recognizer:
    dictionary = edgectc.UserDictionary()
    dictionary.add("zork")
    return edgectc.load(runner="onnx", dictionary=dictionary, threads=2)


@fork
@pytest.mark.parametrize("used", [True, False], ids=["used before", "not used before"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_answers_as_its_parent_and_grandchild(
    used: bool, loaded: edgectc.Recognizer
) -> None:
    points, want = trace(), "hello"
    if used:
        assert loaded(points).best.text == want

    def work() -> int:
        same = loaded(points, context=["the"]).best.text == want
        return 0 if same and in_fork(lambda: loaded(points).best.text != want) == 0 else 1

    assert in_fork(work) == 0
    assert loaded(points).best.text == want


@fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forks_while_other_threads_decode(loaded: edgectc.Recognizer) -> None:
    points, stop, errors = trace(), threading.Event(), list[BaseException]()

    def decode(number: int) -> None:
        try:
            while not stop.is_set():
                assert loaded(points, context=[["the", "a", "see"][number]]).best.text == "hello"
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=decode, args=[n]) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        codes = [
            in_fork(lambda: loaded(points, context=["the"]).best.text != "hello") for _ in range(8)
        ]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert codes == [0] * 8
    assert errors == []


@fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_waits_for_what_is_in_flight_and_holds_its_lock() -> None:
    lock, inside = threading.Lock(), threading.Event()

    def hold() -> None:
        with forks.whole(), forks.whole(), lock:
            inside.set()
            time.sleep(0.5)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait()
    assert in_fork(lambda: not lock.acquire(timeout=0.1)) == 0  # without, it is held for ever
    thread.join()

    def from_inside() -> int:
        with forks.whole():
            return in_fork(lambda: 0)

    assert from_inside() == 0
    with forks.whole():
        pass


def _best(points: np.ndarray) -> str:
    return edgectc.load("swipe-en-tiny", runner="onnx")(points, nbest=1).best.text


@pytest.mark.parametrize(
    "method", [m for m in multiprocessing.get_all_start_methods() if m != "forkserver"]
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_pool_of_processes(method: str) -> None:
    context: BaseContext = multiprocessing.get_context(method)
    if method == "spawn":
        script = SPAWNED.format(root=str(ROOT))
        done = verbs.python(script)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [b"hello", b"hello"]
        return
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert [*pool.map(_best, [trace()] * 2, timeout=LIMIT_S)] == ["hello", "hello"]


SPAWNED = """
import json, multiprocessing, os, sys, tempfile
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "spawned.py")
    with open(path, "w") as file:
        file.write('''
import json, sys
import numpy as np
import edgectc
def best(points):
    return edgectc.load("swipe-en-tiny", runner="onnx")(points, nbest=1)
''')
    sys.path.insert(0, folder)
    import numpy as np
    import spawned
    with open({root!r} + "/models/swipe-en/samples.jsonl") as file:
        points = np.array(json.loads(next(file))["points"])
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for answer in pool.map(spawned.best, [points] * 2):
            print(answer.best.text)
"""


@fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_threads_of_a_parent_that_are_gone_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_parallel", 0)  # whatever tests before it in this process have run

    def after_several() -> int:
        forks.check_threads(2)

        def child() -> int:
            forks.check_threads(1)
            try:
                forks.check_threads(2)
            except edgectc.ConfigError as error:
                return "take threads=1, or start processes with spawn" not in str(error)
            return 1

        return in_fork(child)

    assert in_fork(after_several) == 0
