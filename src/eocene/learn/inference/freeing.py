"""Networks of chips for windows of any size: their ONNX form freed of the size that it was exported with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.learn.extra import import_extra
from eocene.learn.onnx_file import open_session, runtime_errors
from eocene.learn.signature import INPUT

if TYPE_CHECKING:
    from eocene.learn.signature import Signature

_TRIED = ((2, 2), (3, 2))
"""Rows and columns, in chips, at which a freed network must answer with a number a pixel."""


def free_size(data: bytes, signature: Signature) -> bytes:
    """Return a network that answers for each pixel with rows and columns left free, if it works so.

    Exporters note the size of the example. A network of convolutions does not need it: it is run at other
    sizes, and kept as it was if it fails there.
    """
    if not signature.dense or signature.chip is None:
        return data
    onnx = import_extra("onnx")
    model = onnx.ModelProto.FromString(data)
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.name in (INPUT, signature.output) and len(dims) > 2:
            dims[-2].dim_param, dims[-1].dim_param = "rows", "columns"
    del model.graph.value_info[:]
    freed = bytes(model.SerializeToString())
    return freed if _answers(freed, signature) else data


def _answers(data: bytes, signature: Signature) -> bool:
    rows, cols = signature.chip or (1, 1)
    try:
        session = open_session(data)
        for down, across in _TRIED:
            shape = (1, *signature.sample[:-2], down * rows, across * cols)
            (made,) = session.run([signature.output], {INPUT: np.zeros(shape, np.float32)})
            if made.shape != (1, signature.width, *shape[-2:]) or not np.isfinite(made).all():
                return False
    except runtime_errors():
        return False
    return True
