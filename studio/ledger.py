"""Every call that a vendor would have been paid for, once. The prompt's words are never kept, only their hash."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice

from studio.api_call import ApiCall, ClientInfo, Usage


@dataclass(frozen=True, slots=True)
class Row:
    """One paid call. `at` is ISO 8601 in UTC; `status` is what was sent, also where the connection was cut after it.

    `started_at` and `ended_at` are unix seconds: accepted, and ready to be sent. `client_there` says whether anybody
    was left to read the answer then. `client_request_id` is the client's own name for the call; in JSON it is
    `clientRequestId`.
    """

    seq: int
    at: str
    endpoint: str
    model: str
    schema: str | None
    request_id: str
    seed: int
    prompt_sha256: str
    status: int
    fault: str | None
    cost_usd: float
    bytes: int
    client_request_id: str | None
    started_at: float
    ended_at: float
    client_there: bool | None


_UNKNOWN = ClientInfo()


class Ledger:
    """The newest `limit` rows, and totals over all there ever were since it was cleared."""

    def __init__(self, limit: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._rows: deque[Row] = deque(maxlen=limit)
        self._now = now
        self._seq = 0
        self._calls: Counter[str] = Counter()
        self._cost_usd = 0.0
        self._bytes = 0

    def record(
        self, call: ApiCall, usage: Usage, *, status: int = 200, fault: str | None = None, client: ClientInfo = _UNKNOWN
    ) -> Row:
        """Enter a paid call, at its end."""
        now = self._now()
        self._seq += 1
        self._calls[call.endpoint] += 1
        self._cost_usd += usage.cost_usd
        self._bytes += usage.size
        row = Row(
            seq=self._seq,
            at=now.isoformat(timespec="milliseconds"),
            endpoint=call.endpoint,
            model=call.model,
            schema=call.schema,
            request_id=call.request_id,
            seed=call.seed,
            prompt_sha256=hashlib.sha256(call.prompt.encode()).hexdigest(),
            status=status,
            fault=fault,
            cost_usd=round(usage.cost_usd, 8),
            bytes=usage.size,
            client_request_id=client.client_request_id,
            started_at=round(client.started_at or now.timestamp(), 3),
            ended_at=round(now.timestamp(), 3),
            client_there=client.connected,
        )
        self._rows.append(row)
        return row

    def since(self, seq: int = 0) -> list[dict[str, object]]:
        """The rows after `seq`, oldest first."""
        if not self._rows:
            return []
        first = self._rows[0].seq
        return [_show(row) for row in islice(self._rows, max(0, seq + 1 - first), None)]

    def totals(self) -> dict[str, object]:
        """Calls by endpoint, cost and bytes, over rows kept and rows long dropped."""
        return {
            "calls": self._calls.total(),
            "by_endpoint": dict(self._calls),
            "cost_usd": round(self._cost_usd, 6),
            "bytes": self._bytes,
            "last_seq": self._seq,
        }

    def clear(self) -> int:
        """Forget rows and totals; how many rows there were comes back. The numbering goes on: `since` stays true."""
        count = len(self._rows)
        self._rows.clear()
        self._calls.clear()
        self._cost_usd, self._bytes = 0.0, 0
        return count


def _show(row: Row) -> dict[str, object]:
    shown = asdict(row)
    shown["clientRequestId"] = shown.pop("client_request_id")
    return shown
