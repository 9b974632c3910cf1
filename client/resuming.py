"""The file that makes one brief one story, however often the process that waits for it dies.

The idempotency key is on the disk before the request is sent, and the story's id as soon as it is known. Whoever runs
again with the same file sends the same key, or none at all. The file holds no word of the brief, only its hash.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

KEY_LIFETIME_SECONDS = 23 * 3600.0
"""An idempotency key is known for a day: an older file without a story is of no use."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What the file holds. ``begun_at``: unix seconds; ``brief``: its hash; ``story_id``: None until it is known."""

    idempotency_key: str
    brief: str
    begun_at: float
    story_id: str | None = None


class ResumeFile:
    """One story that was asked for and not waited for to the end. Its methods raise OSError.

    Two processes with the same file and brief ask for the same story.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, brief: Mapping[str, Any], api_url: str) -> Pending:
        """What an earlier process began with this brief at this API, else a new beginning, which is on the disk.

        Raises ValueError for a file that belongs to another brief.
        """
        digest = brief_digest(brief, api_url)
        found = self.read()
        if found is not None and found.brief != digest:
            raise ValueError(f"{self.path} is of another story that is not finished: name another file, or remove it.")
        if found is not None and (found.story_id or time.time() - found.begun_at < KEY_LIFETIME_SECONDS):
            return found
        self.done()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write(Pending(str(uuid4()), digest, time.time()), new=True)
        written = self.read()
        assert written is not None, self.path
        return written

    def created(self, pending: Pending, story_id: str) -> None:
        """Keep the story's id."""
        self._write(replace(pending, story_id=story_id), new=False)

    def done(self) -> None:
        """Nothing is left to resume."""
        self.path.unlink(missing_ok=True)

    def read(self) -> Pending | None:
        """What the file holds; None for no file, or one that is not of this kind."""
        try:
            return Pending(**json.loads(self.path.read_text("utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _write(self, pending: Pending, *, new: bool) -> None:
        """Wholly or not at all, and on the disk when this returns. ``new``: who comes second leaves the first's."""
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.{uuid4().hex[:8]}")
        try:
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 - of a descriptor
                json.dump(asdict(pending), file)
                file.flush()
                os.fsync(file.fileno())
            if new:
                with suppress(FileExistsError):
                    self.path.hardlink_to(temporary)
            else:
                temporary.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        finally:
            temporary.unlink(missing_ok=True)


def brief_digest(brief: Mapping[str, Any], api_url: str) -> str:
    """What a brief at an API is known by."""
    text = json.dumps([api_url, brief], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
