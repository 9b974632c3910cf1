"""The checker finds what is planted, and nothing where all is well."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.checking import check
from tests.chaos.evidence import Asked, Evidence, Incident, Line, Stored
from tests.chaos.specimens import AT_SECONDS, DELETED, STORY, fingerprint, killed, sound, twin

Plant = Callable[[Evidence], None]


def found(evidence: Evidence) -> dict[str, list[str]]:
    """What is wrong, without the kinds of which nothing is."""
    return {kind: sentences for kind, sentences in check(evidence).items() if sentences}


def row(evidence: Evidence, name: str) -> dict[str, Any]:
    return evidence.assets_of(STORY)[name]


def lose_the_story(evidence: Evidence) -> None:
    del evidence.stories[STORY]
    evidence.assets, evidence.told, evidence.objects = [], {}, {}


def hide_the_story(evidence: Evidence) -> None:
    evidence.shown[STORY] = None


def lose_an_asset(evidence: Evidence) -> None:
    evidence.assets.remove(row(evidence, "portrait"))


def lose_an_object(evidence: Evidence) -> None:
    del evidence.objects[f"stories/{STORY}/cover/abc.png"]


def damage_an_object(evidence: Evidence) -> None:
    evidence.objects[f"stories/{STORY}/cover/abc.png"] = Stored(7, "0" * 64)


def lose_a_manifest(evidence: Evidence) -> None:
    del evidence.objects[f"stories/{STORY}/cover/{fingerprint('cover')}/result.json"]


def lose_an_edit(evidence: Evidence) -> None:
    evidence.clients[0].asked.append(Asked("edit", scene=1, text="Another fox.", status=200))


def tell_a_reader_that_it_is_gone(evidence: Evidence) -> None:
    evidence.transcripts[0].closing = "404"


def leave_the_story_generating(evidence: Evidence) -> None:
    evidence.stories[STORY]["status"] = "generating"


def leave_an_asset_unsettled(evidence: Evidence) -> None:
    row(evidence, "portrait")["status"] = "queued"


def never_answer(evidence: Evidence) -> None:
    evidence.clients[0].accepted = False


def leave_a_wish_unheard(evidence: Evidence) -> None:
    evidence.wishes.append({"event_id": "x.wish.1", "story_id": STORY, "heard_at": None})


def leave_a_job(evidence: Evidence) -> None:
    evidence.bus["JOBS"].append(f"job.images.normal.{STORY}.cover")


def leave_an_erasure_due(evidence: Evidence) -> None:
    evidence.erasures[0]["due_at"] = datetime.fromtimestamp(AT_SECONDS + 40, UTC)


def leave_a_reader_without_an_end(evidence: Evidence) -> None:
    evidence.transcripts[0].closing = "cut"


def settle_twice(evidence: Evidence) -> None:
    again = Line(1, 7, "asset", {"asset": "cover", "status": "ready"})
    evidence.told[STORY].append(again)
    evidence.transcripts[0].lines.append(again)
    evidence.stories[STORY]["seq"] = 7


def make_two_stories_of_one_key(evidence: Evidence) -> None:
    evidence.clients.append(replace(evidence.clients[0], number=3, id="other"))
    evidence.stories["other"] = {**evidence.stories[STORY], "seq": 0}
    evidence.shown["other"] = evidence.shown[STORY]
    evidence.assets += [{**asset, "story_id": "other", "result": {"calls": []}} for asset in evidence.assets]
    for key, stored in list(evidence.objects.items()):
        value: Any = {"result": {"calls": []}} if stored.value else None
        evidence.objects[key.replace(STORY, "other")] = replace(stored, value=value)


def make_a_story_of_nobodys(evidence: Evidence) -> None:
    evidence.stories["other"] = {"status": "ready", "seq": 0, "idempotency_key": None}


def keep_two_results(evidence: Evidence) -> None:
    row(evidence, "cover")["result"]["calls"][0]["seconds"] = 2


def pay_twice(evidence: Evidence) -> None:
    evidence.ledger.append(twin(evidence.ledger[0]))


def skip_an_id(evidence: Evidence) -> None:
    del evidence.transcripts[0].lines[2]


def repeat_an_id(evidence: Evidence) -> None:
    evidence.transcripts[0].lines.insert(2, evidence.transcripts[0].lines[1])


def stop_telling_early(evidence: Evidence) -> None:
    del evidence.transcripts[0].lines[5]


def tell_something_else(evidence: Evidence) -> None:
    lines = evidence.transcripts[0].lines
    lines[2] = replace(lines[2], data={"asset": "cover", "status": "retrying"})


def show_something_else(evidence: Evidence) -> None:
    evidence.shown[STORY]["assetGenerationStatus"]["assets"]["cover"] = {"status": "failed"}


def show_another_text(evidence: Evidence) -> None:
    evidence.shown[STORY]["scenes"][0]["text"] = "A wolf."


def leave_a_hole_in_history(evidence: Evidence) -> None:
    del evidence.told[STORY][3]
    evidence.transcripts = []


def leave_an_object_of_a_deleted_story(evidence: Evidence) -> None:
    evidence.objects[f"stories/{DELETED}/cover/abc.png"] = Stored(1, "")


def leave_an_object_of_nobodys(evidence: Evidence) -> None:
    evidence.objects["stories/strange/cover/abc.png"] = Stored(1, "")


def leave_a_row_of_a_deleted_story(evidence: Evidence) -> None:
    evidence.wishes.append({"event_id": "x", "story_id": DELETED, "heard_at": "2026-03-01"})


def leave_a_message_of_a_deleted_story(evidence: Evidence) -> None:
    evidence.bus["DEAD"].append(f"dead.images.{DELETED}.cover")


def fail_for_nothing(evidence: Evidence) -> None:
    cover = row(evidence, "cover")
    cover["status"], cover["metadata"] = "failed", {"code": "attempts_spent"}
    evidence.stories[STORY]["status"] = "partial"


def be_ready_without_a_need(evidence: Evidence) -> None:
    portrait = row(evidence, "portrait")
    portrait["status"], portrait["metadata"] = "cancelled", None


def be_other_than_its_assets(evidence: Evidence) -> None:
    evidence.stories[STORY]["status"] = "partial"


def tell_after_cancel(evidence: Evidence) -> None:
    for lines in (evidence.told[STORY], evidence.transcripts[0].lines):
        lines[1] = Line(1, 2, "story", {"overall": "cancelled"})


def delete_without_a_receipt(evidence: Evidence) -> None:
    evidence.erasures = []


def call_without_a_name(evidence: Evidence) -> None:
    evidence.ledger[0]["client_request_id"] = None


def leave_a_process(evidence: Evidence) -> None:
    evidence.left.append("4711 python -m services.images")


def test_nothing_is_found_where_all_is_well() -> None:
    assert found(sound()) == {}


@pytest.mark.parametrize(
    ("kind", "plant"),
    [
        ("lost", lose_the_story),
        ("lost", hide_the_story),
        ("lost", lose_an_asset),
        ("lost", lose_an_object),
        ("lost", damage_an_object),
        ("lost", lose_a_manifest),
        ("lost", lose_an_edit),
        ("lost", tell_a_reader_that_it_is_gone),
        ("stuck", leave_the_story_generating),
        ("stuck", leave_an_asset_unsettled),
        ("stuck", never_answer),
        ("stuck", leave_a_wish_unheard),
        ("stuck", leave_a_job),
        ("stuck", leave_an_erasure_due),
        ("stuck", leave_a_reader_without_an_end),
        ("duplicates", settle_twice),
        ("duplicates", make_two_stories_of_one_key),
        ("duplicates", make_a_story_of_nobodys),
        ("duplicates", keep_two_results),
        ("extra_paid", pay_twice),
        ("gaps", skip_an_id),
        ("gaps", repeat_an_id),
        ("gaps", stop_telling_early),
        ("gaps", tell_something_else),
        ("gaps", show_something_else),
        ("gaps", show_another_text),
        ("gaps", leave_a_hole_in_history),
        ("orphans", leave_an_object_of_a_deleted_story),
        ("orphans", leave_an_object_of_nobodys),
        ("orphans", leave_a_row_of_a_deleted_story),
        ("orphans", leave_a_message_of_a_deleted_story),
        ("failed", fail_for_nothing),
        ("wrong", be_ready_without_a_need),
        ("wrong", be_other_than_its_assets),
        ("wrong", tell_after_cancel),
        ("wrong", delete_without_a_receipt),
        ("wrong", call_without_a_name),
        ("left", leave_a_process),
    ],
)
def test_what_is_planted_is_found(kind: str, plant: Plant) -> None:
    evidence = sound()
    plant(evidence)
    assert kind in found(evidence)


@pytest.mark.parametrize(
    "plant", [settle_twice, skip_an_id, pay_twice, leave_an_object_of_nobodys, leave_a_wish_unheard, leave_a_process]
)
def test_one_violation_is_told_once(plant: Plant) -> None:
    evidence = sound()
    plant(evidence)
    assert sum(map(len, found(evidence).values())) == 1


@pytest.mark.parametrize(
    ("process", "seconds_after", "explains"),
    [("images-2", 1, True), ("images", -1, True), ("images", 6, False), ("images", -3, False), ("audio", 1, False)],
)
def test_only_a_death_of_its_own_service_explains_a_call_paid_in_vain(
    process: str, seconds_after: float, explains: bool
) -> None:
    evidence = sound()
    pay_twice(evidence)
    evidence.incidents.append(killed(process, seconds_after))
    assert ("extra_paid" not in found(evidence)) is explains


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
    evidence.told[STORY] += news
    evidence.transcripts[0].lines += news
    evidence.stories[STORY]["seq"] = 10
    assert found(evidence) == {}


def test_what_a_client_wrote_needs_no_manifest() -> None:
    evidence = sound()
    evidence.clients[0].asked.append(Asked("edit", scene=1, text="A fox.", status=200))
    for name in ("text_1", "content"):
        del evidence.objects[f"stories/{STORY}/{name}/{fingerprint(name)}/result.json"]
    assert found(evidence) == {}
