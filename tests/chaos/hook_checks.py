"""Checks what another system was sent: each committed event once as a row, delivered, signed, and as it was written."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from tests.chaos.briefs import NAMES
from tests.chaos.evidence import Evidence, Line
from tests.chaos.facts import ENDED

Finding = tuple[str, str]


def check(evidence: Evidence) -> Iterator[Finding]:
    """All of it."""
    yield from _hooks(evidence)
    expected = set(_expected(evidence))
    rows = Counter(row["event_id"] for row in evidence.deliveries)
    for event_id in sorted(expected):
        if not rows[event_id]:
            yield "lost", f"the webhook {event_id} was never written"
    for event_id, times in rows.items():
        if times > 1:
            yield "duplicates", f"the webhook {event_id} was written {times} times"
        elif event_id not in expected:
            yield "wrong", f"the webhook {event_id} is of nothing that happened"
    yield from _delivered(evidence)


def _expected(evidence: Evidence) -> Iterator[str]:
    """The ids of all events of stories that are there, by what their readers were sent."""
    for story_id in evidence.stories:
        for line in evidence.updates.get(story_id, ()):
            if _is_event(line):
                yield f"evt_{UUID(story_id).hex}_{line.id}"


def _is_event(line: Line) -> bool:
    if line.event == "asset":
        return line.data["status"] in ("ready", "failed")
    return line.event == "story" and line.data["overall"] in ENDED


def _delivered(evidence: Evidence) -> Iterator[Finding]:
    """What was written was taken, in these words."""
    taken = {hook.id: hook for hook in evidence.hooks if hook.taken}
    for row in evidence.deliveries:
        name = f"the webhook {row['event_id']}"
        if row["story_id"] in evidence.deleted:
            yield "orphans", f"{name} is of a deleted story"
        elif row["state"] == "pending":
            yield "stuck", f"{name} is pending: {row['log']}"
        elif row["state"] != "delivered":
            yield "lost", f"{name} is {row['state']}: {row['log']}"
        elif row["event_id"] not in taken:
            yield "lost", f"{name} is delivered, and was never taken"
        elif taken[row["event_id"]].body != row["payload"]:
            yield "wrong", f"{name} was sent in other words than were written"


def _hooks(evidence: Evidence) -> Iterator[Finding]:
    """Whatever came is signed, and names no child."""
    for hook in evidence.hooks:
        if not hook.verified:
            yield "wrong", f"the webhook {hook.id} is not signed as it must be"
        if any(name in hook.body for name in NAMES):
            yield "wrong", f"the webhook {hook.id} names a child"
