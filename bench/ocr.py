"""PP-OCR's recognizer, adopted: its text beside its package's own, its size, and int8 in a budget.

    pip download --no-deps rapidocr-onnxruntime==1.4.4 && unzip -q rapidocr_onnxruntime-*.whl
    python bench/ocr.py rapidocr_onnxruntime --out bench/results/ocr.txt

Lines of random words, numbers and signs are drawn by Pillow in fonts of DejaVu, on paper of several
greys, with noise. The package's own answer is its model in ONNX Runtime, prepared as its
``resize_norm_img`` does (lines are drawn at its height, so that nothing is resized) and read by its
own ``CTCLabelDecode``, which is loaded from its file, as the rest of the package needs OpenCV.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _result import heading, publish
from PIL import Image, ImageDraw, ImageFont
from wordfreq import top_n_list

import edgectc
from edgectc.core.console import table

HEADER = ["scheme", "bytes", "of the original", "texts as the package's", "points lost"]
FONTS = Path("/usr/share/fonts/truetype/dejavu")
NAMES = ["Sans", "Serif", "SansMono", "SansCondensed", "Sans-Bold", "Serif-Italic"]
HEIGHT, LEAST = 48, 320  # of the package's images, and their least width
_CALIBRATE = 96  # lines


def drawn(rng: np.random.Generator, text: str) -> np.ndarray:
    """Return a line as (3, 48, W) float32 of -1 to 1, zeros behind it as the package pads."""
    name = NAMES[rng.integers(len(NAMES))]
    font = ImageFont.truetype(str(FONTS / f"DejaVu{name}.ttf"), int(rng.integers(24, 34)))
    width = int(font.getlength(text)) + 24
    paper, ink = int(rng.integers(200, 256)), int(rng.integers(0, 70))
    image = Image.new("RGB", (width, HEIGHT), (paper,) * 3)
    ImageDraw.Draw(image).text((12, HEIGHT // 2), text, fill=(ink,) * 3, font=font, anchor="lm")
    pixels = np.asarray(image, np.float32) + rng.normal(0, 6, (HEIGHT, width, 1))
    row = (pixels.round().clip(0, 255).transpose(2, 0, 1) / 255 - 0.5) / 0.5
    padded = np.zeros((3, HEIGHT, max(LEAST, width)), np.float32)
    padded[:, :, :width] = row
    return padded


def written(rng: np.random.Generator) -> str:
    """Return a line: words, a number, and signs between them."""
    words = [str(word) for word in rng.choice(top_n_list("en", 3000), rng.integers(2, 5))]
    words = [word.capitalize() if rng.random() < 0.3 else word for word in words]
    if rng.random() < 0.5:
        words.insert(int(rng.integers(len(words) + 1)), str(rng.integers(1, 100_000)))
    return " ".join(words) + str(rng.choice(["", ".", ",", "!", "?", ":"]))


def of_package(folder: Path) -> Any:
    """Return what reads a line as the package does."""
    import onnxruntime

    spec = importlib.util.spec_from_file_location("theirs", folder / "ch_ppocr_rec" / "utils.py")
    assert spec is not None
    assert spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    told = onnxruntime.SessionOptions()
    told.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model(folder), told, providers=["CPUExecutionProvider"])
    held = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    decode = theirs.CTCLabelDecode(character=held)
    name = session.get_inputs()[0].name
    return lambda image: decode(session.run(None, {name: image[None]})[0])[0][0]


def model(folder: Path) -> Path:
    return folder / "models" / "ch_PP-OCRv4_rec_infer.onnx"


def saved(path: Path, lines: list[np.ndarray], texts: list[str]) -> Path:
    """Write lines as recordings."""
    widths = [image.shape[2] for image in lines]
    features = np.zeros((len(lines), 3, HEIGHT, max(widths)), np.float32)
    for row, image in zip(features, lines, strict=True):
        row[:, :, : image.shape[2]] = image
    np.savez(path, features=features, lengths=np.array(widths), texts=texts)
    return path


def in_int8(
    package: Path, folder: Path, lines: list[np.ndarray], texts: list[str], own: dict[int, str]
) -> tuple[list[list[str]], str]:
    """Quantize within one point of error by symbol, ranges taken from the first lines.

    Returns:
        row of the table, none if it was refused, and what is said below it.
    """
    n, began = _CALIBRATE, time.process_time()
    try:
        fewer = edgectc.quantize(
            model(package), target="onnx", sample=saved(folder / "s.npz", lines[:3], texts[:3]),
            max_drop=1.0, calibration=str(saved(folder / "c.npz", lines[:n], texts[:n])),
            dev=str(saved(folder / "d.npz", lines[n:], texts[n:])), out=folder / "int8.onnx",
        )  # fmt: skip
    except edgectc.EdgectcError as error:
        took = time.process_time() - began
        return [], f"int8-static was refused after {took:.0f} s of processor time: {error}\n"
    took = time.process_time() - began
    recognizer = edgectc.load(fewer)
    off = sum(recognizer(lines[i]).best.text != text for i, text in own.items())
    size, points = fewer.artifact.bytes, fewer.report["loss"]["points"]
    share = f"{size / model(package).stat().st_size:.3f}"
    row = ["int8-static", f"{size:,}", share, _of(off, len(own)), f"{points:+.2f}"]
    return [row], (
        f"Quantized in {took:.0f} s of processor time, within one point of errors by symbol of "
        f"the {len(own)} lines; {len(fewer.report['float_by_search'])} of "
        f"{fewer.report['operators']} operators stayed in float.\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help="folder rapidocr_onnxruntime of the wheel")
    parser.add_argument("--lines", type=int, default=200, help="that are compared (default 200)")
    parser.add_argument("--int8", action="store_true", help="quantize it too: minutes")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    head = heading(["onnxruntime", "pillow"], repeats="once")
    rng = np.random.default_rng(0)
    texts = [written(rng) for _ in range(_CALIBRATE + options.lines)]
    lines = [drawn(rng, text) for text in texts]
    theirs = of_package(options.package)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        began = time.process_time()
        made = edgectc.adopt(model(options.package), out=folder / "adopted.onnx")
        took = time.process_time() - began
        shown = range(_CALIBRATE, len(texts))
        own = {i: theirs(lines[i]) for i in shown}
        recognizer = edgectc.load(made)
        ours = {i: recognizer(lines[i]).best.text for i in shown}
        apart = [(own[i], ours[i]) for i in shown if own[i] != ours[i]]
        right = sum(own[i].strip() == texts[i] for i in shown)
        before, after = model(options.package).stat().st_size, made.path.stat().st_size
        rows = [["float32", f"{after:,}", f"{after / before:.3f}", _of(len(apart), len(own)), ""]]
        told = f"The package reads {right} of {len(own)} lines as they were drawn, spaces at the "
        told += f"ends apart. Adopted in {took:.0f} s of processor time.\n"
        if options.int8:
            row, more = in_int8(options.package, folder, lines, texts, own)
            rows += row
            told += more
    told = f"{table(HEADER, rows, right=False)}\n\n{told}"
    for one, other in apart[:5]:
        print(f"package {one!r}, adopted {other!r}")
    publish(f"{head}\n{told}", options.out)
    return int(bool(apart) or after > 1.15 * before)


def _of(apart: int, count: int) -> str:
    return f"{count - apart} of {count}"


if __name__ == "__main__":
    sys.exit(main())
