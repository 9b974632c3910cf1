"""What users of NATS may do is what the services' own document says that they do, and nothing besides."""

import re
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest

from ops.deploy import commands
from ops.deploy.database_grants import ROLES as DATABASE_ROLES
from ops.deploy.nats_accounts import USERS
from ops.deploy.nats_permissions import EVENTS, ROLES, Permissions, permissions
from storyloom.messaging.connection import denied_subject, inbox_prefix
from storyloom.messaging.topology import QUERY_WORKERS
from storyloom.runtime.settings import NatsSettings
from storyloom.story.assets import Service

DOCUMENT = orjson.loads((Path(__file__).parents[3] / "docs" / "asyncapi.json").read_bytes())
SERVICES = ("api", "status", "webhooks", *(service.value for service in Service))


def declared(service: str, action: str) -> set[str]:
    """The subjects of a service's operations, as one message has them."""
    operations: dict[str, Any] = DOCUMENT["operations"]
    of_service = {name: one for name, one in operations.items() if name.startswith(f"{service}.{action}.")}
    channels = [one["channel"]["$ref"].removeprefix("#/channels/") for one in of_service.values()]
    return {re.sub(r"{\w+}", "1", DOCUMENT["channels"][channel]["address"]) for channel in channels}


def allowed(service: str) -> Permissions:
    return permissions(ROLES[service], service, NatsSettings(nats_subject_prefix=""))


def matches(pattern: str, subject: str) -> bool:
    """As NATS does: ``*`` is one token, ``>`` at the end is one or more."""
    wanted, tokens = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted, tokens = wanted[:-1], tokens[: len(wanted) - 1] if len(tokens) >= len(wanted) else []
    return len(wanted) == len(tokens) and all(one in ("*", token) for one, token in zip(wanted, tokens, strict=True))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_publish_what_its_document_says_and_nothing_else(service: str) -> None:
    sent = declared(service, "send")
    if ROLES[service].answers:
        sent.add(QUERY_WORKERS)  # a worker asks the others before it takes what may be theirs
    patterns = [one for one in allowed(service).publish if not one.startswith("$JS.")]
    assert {subject for subject in sent if not any(matches(one, subject) for one in patterns)} == set()
    assert {one for one in patterns if not any(matches(one, subject) for subject in sent)} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_hear_what_its_document_says_and_nothing_else(service: str) -> None:
    heard = {subject for subject in declared(service, "receive") if not subject.startswith(("job.", "story.evt."))}
    inbox, *patterns = allowed(service).subscribe
    assert inbox == f"_INBOX.{service}.>"
    assert {subject for subject in heard if not any(matches(one, subject) for one in patterns)} == set()
    assert {one for one in patterns if not any(matches(one, subject) for subject in heard)} == set()


@pytest.mark.parametrize("service", [one.value for one in Service])
def test_a_worker_pulls_from_its_own_lanes_alone(service: str) -> None:
    calls = [one for one in allowed(service).publish if ".CONSUMER.MSG.NEXT." in one]
    assert calls == [f"$JS.API.CONSUMER.MSG.NEXT.JOBS.{service}-{lane}" for lane in ("urgent", "high", "normal")]


def test_every_kind_of_event_is_somebodys_to_publish() -> None:
    published = {kind for service in SERVICES for kind in ROLES[service].events}
    assert published == set(EVENTS)


def test_a_prefix_stands_before_every_subject_stream_and_durable() -> None:
    for user, role in ROLES.items():
        found = permissions(role, user, NatsSettings(nats_subject_prefix="p_"))
        for subject in (*found.publish, *found.subscribe[1:], *found.refused):
            assert subject.startswith("p_") or ".p_" in subject, subject


def test_commands_name_the_users_and_roles_that_there_are() -> None:
    assert get_args(commands.NatsUser) == USERS
    assert get_args(commands.DatabaseRole) == tuple(DATABASE_ROLES)


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("nats://images:secret@nats:4222", "_INBOX.images"),
        ("nats://images-2:secret@nats:4222", "_INBOX.images-2"),
        ("nats://nats:4222", "_INBOX"),
        ("nats://a.b:secret@nats:4222", "_INBOX"),  # no token: it would be another subject
    ],
)
def test_answers_come_to_the_users_own_inbox(url: str, prefix: str) -> None:
    assert inbox_prefix(url) == prefix


def test_a_refusal_names_the_subject_and_no_other_error_does() -> None:
    error = Exception('nats: Permissions Violation for Publish to "story.evt.StoryCancelled.1"')
    assert denied_subject(error) == "publish story.evt.StoryCancelled.1"
    assert denied_subject(Exception("nats: stale connection")) is None
