"""What can go wrong with a run, one kind at a time: each is planted in a sound run, for the checker to find."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.chaos.evidence import Asked, Evidence, Line, Stored
from tests.chaos.specimens import AT_SECONDS, DELETED, STORY, deliver, fingerprint, twin

Plant = Callable[[Evidence], None]


def row(evidence: Evidence, name: str) -> dict[str, Any]:
    return evidence.assets_of(STORY)[name]


def lose_the_story(evidence: Evidence) -> None:
    del evidence.stories[STORY]
    evidence.assets, evidence.updates, evidence.objects = [], {}, {}


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


def answer_404_to_a_reader(evidence: Evidence) -> None:
    evidence.transcripts[0].closing = "404"


def leave_the_story_generating(evidence: Evidence) -> None:
    evidence.stories[STORY]["status"] = "generating"


def leave_an_asset_unsettled(evidence: Evidence) -> None:
    row(evidence, "portrait")["status"] = "queued"


def never_answer(evidence: Evidence) -> None:
    evidence.clients[0].accepted = False


def leave_a_command_unhandled(evidence: Evidence) -> None:
    evidence.commands.append({"event_id": "x.wish.1", "story_id": STORY, "handled_at": None})


def leave_a_job(evidence: Evidence) -> None:
    evidence.bus["JOBS"].append(f"job.images.normal.{STORY}.cover")


def leave_an_erasure_due(evidence: Evidence) -> None:
    evidence.erasures[0]["due_at"] = datetime.fromtimestamp(AT_SECONDS + 40, UTC)


def leave_a_reader_without_an_end(evidence: Evidence) -> None:
    evidence.transcripts[0].closing = "cut"


def settle_twice(evidence: Evidence) -> None:
    again = Line(1, 7, "asset", {"asset": "cover", "status": "ready"})
    evidence.updates[STORY].append(again)
    evidence.transcripts[0].lines.append(again)
    evidence.stories[STORY]["seq"] = 7
    deliver(evidence)


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


def end_a_transcript_early(evidence: Evidence) -> None:
    del evidence.transcripts[0].lines[5]


def change_an_update(evidence: Evidence) -> None:
    lines = evidence.transcripts[0].lines
    lines[2] = replace(lines[2], data={"asset": "cover", "status": "retrying"})


def show_something_else(evidence: Evidence) -> None:
    evidence.shown[STORY]["assetGenerationStatus"]["assets"]["cover"] = {"status": "failed"}


def show_another_text(evidence: Evidence) -> None:
    evidence.shown[STORY]["scenes"][0]["text"] = "A wolf."


def leave_a_hole_in_history(evidence: Evidence) -> None:
    del evidence.updates[STORY][3]
    evidence.transcripts = []


def leave_an_object_of_a_deleted_story(evidence: Evidence) -> None:
    evidence.objects[f"stories/{DELETED}/cover/abc.png"] = Stored(1, "")


def leave_an_object_of_nobodys(evidence: Evidence) -> None:
    evidence.objects["stories/strange/cover/abc.png"] = Stored(1, "")


def leave_a_row_of_a_deleted_story(evidence: Evidence) -> None:
    evidence.commands.append({"event_id": "x", "story_id": DELETED, "handled_at": "2026-03-01"})


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


def send_an_update_after_cancel(evidence: Evidence) -> None:
    for lines in (evidence.updates[STORY], evidence.transcripts[0].lines):
        lines[1] = Line(1, 2, "story", {"overall": "cancelled"})


def delete_without_a_receipt(evidence: Evidence) -> None:
    evidence.erasures = []


def call_without_a_name(evidence: Evidence) -> None:
    evidence.ledger[0]["client_request_id"] = None


def leave_a_process(evidence: Evidence) -> None:
    evidence.left.append("4711 python -m services.images")


def never_write_a_delivery(evidence: Evidence) -> None:
    evidence.deliveries.pop()


def write_a_delivery_twice(evidence: Evidence) -> None:
    evidence.deliveries.append(dict(evidence.deliveries[0]))


def deliver_what_never_happened(evidence: Evidence) -> None:
    evidence.deliveries[0]["event_id"] += "7"


def leave_a_delivery_pending(evidence: Evidence) -> None:
    evidence.deliveries[0]["state"] = "pending"


def give_a_delivery_up(evidence: Evidence) -> None:
    evidence.deliveries[0]["state"] = "failed"


def mark_what_was_not_taken(evidence: Evidence) -> None:
    evidence.hooks = [hook for hook in evidence.hooks if not (hook.taken and hook.id == evidence.hooks[0].id)]


def send_other_words(evidence: Evidence) -> None:
    evidence.deliveries[0]["payload"] = "{}"


def forge_a_signature(evidence: Evidence) -> None:
    evidence.hooks[0] = replace(evidence.hooks[0], verified=False)


def name_a_child(evidence: Evidence) -> None:
    evidence.hooks[0] = replace(evidence.hooks[0], body='{"title": "Mira and the fox"}')


def leave_a_delivery_of_a_deleted_story(evidence: Evidence) -> None:
    evidence.deliveries.append({**evidence.deliveries[0], "story_id": DELETED})


VIOLATIONS: list[tuple[str, Plant]] = [
    ("lost", lose_the_story),
    ("lost", hide_the_story),
    ("lost", lose_an_asset),
    ("lost", lose_an_object),
    ("lost", damage_an_object),
    ("lost", lose_a_manifest),
    ("lost", lose_an_edit),
    ("lost", answer_404_to_a_reader),
    ("stuck", leave_the_story_generating),
    ("stuck", leave_an_asset_unsettled),
    ("stuck", never_answer),
    ("stuck", leave_a_command_unhandled),
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
    ("gaps", end_a_transcript_early),
    ("gaps", change_an_update),
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
    ("wrong", send_an_update_after_cancel),
    ("wrong", delete_without_a_receipt),
    ("wrong", call_without_a_name),
    ("left", leave_a_process),
    ("lost", never_write_a_delivery),
    ("duplicates", write_a_delivery_twice),
    ("wrong", deliver_what_never_happened),
    ("stuck", leave_a_delivery_pending),
    ("lost", give_a_delivery_up),
    ("lost", mark_what_was_not_taken),
    ("wrong", send_other_words),
    ("wrong", forge_a_signature),
    ("wrong", name_a_child),
    ("orphans", leave_a_delivery_of_a_deleted_story),
]
"""(what the checker must call it, how it is planted)."""
