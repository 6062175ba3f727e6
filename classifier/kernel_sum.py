"""The sum of a kernel head over all of its rows, in the integer arithmetic of the encoder.

A row is multiplied as the byte it is stored as: a quarter of the memory to read than widened to fp32, and a third of
the time. The vector goes in two bytes a coordinate, one in each row of the product, so that a cosine is within 1e-5 of
what fp32 has.

A sum that nearly every prompt needs is made where its vector is made (`join`), in the encoder's thread and while the
event loop goes on; `know` tells it to who will ask for it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from classifier.embedding_graph import CONTRIB, Graph
from classifier.embedding_session import open_session

_LARGEST: Final = 127  # of a signed byte
_FINE: Final = 2 * _LARGEST  # steps of the second byte in one of the first
_KEPT: Final = 64  # sums known of vectors: of more requests than are classified at one time
_ZERO: Final = 128  # what stands for 0 in an unsigned byte


class KernelSum:
    """`weights` (n, outputs), each row times exp(-2 gamma (1 - cosine)) of its row of `support`, added up.

    `support` (n, inputs) int8 of unit vectors times 127 / `peak`. Thread-safe.
    """

    def __init__(self, support: NDArray[np.int8], peak: float, gamma: float, weights: NDArray[Any]) -> None:
        self._support, self._weights = support, (weights * np.exp(-2.0 * gamma)).astype(np.float32)
        self._session = open_session(_graph(support, self._weights))
        self._scale = 2.0 * gamma * peak / _LARGEST
        self._known: dict[bytes, NDArray[np.float32]] = {}

    def __call__(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of a unit vector (inputs,): (outputs,)."""
        if self._known and (known := self._known.get(vector.tobytes())) is not None:
            return known
        step = max(float(np.abs(vector).max()) / _LARGEST, 1e-12)
        coarse = vector / np.float32(step)
        whole = np.rint(coarse)
        rows = np.empty((2, len(vector)), dtype=np.uint8)
        rows[0] = whole + _ZERO
        rows[1] = np.rint((coarse - whole) * _FINE) + _ZERO
        steps = np.array([[step * self._scale, step * self._scale / _FINE]], dtype=np.float32)
        found: NDArray[np.float32] = self._session.run(None, {"rows": rows, "steps": steps})[0][0]
        return found

    def know(self, vector: NDArray[np.float32], found: NDArray[np.float32]) -> None:
        """Take in what `join` made of a unit vector; forgotten after some others."""
        self._known[vector.tobytes()] = found
        if len(self._known) > _KEPT:
            self._known.pop(next(iter(self._known)))

    def join(self, graph: Graph, vector: str, name: str) -> None:
        """Make the sum of a vector (inputs,) of any length in the graph that makes the vector, as an output `name`
        (1, outputs). The steps are those of `__call__`."""

        def constant(kind: str, value: Any) -> str:
            return graph.constant(f"{name}.{kind}", np.asarray(value))

        few = constant("least", np.float32(1e-12))
        length = graph.add("Max", [graph.add("ReduceL2", [vector], keepdims=1), few])
        unit = graph.add("Div", [vector, length])
        peak = graph.add("ReduceMax", [graph.add("Abs", [unit])], keepdims=1)
        step = graph.add("Max", [graph.add("Div", [peak, constant("largest", np.float32(_LARGEST))]), few])
        coarse = graph.add("Div", [unit, step])
        whole = graph.add("Round", [coarse])
        rest = graph.add("Mul", [graph.add("Sub", [coarse, whole]), constant("fine", np.float32(_FINE))])
        lines = [graph.add("Unsqueeze", [x, constant("axis", [0])]) for x in (whole, graph.add("Round", [rest]))]
        lifted = graph.add("Add", [graph.add("Concat", lines, axis=0), constant("lift", np.float32(_ZERO))])
        rows = graph.add("Cast", [lifted], to=TensorProto.UINT8)
        worth = constant("worth", np.array([[self._scale, self._scale / _FINE]], dtype=np.float32))
        one, zero = constant("one", np.float32(1.0)), constant("zero", np.uint8(_ZERO))
        support = constant("support", np.ascontiguousarray(self._support.T))
        products = graph.add("MatMulIntegerToFloat", [rows, support, one, one, zero], CONTRIB)
        cosines = graph.add("MatMul", [graph.add("Mul", [worth, step]), products])
        graph.add("MatMul", [graph.add("Exp", [cosines]), constant("weights", self._weights)], outputs=[name])
        graph.output(name, [1, self._weights.shape[1]])


def _graph(support: NDArray[np.int8], weights: NDArray[Any]) -> bytes:
    """`rows` uint8 (2, inputs) and what one of each is worth, `steps` (1, 2), to (1, outputs)."""
    count, inputs = support.shape
    constants = {
        "support": np.ascontiguousarray(support.T),
        "weights": weights,
        "one": np.float32(1.0),
        "zero": np.uint8(_ZERO),
    }
    operands = ["rows", "support", "one", "one", "zero"]
    graph = helper.make_graph(
        [
            helper.make_node("MatMulIntegerToFloat", operands, ["products"], domain=CONTRIB),
            helper.make_node("MatMul", ["steps", "products"], ["cosines"]),
            helper.make_node("Exp", ["cosines"], ["similar"]),
            helper.make_node("MatMul", ["similar", "weights"], ["sum"]),
        ],
        f"kernel of {count} rows",
        [
            helper.make_tensor_value_info("rows", TensorProto.UINT8, [2, inputs]),
            helper.make_tensor_value_info("steps", TensorProto.FLOAT, [1, 2]),
        ],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1, weights.shape[1]])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(CONTRIB, 1)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())
