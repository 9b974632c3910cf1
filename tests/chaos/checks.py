"""The checker: from the evidence alone, what is wrong. It shares no code with the product."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos import hook_checks, payment_checks, storage_checks, stream_checks
from tests.chaos.evidence import Client, Evidence, Row
from tests.chaos.facts import ENDED, NEEDS, SETTLED, needed, overall

KINDS = ("lost", "stuck", "duplicates", "extra_paid", "gaps", "orphans", "failed", "wrong", "left")
"""What can be wrong. ``failed``: an asset failed though nothing was refused; ``left``: processes that are there yet."""

Finding = tuple[str, str]
"""(kind, a sentence)."""


def check(evidence: Evidence) -> dict[str, list[str]]:
    """Everything that is wrong, by kind; every kind is there."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    others = (stream_checks.check, storage_checks.check, payment_checks.check, hook_checks.check)
    parts = (accepted, stories, assets, commands, *others, left)
    for part in parts:
        for kind, sentence in part(evidence):
            found[kind].append(sentence)
    return found


def accepted(evidence: Evidence) -> Iterator[Finding]:
    """Every accepted story is there, until its client deletes it."""
    for client in evidence.clients:
        name = f"story {client.number}"
        if not client.accepted:
            yield "stuck", f"{name} was never answered"
        elif client.deleted:
            if client.id in evidence.stories:
                yield "orphans", f"{name} was deleted and has its row yet: {client.id}"
        elif client.id not in evidence.stories:
            yield "lost", f"{name} was accepted and is not there: {client.id}"
        elif evidence.shown.get(client.id) is None:
            yield "lost", f"{name} has a row, but GET does not find it: {client.id}"


def stories(evidence: Evidence) -> Iterator[Finding]:
    """Every story is somebody's, is there once, and has ended."""
    known = {client.id for client in evidence.clients}
    for story_id, row in evidence.stories.items():
        if story_id not in known:
            yield "duplicates", f"story {story_id} was never answered to anybody (key {row['idempotency_key']})"
        if row["status"] not in ENDED:
            yield "stuck", f"story {story_id} is {row['status']}"
    for key, times in Counter(row["idempotency_key"] for row in evidence.stories.values()).items():
        if times > 1:
            yield "duplicates", f"{key} became {times} stories"


def assets(evidence: Evidence) -> Iterator[Finding]:
    """Every asset of a story is there and settled, and stands with what it needs."""
    for client in evidence.clients:
        row = evidence.stories.get(client.id)
        if row is None or client.deleted:
            continue
        rows = evidence.assets_of(client.id)
        for missing in sorted(needed(client.assets) - set(rows)):
            yield "lost", f"{client.id} has no {missing}"
        for name, asset in rows.items():
            yield from _asset(client, name, asset, rows)
        derived = overall({name: asset["status"] for name, asset in rows.items()})
        if row["status"] not in (derived, "cancelled", "generating"):
            yield "wrong", f"{client.id} is {row['status']}, but its assets say {derived}"


def _asset(client: Client, name: str, asset: Row, rows: dict[str, Row]) -> Iterator[Finding]:
    status, at = asset["status"], f"{client.id} {name}"
    if status not in SETTLED:
        yield "stuck", f"{at} is {status} (revision {asset['revision']})"
    needs = {need: rows[need]["status"] for need in NEEDS[name] if need in rows}
    if status == "ready":
        unmet = [need for need, stands in needs.items() if stands != "ready"]
        if unmet:
            yield "wrong", f"{at} is ready without {', '.join(unmet)}"
        if not asset["result"]:
            yield "wrong", f"{at} is ready without a result"
    if status == "failed":
        code = (asset["metadata"] or {}).get("code")
        if code != "need_failed":
            yield "failed", f"{at} failed: {code}: {asset['error_message']}"
        elif "failed" not in needs.values():
            yield "wrong", f"{at} failed for a need that did not"


def commands(evidence: Evidence) -> Iterator[Finding]:
    """Every command was handled, and what was written by a client is what stands."""
    for row in evidence.commands:
        if row["handled_at"] is None:
            yield "stuck", f"the command {row['event_id']} was never handled"
    for client in evidence.clients:
        edits = client.granted("edit")
        if not edits or client.id not in evidence.stories or {one.kind for one in client.asked} != {"edit"}:
            continue  # another command may rightly have taken its place
        rows = evidence.assets_of(client.id)
        for scene, text in {edit.scene: edit.text for edit in edits}.items():
            result = rows[f"text_{scene}"]["result"] or {}
            if "\n\n".join(result.get("paragraphs", ())) != text:
                yield "lost", f"{client.id}: what its client wrote for scene {scene} is not there"


def left(evidence: Evidence) -> Iterator[Finding]:
    """No process is left."""
    yield from (("left", process) for process in evidence.left)
