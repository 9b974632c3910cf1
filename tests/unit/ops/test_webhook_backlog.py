"""How the backlog of webhooks reads, and when it is a finding."""

from datetime import UTC, datetime, timedelta

import pytest

from storyloom.operations.snapshot import DiagnosisSettings, overdue_webhooks
from storyloom.operations.webhooks import WebhookBacklog

NOW = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("backlog", "words"),
    [
        (WebhookBacklog(), ""),
        (WebhookBacklog(pending=1), "1 delivery pending"),
        (
            WebhookBacklog(pending=1200, due=7, oldest=NOW - timedelta(seconds=90), failing=2, disabled=1),
            "1,200 deliveries pending, 7 due, the oldest for 90 s, 2 endpoints failing, 1 endpoint disabled for it",
        ),
    ],
)
def test_it_reads_as_a_sentence_of_what_there_is(backlog: WebhookBacklog, words: str) -> None:
    assert backlog.describe(NOW) == words


@pytest.mark.parametrize(("seconds", "found"), [(59, False), (61, True)])
def test_what_nobody_sends_for_a_minute_is_a_finding(seconds: float, *, found: bool) -> None:
    backlog = WebhookBacklog(pending=3, due=3, oldest=NOW - timedelta(seconds=seconds))
    assert bool(overdue_webhooks(backlog, NOW, DiagnosisSettings())) is found


def test_endpoints_that_fail_are_none() -> None:
    backlog = WebhookBacklog(pending=900, failing=40, disabled=3)
    assert overdue_webhooks(backlog, NOW, DiagnosisSettings()) == []
