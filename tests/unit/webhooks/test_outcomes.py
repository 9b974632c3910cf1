"""How attempts end, and when the next one is due."""

import ssl
from datetime import UTC, datetime
from uuid import UUID

import aiohttp
import pytest

from services.webhooks import signing
from services.webhooks.attempts import Attempt
from services.webhooks.dispatcher import result_of
from services.webhooks.outcomes import REMEDIES, Outcome, of_error, of_status
from services.webhooks.repository import Claim
from storyloom.runtime.settings import WebhookSettings
from storyloom.web.egress import AddressRefusedError

DELAYS = WebhookSettings.model_fields["webhook_retry_delays"].default
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def claim(attempts: int = 0) -> Claim:
    """A claim of a delivery with so many attempts behind it."""
    key = UUID(int=7)
    return Claim(key, key, "evt_7", "{}", attempts, 0.0, AT, "https://example.com/", ("whsec_c2VjcmV0",), steady=True)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (204, Outcome.DELIVERED),
        (299, Outcome.DELIVERED),
        (301, Outcome.REDIRECTED),
        (304, Outcome.REDIRECTED),
        (401, Outcome.UNAUTHORIZED),
        (404, Outcome.NOT_FOUND),
        (410, Outcome.GONE),
        (413, Outcome.TOO_LARGE),
        (418, Outcome.REFUSED),
        (429, Outcome.RATE_LIMITED),
        (500, Outcome.SERVER_ERROR),
        (599, Outcome.SERVER_ERROR),
        (999, Outcome.SERVER_ERROR),
    ],
)
def test_only_a_2xx_is_a_delivery(status: int, outcome: Outcome) -> None:
    assert of_status(status) is outcome


def test_every_failure_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Outcome) - {Outcome.DELIVERED}
    assert all(remedy.endswith((".", "?")) for remedy in REMEDIES.values())


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TimeoutError(), Outcome.TIMEOUT),
        (AddressRefusedError("private"), Outcome.ADDRESS),
        (ssl.SSLError(), Outcome.TLS),
        (aiohttp.ServerDisconnectedError(), Outcome.CONNECTION),
        (ConnectionResetError(), Outcome.CONNECTION),
        (aiohttp.ClientPayloadError(), Outcome.BAD_ANSWER),
        (KeyError("of ours"), Outcome.BUG),
    ],
)
def test_an_error_is_told_by_its_class(error: Exception, outcome: Outcome) -> None:
    assert of_error(error) is outcome


def test_the_schedule_is_that_of_the_contract() -> None:
    """0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, then it has failed; a tenth of jitter comes on top."""
    failed = Attempt(Outcome.SERVER_ERROR, AT, 1.0, 500)
    delays = [result_of(claim(attempts), failed, DELAYS, 0.0).delay for attempts in range(7)]
    assert delays == [5, 300, 1800, 7200, 18000, 36000, None]
    assert result_of(claim(1), failed, DELAYS, 1.0).delay == pytest.approx(330)


def test_whoever_asks_for_more_time_gets_it() -> None:
    limited = Attempt(Outcome.RATE_LIMITED, AT, 1.0, 429, retry_after=60.0)
    assert result_of(claim(), limited, DELAYS, 0.0).delay == 60
    assert result_of(claim(1), limited, DELAYS, 0.0).delay == 300


@pytest.mark.parametrize("outcome", [Outcome.DELIVERED, Outcome.GONE])
def test_nothing_follows_a_delivery_or_a_410(outcome: Outcome) -> None:
    result = result_of(claim(), Attempt(outcome, AT, 1.0), DELAYS, 0.0)
    assert (result.delay, result.delivered, result.gone) == (
        None,
        outcome is Outcome.DELIVERED,
        outcome is Outcome.GONE,
    )


def test_a_fault_of_ours_is_not_the_endpoints() -> None:
    assert not result_of(claim(), Attempt(Outcome.BUG, AT, 1.0), DELAYS, 0.0).blames
    assert result_of(claim(), Attempt(Outcome.TIMEOUT, AT, 1.0), DELAYS, 0.0).blames


def test_a_claim_does_not_show_its_secrets() -> None:
    assert "whsec_" not in repr(claim())


def test_each_valid_secret_signs() -> None:
    """The example of the specification's own libraries."""
    secret, at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)
    headers = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}', [secret, "whsec_c2VjcmV0"])
    first, second = headers["webhook-signature"].split(" ")
    assert first == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert second.startswith("v1,")
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
