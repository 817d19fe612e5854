"""What a figure was measured on: processor, memory, devices, versions."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
from functools import lru_cache
from pathlib import Path

from edgectc.benchmarking.report import Machine
from edgectc.core.version import __version__

_PACKAGES = ("numpy", "onnxruntime", "onnxruntime-gpu", "torch", "executorch")


def describe() -> Machine:
    """Return the machine as a JSON object; nothing heavy is imported for it."""
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "cores": cores(),
        "memory_bytes": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {"edgectc": __version__, **_versions()},
        "gpus": list(gpus()),
        "load_1_min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def same(a: Machine, b: Machine) -> bool:
    """Return whether absolute times of two machines may be compared."""
    one, other = ((m["processor"], m["cores"], m["architecture"], m["gpus"]) for m in (a, b))
    return one == other


def cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def gpus() -> tuple[str, ...]:
    """Return the names of the CUDA devices, as the driver itself tells them."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return ()
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return ()
    found, name = [], ctypes.create_string_buffer(256)
    for ordinal in range(count.value):
        device = ctypes.c_int(0)
        if driver.cuDeviceGet(ctypes.byref(device), ordinal) == 0:
            driver.cuDeviceGetName(name, 256, device)
            found.append(name.value.decode(errors="replace"))
    return tuple(found)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def _memory() -> int | None:
    try:
        return int(os.sysconf("SC_PHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return None


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def peak_rss_bytes() -> int | None:
    """Return the most memory this process has held in RAM at once, None where nothing tells.

    Not ``ru_maxrss`` where Linux tells more: a process starts with the peak of its parent there.
    """
    told = _high_water_mark()
    if told is not None:
        return told
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if platform.system() == "Darwin" else peak * 1024


def _high_water_mark() -> int | None:
    """Return what Linux says of this process, None on other systems."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
