"""docs/asyncapi.json says what is on the wire: every message that the code writes is valid by it, none is missing."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from storyloom.jobs import dead_letters
from storyloom.jobs.dead_letters import DeadLetterBody, UnreadableEvent
from storyloom.jobs.in_flight import InFlightJob, InFlightJobs
from storyloom.messaging.asyncapi import Nothing
from storyloom.messaging.codec import encode
from storyloom.messaging.topology import CANCEL_JOBS, DELIVERIES_DUE, QUERY_WORKERS
from storyloom.story.assets import Asset, Priority, Service
from storyloom.story.brief import Brief
from storyloom.story.editing import ASK_EDITING, EditVerdict, SceneEdit
from storyloom.story.errors import PermanentError
from storyloom.story.evaluation import ASK_EVALUATION, EvaluatedClaim, Evaluation, StoryToEvaluate
from storyloom.story.events import EVENT, AssetProgressed, AssetStarted, StatusUpdate, StatusUpdates
from storyloom.story.jobs import AssetRequested, StopWork
from storyloom.story.notifications import DeliveriesDue
from storyloom.story.screening import ASK_SCREENING, Verdict
from tests.makers import sample
from tools.docs.asyncapi import text
from tools.docs.pages import ROOT
from tools.docs.services import EVENTS

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/asyncapi.json").read_text("utf-8"))
GOLDEN = ROOT / "tests/contract/events/golden"
STORY = UUID("0f7cf2f1-7c4e-4ad6-8f2f-9d2b4a4f7e11")


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


JOB = AssetRequested.model_validate_json(golden("AssetRequested.pdf"))


def samples() -> Iterable[tuple[str, Any]]:
    """A message of every kind, as the code makes it, with its id."""
    for path in sorted(GOLDEN.glob("*.json")):
        if path.stem.startswith("AssetRequested"):
            yield path.stem, AssetRequested.model_validate_json(path.read_bytes())
        elif path.stem in ("AssetStarted", "AssetProgressed"):
            model = AssetStarted if path.stem == "AssetStarted" else AssetProgressed
            yield path.stem, model.model_validate_json(path.read_bytes())
        elif path.stem != "Manifest":
            yield path.stem, EVENT.validate_json(path.read_bytes())
    stop = ((Asset.COVER, JOB.fingerprint),)
    edit = SceneEdit(scene=2, paragraphs=("One.",), alt_text="A fox.", age=5, language="en", names=("Mira",))
    held = InFlightJob(story_id=STORY, asset=Asset.PDF, fingerprint=JOB.fingerprint, since=datetime.now(UTC))
    letter = dead_letters.dead_letter_message(JOB, PermanentError("no", details={"a": "b"}), attempts=2)
    yield "StopWork of a story", StopWork(story_id=STORY)
    yield "StopWork of jobs", StopWork(story_id=STORY, jobs=stop)
    asked = Brief.asked({"characterName": "Mira", "storyType": "adventure", "premise": "a lantern"})
    yield "Brief", asked
    yield "Verdict", Verdict(flagged=True, categories=("violence",))
    yield "SceneEdit", edit
    yield "EditVerdict", EditVerdict(flagged=False)
    claim = EvaluatedClaim(
        claim="level", title="Level", outcome="pass", evaluator="textstat", version=1, independent=True
    )
    yield "StoryToEvaluate", StoryToEvaluate(story_id=STORY, brief=asked, results={Asset.PDF: sample(Asset.PDF, STORY)})
    yield "Evaluation", Evaluation(claims=(claim,), version=1)
    yield "InFlightJobs", InFlightJobs(worker="pdf-1@ab", service=Service.DOCUMENTS, held=(held,))
    yield "DeadLetterBody", DeadLetterBody.model_validate_json(letter.body)
    yield "UnreadableEvent", UnreadableEvent(event="?", reason="unreadable: asset")
    yield "DeliveriesDue", DeliveriesDue(endpoints=(STORY,))
    yield "StatusUpdates", StatusUpdates((StatusUpdate(seq=3, event="asset", data={"asset": "cover"}),))


SAMPLES = dict(samples())


def validate(name: str, body: bytes) -> None:
    """Raises jsonschema's ValidationError for bytes that are no such message."""
    Draft202012Validator({**DOCUMENT, "$ref": f"#/components/messages/{name}/payload"}).validate(json.loads(body))


def test_the_document_is_fresh_and_says_asyncapi_3() -> None:
    assert (ROOT / "docs/asyncapi.json").read_text("utf-8") == text(ROOT)
    assert DOCUMENT["asyncapi"] == "3.0.0"


@pytest.mark.parametrize("name", SAMPLES)
def test_what_the_code_writes_is_valid_by_the_document(name: str) -> None:
    sample = SAMPLES[name]
    by_alias = isinstance(sample, DeadLetterBody)  # its letter is written so, in dead_letters.letter
    validate(type(sample).__name__, sample.model_dump_json(by_alias=True).encode() if by_alias else encode(sample))


def test_every_message_of_the_document_has_a_sample() -> None:
    assert {type(sample).__name__ for sample in SAMPLES.values()} | {Nothing.__name__} == set(
        DOCUMENT["components"]["messages"]
    )


@pytest.mark.parametrize("name", ["AssetCompleted.picture", "AssetRequested.pdf", "DeadLetterBody", "InFlightJobs"])
def test_the_document_refuses_what_is_no_such_message(name: str) -> None:
    """Otherwise the tests above would prove nothing."""
    sample = SAMPLES[name]
    body = json.loads(sample.model_dump_json(by_alias=isinstance(sample, DeadLetterBody | InFlightJobs)))
    for field in ("story_id", "job", "worker"):
        body.pop(field, None)
    assert list(
        Draft202012Validator(
            {**DOCUMENT, "$ref": f"#/components/messages/{type(sample).__name__}/payload"}
        ).iter_errors(body)
    )


def test_every_subject_that_services_use_is_a_channel() -> None:
    """Jobs of each lane, every event, dead letters, questions, and what passes on core NATS."""
    lanes = {f"job.{service.value}.{priority.value}" for service in Service for priority in Priority}
    events = {f"story.evt.{event.__name__}" for event in EVENTS}
    dead = {f"dead.{service.value}" for service in Service} | {"dead.status.event"}
    passing = {"live.started", "live.progressed", "status", QUERY_WORKERS, CANCEL_JOBS, ASK_SCREENING, ASK_EDITING}
    passing.add(ASK_EVALUATION)
    passing.add(DELIVERIES_DUE)
    answers = {f"{asked}.answer" for asked in (QUERY_WORKERS, ASK_SCREENING, ASK_EDITING, ASK_EVALUATION)}
    assert set(DOCUMENT["channels"]) == lanes | events | dead | passing | answers


def test_whatever_is_sent_is_received_by_somebody_or_kept_for_people() -> None:
    operations = DOCUMENT["operations"]
    channels = {name: {one["action"] for one in operations.values() if _channel(one) == name} for name in _plain()}
    unheard = {name for name, actions in channels.items() if actions == {"send"}}
    assert unheard == {name for name in channels if name.startswith("dead.")} | {"story.evt.StoryCompleted"}
    assert all("send" in actions for actions in channels.values())


def _plain() -> list[str]:
    return [name for name in DOCUMENT["channels"] if not name.endswith(".answer")]


def _channel(operation: dict[str, Any]) -> str:
    return str(operation["channel"]["$ref"]).rsplit("/", 1)[-1]


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> Iterable[str]:
        if isinstance(value, dict):
            yield from (str(value["$ref"]),) if "$ref" in value else ()
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                yield from references(one)

    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_models_are_what_the_messages_are_called() -> None:
    assert all(isinstance(sample, BaseModel) for sample in SAMPLES.values())
