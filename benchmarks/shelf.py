"""A store in a folder: small files, shared by all processes of a benchmark, which does not measure the store."""

from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from storyloom.jobs.manifest import Attempts, Manifest
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset
from storyloom.story.fingerprint import Fingerprint


class FolderStore(Objects):
    """Keeps manifests and notes as files. The first writer of a manifest wins, as in a real store."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings, threads=1)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def read_manifest(self, story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> Manifest | None:
        """The manifest, if there is a whole one."""
        path = self._path(story_id, asset, fingerprint, "result")
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    async def write_manifest(self, story_id: UUID, manifest: Manifest) -> Manifest:
        """Keep it, unless one is there; the one that stands."""
        try:
            with self._path(story_id, manifest.asset, manifest.fingerprint, "result").open("xb") as file:
                file.write(manifest.body)
        except FileExistsError:
            return await self.read_manifest(story_id, manifest.asset, manifest.fingerprint) or manifest
        return manifest

    async def read_attempts(self, story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> Attempts:
        """The note; nothing, if there is none."""
        try:
            return Attempts.model_validate_json(self._path(story_id, asset, fingerprint, "attempts").read_bytes())
        except (FileNotFoundError, ValidationError):
            return Attempts()

    async def write_attempts(self, story_id: UUID, asset: Asset, fingerprint: Fingerprint, note: Attempts) -> None:
        """Keep the note."""
        self._path(story_id, asset, fingerprint, "attempts").write_text(note.model_dump_json())

    async def check(self) -> None:
        """It is there."""

    def _path(self, story_id: UUID, asset: Asset, fingerprint: Fingerprint, what: str) -> Path:
        return self._folder / f"{story_id}.{asset.value}.{fingerprint[:16]}.{what}"
