"""The reader while it learns: the encoder's layers in torch, with what is added to their weights.

The embedding's own weights stand still, in bfloat16; learnt are the thin matrices, the two question vectors and the
last layer (see `reader.ARRAYS`). Torch is imported when a student is made: see `reader_train`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifier.embedding import checked_model
from classifier.embedding_graph import EPSILON, HEADS, LAYERS, WIDTH, Weights
from classifier.pairs.reader import DENSE

RANK: Final = 32
_SCALE: Final = 2.0  # of the product: LoRA's alpha over its rank
_EMBEDDINGS: Final = "inner.embeddings."
_MASKED: Final = -30000.0  # added to what must not be looked at


class Student:
    """`logits` of pairs; `taught` holds the tensors that are learnt, by name."""

    def __init__(self, seed: int) -> None:
        """Start as the embedding itself. Raises ModuleNotFoundError without torch."""
        self._torch: Any = import_module("torch")
        self._torch.manual_seed(seed)
        self._weights = Weights(checked_model())
        tensors = self._weights.tensors
        self._frozen = {name: self._constant(value) for name, value in tensors.items() if value.dtype == np.float32}
        self._words = self._torch.tensor(self._weights.unpacked(f"{_EMBEDDINGS}word_embeddings.weight"))
        self._places = self._torch.tensor(self._weights.unpacked(f"{_EMBEDDINGS}position_embeddings.weight"))
        self._dense: dict[str, tuple[Any, Any]] = {}
        self.taught: dict[str, Any] = {}
        for name, (weight, scale, bias) in zip(DENSE, self._weights.dense, strict=True):
            self._dense[name] = self._constant((weight * scale).T), self._constant(bias)
            inputs, outputs = weight.shape
            self.taught[f"{name}.down"] = self._torch.randn(RANK, inputs) / math.sqrt(inputs)
            self.taught[f"{name}.up"] = self._torch.zeros(outputs, RANK)
        self.taught["types"] = self._torch.tensor(tensors[f"{_EMBEDDINGS}token_type_embeddings.weight"])
        self.taught["head"] = self._torch.randn(WIDTH) * 0.02
        self.taught["bias"] = self._torch.zeros(())
        for tensor in self.taught.values():
            tensor.requires_grad_()

    def _constant(self, value: NDArray[Any]) -> Any:
        return self._torch.tensor(np.ascontiguousarray(value, dtype=np.float32)).to(self._torch.bfloat16)

    def _linear(self, x: Any, name: str) -> Any:
        (weight, bias), half = self._dense[name], self._torch.bfloat16
        up, down = (self.taught[f"{name}.{part}"] for part in ("up", "down"))
        return self._torch.nn.functional.linear(x, weight + (_SCALE * up.to(half)) @ down.to(half), bias)

    def _norm(self, x: Any, prefix: str) -> Any:
        gain, bias = (self._frozen[f"{prefix}.{part}"] for part in ("weight", "bias"))
        return self._torch.nn.functional.layer_norm(x, (WIDTH,), gain, bias, EPSILON)

    def _layer(self, x: Any, number: int, mask: Any) -> Any:
        rows, tokens, _ = x.shape
        prefix, name = f"inner.encoder.layer.{number}", f"layer{number}"
        parts = (self._linear(x, f"{name}.{part}") for part in ("query", "key", "value"))
        query, key, value = (p.view(rows, tokens, HEADS, WIDTH // HEADS).transpose(1, 2) for p in parts)
        likeness = query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        seen = self._torch.softmax(likeness + mask, -1) @ value
        mixed = self._linear(seen.transpose(1, 2).reshape(rows, tokens, WIDTH), f"{name}.output")
        x = self._norm(mixed + x, f"{prefix}.attention.output.LayerNorm")
        wide = self._torch.nn.functional.gelu(self._linear(x, f"{name}.wide"))
        return self._norm(self._linear(wide, f"{name}.narrow") + x, f"{prefix}.output.LayerNorm")

    def logits(self, pairs: Sequence[tuple[list[int], list[int]]]) -> Any:
        """Float32 (pairs,) of token ids and question numbers as `reader.encode` gives them."""
        torch, longest = self._torch, max(len(ids) for ids, _ in pairs)
        ids, types = (
            torch.tensor([pair[which] + [0] * (longest - len(pair[which])) for pair in pairs]) for which in (0, 1)
        )
        real = torch.tensor([[at < len(one) for at in range(longest)] for one, _ in pairs])
        x = self._words[ids] + self._places[:longest] + self.taught["types"][types]
        x = self._norm(x.to(torch.bfloat16), f"{_EMBEDDINGS}LayerNorm")
        mask = ((~real)[:, None, None, :] * _MASKED).to(torch.bfloat16)
        for number in range(LAYERS):
            x = self._layer(x, number, mask)
        kept = real[..., None].to(x.dtype)
        mean = ((x * kept).sum(1) / kept.sum(1)).float()
        return mean @ self.taught["head"] + self.taught["bias"]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `reader.npz` holds."""
        found = {name: tensor.detach().numpy() for name, tensor in self.taught.items()}
        for dense in DENSE:
            down, up = found[f"{dense}.down"], found[f"{dense}.up"]
            found |= {f"{dense}.down": down.T.astype(np.float16), f"{dense}.up": (_SCALE * up.T).astype(np.float16)}
        return found
