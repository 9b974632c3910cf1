"""A circuit breaker: when many calls in a row say that a provider is away, stop asking; later, ask once.

A pure state machine: no clock, no tasks. Why it is ours: docs/adr/0011-one-gate-for-each-provider.md.
"""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

JITTER = 0.25
"""The share of a pause that may come on top, so that the processes of a service do not ask all at once."""


class State(IntEnum):
    """The values are those of the metric."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that was let in: in which state of affairs, and whether it is the one that tries."""

    era: int
    probe: bool


class Breaker:
    """Opens after ``failures`` in a row within ``within`` seconds, for the first of ``pauses``.

    After the pause one call is let in: it closes the breaker, or opens it for the next pause (the last repeats). What
    was let in before the breaker last opened or closed ends without effect: it tells of the past. ``now`` is in seconds
    and never runs back.
    """

    def __init__(
        self, *, failures: int, within: float, pauses: Sequence[float], chance: random.Random | None = None
    ) -> None:
        self._failures: deque[float] = deque(maxlen=failures)
        self._within = within
        self._pauses = pauses
        self._chance = chance or random.Random()
        self.era = 0
        """How often it has opened or closed."""
        self._opened = 0  # times in a row
        self._until: float | None = None  # the end of the pause; None: closed
        self._trying = False

    @property
    def state(self) -> State:
        """Open also when the pause is over and nobody has tried yet."""
        if self._until is None:
            return State.CLOSED
        return State.HALF_OPEN if self._trying else State.OPEN

    def closed_for(self, now: float) -> float:
        """Seconds until it is worth coming again; 0: a call may be let in now."""
        if self._until is None:
            return 0.0
        return self._pauses[0] if self._trying else max(0.0, self._until - now)

    def let_in(self, now: float) -> Ticket:
        """Let a call in. Only where ``closed_for`` is 0; whoever is let in must come to ``end``."""
        if self.closed_for(now) > 0:
            raise RuntimeError("the breaker is open")
        self._trying = self._until is not None
        return Ticket(self.era, self._trying)

    def end(self, ticket: Ticket, now: float, *, away: bool | None) -> None:
        """The call ended, and says whether the provider is away; None where it says nothing (cancelled)."""
        if ticket.era != self.era:
            return
        if ticket.probe:
            self._trying = False
        if away is None:
            return
        if ticket.probe:
            self._decide(now, away=away)
        elif not away:
            self._failures.clear()
        else:
            self._failures.append(now)
            if len(self._failures) == self._failures.maxlen and now - self._failures[0] <= self._within:
                self._decide(now, away=True)

    def open_for(self, ticket: Ticket, now: float, pause: float) -> None:
        """The call ended, and asks for a pause of its own: an allowance is exhausted. After it, too, one call tries."""
        if ticket.era == self.era:
            self._open(now, pause)

    def _decide(self, now: float, *, away: bool) -> None:
        if away:
            pause = self._pauses[min(self._opened, len(self._pauses) - 1)]
            self._opened += 1
            self._open(now, pause)
        else:
            self._turn()
            self._opened, self._until = 0, None

    def _open(self, now: float, pause: float) -> None:
        self._turn()
        self._until = now + pause * (1 + self._chance.random() * JITTER)

    def _turn(self) -> None:
        self.era += 1
        self._trying = False
        self._failures.clear()
