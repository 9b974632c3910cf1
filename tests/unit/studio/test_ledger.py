"""The ledger: once a call, no words kept, bounded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from studio.api_call import ApiCall, ClientInfo, Usage, read_client_request_id
from studio.ledger import Ledger

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def call(number: int = 1) -> ApiCall:
    return ApiCall(
        endpoint="responses", model="gpt-5", prompt="a secret name", seed=number, request_id=f"req_{number}",
        schema="outline",
    )  # fmt: skip


def test_a_row_tells_all_but_the_words() -> None:
    row = Ledger(10, now=lambda: NOON).record(call(), Usage(0.0125, 400), fault="cut")
    assert (row.seq, row.at, row.endpoint, row.model, row.schema) == (
        1, "2026-06-01T12:00:00.000+00:00", "responses", "gpt-5", "outline"
    )  # fmt: skip
    assert (row.status, row.fault, row.cost_usd, row.bytes) == (200, "cut", 0.0125, 400)
    assert len(row.prompt_sha256) == 64
    assert "secret" not in str(row)


def test_a_row_tells_who_asked_and_when() -> None:
    ledger = Ledger(10, now=lambda: NOON)
    ledger.record(
        call(), Usage(0, 0), client=ClientInfo("0123456789abcdef-1", NOON.timestamp() - 30.5, connected=False)
    )
    ledger.record(call(), Usage(0, 0))
    named, unnamed = ledger.since()
    assert (named["clientRequestId"], named["client_there"]) == ("0123456789abcdef-1", False)
    assert (named["started_at"], named["ended_at"]) == (NOON.timestamp() - 30.5, NOON.timestamp())
    assert (unnamed["clientRequestId"], unnamed["client_there"]) == (None, None)
    assert "client_request_id" not in named


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("0123456789abcdef-12", "0123456789abcdef-12"),
        (None, None),
        ("", None),
        ("Mira und die Füchse", None),
        ("two words", None),
        ("a\nb", None),
        ("x" * 100_000, "x" * 512),
    ],
)
def test_a_clients_name_for_its_request_is_bounded_and_plain(header: str | None, kept: str | None) -> None:
    assert read_client_request_id(header) == kept


def test_since_gives_what_came_after() -> None:
    ledger = Ledger(10)
    for number in range(5):
        ledger.record(call(number), Usage(0, 0))
    assert [row["seq"] for row in ledger.since(3)] == [4, 5]
    assert [row["seq"] for row in ledger.since()] == [1, 2, 3, 4, 5]
    assert ledger.since(99) == []


def test_old_rows_go_and_the_totals_stay() -> None:
    ledger = Ledger(3)
    for number in range(10):
        ledger.record(call(number), Usage(0.01, 100))
    assert [row["seq"] for row in ledger.since()] == [8, 9, 10]
    assert [row["seq"] for row in ledger.since(9)] == [10]
    totals = ledger.totals()
    assert (totals["calls"], totals["cost_usd"], totals["bytes"]) == (10, 0.1, 1000)


def test_clearing_forgets_the_sums_but_not_the_numbering() -> None:
    ledger = Ledger(10)
    ledger.record(call(), Usage(0.01, 100))
    assert ledger.clear() == 1
    assert ledger.totals() == {"calls": 0, "by_endpoint": {}, "cost_usd": 0, "bytes": 0, "last_seq": 1}
    assert ledger.record(call(), Usage(0, 0)).seq == 2
