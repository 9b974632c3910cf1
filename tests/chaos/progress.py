"""What is said on the way: one live line on a terminal, nothing elsewhere."""

import sys
import time


class Progress:
    """A line on stderr that is written over again and again."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since it all began."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """What is going on now."""
        if self._live:
            sys.stderr.write(f"\r\x1b[K{self.seconds:6.1f} s  {text}"[:160])
            sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
