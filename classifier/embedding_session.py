"""How the encoder's graph is run: on one core, by the quickest integer arithmetic that is exact on this processor."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from classifier.embedding_graph import CONTRIB

_SLOW_BUT_EXACT: Final = "session.x64quantprecision"


def open_session(graph: bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session that keeps no more memory than it needs. Thread-safe. `threads`: the caller's own and those that the
    session starts, without which it cannot `run_async`."""
    return _open(graph, exact=sums_overflow(), threads=threads)


@cache
def sums_overflow() -> bool:
    """Whether sums of int8 products overflow here: processors without int8 dot products (VNNI, AMX) add two of them in
    16 bits. There products of unsigned numbers are exact, at three to five times the time."""
    rows, weights = np.full((4, 64), 255, dtype=np.uint8), np.full((64, 32), 127, dtype=np.int8)
    found = _open(integer_product(weights), exact=False).run(None, {"rows": rows})[0]
    return not np.array_equal(found, rows.astype(np.float32) @ weights.astype(np.float32))


def _open(graph: bytes, *, exact: bool, threads: int = 1) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # nobody burns a core while idle
    options.add_session_config_entry(_SLOW_BUT_EXACT, str(int(exact)))  # obeyed from the next line's level on
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.enable_cpu_mem_arena = False
    # The one left out joins additions with layer norms into a kernel that can take five times as long as the two.
    session = onnxruntime.InferenceSession(
        graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
    )
    session._model_bytes = None  # kept for another provider, which none is: as large as the weights
    return session


def integer_product(weights: np.ndarray[tuple[int, int], np.dtype[np.int8]]) -> bytes:
    """A model: `rows` uint8 (n, inputs) times the weights, as the encoder multiplies."""
    inputs, outputs = weights.shape
    constants = {"weights": weights, "one": np.float32(1.0), "zero": np.uint8(0)}
    operands = ["rows", "weights", "one", "one", "zero"]
    graph = helper.make_graph(
        [helper.make_node("MatMulIntegerToFloat", operands, ["products"], domain=CONTRIB)],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.UINT8, ["n", inputs])],
        [helper.make_tensor_value_info("products", TensorProto.FLOAT, ["n", outputs])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(CONTRIB, 1)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())
