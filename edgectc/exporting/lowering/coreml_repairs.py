"""What coremltools converts wrongly, put right for one conversion."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any
from unittest import mock

import numpy as np


@contextmanager
def repaired() -> Iterator[None]:
    """Repair, for one conversion, what coremltools 9.0 gets wrong with torch 2.13 and numpy 2.

    - ``int(x)`` of a constant array of one element raises TypeError.
    - ``reciprocal`` becomes ``inverse``, which adds 1e-4 to its input: 0.1 % for an input of 0.1.
    - ``log_softmax`` becomes the log of a softmax, where small probabilities are rounded to zero.
    """
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.frontend.torch import ops
    from coremltools.converters.mil.frontend.torch.torch_op_registry import _TORCH_OPS_REGISTRY

    cast = ops._cast

    def scalar(context: Any, node: Any, dtype: Any, dtype_name: str) -> None:
        (x,) = ops._get_inputs(context, node, expected=1)
        if x.can_be_folded_to_const():
            value = dtype(np.asarray(x.val).item())
            context.add(mb.const(val=value, name=node.name), node.name)
        else:
            cast(context, node, dtype, dtype_name)

    def reciprocal(context: Any, node: Any) -> None:
        (x,) = ops._get_inputs(context, node, expected=1)
        context.add(mb.real_div(x=1.0, y=x, name=node.name))

    def log_softmax(context: Any, node: Any) -> None:
        x, axis = ops._get_inputs(context, node, min_expected=2)[:2]
        total = mb.reduce_log_sum_exp(x=x, axes=[axis.val], keep_dims=True)
        context.add(mb.sub(x=x, y=total, name=node.name))

    repaired = {"reciprocal": reciprocal, "log_softmax": log_softmax, "_log_softmax": log_softmax}
    with (
        redirect_stderr(io.StringIO()),  # its progress bars
        mock.patch.object(ops, "_cast", scalar),
        mock.patch.dict(_TORCH_OPS_REGISTRY.name_to_func_mapping, repaired),
    ):
        yield
