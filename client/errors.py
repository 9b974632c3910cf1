"""The one exception of the client: the API's problem+json (RFC 9457), or why there was no answer at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

NO_ANSWER = 0
"""The ``status`` where no answer came."""
_PASSING = frozenset({408, 425, 429, 502, 503, 504})
"""Statuses that may be otherwise later, where the body does not say."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of the request that is wrong. ``pointer`` is a JSON pointer (RFC 6901) into the body."""

    pointer: str
    detail: str


class StoryloomError(Exception):
    """The API said no, or nothing.

    ``status`` is the HTTP status, 0 where no answer came; ``code`` is stable, for programs; ``detail`` is for people.
    ``retryable`` says whether the same request may succeed later, ``retry_after`` in how many seconds. ``trace_id`` and
    ``request_id`` are for whoever runs Storyloom: their logs have both.

    Codes of the client's own: ``unreachable`` (the request was never sent), ``no_answer`` (it may have been carried
    out), ``timed_out`` (a wait took longer than it was given), ``bad_answer`` (not what the API says), ``unexpected``
    (a status that nobody asked for). All others are in the API's catalogue, ``/docs/errors``.
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
        trace_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retryable = retryable
        self.retry_after = retry_after
        self.trace_id = trace_id
        self.request_id = request_id

    def __str__(self) -> str:
        """One line: the detail, then each field's error."""
        fields = "; ".join(f"{error.pointer or '/'} {error.detail}" for error in self.errors)
        return f"{self.detail} ({fields})" if fields else self.detail

    def __repr__(self) -> str:
        """What a program would tell it by."""
        return f"StoryloomError(status={self.status}, code={self.code!r}, detail={self.detail!r})"


def unanswered(error: Exception) -> StoryloomError:
    """No answer came: nobody listens, or the connection broke or took too long."""
    reason = str(error) or type(error).__name__
    if isinstance(error, _NEVER_SENT):
        return StoryloomError(NO_ANSWER, "unreachable", f"The API cannot be reached: {reason}", retryable=True)
    return StoryloomError(NO_ANSWER, "no_answer", f"The API did not answer: {reason}", retryable=True)


def bad_answer(response: httpx.Response, what: str) -> StoryloomError:
    """An answer that is not what the API says: something else stands at this address, or in between."""
    detail = f"The API answered {response.status_code} with {what}: is this its address?"
    request_id = response.headers.get("X-Request-Id")
    return StoryloomError(response.status_code, "bad_answer", detail, trace_id=_trace(response), request_id=request_id)


def refusal(response: httpx.Response) -> StoryloomError:
    """What an error response says. The body must have been read. Anything but problem+json keeps its status."""
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        body = {}
    return StoryloomError(
        status,
        str(body.get("code") or f"http_{status}"),
        str(body.get("detail") or body.get("title") or f"The API answered {status} {response.reason_phrase}"),
        errors=_field_errors(body.get("errors")),
        retryable=bool(body.get("retryable", status in _PASSING)),
        retry_after=_seconds(response.headers.get("Retry-After")),
        trace_id=str(body["traceId"]) if body.get("traceId") else _trace(response),
        request_id=response.headers.get("X-Request-Id"),
    )


def _trace(response: httpx.Response) -> str | None:
    """The trace's id in a ``traceparent`` (W3C)."""
    parts = response.headers.get("traceparent", "").split("-")
    return parts[1] if len(parts) == 4 else None


def _field_errors(errors: Any) -> tuple[FieldError, ...]:
    if not isinstance(errors, list):
        return ()
    mappings = [error for error in errors if isinstance(error, Mapping)]
    return tuple(FieldError(str(error.get("pointer", "")), str(error.get("detail", ""))) for error in mappings)


def _seconds(value: str | None) -> float | None:
    """Seconds of a Retry-After; the API sends no dates. None for what is neither or not finite."""
    try:
        seconds = -1.0 if value is None else float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
