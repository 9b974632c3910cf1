"""No child outlives a killed launcher.

A shell, in a session of its own, waits on a pipe that only the launcher holds open. When the launcher dies, however
it dies, the pipe ends and the shell stops the child's process group: politely first, by force soon after. One means
for Linux and macOS; Linux's own (PR_SET_PDEATHSIG) is lost on a change of user and fires when a *thread* ends.
"""

import os
import signal
import subprocess

_SCRIPT = 'read -r _; kill -s "$1" -- "-$2" 2>/dev/null && sleep "$3" && kill -s KILL -- "-$2" 2>/dev/null'


class Watchdog:
    """Watches over one process group. ``release`` it once the group is gone, before its number can be used again."""

    def __init__(self, group: int, stop_signal: signal.Signals, *, grace: int = 4) -> None:
        waits, self._held = os.pipe()
        self._shell = subprocess.Popen(  # noqa: S603 - a fixed script and numbers
            ["/bin/sh", "-c", _SCRIPT, "watchdog", stop_signal.name.removeprefix("SIG"), str(group), str(grace)],
            stdin=waits,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(waits)

    def release(self) -> None:
        """Stop watching. Safe to call twice."""
        if self._shell.returncode is None:
            self._shell.kill()
            self._shell.wait()
            os.close(self._held)
