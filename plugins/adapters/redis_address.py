"""Where Redis is, as one URL: a server or cluster, with or without TLS, or the primary that Sentinels name.

    redis://[USER:PASSWORD@]HOST:PORT[/DB]        rediss:// for TLS (?ssl_ca_certs=FILE for a private authority)
    redis+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE[/DB]    rediss+sentinel:// for TLS everywhere
                                                  ?sentinel_username=...&sentinel_password=... where they want it

Names, passwords and options are percent-encoded; further options are redis-py's.
"""

from __future__ import annotations

from typing import Any, Final, cast
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, SSLConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

from plugins.errors import StartError

FORMS: Final = (
    "redis://HOST:PORT/0, rediss://HOST:PORT/0 with TLS, "
    "or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE for the primary that Sentinels name"
)
_SENTINEL_SCHEMES: Final = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_SENTINEL_PORT: Final = 26379
Options = dict[str, Any]  # as redis-py's connections take them


class PrimaryPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to whichever server the Sentinels call primary; waits for a free one, as the plain pool does."""

    async def aclose(self) -> None:
        await super().aclose()
        for sentinel in self.sentinel_manager.sentinels:
            await sentinel.aclose()


def is_sentinel(url: str) -> bool:
    """Whether Sentinels are to be asked for the server."""
    return url.partition("://")[0] in _SENTINEL_SCHEMES


def check_url(url: str) -> None:
    """Raises StartError, which never repeats the URL: it may hold a password."""
    try:
        _sentinels(url) if is_sentinel(url) else _server(url)
    except ValueError as error:
        raise StartError(f"REDIS_URL is no address of a Redis ({error}). Set it to {FORMS}.") from None


def primary_pool(url: str, **options: Any) -> PrimaryPool:
    """The pool of a redis+sentinel:// URL; `options` are those of BlockingConnectionPool. Raises ValueError."""
    hosts, service, server, own = _sentinels(url)
    # Without `retry` redis-py asks a dead Sentinel again and again, for longer than anybody waits, before the next one.
    times = {name: value for name, value in options.items() if name.startswith("socket_") or name == "retry"}
    # redis-py annotates neither of these constructors.
    manager = Sentinel(hosts, sentinel_kwargs=own | times)  # type: ignore[no-untyped-call]
    return PrimaryPool(service, manager, **server, **options)  # type: ignore[no-untyped-call]


def _server(url: str) -> Options:
    """Connection options of a plain URL. Raises ValueError."""
    _port(url)
    options = cast(Options, parse_url(url))
    if urlsplit(url).scheme != "unix" and "host" not in options:
        raise ValueError("it names no host")
    return options


def _sentinels(url: str) -> tuple[list[tuple[str, int]], str, Options, Options]:
    """(Sentinels, service, options of the servers, options of the Sentinels). Raises ValueError."""
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("it names no service after the Sentinels")
    plain = f"{_SENTINEL_SCHEMES[parts.scheme]}://{user}{'@' if user else ''}server/{db or 0}?{parts.query}"
    options = _server(plain)
    tls = options.pop("connection_class", None) is SSLConnection
    login = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    options = {name: value for name, value in options.items() if name != "host"} | {"ssl": tls}
    safe = {name: value for name, value in options.items() if name == "ssl" or name.startswith("ssl_")}
    return [_host_of(text) for text in hosts.split(",")], service, options, safe | login


def _host_of(text: str) -> tuple[str, int]:
    address = f"//{text}"  # urlsplit knows [::1]:26379
    if not (name := urlsplit(address).hostname):
        raise ValueError("a Sentinel has no host")
    return name, _port(address) or _SENTINEL_PORT


def _port(url: str) -> int | None:
    """Without Python's own error, which would show what may be half a password."""
    try:
        return urlsplit(url).port
    except ValueError:
        raise ValueError("its port is no number; special characters of a password are percent-encoded") from None
