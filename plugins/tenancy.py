"""Keys to callers: SHA-256 hashed keys from the config, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from plugins.config import GatewayConfig
from plugins.values import Caller

KEY_PREFIX = "sk-tw-"
KEY_ID_CHARS = 12


def new_key() -> str:
    """A fresh client key: 32 random bytes, URL-safe, with a prefix that secret scanners can know."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """The hexadecimal SHA-256 that the config stores; keys are long and random, so no salt is needed."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class Keyring:
    """Every configured key. Lookup goes by a few leading hash digits, then compares in constant time."""

    def __init__(self, config: GatewayConfig, master_key: str | None = None) -> None:
        self._callers: dict[str, list[tuple[str, Caller]]] = {}
        self._master_key = master_key
        self._master = hash_key(master_key) if master_key else None
        self._scraper = hash_key(config.metrics.token) if config.metrics.token else None
        for tenant_name, tenant in config.tenants.items():
            for app_name, app in tenant.apps.items():
                for key in app.keys:
                    caller = Caller(tenant_name, app_name, key.sha256[:KEY_ID_CHARS], key.models)
                    self._callers.setdefault(key.sha256[:4], []).append((key.sha256, caller))

    def find(self, key: str) -> Caller | None:
        """The caller whose key this is; None for an unknown key."""
        digest = hash_key(key)
        found: Caller | None = None
        for known, caller in self._callers.get(digest[:4], ()):
            if hmac.compare_digest(known, digest):
                found = caller
        return found

    def renewed(self, config: GatewayConfig) -> Keyring:
        """The keyring of a changed config, with the same master key."""
        return Keyring(config, self._master_key)

    def may_scrape(self, key: str) -> bool:
        """Whether this key may read the metrics: the token for it, or the master key."""
        scrapes = self._scraper is not None and hmac.compare_digest(self._scraper, hash_key(key))
        return scrapes or self.is_master(key)

    def is_master(self, key: str) -> bool:
        return self._master is not None and hmac.compare_digest(self._master, hash_key(key))
