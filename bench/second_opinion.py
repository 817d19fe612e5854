"""The same ONNX artifacts in other builds of ONNX Runtime: do they answer the same?

    python bench/second_opinion.py web ARTIFACT.onnx ...   # onnxruntime-web under Node
    python bench/second_opinion.py python --with 'qemu-aarch64-static -cpu neoverse-n1 -L ROOT \\
        ROOT/usr/bin/python3.11' ARTIFACT.onnx ...          # any other Python with onnxruntime

Every artifact is verified as `edgectc verify` does, but each call goes to the other runtime, and
its answers are compared with those of ONNX Runtime here too. Exit codes: 0 equal, 1 a check failed,
3 the other runtime is not there. Node finds onnxruntime-web through NODE_PATH:
`npm install --prefix build/node onnxruntime-web@1.30.0` puts it into build/node/node_modules.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core.console import table
from edgectc.core.contracts import Runner
from edgectc.core.types import Array
from edgectc.evaluation import verification
from edgectc.formats import manifest as manifests
from edgectc.formats import reference
from edgectc.runtime import loading

HERE = Path(__file__).parent
HEAD = [
    "artifact",
    "scheme",
    "runtime",
    "verdict",
    "log_probs off by",
    "agreement",
    "off from here",
]


class Unavailable(Exception):
    """The other runtime cannot be started; the message says why."""


class Other(Runner):
    """A runner that asks a child process, a line of JSON a call."""

    name = "onnx"

    def __init__(self, command: Sequence[str], artifact: Path, env: Mapping[str, str]) -> None:
        self._child = subprocess.Popen(
            [*command, str(artifact)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(env),
        )  # fmt: skip
        hello = self._line()
        if "runtime" not in hello:
            raise Unavailable(f"{command[0]} answers {hello}")
        self.runtime = str(hello["runtime"])

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (N, T', V)."""
        asked = {name: manifests.pack_array(value) for name, value in inputs.items()}
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(asked) + "\n")
        self._child.stdin.flush()
        return manifests.unpack_array(self._line())

    def close(self) -> None:
        """End the child."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()

    def _line(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        text = self._child.stdout.readline()
        if not text:
            raise Unavailable(f"the other runtime ended with {self._child.wait()}")
        found: dict[str, Any] = json.loads(text)
        return found


def main() -> int:
    """Print a row for each artifact."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runtime", choices=["web", "python"])
    parser.add_argument("artifacts", nargs="+", type=Path)
    parser.add_argument("--with", dest="python", default=sys.executable, metavar="COMMAND")
    options = parser.parse_args()
    try:
        command, env = child(options.runtime, options.python)
        rows = [opinion(path, command, env) for path in options.artifacts]
    except Unavailable as error:
        print(f"not run: {error}", file=sys.stderr)
        return 3
    print(table(HEAD, rows))
    return int(any(row[3] != "pass" for row in rows))


def child(runtime: str, python: str) -> tuple[list[str], dict[str, str]]:
    """Return the command and environment of the other runtime."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if runtime == "python":
        return [*shlex.split(python), str(HERE / "_other_runtime.py")], env
    node = shutil.which("node")
    if node is None:
        raise Unavailable("needs Node")
    found = [Path(one) for one in os.environ.get("NODE_PATH", "").split(os.pathsep) if one]
    packages = next((one for one in found if (one / "onnxruntime-web").is_dir()), None)
    if packages is None:
        raise Unavailable("needs onnxruntime-web: npm install it, name its folder in NODE_PATH")
    return [node, str(HERE / "_other_runtime.mjs"), str(packages / "onnxruntime-web")], env


def opinion(path: Path, command: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """Return the row of one artifact."""
    data, manifest = manifests.read(path)
    other = Other(command, path.resolve(), env)
    try:
        loaded = loading.from_bytes(data, manifest, runner=other)
        cases = reference.from_json(manifest.reference)
        report = verification.compare(loaded, manifest, cases)
        ours, away = loading.from_bytes(data, manifest), 0.0
        for case in cases:
            inputs = case.inputs(loaded.frontend, loaded.setting(case.layout))
            used = [*range(case.log_probs.shape[1] - 1), -1]  # unused slots read about -1e4
            apart = np.abs(loaded.run(inputs) - ours.run(inputs))[:, used]
            away = max(away, float(apart.max(initial=0.0)))
    finally:
        other.close()
    figures, scheme = report.figures, manifest.scheme.type
    worst, agreement = figures["max_abs_diff"], figures["argmax_agreement"]
    told = [f"{worst:.2g}", f"{agreement:.4f}", f"{away:.2g}"]
    return [path.name, scheme, other.runtime, report.status, *told]


if __name__ == "__main__":
    sys.exit(main())
