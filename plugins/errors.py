"""The error tree: what a client may see, and nothing else.

    GatewayError                       status  type                    code
    |-- BadRequest                     400     invalid_request_error   invalid_request (or the given code)
    |   `-- BodyTooLarge               413     invalid_request_error   request_too_large
    |-- Unauthorized                   401     authentication_error    invalid_api_key
    |-- Forbidden                      403     permission_error        model_not_allowed (or the given code)
    |-- UnknownModel                   404     invalid_request_error   model_not_found
    |-- NotServed                      404     invalid_request_error   not_found
    |-- OverBudget                     429     insufficient_quota      insufficient_quota
    |-- NoDeployment                   503     service_unavailable     no_allowed_deployment
    |-- Unavailable                    503     service_unavailable     gateway_unavailable
    `-- UpstreamError                  as the provider's failure maps (see adapters/litellm_io.py)

Every message says what was wrong and what to do, in words of ours: no exception text, key or prompt.
`ConfigError` and `StartError` are for the operator at start-up, `LedgerAwayError` is for our own steps; none of
them reaches a client.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class GatewayError(Exception):
    """A refusal that a client may read. `param` names the offending request field, if one is."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    default_code: ClassVar[str] = "internal_error"
    http_status: int
    kind: str

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.http_status = self.status
        self.kind = self.type
        self.message = message
        self.code = code or self.default_code
        self.param = param
        self.headers = dict(headers or {})

    def body(self) -> dict[str, dict[str, str | None]]:
        """The OpenAI-shaped error object."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


class BadRequest(GatewayError):
    status = 400
    type = "invalid_request_error"
    default_code = "invalid_request"


class BodyTooLarge(BadRequest):
    status = 413
    default_code = "request_too_large"


class Unauthorized(GatewayError):
    status = 401
    type = "authentication_error"
    default_code = "invalid_api_key"


class Forbidden(GatewayError):
    status = 403
    type = "permission_error"
    default_code = "model_not_allowed"


class UnknownModel(GatewayError):
    status = 404
    type = "invalid_request_error"
    default_code = "model_not_found"


class NotServed(GatewayError):
    status = 404
    type = "invalid_request_error"
    default_code = "not_found"


class OverBudget(GatewayError):
    status = 429
    type = "insufficient_quota"
    default_code = "insufficient_quota"


class NoDeployment(GatewayError):
    status = 503
    type = "service_unavailable"
    default_code = "no_allowed_deployment"


class Unavailable(GatewayError):
    status = 503
    type = "service_unavailable"
    default_code = "gateway_unavailable"


class UpstreamError(GatewayError):
    """A provider's failure, in our words; status, type and code are the mapped ones."""

    def __init__(self, status: int, type_: str, code: str, message: str) -> None:
        super().__init__(message, code=code)
        self.http_status = status
        self.kind = type_


class ConfigError(Exception):
    """A setting is wrong: the message names file, line, key and fix."""


class StartError(Exception):
    """Something needed at start-up is missing or did not start: the message says what to do."""


class LedgerAwayError(Exception):
    """The ledger cannot be asked now; for reads, where the caller decides what to do without an answer."""
