"""A folder belongs to one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from local.errors import UserError


class FolderLock:
    """Holds ``folder`` until ``release``; the kernel lets go of it too when the process dies, however it dies.

    The folder is made when missing. The lock file keeps the holder's pid, for people and for the message.
    """

    def __init__(self, folder: Path, what: str) -> None:
        self.path = folder / "lock"
        self._what = what
        # One holder is one object here: which thread or task takes it or lets go does not matter.
        self._lock = FileLock(self.path, mode=0o644, blocking=False, thread_local=False)

    def take(self) -> None:
        """Raise UserError when another holds it, or when the folder cannot be written."""
        folder = self.path.parent
        if self.held:
            raise self._taken()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self.path.write_text(f"{os.getpid()}\n")
        except Timeout as error:
            holder = self.path.read_text(errors="replace").strip() or "unknown"
            raise UserError(
                f"{self._what} is already running in {folder} (process {holder}): stop it first."
            ) from error
        except OSError as error:
            raise UserError(f"Cannot write to {folder} ({error.strerror}): free or change it.") from error

    def _taken(self) -> UserError:
        holder = self.path.read_text(errors="replace").strip() or "unknown"
        where = f"{self._what} is already running in {self.path.parent}"
        return UserError(f"{where} (process {holder}): stop it first.")

    @property
    def held(self) -> bool:
        return self._lock.is_locked

    def release(self) -> None:
        """Let go. Safe to call twice. The file stays: removing it would let two hold two files of one name."""
        self._lock.release()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A folder that all may read, made if missing, while nobody else is in such a block. No file is left in it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _leads_to(folder, file):
                yield
                return
        finally:
            os.close(file)


def _leads_to(path: Path, file: int) -> bool:
    """Whether a path still leads to an open folder: who had it locked before may have removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False
