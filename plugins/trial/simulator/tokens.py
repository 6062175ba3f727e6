"""Real token counts (cl100k_base) without a download: LiteLLM's wheel carries the vocabulary.

It is also the encoding LiteLLM counts with for models it does not know, so that both agree.
"""

import hashlib
import importlib.util
import os
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import tiktoken

_VOCABULARY = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"  # tiktoken's cache name: SHA-1 of cl100k_base's URL
_PIECE_CHARS = 50_000  # longer runs without a space overflow tiktoken's regular expression
CACHE_MIN_TOKENS = 1024  # OpenAI, "Prompt caching": prefixes from 1,024 tokens on, in steps of 128
CACHE_STEP_TOKENS = 128


@cache
def _encoding() -> tiktoken.Encoding:
    spec = importlib.util.find_spec("litellm")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        bundled = Path(folder) / "litellm_core_utils" / "tokenizers"
        if (bundled / _VOCABULARY).is_file():
            os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(bundled))
            return tiktoken.get_encoding("cl100k_base")
    raise RuntimeError("The tokenizer vocabulary of litellm's wheel is missing. Install requirements/run.lock.")


def encode(text: str) -> list[int]:
    """Token ids of `text`."""
    encode_piece = _encoding().encode_ordinary
    if len(text) <= _PIECE_CHARS:
        return encode_piece(text)
    starts = range(0, len(text), _PIECE_CHARS)
    return [token for start in starts for token in encode_piece(text[start : start + _PIECE_CHARS])]


def decode(ids: Sequence[int]) -> str:
    """The text of token ids. Raises KeyError or OverflowError for one that is none."""
    return _encoding().decode(list(ids), errors="replace")


def count(text: str) -> int:
    """Number of tokens of `text`."""
    return len(encode(text))


def cut(text: str, max_tokens: int) -> tuple[str, bool]:
    """The first `max_tokens` tokens of `text`, and whether anything was cut off.

    A character whose bytes were split by the cut is dropped.
    """
    tokens = encode(text)
    if len(tokens) <= max_tokens:
        return text, False
    return _encoding().decode(tokens[:max_tokens], errors="ignore"), True


class PrefixCache:
    """Which long prompt beginnings a model has seen lately; gives OpenAI's `cached_tokens`."""

    def __init__(self, max_prefixes: int = 20_000) -> None:
        self._max_prefixes = max_prefixes
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached_tokens(self, model: str, tokens: Sequence[int]) -> int:
        """Length of the longest known prefix of `tokens` (0, or 1,024 and more); remembers all prefixes."""
        digest = hashlib.blake2b(model.encode(), digest_size=16)
        longest = 0
        for end in range(CACHE_STEP_TOKENS, len(tokens) + 1, CACHE_STEP_TOKENS):
            digest.update(repr(tokens[end - CACHE_STEP_TOKENS : end]).encode())
            if end < CACHE_MIN_TOKENS:
                continue
            key = digest.digest()
            if key in self._seen:
                longest = end
                self._seen.move_to_end(key)
            else:
                self._seen[key] = None
        while len(self._seen) > self._max_prefixes:
            self._seen.popitem(last=False)
        return longest
