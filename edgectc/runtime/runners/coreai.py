"""Runs a checked .aimodel artifact with Core AI's runtime, on Linux too; never imports torch."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from edgectc.core.console import suppress_output, suppress_stderr
from edgectc.core.contracts import Runner
from edgectc.core.errors import BundleError, ConfigError, InputError, MissingDependencyError
from edgectc.core.staging import scratch, write_bytes
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Array

PACKAGE = "coreai"
read_back = None
T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """Core AI chooses its threads itself: 1 is the only value, and means that."""

    threads: int = 1


def create(options: Options, *, source: Mapping[str, bytes]) -> CoreaiRunner:
    """Return a runner for the files of an artifact whose hash was checked.

    Raises:
        ConfigError: a number of threads was asked for.
        MissingDependencyError: Core AI's runtime is not installed.
        BundleError: it cannot load the model.
    """
    if options.threads != 1:
        raise ConfigError(
            "Core AI chooses its threads itself; leave threads out", options=["threads"]
        )
    try:
        with suppress_output():
            from coreai.authoring import AIModelAsset
    except ImportError as error:
        raise MissingDependencyError(
            "running .aimodel", package="coreai-core", extra="coreai"
        ) from error
    # It compiles from a folder, and may read that as long as the model lives.
    held = ExitStack()
    place = held.enter_context(scratch()) / "model.aimodel"
    for name, content in source.items():
        write_bytes(place / name, content)
    loop, opened = _Loop(), AsyncExitStack()
    try:
        with suppress_stderr():  # it tells there what it loads
            asset = AIModelAsset.load(place)
            model = loop.wait(opened.enter_async_context(asset.executable()))
            return CoreaiRunner(loop, model.load_function("main"), opened, held)
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        loop.close(opened, held)
        raise BundleError(f"Core AI cannot load the model: {explained(error)}") from error


class _Loop:
    """A thread that waits for what Core AI does, so that any thread can ask it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self, opened: AsyncExitStack, held: ExitStack) -> None:
        """Release a model, and then what lies on the disk for it."""

        async def end() -> None:
            await opened.aclose()
            held.close()
            await self._loop.shutdown_default_executor()

        done = asyncio.run_coroutine_threadsafe(end(), self._loop)
        done.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._loop.stop))
        # Whoever collects garbage comes here, which may be this very thread.
        if threading.current_thread() is not self._thread:
            done.result()


class CoreaiRunner(Runner):
    """Calls the one function of a model; inputs go by their names."""

    name = "coreai"

    def __init__(self, loop: _Loop, function: Any, opened: AsyncExitStack, held: ExitStack) -> None:
        from coreai.runtime import NDArray

        self._wait, self._array, self._call = loop.wait, NDArray, function
        (self._answer,) = self._call.desc.output_names
        weakref.finalize(self, loop.close, opened, held)

    def contract(self) -> dict[str, tuple[str, list[int]]]:
        """Return name -> (dtype, shape) of each input as the function itself states it."""
        about = self._call.desc
        return {name: _stated(about.input_descriptor(name)) for name in about.input_names}

    def outputs(self) -> dict[str, tuple[str, list[int]]]:
        """Return the dtype and shape of the output as the function itself states it."""
        return {self._answer: _stated(self._call.desc.output_descriptor(self._answer))}

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (1, T', V) float32.

        Raises:
            InputError: reason ``bad_shape``: the model refused the inputs.
        """
        given = {name: self._array(np.ascontiguousarray(one)) for name, one in inputs.items()}
        try:
            answers = self._wait(self._call(given))
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"Core AI refused the inputs: {explained(error)}", reason="bad_shape"
            ) from error
        log_probs: Array = np.array(answers[self._answer].numpy(), np.float32)
        return log_probs


def _stated(about: Any) -> tuple[str, list[int]]:
    return about.dtype, [int(n) for n in about.shape]
