"""The store's clock, as its answers tell it (Date): requests are signed by it where ours is off.

A store refuses a signature that is more than a quarter of an hour old or ahead (RequestTimeTooSkewed), and so it does
with presigned URLs.
"""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import structlog

from storyloom.runtime.clocks import seconds_awake_or_not

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = structlog.get_logger()

TOLERANCE = timedelta(seconds=60)
"""A clock that is off by less is ours: Date has whole seconds, and an answer takes its time."""
_OFFSET = "storyloom_clock_offset"
_TIMESTAMP = "%Y%m%dT%H%M%SZ"


class StoreClock:
    """What time it is at the store. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._observed: tuple[datetime, float] | None = None
        self._off = False

    @property
    def offset(self) -> timedelta:
        """By how much the store's clock is ahead of ours; zero while it is not known to be off.

        Measured by a clock that goes on whatever becomes of ours, so that a step of ours needs no second answer.
        """
        observed = self._observed
        if observed is None:
            return timedelta()
        offset = observed[0] + timedelta(seconds=seconds_awake_or_not() - observed[1]) - datetime.now(UTC)
        return offset if abs(offset) > TOLERANCE else timedelta()

    @property
    def age_seconds(self) -> float:
        """How long ago the store has said what time it is."""
        return float("inf") if self._observed is None else seconds_awake_or_not() - self._observed[1]

    def observe(self, headers: Mapping[str, str]) -> bool:
        """Take note of an answer's Date; whether that changes by what requests are signed."""
        try:
            at = parsedate_to_datetime(headers.get("date", "")).astimezone(UTC)
        except (ValueError, OverflowError):
            return False
        with self._lock:
            before = self.offset
            self._observed = at, seconds_awake_or_not()
            changed = abs(self.offset - before) > TOLERANCE
        if changed:
            log.warning("store.clock_differs", seconds=round(self.offset.total_seconds()))
        return changed

    def attach(self, client: "S3Client") -> None:
        """Have a client sign by this clock, and listen to the store."""
        _register_signers()

        def choose(signature_version: str, context: dict[str, Any], **_: Any) -> str | None:
            name = _SIGNERS.get(signature_version)
            if name is not None:
                context[_OFFSET] = self.offset
            return name

        def answered(parsed: dict[str, Any], **_: Any) -> None:
            self.observe(parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {}))

        client.meta.events.register("choose-signer.s3", choose)  # type: ignore[arg-type]  # the first answer counts
        client.meta.events.register("after-call.s3", answered)


_SIGNERS = {"s3v4": "s3v4-by-stores-clock", "s3v4-query": "s3v4-by-stores-clock-query"}
"""What botocore calls a signer, and ours in its place; the ending is botocore's for presigned URLs."""


def _register_signers() -> None:
    """Name botocore's two signers anew, with a timestamp that is moved by the offset of the request's context."""
    from botocore import auth  # noqa: PLC0415 - only whoever stores something pays for it

    if auth.AUTH_TYPE_MAPS.keys() >= {*_SIGNERS.values()}:
        return

    class Signer(auth.S3SigV4Auth):
        def _modify_request_before_signing(self, request: Any) -> None:
            _move(request)
            super()._modify_request_before_signing(request)  # type: ignore[misc]  # the stubs know no private names

    class QuerySigner(auth.S3SigV4QueryAuth):
        def _modify_request_before_signing(self, request: Any) -> None:
            _move(request)
            super()._modify_request_before_signing(request)  # type: ignore[misc]  # the stubs know no private names

    auth.AUTH_TYPE_MAPS[_SIGNERS["s3v4"]] = Signer
    auth.AUTH_TYPE_MAPS[_SIGNERS["s3v4-query"]] = QuerySigner


def _move(request: Any) -> None:
    if offset := request.context.get(_OFFSET):
        at = datetime.strptime(request.context["timestamp"], _TIMESTAMP).replace(tzinfo=UTC) + offset
        request.context["timestamp"] = at.strftime(_TIMESTAMP)
