"""Runs a checked ONNX artifact with ONNX Runtime; never imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgectc.core import forks, privacy
from edgectc.core.arguments import MOST_THREADS
from edgectc.core.config import check_numbers, number
from edgectc.core.contracts import Runner
from edgectc.core.errors import BundleError, ConfigError, InputError, MissingDependencyError
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Array

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

PACKAGE = "onnxruntime"
read_back = None
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


@dataclass(frozen=True)
class Options:
    """How ONNX Runtime runs.

    Attributes:
        threads: threads that one call may use.
        device: "cpu" or "cuda".
        profile: beginning of the path of a profile to write, see `OnnxRunner.end_profile`; "" for
            none.
    """

    threads: int = number(1, least=1, most=MOST_THREADS)
    device: str = "cpu"
    profile: str = ""

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.device not in _PROVIDERS:
            raise ConfigError(f"device is {self.device!r}, expected one of {tuple(_PROVIDERS)}")


def create(options: Options, *, source: bytes) -> OnnxRunner:
    """Return a runner for the bytes of an ONNX artifact whose hash was checked.

    Raises:
        MissingDependencyError: ONNX Runtime is not installed.
        ConfigError: the build of ONNX Runtime has no provider for the device, or it does not start.
        BundleError: ONNX Runtime cannot load the graph.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            "running .onnx", package="onnxruntime", extra="onnx"
        ) from error
    privacy.warn(PACKAGE)
    provider = _PROVIDERS[options.device]
    if provider not in onnxruntime.get_available_providers():
        raise ConfigError(
            f"ONNX Runtime {onnxruntime.__version__} was built without {provider}; "
            "install onnxruntime-gpu in its place"
        )
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    if options.profile:
        settings.enable_profiling = True
        settings.profile_file_prefix = options.profile
    try:
        session = onnxruntime.InferenceSession(source, settings, [provider])
    except Exception as error:  # ONNX Runtime raises its own unrelated classes
        raise BundleError(f"ONNX Runtime cannot load the graph: {explained(error)}") from error
    if session.get_providers()[0] != provider:  # it falls back to the CPU without an exception
        raise ConfigError(
            f"{provider} did not start: its CUDA or cuDNN libraries are missing or of another "
            "version; see the requirements of onnxruntime-gpu"
        )
    return OnnxRunner(session)


class OnnxRunner(Runner):
    """Calls one ONNX Runtime session."""

    name = "onnx"

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        about = session.get_modelmeta().custom_metadata_map
        # A graph that takes any number of frames is run without padding.
        self._shortest = int(about.get("edgectc_shortest", 0))

    @property
    def threads(self) -> int:
        """Return how many threads the session says one call uses."""
        return int(self._session.get_session_options().intra_op_num_threads)

    def end_profile(self) -> str:
        """Return the path of the profile, written up to now; needs the option ``profile``."""
        return str(self._session.end_profiling())

    def contract(self) -> dict[str, tuple[str, list[int]]]:
        """Return name -> (dtype, shape) of each input as the graph itself states it."""
        kinds = {"tensor(float)": "float32", "tensor(int32)": "int32", "tensor(int64)": "int64"}
        return {
            i.name: (kinds.get(i.type, i.type), list(i.shape)) for i in self._session.get_inputs()
        }

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (N, T', V) float32.

        Raises:
            InputError: reason ``bad_shape``: the graph refused the inputs.
        """
        log_probs: Array = self.step(self.trimmed(inputs), ["log_probs"])[0]
        return log_probs

    def trimmed(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the inputs as the graph gets them: without padding where it takes any length."""
        given = dict(inputs)
        if self._shortest:
            first = next(iter(given))
            given[first] = given[first][:, : max(int(given["length"].max()), self._shortest)]
        return given

    def step(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Return the named outputs.

        Raises:
            InputError: reason ``bad_shape``: the graph refused the inputs.
        """
        try:
            with forks.whole():
                answers: list[Array] = self._session.run([*outputs], dict(inputs))
        except Exception as error:  # ONNX Runtime raises its own unrelated classes
            raise InputError(
                f"ONNX Runtime refused the inputs: {explained(error)}", reason="bad_shape"
            ) from error
        return answers
