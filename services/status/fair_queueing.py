"""Weighted fair queueing: which tenants' jobs of a lane come next. Pure.

Start-time fair queueing (Goyal, Vin, Cheng: "Start-time Fair Queuing", SIGCOMM 1996): a tenant's job begins where its
last one ended, or now if the tenant had nothing to wait for, and takes 1 / weight; the job that begins first is served.
A tenant alone gets every slot, two get them in the ratio of their weights, and whoever comes anew is next at once:
nobody saves up turns while idle, and nobody pays for having been alone.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Share:
    """A tenant with a backlog in a lane. ``finish``: the virtual time at which its last job ended, 0 for none.

    ``jobs``: the ids of its jobs, in its own order, as many as may be chosen.
    """

    tenant_id: str
    weight: float
    finish: float
    jobs: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The jobs that come next, in order; the lane's virtual time, and the tenants' finishes that changed."""

    jobs: tuple[UUID, ...]
    virtual_time: float
    finishes: Mapping[str, float]


def choose(shares: Sequence[Share], virtual_time: float, room: int) -> Chosen:
    """Choose at most ``room`` jobs. Of tenants that are level the first by name comes first, on every replica."""
    waiting = [
        (max(virtual_time, share.finish), share.tenant_id, index, 0) for index, share in enumerate(shares) if share.jobs
    ]
    heapq.heapify(waiting)
    jobs: list[UUID] = []
    finishes: dict[str, float] = {}
    while waiting and len(jobs) < room:
        start, tenant_id, index, position = heapq.heappop(waiting)
        share = shares[index]
        jobs.append(share.jobs[position])
        virtual_time = max(virtual_time, start)
        finishes[tenant_id] = finish = start + 1 / share.weight
        if position + 1 < len(share.jobs):
            heapq.heappush(waiting, (finish, tenant_id, index, position + 1))
    return Chosen(tuple(jobs), virtual_time, finishes)
