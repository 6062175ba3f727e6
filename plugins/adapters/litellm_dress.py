"""What LiteLLM's application puts around every response, for the responses that do not come from it."""

from __future__ import annotations

from litellm.proxy.middleware.gzip_middleware import GZipBufferedResponseMiddleware
from litellm.proxy.middleware.security_headers_middleware import SecurityHeadersMiddleware
from starlette.types import ASGIApp


def dressed(app: ASGIApp) -> ASGIApp:
    """`app` with LiteLLM's security headers, and compressed for whoever accepts that."""
    wrapped: ASGIApp = SecurityHeadersMiddleware(GZipBufferedResponseMiddleware(app))
    return wrapped
