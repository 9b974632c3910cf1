"""A finished story on disk: one folder a story, and ``latest``, which points to the newest."""

import asyncio
import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from client import Story, StoryloomClient, StoryReceipt
from client.downloads import FILES
from local.errors import UserError
from local.folder_names import folder_name

OPENED_FIRST = ("book.pdf", "book.epub", "cover.png", "scene_1.png", "narration.mp3", "activities.json", "story.json")

RECEIPT = "receipt.json"


def to_open(files: Collection[str]) -> str:
    """Which of a story's files shows most of it: not every story has a book."""
    return next(name for name in OPENED_FIRST if name in files)


class Book:
    """Where stories are kept. Raises UserError at once where nothing can be written, not after the story is made."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._folder = self.latest
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"OUT={out} cannot be made ({error.strerror}): name another folder.") from error
        if not os.access(out, os.W_OK | os.X_OK):
            raise UserError(f"OUT={out} cannot be written to: name another folder.")

    @property
    def latest(self) -> Path:
        """The newest story's folder, by a link."""
        return self._out / "latest"

    async def keep(self, client: StoryloomClient, story: Story) -> list[tuple[str, int]]:
        """Fetch all that is ready into a new folder; answer files and sizes. Raises StoryloomError and UserError."""
        names = [character["name"] for character in story["characters"]]
        folder = self._out / folder_name(datetime.now().astimezone(), story.get("title") or "", names)
        try:
            folder.mkdir()
            self._folder = folder
            text = json.dumps(story, indent=2, ensure_ascii=False) + "\n"
            (folder / "story.json").write_text(text, "utf-8")
            kept = [("story.json", len(text.encode()))]
            kept += await self._fetch(client, story, folder)
            self._point(folder.name)
        except OSError as error:
            raise UserError(
                f"{folder} cannot be written ({error.strerror}): free some space or name another OUT."
            ) from error
        return kept

    def keep_receipt(self, receipt: StoryReceipt) -> None:
        """Put a receipt beside the story that was kept last. Raises UserError where it cannot be written."""
        path = self._folder / RECEIPT
        try:
            path.write_text(json.dumps(receipt, indent=2, ensure_ascii=False) + "\n", "utf-8")
        except OSError as error:
            raise UserError(f"{path} cannot be written ({error.strerror}): free some space.") from error

    async def _fetch(self, client: StoryloomClient, story: Story, folder: Path) -> list[tuple[str, int]]:
        assets: Mapping[str, Mapping[str, Any]] = story["assetGenerationStatus"]["assets"]
        ready = {name: source for name, source in FILES.items() if assets.get(source[0], {}).get("status") == "ready"}
        fetches = [
            client.download(story["id"], asset, folder / name, part=part) for name, (asset, part) in ready.items()
        ]
        return list(zip(ready, await asyncio.gather(*fetches), strict=True))

    def _point(self, name: str) -> None:
        """Turn ``latest`` to a folder, at one stroke. A real folder of that name is left alone."""
        if self.latest.is_dir() and not self.latest.is_symlink():
            return
        link = self._out / f".latest.{os.getpid()}"
        with suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(name)
        link.replace(self.latest)
