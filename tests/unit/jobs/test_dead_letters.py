"""Dead letters: whatever stands on DEAD can be read, and says what died of what."""

from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest

from storyloom.jobs import dead_letters
from storyloom.jobs.dead_letters import DeadLetter
from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from storyloom.story.errors import PermanentError
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import ProviderCall

STORY = UUID(int=7)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
JOB = AssetRequested(
    id=f"{STORY}.cover.one",
    story_id=STORY,
    tenant_id="tests",
    trace="00-aa-bb-01",
    at=NOW,
    asset=Asset.COVER,
    fingerprint=fingerprint("cover"),
    brief=Brief.asked({"characterName": "Mira", "storyType": "adventure"}),
)
CALL = ProviderCall(provider="openai", model="m", request_id="req_1", seconds=2, cost_usd=0.04, error="timeout")
REFUSED = PermanentError("refused", code="content_refused", request_id="req_1", details={"category": "violence"})


def test_a_dead_letter_holds_all_that_is_known_of_a_failure() -> None:
    written = dead_letters.dead_letter_message(JOB, REFUSED, attempts=3, calls=(CALL,))
    read = DeadLetter.read(f"t1_{written.subject}", written.body, NOW)
    assert (read.kind, read.service, read.story, read.asset) == ("job", "images", str(STORY), "cover")
    assert (read.code, read.reason, read.request_id) == ("content_refused", "refused", "req_1")
    assert (read.attempts, read.calls, read.trace) == (3, (CALL,), JOB.trace)
    assert read.details == {"category": "violence"}
    assert read.job == JOB


def test_one_failure_has_one_dead_letter() -> None:
    first, second = (dead_letters.dead_letter_message(JOB, REFUSED, attempts=attempts) for attempts in (1, 2))
    assert first.id == second.id == f"{JOB.id}.dead"


def test_a_dead_letter_of_an_earlier_release_is_read_with_the_trace_of_its_job() -> None:
    old = {"job": JOB.model_dump(mode="json"), "code": "bug", "reason": "x", "requestId": None, "details": {}}
    body = orjson.dumps({**old, "attempts": 1, "at": NOW.isoformat()})
    read = DeadLetter.read(f"dead.images.{STORY}.cover", body, datetime.now(UTC))
    assert (read.job, read.trace, read.calls, read.at) == (JOB, JOB.trace, (), NOW)


def test_a_dead_letter_whose_job_no_longer_reads_still_shows_its_reason() -> None:
    body = orjson.loads(dead_letters.dead_letter_message(JOB, REFUSED, attempts=1).body)
    body["job"]["version"] = 99
    read = DeadLetter.read(f"dead.images.{STORY}.cover", orjson.dumps(body), NOW)
    assert (read.kind, read.job, read.code, read.trace) == ("job", None, "content_refused", JOB.trace)


@pytest.mark.parametrize("data", [b"\xffnothing", b"[1]", b"{}", JOB.body])
def test_what_was_no_job_is_kept_as_it_came(data: bytes) -> None:
    read = DeadLetter.read("dead.images.nobody.cover", data, NOW)
    assert (read.kind, read.story, read.job, read.data, read.at) == ("unreadable", "nobody", None, data, NOW)


def test_an_event_that_could_not_be_folded_says_why() -> None:
    body = orjson.dumps({"event": '{"event": "x"}', "reason": "unreadable: version"})
    read = DeadLetter.read(f"dead.status.{STORY}.event", body, NOW)
    assert (read.kind, read.service, read.reason) == ("event", "status", "unreadable: version")


def test_a_subject_that_is_no_dead_letters_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        DeadLetter.read("dead.images.cover", b"{}", NOW)
