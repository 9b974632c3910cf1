"""A run in which all went well, small enough to be read: what the checker's tests plant their violations in."""

import hashlib
from dataclasses import replace
from typing import Any

from tests.chaos.evidence import Client, Evidence, Hook, Incident, Line, Stored, Transcript
from tests.chaos.facts import PUBLIC, needed

STORY = "11111111-1111-4111-8111-111111111111"
DELETED = "22222222-2222-4222-8222-222222222222"
AT = "2026-03-01T12:00:30.000+00:00"
AT_SECONDS = 1_772_366_430.0


def sound() -> Evidence:
    """A story with text and cover that is ready, and one that its client deleted."""
    names = sorted(needed(("content", "cover")))
    updates = _updates()
    evidence = Evidence(
        clients=[
            Client(1, "key-1", ("content", "cover"), STORY, accepted=True),
            Client(2, "key-2", ("content",), DELETED, accepted=True, deleted=True),
        ],
        transcripts=[
            Transcript(STORY, "1.1", [*updates, Line(1, None, "end", {})], "204"),
            Transcript(DELETED, "2.1", [replace(updates[0]), Line(1, None, "deleted", {})], "404"),
        ],
        stories={STORY: {"id": STORY, "status": "ready", "seq": len(updates), "idempotency_key": "key-1"}},
        assets=[_asset(name) for name in names],
        updates={STORY: updates},
        erasures=[{"story_id": DELETED, "due_at": None}],
        shown={
            STORY: {"assetGenerationStatus": _document("ready"), "scenes": [{"scene": 1, "text": "A fox."}]},
            DELETED: None,
        },
        objects=dict(_kept(name) for name in names) | {_key("cover"): _picture()},
        ledger=[_call("cover", "images.edit", None), _call("text_1", "responses", "scene_text")],
        asked_at=AT_SECONDS + 60,
        bus={"JOBS": [], "STORY": [f"story.evt.AssetCompleted.{STORY}"], "DEAD": []},
    )
    deliver(evidence)
    return evidence


def deliver(evidence: Evidence) -> None:
    """Have another system be sent each event of the story, as its readers were, at the second attempt."""
    settled = [
        line.id
        for line in evidence.updates[STORY]
        if line.data.get("status") == "ready" or line.data.get("overall") == "ready"
    ]
    evidence.deliveries = [_delivery(place) for place in settled]
    evidence.hooks = [
        Hook(row["event_id"], row["payload"], verified=True, taken=taken)
        for row in evidence.deliveries
        for taken in (False, True)
    ]


def _delivery(place: int | None) -> dict[str, Any]:
    event_id = f"evt_{STORY.replace('-', '')}_{place}"
    return {"event_id": event_id, "story_id": STORY, "state": "delivered", "payload": f"{{{place}}}", "log": []}


def fingerprint(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def twin(call: dict[str, Any]) -> dict[str, Any]:
    """The same call once more, which nobody knows of."""
    return call | {"request_id": "req_twin", "client_request_id": f"{call['client_request_id'][:16]}-2"}


def killed(process: str, seconds_after: float) -> Incident:
    """A worker killed so long after the specimen's calls had ended; they took two seconds."""
    return Incident("kill", process, AT_SECONDS + seconds_after, AT_SECONDS + seconds_after)


def _asset(name: str) -> dict[str, Any]:
    return {
        "story_id": STORY,
        "asset_type": name,
        "status": "ready",
        "revision": 0,
        "fingerprint": fingerprint(name),
        "result": _result(name),
        "metadata": None,
        "error_message": None,
    }


def _result(name: str) -> dict[str, Any]:
    result: dict[str, Any] = {"calls": [{"request_id": f"req_{name}"}]}
    if name == "cover":
        picture = _picture()
        result["image"] = {"key": _key(name), "size": picture.size, "sha256": picture.sha256}
    if name.startswith("text_"):
        result["paragraphs"] = ["A fox."]
    return result


def _kept(name: str) -> tuple[str, Stored]:
    key = f"stories/{STORY}/{name}/{fingerprint(name)}/result.json"
    return key, Stored(10, "", {"result": _result(name)})


def _key(name: str) -> str:
    return f"stories/{STORY}/{name}/abc.png"


def _picture() -> Stored:
    return Stored(7, hashlib.sha256(b"picture").hexdigest())


def _call(name: str, endpoint: str, schema: str | None) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "schema": schema,
        "request_id": f"req_{name}",
        "client_request_id": f"{fingerprint(name)[:16]}-1",
        "at": AT,
        "started_at": AT_SECONDS - 2,
        "ended_at": AT_SECONDS,
        "client_there": True,
        "fault": None,
        "cost_usd": 0.01,
    }


def _document(status: str) -> dict[str, Any]:
    overall = "ready" if status == "ready" else "generating"
    return {"overall": overall, "assets": {name: {"status": status} for name in PUBLIC if name in ("content", "cover")}}


def _updates() -> list[Line]:
    updates = [
        ("snapshot", {"seq": 1, "status": "generating", "assetGenerationStatus": _document("pending")}),
        ("text", {"scene": 1, "text": "A fox."}),
        ("asset", {"asset": "cover", "status": "generating"}),
        ("asset", {"asset": "cover", "status": "ready"}),
        ("asset", {"asset": "content", "status": "ready"}),
        ("story", {"overall": "ready"}),
    ]
    return [Line(1, id_, event, data) for id_, (event, data) in enumerate(updates, start=1)]
