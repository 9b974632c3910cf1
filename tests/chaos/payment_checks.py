"""Checks what was paid: the studio's ledger against the calls that rows and manifests know of.

A call may be paid for in vain only where its process died or stood still between the provider's answer and the
manifest, or where a client no longer wanted what it made. Every other call that is not accounted for, while another one
of its kind for the very same thing is, was paid twice.
"""

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.evidence import Evidence, Incident, Row
from tests.chaos.facts import find_all, service
from tests.chaos.schedule import ACK_WAIT

Finding = tuple[str, str]

REQUEST_DELAY_SECONDS = 0.5
"""Seconds that a request may be on its way to a busy provider: its sender may be dead when it begins there."""
STORING_SECONDS = 5.0
"""Seconds from the end of a job's last call until its result is stored: a later death costs nothing."""
STORE_RETURN_SECONDS = 8.0
"""Seconds from the store's return until whoever waits for it has written."""
OF_NO_USE = ("cut", "malformed", "dirty_text", "incomplete")
"""The faults after which the same is asked again; the last answer's entry carries the cost of all."""
LOSES_PAID_CALLS = ("kill", "freeze", "drain", "stall")
"""``stall``: a busy machine did not let it run; it says so itself."""


def check(evidence: Evidence) -> Iterator[Finding]:
    """Every answered call that was paid in vain, with no reason for it; and those that do not say what they are for."""
    nameless = sum(call["cost_usd"] > 0 and not mark(call) for call in evidence.ledger)
    if nameless:
        yield "wrong", f"{nameless} of {len(evidence.ledger)} calls do not say what they were made for"
    accounted = set(_accounted(evidence))
    forgiven, unnamed = _forgiven(evidence), _unnamed(evidence)
    groups: defaultdict[tuple[str, str, str | None], list[Row]] = defaultdict(list)
    of_job: defaultdict[str, list[Row]] = defaultdict(list)
    for call in evidence.ledger:
        of_job[mark(call)].append(call)
        if _answered(call) and mark(call):
            groups[mark(call), call["endpoint"], call["schema"]].append(call)
    for (fingerprint, endpoint, schema), calls in groups.items():
        known = [call for call in calls if call["request_id"] in accounted]
        if not known or fingerprint in forgiven:
            continue
        unknown = [
            call
            for call in calls
            if call not in known and not _explained(call, _burst(call, of_job[fingerprint]), evidence.incidents)
        ]
        for call in unknown[unnamed.get(fingerprint, 0) :]:
            what = schema or endpoint
            yield "extra_paid", f"{what} for {fingerprint} at {call['at']}: {call['request_id']} is in nobody's account"


def _answered(call: Row) -> bool:
    """Whether it was paid for and its answer came, of some use, to somebody who was there to read it."""
    return call["cost_usd"] > 0 and call["fault"] not in OF_NO_USE and call["client_there"] is not False


def mark(call: Row) -> str:
    """The first 16 digits of the fingerprint that a call was made for; empty if it did not say."""
    name = call.get("client_request_id") or call.get("clientRequestId") or ""
    return name.partition("-")[0] if len(name) > 16 else ""


def _accounted(evidence: Evidence) -> Iterator[str]:
    """The request ids of all calls that somebody knows of: in rows, and in manifests of whatever revision."""
    for row in evidence.assets:
        yield from find_all([row["result"], row["metadata"]], "request_id")
    for stored in evidence.objects.values():
        if stored.value is not None:
            yield from find_all(stored.value, "request_id")


def _unnamed(evidence: Evidence) -> dict[str, int]:
    """How many calls are known of each fingerprint whose answers' ids nobody learned: those that took too long."""
    records: list[tuple[str, Row]] = [(row["fingerprint"] or "", row["result"] or {}) for row in evidence.assets]
    records += [(key.split("/")[3], one.value) for key, one in evidence.objects.items() if one.value is not None]
    counts: dict[str, int] = {}
    for fingerprint, value in records:
        unnamed = sum(not call["request_id"] for call in value.get("result", value).get("calls", ()))
        counts[fingerprint[:16]] = max(unnamed, counts.get(fingerprint[:16], 0))
    return counts


def _forgiven(evidence: Evidence) -> set[str]:
    """Fingerprints of stories whose clients changed their minds: what ran then was paid in vain, and rightly so."""
    minds = {
        client.id
        for client in evidence.clients
        if any(one.kind in ("cancel", "delete", "edit") for one in client.asked)
    }
    return {row["fingerprint"][:16] for row in evidence.assets if row["story_id"] in minds and row["fingerprint"]}


def _burst(call: Row, of_job: list[Row]) -> tuple[float, float]:
    """When the calls of its job began and ended that belong together: a text is stored only once moderation has let it
    pass, and whoever makes a picture in vain has it checked in vain.

    Calls belong together where one began before the one before it would have been stored.
    """
    since: float = call["started_at"]
    until: float = call["ended_at"]
    for earlier in sorted(of_job, key=lambda one: one["ended_at"], reverse=True):
        if earlier["ended_at"] + STORING_SECONDS >= since:
            since = min(since, earlier["started_at"])
    for later in sorted(of_job, key=lambda one: one["started_at"]):
        if since <= later["started_at"] <= until + STORING_SECONDS:
            until = max(until, later["ended_at"])
    return since, until


def _explained(call: Row, burst: tuple[float, float], incidents: list[Incident]) -> bool:
    """Whether a worker of its service died or stood still while it, and what belongs to it, was made or kept."""
    maker = service(call["endpoint"], call["schema"])
    since, until = burst
    kept = _kept_by(since, until, incidents)
    return any(
        one.kind in LOSES_PAID_CALLS
        and one.process.partition("-")[0] == maker
        and one.since <= kept
        # The twin of a frozen worker's job may be paid until the frozen one answers again.
        and one.until + (REQUEST_DELAY_SECONDS if one.kind in ("kill", "drain") else ACK_WAIT) >= since
        for one in incidents
    )


def _kept_by(since: float, until: float, incidents: list[Incident]) -> float:
    """By when the result of such calls is stored and published: later where the store was down meanwhile."""
    kept = until + STORING_SECONDS
    for one in sorted(incidents, key=lambda one: one.since):
        if one.process == "store" and one.until >= since and one.since <= kept:
            kept = max(kept, one.until + STORE_RETURN_SECONDS)
    return kept
