"""Checks what is kept: results and their objects, one result everywhere, and nothing of what was deleted."""

from collections.abc import Iterator

from tests.chaos.evidence import Client, Evidence, Row
from tests.chaos.facts import find_all

Finding = tuple[str, str]

SWEEP_GRACE_SECONDS = 10.0
"""Seconds after which nobody sweeps any more."""


def check(evidence: Evidence) -> Iterator[Finding]:
    """All of it."""
    for client in evidence.clients:
        if client.id in evidence.stories and not client.deleted:
            for name, row in evidence.assets_of(client.id).items():
                if row["status"] == "ready" and row["result"]:
                    yield from _objects(f"{client.id} {name}", row, evidence)
                    yield from _manifest(client, name, row, evidence)
    yield from _orphans(evidence)
    yield from _receipts(evidence)
    for subject in evidence.bus.get("JOBS", ()):
        yield "stuck", f"a job is left on the bus: {subject}"


def _objects(at: str, row: Row, evidence: Evidence) -> Iterator[Finding]:
    """What a result names is in the store as it says."""
    stored = [one for name in ("image", "audio", "vtt", "pdf") for one in find_all(row["result"], name)]
    for one in stored:
        there = evidence.objects.get(one["key"])
        if there is None:
            yield "lost", f"{at}: {one['key']} is not in the store"
        elif (there.size, there.sha256) != (one["size"], one["sha256"]):
            yield "lost", f"{at}: {one['key']} is not what was stored"


def _manifest(client: Client, name: str, row: Row, evidence: Evidence) -> Iterator[Finding]:
    """Whoever made it, one result stands: the manifest's is the row's."""
    if name in _written_by(client):
        return  # no worker made what a client wrote
    key = f"stories/{client.id}/{name}/{row['fingerprint']}/result.json"
    manifest = evidence.objects.get(key)
    if manifest is None:
        yield "lost", f"{client.id} {name} has no manifest: {key}"
    elif manifest.value["result"] != row["result"]:
        yield "duplicates", f"{client.id} {name} has two results: the row's is not the manifest's"


def _written_by(client: Client) -> set[str]:
    edits = [one for one in client.asked if one.kind == "edit"]
    return {f"text_{edit.scene}" for edit in edits} | ({"content"} if edits else set())


def _orphans(evidence: Evidence) -> Iterator[Finding]:
    """Of a deleted story there is nothing, nor of one that nobody asked for."""
    known = {client.id for client in evidence.clients if client.id}
    for key in evidence.objects:
        story_id = key.split("/")[1] if key.startswith("stories/") else ""
        if story_id in evidence.deleted:
            yield "orphans", f"{key} is of a deleted story"
        elif story_id not in known:
            yield "orphans", f"{key} is of no story"
    for stream, subjects in evidence.bus.items():
        for subject in subjects:
            if any(story_id in subject for story_id in evidence.deleted):
                yield "orphans", f"{stream} has a message of a deleted story: {subject}"
    rows = [("assets", row["story_id"]) for row in evidence.assets]
    rows += [("events", story_id) for story_id in evidence.updates]
    rows += [("command_outbox", row["story_id"]) for row in evidence.commands]
    for table, story_id in sorted({one for one in rows if one[1] in evidence.deleted}):
        yield "orphans", f"there are {table} of the deleted story {story_id}"


def _receipts(evidence: Evidence) -> Iterator[Finding]:
    """Whoever deletes gets a receipt, and what is swept up after late workers is swept up."""
    receipts = {row["story_id"]: row for row in evidence.erasures}
    for story_id in sorted(evidence.deleted):
        if story_id not in receipts:
            yield "wrong", f"{story_id} was deleted without a receipt"
        elif (
            due := receipts[story_id]["due_at"]
        ) is not None and due.timestamp() < evidence.asked_at - SWEEP_GRACE_SECONDS:
            yield "stuck", f"the erasure of {story_id} is overdue: {due}"
