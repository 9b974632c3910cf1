"""What other systems are told: which updates are events, under which id, and never what a story says."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from storyloom.story.notifications import MAX_PAYLOAD_BYTES, Notification, encode, notification, page_report

STORY = UUID("7f4df1ab-8d1e-4f9c-9f6a-2f0f3f1f0a01")
AT = datetime(2026, 3, 1, 12, 0, 30, 123456, tzinfo=UTC)
BASE = f"/api/v1/stories/{STORY}"
ERROR = {"code": "unsafe", "message": "picture not found safe for a child", "cause": "cover", "retryable": False}


def made(event: str, data: dict[str, Any]) -> Notification:
    found = notification(STORY, 7, event, data, AT)
    assert found is not None
    return found


def test_a_ready_asset_is_told_with_its_link_and_nothing_of_what_it_is() -> None:
    shown = {"asset": "cover", "status": "ready", "progress": 100, "url": f"{BASE}/assets/cover", "hueColors": ["#fff"]}
    found = made("asset", shown)
    assert found.id == f"evt_{STORY.hex}_7"
    assert orjson.loads(found.payload) == {
        "type": "asset.completed",
        "timestamp": "2026-03-01T12:00:30.123Z",
        "data": {
            "storyId": str(STORY),
            "asset": "cover",
            "status": "ready",
            "links": {"self": BASE, "events": f"{BASE}/events", "asset": f"{BASE}/assets/cover"},
        },
    }


def test_a_failed_asset_is_told_with_the_error_of_the_api() -> None:
    found = made("asset", {"asset": "cover", "status": "failed", "reason": "of ours", "error": ERROR})
    told = orjson.loads(found.payload)
    assert (told["type"], told["data"]["error"]) == ("asset.failed", ERROR)
    assert "reason" not in told["data"]


def test_a_page_that_is_reported_is_named_and_each_report_is_one_of_its_own() -> None:
    first, second = page_report(STORY, 2, AT), page_report(STORY, None, AT)
    told, whole = (orjson.loads(one.payload)["data"] for one in (first, second))
    assert (first.type, told["scene"], told["links"]["shares"]) == ("story.reported", 2, f"{BASE}/shares")
    assert "scene" not in whole
    assert first.id != second.id


@pytest.mark.parametrize(
    ("overall", "kind"),
    [
        ("ready", "story.completed"),
        ("partial", "story.completed"),
        ("failed", "story.failed"),
        ("cancelled", "story.cancelled"),
    ],
)
def test_a_storys_end_is_told(overall: str, kind: str) -> None:
    found = made("story", {"overall": overall, "completedAt": "…"})
    assert (found.type, orjson.loads(found.payload)["data"]["status"]) == (kind, overall)


def test_a_text_that_waits_to_be_approved_is_told_with_its_version_and_where_to_approve_it() -> None:
    found = made("approval", {"status": "awaited", "textVersion": "8f14e45fceea167a"})
    told = orjson.loads(found.payload)
    assert found.type == told["type"] == "story.awaiting_approval"
    assert (told["data"]["status"], told["data"]["textVersion"]) == ("generating", "8f14e45fceea167a")
    assert told["data"]["links"]["approve"] == f"{BASE}/approve"


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("approval", {"status": "given", "textVersion": "8f14e45fceea167a"}),
        ("approval", {"status": "pending"}),
        ("snapshot", {"seq": 1, "status": "generating"}),
        ("outline", {"title": "Mira and the lantern"}),
        ("text", {"scene": 1, "text": "Mira rolled into the wood."}),
        ("story", {"overall": "generating"}),
        *(
            ("asset", {"asset": "cover", "status": status})
            for status in ("pending", "generating", "retrying", "cancelled")
        ),
    ],
)
def test_all_else_is_told_to_nobody(event: str, data: dict[str, Any]) -> None:
    assert notification(STORY, 7, event, data, AT) is None


def test_a_body_is_never_larger_than_a_receiver_need_take() -> None:
    error = {"code": "x" * MAX_PAYLOAD_BYTES}
    body = encode("asset.failed", AT, {"storyId": str(STORY), "error": error})
    assert len(body.encode()) <= MAX_PAYLOAD_BYTES
    assert "error" not in orjson.loads(body)["data"]
