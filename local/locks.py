"""A folder belongs to one process at a time."""

import fcntl
import os
from pathlib import Path

from local.errors import UserError


class FolderLock:
    """Holds ``folder`` until ``release``; the kernel lets go of it too when the process dies, however it dies.

    The folder is made when missing. The lock file keeps the holder's pid, for people and for the message.
    """

    def __init__(self, folder: Path, what: str) -> None:
        self.path = folder / "lock"
        self._what = what
        self._file: int | None = None

    def take(self) -> None:
        """Raise UserError when another holds it, or when the folder cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UserError(f"Cannot write to {self.path.parent} ({error.strerror}): free or change it.") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise UserError(
                f"{self._what} is already running in {self.path.parent} (process {holder}): stop it first."
            ) from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    @property
    def held(self) -> bool:
        return self._file is not None

    def release(self) -> None:
        """Let go. Safe to call twice. The file stays: removing it would let two hold two files of one name."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
