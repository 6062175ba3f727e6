"""OpenAI-shaped errors: https://platform.openai.com/docs/guides/error-codes."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class ApiError(Exception):
    """An answer other than 200. `code` and `param` may be None, as at OpenAI."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, dict[str, str | None]]:
        """`{"error": {"message", "type", "param", "code"}}`."""
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return {"error": error}


def bad_value(param: str, wanted: str) -> ApiError:
    """400 for a field of the wrong type or out of range."""
    return ApiError(400, f"Invalid value for '{param}': expected {wanted}.", code="invalid_value", param=param)
