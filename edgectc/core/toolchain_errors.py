"""Errors of other people's tool chains: their text, what it means, and what to do.

`KNOWN` is the one table: targets and runners add its words to what they raise, ``edgectc doctor
--errors`` prints it, and docs/errors.md is made from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LONGEST = 300  # characters of a foreign message that are worth a line
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# What torch.onnx puts before the error itself.
_NOISE = re.compile(
    r"^Failed to (export|convert|decompose) the|^- |^## |^\(Refer to|^While executing %"
)
_CLASS = re.compile(r"^<class '[\w.]+'>: ")
_OPERATOR = re.compile(r"^While executing %(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Known:
    """One error that is understood.

    Attributes:
        name: short, stable name.
        tool: package that raises it.
        pattern: regular expression found in its text.
        cause: what it means.
        fix: what to do.
    """

    name: str
    tool: str
    pattern: str
    cause: str
    fix: str


KNOWN = (
    Known(
        "data-dependent-branch",
        "torch.export",
        r"Could not guard on data-dependent expression|data-dependent control flow"
        r"|Attempted to use Python control flow|torch\._check|bool\(\) on a data-dependent",
        "a Python if or assert decides on the value of a tensor, which a graph cannot",
        "decide with torch.where, or on shapes; drop asserts on values",
    ),
    Known(
        "data-dependent-size",
        "torch.export",
        r"Could not extract specialized integer from data-dependent expression"
        r"|must be tuple of ints, ?but got FakeTensor",
        "a size is read out of a tensor, such as int(lengths.max()) or those of a packed sequence, "
        "and a graph has fixed sizes",
        "take sizes from shapes and mask what is too long: edgectc.kit.keep_mask, kit.Recurrent",
    ),
    Known(
        "dynamic-axis-specialised",
        "torch.export",
        r"Constraints violated|marked .* as dynamic but|Not all values of",
        "an axis that was to be dynamic is used with one fixed size somewhere",
        "leave dynamic_batch or length=dynamic out, or reshape by x.shape, not by a number",
    ),
    Known(
        "float-less-integers",
        "torch.onnx",
        r"Cannot find a compatible OpOverload for aten\.sub",
        "the exporter of torch 2.13 takes no float less integers, as in 1.0 - mask",
        "write 1.0 - mask.float(), or take --exporter legacy",
    ),
    Known(
        "no-onnx-operator",
        "torch.onnx",
        r"No ONNX function found for|No decompositions registered for|UnsupportedOperatorError"
        r"|is not currently supported by the ONNX|exporting the operator",
        "ONNX has no operator for what the network calls",
        "write it with other operators; --exporter legacy knows some that dynamo does not, and "
        "the other way round",
    ),
    Known(
        "attention-mask-shape",
        "onnxruntime",
        r"inconsistent q_sequence_length",
        "from opset 23 on, scaled_dot_product_attention becomes one operator, and ONNX Runtime "
        "takes no mask (N, 1, 1, T) there",
        "export with --opset 22 or lower, or expand the mask to (N, 1, T, T)",
    ),
    Known(
        "opset-too-new",
        "onnxruntime",
        r"only \*?guarantees\*? support for models stamped with (official )?released onnx opset"
        r"|Unsupported model IR version|opset \d+ is under development",
        "the file is newer than this ONNX Runtime",
        "upgrade onnxruntime, or export with a lower --opset",
    ),
    Known(
        "no-kernel",
        "onnxruntime",
        r"NOT_IMPLEMENTED|Could not find an implementation for",
        "ONNX Runtime has no kernel for this operator with these types",
        "keep the network in float32 and lengths in integers; export with another --opset",
    ),
    Known(
        "no-onnx-file",
        "onnxruntime",
        r"INVALID_PROTOBUF|Protobuf parsing failed",
        "the bytes are no ONNX file, or only a part of one",
        "copy or export it again; edgectc verify tells a damaged file before it is loaded",
    ),
    Known(
        "wrong-shape",
        "onnxruntime",
        r"Got invalid dimensions for input|Invalid rank for input",
        "an input has another shape than the graph was exported with",
        "pad to the shape that edgectc inspect shows, and give the length beside it",
    ),
    Known(
        "wrong-type",
        "onnxruntime",
        r"Unexpected input data type",
        "an input has another number type than the graph takes",
        "features are float32 and lengths int32: convert them before the call",
    ),
    Known(
        "scale-issue",
        "onnxruntime",
        r"scale issue|supplied range of \[nan|autodetected range of \[.*(nan|inf)",
        "a weight or a calibration sample is NaN or Inf, so a tensor has no range",
        "edgectc names the tensor when it loads weights or samples: repair or drop it",
    ),
    Known(
        "missing-kernel",
        "executorch",
        r"Missing operator|error:? 0x:?14\b|instructions don't have corresponding operator",
        "the runtime has no kernel for an operator that no backend took over",
        "replace the operator (max_pool3d: three poolings of one axis); edgectc inspect lists "
        "what is not delegated",
    ),
    Known(
        "no-core-operator",
        "executorch",
        r"is not in Core ATen opset",
        "ExecuTorch has no operator for what the network calls",
        "write it with other operators: complex numbers as two tensors, nn.Bilinear as "
        "torch.einsum, a running maximum as the maximum over a mask",
    ),
    Known(
        "quantized-but-not-taken",
        "executorch",
        r"Missing out variants: .*quantized_decomposed",
        "XNNPACK left an operator that was to be quantized, as one of frames picked by their "
        "values, whose number no graph knows",
        "multiply by a mask in place of x[mask] (edgectc.kit.keep_mask), or export it in float32",
    ),
    Known(
        "backend-not-registered",
        "executorch",
        r"[Bb]ackend \w+ is not (registered|available)|error:? 0x:?20\b",
        "the file was lowered to a backend that this runtime was built without, such as Core ML "
        "outside of Apple's systems",
        "run it where the backend is, or export with --target pte for XNNPACK",
    ),
    Known(
        "pte-wrong-input",
        "executorch",
        r"error:? 0x:?1[02]\b|Attempted to resize a (static|bounded) tensor"
        r"|should be contiguous",
        "an input has another shape, type or memory order than the program was lowered with",
        "float32 features padded to the shape that edgectc inspect shows, int32 lengths, "
        "contiguous",
    ),
    Known(
        "no-pte-file",
        "executorch",
        r"Program identifier|error:? 0x:?23\b|Failed to load program|InvalidProgram",
        "the bytes are no ExecuTorch program, or of another version",
        "copy or export it again, with the ExecuTorch version that runs it",
    ),
    Known(
        "abi-mismatch",
        "executorch",
        r"undefined symbol: _ZN\w*(c10|torch|at)\w*|undefined symbol: \w*(c10|torch)"
        r"|was built for another torch",
        "torch and executorch were built against each other's other versions",
        "install the tested pair: edgectc doctor prints the line",
    ),
    Known(
        "coreml-numpy-scalar",
        "coremltools",
        r"only (0-dimensional|length-1|size-1) arrays can be converted to Python scalars",
        "coremltools 9.0 meets a numpy newer than it knows",
        "export through edgectc, which works round it, or install an older numpy",
    ),
    Known(
        "coreml-no-operator",
        "coremltools",
        r"Unsupported fx node|PyTorch convert function for op .* not implemented",
        "coremltools has no translation of an operator",
        "write it with other operators: windows as strided slices (edgectc.kit.windows), no "
        "slices that take everything",
    ),
    Known(
        "coreml-only-on-macos",
        "coremltools",
        r"Model prediction is only supported on macOS",
        "Core ML runs on Apple's systems alone",
        "verify the file on a Mac; here its structure and weights can be checked, no more",
    ),
    Known(
        "missing-package",
        "python",
        r"No module named '(onnx|onnxscript|onnxruntime|executorch|torch|coremltools|safetensors)",
        "a package of an extra is not installed",
        "edgectc doctor prints the pip line of each extra",
    ),
)


def find(text: str) -> Known | None:
    """Return the first entry whose pattern occurs in a text, None if it is not understood."""
    return next((known for known in KNOWN if re.search(known.pattern, text)), None)


def explained(error: BaseException) -> str:
    """Return one line: what a tool chain said and, if it is understood, cause and fix."""
    chain = list(_chain(error))
    text = "\n".join(str(link) for link in chain)
    known = find(text)
    line = _line(error, known)
    return f"{line}; that is: {known.cause}; {known.fix}" if known else line


def _chain(error: BaseException) -> Iterator[BaseException]:
    visited: set[int] = set()
    while error is not None and id(error) not in visited:
        visited.add(id(error))
        yield error
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


def _line(error: BaseException, known: Known | None) -> str:
    """The line that was understood, or the first that says something."""
    texts = [_COLOURS.sub("", str(link)) for link in _chain(error)]
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    lines = [_CLASS.sub("", line) for line in lines]
    matched = [line for line in lines if known and re.search(known.pattern, line)]
    matched.sort(key=lambda line: "For more information" in line)  # what is said below it says more
    telling = [line for line in lines if not _NOISE.search(line)]
    line = [*matched, *telling, *lines, type(error).__name__][0].removeprefix("- ")
    operator = _OPERATOR.search("\n".join(texts))
    line = f"{line}, at operator {operator[1]}" if operator and not matched else line
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."
