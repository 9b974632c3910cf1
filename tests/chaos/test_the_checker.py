"""The checker finds what is planted, and nothing where all is well."""

from datetime import UTC, datetime

import pytest

from tests.chaos.checks import check
from tests.chaos.evidence import Asked, Evidence, Incident, Line, Stored
from tests.chaos.specimens import AT_SECONDS, STORY, deliver, fingerprint, killed, sound, twin
from tests.chaos.violations import (
    VIOLATIONS,
    Plant,
    leave_a_command_unhandled,
    leave_a_process,
    leave_an_object_of_nobodys,
    pay_twice,
    settle_twice,
    skip_an_id,
)


def found(evidence: Evidence) -> dict[str, list[str]]:
    """What is wrong, without the kinds of which nothing is."""
    return {kind: sentences for kind, sentences in check(evidence).items() if sentences}


def test_nothing_is_found_where_all_is_well() -> None:
    assert found(sound()) == {}


@pytest.mark.parametrize(
    ("kind", "plant"),
    VIOLATIONS,
)
def test_what_is_planted_is_found(kind: str, plant: Plant) -> None:
    evidence = sound()
    plant(evidence)
    assert kind in found(evidence)


@pytest.mark.parametrize(
    "plant",
    [settle_twice, skip_an_id, pay_twice, leave_an_object_of_nobodys, leave_a_command_unhandled, leave_a_process],
)
def test_one_violation_is_reported_once(plant: Plant) -> None:
    evidence = sound()
    plant(evidence)
    assert sum(map(len, found(evidence).values())) == 1


@pytest.mark.parametrize(
    ("process", "seconds_after", "explains"),
    [
        ("images-2", 1, True),
        ("images", -1, True),
        ("images", -2.3, True),
        ("images", 6, False),
        ("images", -3, False),
        ("audio", 1, False),
    ],
)
def test_only_a_death_of_its_own_service_explains_a_call_paid_in_vain(
    process: str, seconds_after: float, explains: bool
) -> None:
    evidence = sound()
    pay_twice(evidence)
    evidence.incidents.append(killed(process, seconds_after))
    assert ("extra_paid" not in found(evidence)) is explains


def test_a_death_counts_for_longer_where_the_store_was_down() -> None:
    evidence = sound()
    pay_twice(evidence)
    evidence.incidents += [killed("images", 9), Incident("store_kill", "store", AT_SECONDS + 3, AT_SECONDS + 3)]
    assert found(evidence) == {}
    evidence.incidents[0] = killed("images", 12)
    assert "extra_paid" in found(evidence)


def test_a_death_counts_until_the_last_call_of_its_job_is_stored() -> None:
    evidence = sound()
    pay_twice(evidence)
    # Its text was moderated meanwhile: one call after the other, the last of them for two seconds more.
    moderation = twin(evidence.ledger[-1]) | {"endpoint": "moderations", "request_id": "req_moderation", "cost_usd": 0}
    evidence.ledger += [
        moderation | {"started_at": AT_SECONDS + after, "ended_at": AT_SECONDS + after + 2} for after in (1, 4)
    ]
    evidence.incidents.append(killed("images", 9))
    assert found(evidence) == {}
    del evidence.ledger[-2]  # what begins only then is another attempt's
    evidence.ledger[-1] |= {"started_at": AT_SECONDS + 6, "ended_at": AT_SECONDS + 8}
    assert "extra_paid" in found(evidence)


def test_a_frozen_worker_explains_what_its_twin_paid() -> None:
    evidence = sound()
    pay_twice(evidence)
    evidence.incidents.append(Incident("freeze", "images", AT_SECONDS - 12, AT_SECONDS - 4))
    assert "extra_paid" not in found(evidence)


@pytest.mark.parametrize(("name", "value"), [("fault", "cut"), ("fault", "malformed"), ("client_there", False)])
def test_an_answer_that_never_came_was_not_paid_in_vain(name: str, value: object) -> None:
    evidence = sound()
    pay_twice(evidence)
    evidence.ledger[-1][name] = value
    assert found(evidence) == {}


def test_a_call_that_took_too_long_is_known_though_its_id_is_not() -> None:
    evidence = sound()
    pay_twice(evidence)
    name = f"stories/{STORY}/cover/{fingerprint('cover')}/attempts.json"
    evidence.objects[name] = Stored(1, "", {"calls": [{"request_id": "", "error": "timed_out"}]})
    assert found(evidence) == {}
    evidence.ledger.append(twin(evidence.ledger[0]))
    assert len(found(evidence)["extra_paid"]) == 1


def test_a_sweep_that_is_yet_to_come_is_no_harm() -> None:
    evidence = sound()
    evidence.erasures[0]["due_at"] = datetime.fromtimestamp(AT_SECONDS + 90, UTC)
    assert found(evidence) == {}


def test_whoever_changes_their_mind_may_have_paid_in_vain() -> None:
    evidence = sound()
    pay_twice(evidence)
    evidence.clients[0].asked.append(Asked("cancel", status=202))
    assert found(evidence) == {}


def test_an_asset_that_began_anew_may_settle_again() -> None:
    evidence = sound()
    news = [
        Line(1, 7, "story", {"overall": "generating"}),
        Line(1, 8, "asset", {"asset": "cover", "status": "generating"}),
        Line(1, 9, "asset", {"asset": "cover", "status": "ready"}),
        Line(1, 10, "story", {"overall": "ready"}),
    ]
    evidence.updates[STORY] += news
    evidence.transcripts[0].lines += news
    evidence.stories[STORY]["seq"] = 10
    deliver(evidence)
    assert found(evidence) == {}


def test_what_a_client_wrote_needs_no_manifest() -> None:
    evidence = sound()
    evidence.clients[0].asked.append(Asked("edit", scene=1, text="A fox.", status=200))
    for name in ("text_1", "content"):
        del evidence.objects[f"stories/{STORY}/{name}/{fingerprint(name)}/result.json"]
    assert found(evidence) == {}
