"""What a job leaves in the store beside its bytes: the manifest of its result, and a note of what it went through.

A manifest lies at ``stories/<story_id>/<asset>/<fingerprint>/result.json`` and is written last: where there is one,
nobody need pay for the asset again. The note, ``…/attempts.json`` beside it, is written only where something went
wrong. The bus counts deliveries, and those are not attempts: a drained worker, a provider that was known to be
unavailable and a crash are deliveries, too. What failed is counted here, and what was paid for it is kept.
"""

from typing import Literal, Self
from uuid import UUID

import orjson
from pydantic import ValidationError

from storyloom.storage.objects import RecordStore, prefix_of
from storyloom.story.assets import Asset
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import AnyResult, ProviderCall, Value


class Attempts(Value):
    """The history of one job (one fingerprint of one asset).

    ``failures``: attempts that failed by RetryableError; ``reason`` is the last one's. ``begun`` and ``ended`` count
    redeliveries: a worker that begins one and never ends it has crashed. ``clean``: the last worker noted how it ended,
    and had nothing under way. ``calls``: what attempts before have asked of providers.
    """

    version: Literal[1] = 1
    failures: int = 0
    begun: int = 0
    ended: int = 0
    clean: bool = False
    reason: str = ""
    calls: tuple[ProviderCall, ...] = ()

    @property
    def crashes(self) -> int:
        """How many workers crashed over it, the one of the first delivery apart."""
        return max(0, self.begun - self.ended)

    def with_begin(self) -> Self:
        """A redelivery begins."""
        return self.model_copy(update={"begun": self.begun + 1, "clean": False})

    def with_failure(self, reason: str, calls: tuple[ProviderCall, ...]) -> Self:
        """An attempt failed and may be made again."""
        failure = {"failures": self.failures + 1, "reason": reason, "clean": True}
        return self.model_copy(update={**failure, "calls": self.calls + calls})

    def with_wait(self, calls: tuple[ProviderCall, ...], *, clean: bool) -> Self:
        """An attempt was abandoned: nothing failed."""
        return self.model_copy(update={"clean": clean, "calls": self.calls + calls})

    def with_end(self) -> Self:
        """A redelivery ended, one way or another."""
        return self.model_copy(update={"ended": self.ended + 1})


class Manifest(Value):
    """What making an asset left behind; its existence means that nobody need pay for it again."""

    version: Literal[1] = 1
    asset: Asset
    fingerprint: Fingerprint
    result: AnyResult

    @property
    def body(self) -> bytes:
        """The manifest as JSON."""
        head = {"version": self.version, "asset": self.asset, "fingerprint": self.fingerprint}
        return b'%s,"result":%s}' % (orjson.dumps(head)[:-1], self.result.body)


async def read_manifest(store: RecordStore, story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> Manifest | None:
    """The manifest of a fingerprint, None if there is none or it cannot be read (the asset is then made again)."""
    data = await store.read(manifest_key(story_id, asset, fingerprint))
    if data is None:
        return None
    try:
        return Manifest.model_validate_json(data)
    except ValidationError:
        return None


async def write_manifest(store: RecordStore, story_id: UUID, manifest: Manifest) -> Manifest:
    """Write the manifest unless one is there; answer the one that stands. The first writer wins.

    Where a store ignores If-None-Match the last writer stands; the projector takes the first result it receives.
    """
    if await store.create(manifest_key(story_id, manifest.asset, manifest.fingerprint), manifest.body):
        return manifest
    return await read_manifest(store, story_id, manifest.asset, manifest.fingerprint) or manifest


async def read_attempts(store: RecordStore, story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> Attempts:
    """What a job went through; nothing, if there is no note or it cannot be read."""
    data = await store.read(attempts_key(story_id, asset, fingerprint))
    try:
        return Attempts.model_validate_json(data or b"{}")
    except ValidationError:
        return Attempts()


async def write_attempts(
    store: RecordStore, story_id: UUID, asset: Asset, fingerprint: Fingerprint, note: Attempts
) -> None:
    """Keep what a job went through. The last writer wins: two holders of one job may lose a count."""
    await store.write(attempts_key(story_id, asset, fingerprint), note.model_dump_json().encode())


def manifest_key(story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> str:
    """Where the manifest of a fingerprint lies."""
    return f"{revision_prefix(story_id, asset, fingerprint)}result.json"


def attempts_key(story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> str:
    """Where the note of a fingerprint's attempts lies."""
    return f"{revision_prefix(story_id, asset, fingerprint)}attempts.json"


def answers_prefix(story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> str:
    """Under which the answers lie that a job has paid for and that is not done yet (stored_answers.py)."""
    return f"{revision_prefix(story_id, asset, fingerprint)}answers/"


def revision_prefix(story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> str:
    """Under which everything lies that a job leaves beside its bytes."""
    return f"{prefix_of(story_id)}{asset.value}/{fingerprint}/"
