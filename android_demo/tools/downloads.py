"""Pinned third-party files: fetched once, checked by SHA-256, never committed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

DEBIAN = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")


@dataclass(frozen=True)
class Download:
    """A package: from npm by name, from a Debian pool by path."""

    source: str
    sha256: str
    licence: str

    @property
    def debian(self) -> bool:
        """Whether it comes from Debian."""
        return self.source.endswith(".deb")


# Debian 12 has neither a dex compiler nor an android.jar; Debian 11 has both. Google's and Maven's
# packages hold no Android library outside their own registries; these npm packages carry the
# runtimes as their projects build them (third parties publish them: hence the hashes).
DX = Download(
    "pool/main/a/android-platform-dalvik/dalvik-exchange_10.0.0+r36-1_all.deb",
    "8fc128db7c27253d963eb9b33de79b197162a4749d2ba69019b2fd0664cbd7fe",
    "Apache-2.0",
)
ANDROID_JAR = Download(
    "pool/main/a/android-framework-23/libandroid-23-java_6.0.1+r72-6_all.deb",
    "8af1b6df556971dda0a6da3536ea526a838e0c363afcdd454213d8bce94793e3",
    "Apache-2.0",
)
ONNX_RUNTIME = Download(
    "@siteed/sherpa-onnx.rn@1.3.1",
    "1beacdebc3d6f0274f7ef63c46f1bdbf6eb2e6c6722e0c799faa952ce4632b06",
    "MIT",
)
EXECUTORCH = Download(
    "react-native-executorch@0.8.4",
    "d341e9f6b58800c3022fc2b810df6ccc70aa4cd255654770bb198001c1907e18",
    "BSD-3-Clause",
)


class DownloadError(RuntimeError):
    """A package cannot be had, or is not the one that was pinned."""


def unpacked(wanted: Download, cache: Path) -> Path:
    """Return the folder with a package's files, fetched and checked unless it is there already."""
    folder = cache / wanted.sha256[:16]
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        file = _fetch(wanted, Path(temporary))
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        if found != wanted.sha256:
            raise DownloadError(
                f"{wanted.source} has sha256 {found}, expected {wanted.sha256}; it is not the "
                "file that was tested: do not use it"
            )
        out = Path(temporary) / "out"
        out.mkdir()
        if wanted.debian:
            subprocess.run(["dpkg-deb", "-x", str(file), str(out)], check=True)
        else:
            with tarfile.open(file) as archive:
                archive.extractall(out, filter="data")
        out.rename(folder)
    return folder


def _fetch(wanted: Download, folder: Path) -> Path:
    try:
        if wanted.debian:
            file = folder / "package.deb"
            with urllib.request.urlopen(f"{DEBIAN}/{wanted.source}", timeout=60) as answer:
                with file.open("wb") as out:
                    shutil.copyfileobj(answer, out)
            return file
        done = subprocess.run(
            ["npm", "pack", wanted.source, "--ignore-scripts", "--silent"],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return folder / done.stdout.split()[-1]
    except (OSError, subprocess.CalledProcessError) as error:
        why = getattr(error, "stderr", None) or error
        raise DownloadError(f"cannot fetch {wanted.source}: {why}") from error
