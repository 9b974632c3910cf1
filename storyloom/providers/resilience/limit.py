"""How many calls may be under way at once: additive increase, multiplicative decrease (AIMD; Chiu and Jain, 1989)."""


class Limit:
    """Begins at ``start``. A 429 halves it, at most once in ``window`` seconds; as many successes as it allows calls
    raise it by one, up to ``most``. It is never below 1.
    """

    def __init__(self, start: int, most: int, *, window: float = 5.0) -> None:
        self._most = max(start, most)
        self._window = window
        self._halved_at = float("-inf")
        self._successes = 0
        self.calls = start
        """Calls that may be under way now."""

    def succeed(self, in_flight: int) -> None:
        """A call succeeded while so many were under way, itself among them.

        It counts where the limit is in use: a limit that nobody comes near is not shown to be right by going well.
        """
        if 2 * in_flight < self.calls:
            return
        self._successes += 1
        if self._successes >= self.calls:
            self._successes = 0
            self.calls = min(self._most, self.calls + 1)

    def shrink(self, now: float) -> None:
        """A call was refused as one too many. ``now`` is in seconds."""
        if now - self._halved_at < self._window:
            return  # calls of one burst are refused one by one, and are one piece of news
        self._halved_at = now
        self._successes = 0
        self.calls = max(1, self.calls // 2)
