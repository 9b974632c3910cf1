"""The one exception of the client: the API's problem+json (RFC 9457), or why there was no answer at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of the request that is wrong. ``pointer`` is a JSON pointer (RFC 6901) into the body."""

    pointer: str
    detail: str


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """The API said no, or nothing.

    ``status`` is the HTTP status, 0 where no answer came; ``code`` is stable, for programs; ``detail`` is for people.
    ``retryable`` says whether the same request may succeed later, ``retry_after`` in how many seconds.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retryable = retryable
        self.retry_after = retry_after

    def __str__(self) -> str:
        """One line: the detail, then each field's error."""
        fields = "; ".join(f"{error.pointer or '/'} {error.detail}" for error in self.errors)
        return f"{self.detail} ({fields})" if fields else self.detail


def unreachable(error: Exception) -> Problem:
    """No answer came: nobody listens, or the connection broke or took too long."""
    reason = str(error) or type(error).__name__
    return Problem(0, "unreachable", f"The API did not answer: {reason}", retryable=True)


def problem_in(response: httpx.Response) -> Problem:
    """What an error response says. The body must have been read. Anything but problem+json keeps its status."""
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        body = {}
    return Problem(
        status,
        str(body.get("code") or f"http_{status}"),
        str(body.get("detail") or body.get("title") or f"The API answered {status} {response.reason_phrase}"),
        errors=_field_errors(body.get("errors")),
        retryable=bool(body.get("retryable", status in (429, 502, 503, 504))),
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def _field_errors(errors: Any) -> tuple[FieldError, ...]:
    if not isinstance(errors, list):
        return ()
    mappings = [error for error in errors if isinstance(error, Mapping)]
    return tuple(FieldError(str(error.get("pointer", "")), str(error.get("detail", ""))) for error in mappings)


def _seconds(value: str | None) -> float | None:
    try:
        return None if value is None else max(0.0, float(value))
    except ValueError:
        return None
