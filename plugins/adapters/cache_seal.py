"""Answers of tenants whose content is not kept: encrypted at rest, and found by keys that nobody else can compute.

AES-256-GCM with a fresh nonce each; the scope is bound in, so that an entry opens nowhere else. What identifies the
question is an HMAC, because a plain digest of a short question can be guessed. Both keys come from the operator's one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import replace
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from plugins.cache import canonical, scope_key
from plugins.values import Scope

_NONCE_BYTES: Final = 12


class Seal:
    """`secret` is the operator's key text, of any form and at least 32 characters."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESGCM(self._derived(secret, b"encrypt"))
        self._key = self._derived(secret, b"find")

    def veiled(self, scope: Scope, question: str) -> tuple[Scope, str]:
        """Scope and question in a form that tells nothing of the texts, and is the same for the same texts."""
        system, history = self._mark(scope.system), self._mark(scope.history)
        shape, owner = self._mark(scope.shape), self._mark(scope.owner)
        veiled = replace(scope, system=system, history=history, shape=shape, owner=owner)
        return veiled, self._mark(canonical(question))

    def closed(self, scope: Scope, body: bytes) -> bytes:
        """A body, encrypted for a veiled scope."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, body, scope_key(scope).encode())

    def opened(self, scope: Scope, sealed: bytes) -> bytes | None:
        """The body again; None under another key or scope, or when it was altered."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], scope_key(scope).encode())
        except (InvalidTag, ValueError):
            return None

    def _mark(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    @staticmethod
    def _derived(secret: str, purpose: bytes) -> bytes:
        return hmac.new(secret.encode(), b"tierwise cache " + purpose, hashlib.sha256).digest()
