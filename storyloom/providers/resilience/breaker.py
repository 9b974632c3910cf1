"""A circuit breaker: when many calls in a row say that a provider is unavailable, stop asking; later, ask once.

A pure state machine: no clock, no tasks. Why it is ours: docs/adr/0011-one-gate-for-each-provider.md.
"""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

JITTER = 0.25
"""The share of a pause that may come on top, so that the processes of a service do not ask all at once."""
HANGING_PAUSES = 2
"""How many of its last pauses a breaker waits for the answer of a probe before it lets another one in."""


class State(IntEnum):
    """The values are those of the metric."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class Admission:
    """A call that was let in: after how many changes between open and closed, and whether it is one that tries."""

    changes: int
    probe: bool


class Breaker:
    """Opens after ``failures`` in a row within ``within`` seconds, for the first of ``pauses``.

    After the pause one call is let in, the probe: it closes the breaker, or opens it for the next pause (the last
    repeats). Of a probe that is not answered for ``HANGING_PAUSES`` of the last pause nothing is known yet: another one
    is let in, and the first of them that succeeds closes the breaker. What was let in before the breaker last opened
    or closed ends without effect: it is out of date. ``now`` is in seconds and never runs back.
    """

    def __init__(
        self, *, failures: int, within: float, pauses: Sequence[float], rng: random.Random | None = None
    ) -> None:
        self._failures: deque[float] = deque(maxlen=failures)
        self._within = within
        self._pauses = pauses
        self._rng = rng or random.Random()
        self.transitions = 0
        """How often it has opened or closed, failed probes included."""
        self._changes = 0  # how often it has been closed before, or open: without failed probes
        self._opened = 0  # times in a row
        self._until: float | None = None  # the end of the pause; None: closed
        self._probes = 0  # not answered yet

    @property
    def first_pause(self) -> float:
        """Seconds of the shortest pause."""
        return self._pauses[0]

    @property
    def state(self) -> State:
        """Open also when the pause is over and no probe is under way."""
        if self._until is None:
            return State.CLOSED
        return State.HALF_OPEN if self._probes else State.OPEN

    def closed_for(self, now: float) -> float:
        """Seconds until it is worth coming again; 0: a call may be let in now."""
        if self._until is None:
            return 0.0
        return max(0.0, self._until - now)

    def admit(self, now: float) -> Admission:
        """Let a call in. Only where ``closed_for`` is 0; whoever is let in must come to ``end``."""
        if self.closed_for(now) > 0:
            raise RuntimeError("the breaker is open")
        if self._until is None:
            return Admission(self._changes, probe=False)
        self._probes += 1
        self._until = now + HANGING_PAUSES * self._pauses[-1]
        return Admission(self._changes, probe=True)

    def end(self, admission: Admission, now: float, *, unavailable: bool | None) -> None:
        """The call ended, and says whether the provider is unavailable; None where it says nothing (cancelled)."""
        if admission.changes != self._changes:
            return
        if admission.probe:
            self._probes -= 1
        if unavailable is None:
            if admission.probe:
                self._until = now
            return
        if admission.probe:
            self._decide(now, unavailable=unavailable)
        elif not unavailable:
            self._failures.clear()
        else:
            self._failures.append(now)
            if len(self._failures) == self._failures.maxlen and now - self._failures[0] <= self._within:
                self._decide(now, unavailable=True)

    def open_for(self, admission: Admission, now: float, pause: float) -> None:
        """The call ended, and asks for a pause of its own: an allowance is exhausted. After it, too, one call tries."""
        if admission.changes == self._changes:
            self._probes -= admission.probe
            self._open(now, pause)

    def _decide(self, now: float, *, unavailable: bool) -> None:
        if unavailable:
            pause = self._pauses[min(self._opened, len(self._pauses) - 1)]
            self._opened += 1
            self._open(now, pause)
        else:
            self._change()
            self._opened, self._until = 0, None

    def _open(self, now: float, pause: float) -> None:
        if self._until is None:
            self._change()
        else:
            self.transitions += 1
        self._until = now + pause * (1 + self._rng.random() * JITTER)

    def _change(self) -> None:
        """From closed to open, or back: all that is under way is out of date."""
        self.transitions += 1
        self._changes += 1
        self._probes = 0
        self._failures.clear()
