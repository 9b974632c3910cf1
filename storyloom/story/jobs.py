"""The one command on the bus: make this asset."""

from datetime import datetime
from typing import Literal, TypeVar, get_args
from uuid import UUID

import orjson
from pydantic import Field

from storyloom.story.assets import GRAPH, Asset, Priority, Service
from storyloom.story.brief import Brief
from storyloom.story.errors import PermanentError
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import AnyResult, Result, Value

R = TypeVar("R", bound=Result)


class AssetRequested(Value):
    """Make this asset. The job carries all its inputs: a worker needs no database.

    ``inputs`` holds the results of the assets that the recipe waits for, as far as they are ready; one that failed for
    good is absent. ``put_back`` says that the reconciler published it, so that a manifest may exist already.

    Version 2 adds ``revision``: how often the asset started over. A maker lets it into its prompt, so that another
    version is another one. Version 3, written only where there is one, adds ``hint``: what the client wants of this
    version. Version 4 is a job of an asset that the release before does not know.
    """

    command: Literal["AssetRequested"] = "AssetRequested"
    version: Literal[1, 2, 3, 4] = 2
    id: str
    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime
    asset: Asset
    fingerprint: Fingerprint
    revision: int = Field(default=0, ge=0)
    priority: Priority = Priority.NORMAL
    put_back: bool = False
    brief: Brief
    inputs: dict[Asset, AnyResult] = Field(default_factory=dict)
    hint: str | None = Field(default=None, max_length=300, exclude_if=lambda hint: hint is None)

    def given(self, asset: Asset, kind: type[R]) -> R | None:
        """An input, None where it is absent. Raises PermanentError(code="bug") when it is something else."""
        result = self.inputs.get(asset)
        if result is None or isinstance(result, kind):
            return result
        raise PermanentError(f"{self.asset} was given a {result.kind} as its {asset}", code="bug")

    def required(self, asset: Asset, kind: type[R]) -> R:
        """An input that the work cannot do without. Raises PermanentError(code="bug") when it is not there."""
        result = self.given(asset, kind)
        if result is None:
            raise PermanentError(f"{self.asset} was asked for without its {asset}", code="bug")
        return result

    @property
    def service(self) -> Service:
        return GRAPH[self.asset].service

    @property
    def subject(self) -> str:
        """Where it stands on the bus; at most one message may live there."""
        return job_subject(self.story_id, self.asset, self.priority)

    @property
    def body(self) -> bytes:
        """The job as JSON. Brief and inputs are most of it, and have been written for other jobs already."""
        head = {name: getattr(self, name) for name in _HEAD}
        if self.hint is not None:
            head["hint"] = self.hint
        inputs = b",".join(b'"%s":%s' % (asset.value.encode(), result.body) for asset, result in self.inputs.items())
        opening = orjson.dumps(head, str, option=orjson.OPT_UTC_Z)[:-1]  # str: asyncpg's own UUIDs
        return b'%s,"brief":%s,"inputs":{%s}}' % (opening, self.brief.body, inputs)


_HEAD = tuple(name for name in AssetRequested.model_fields if name not in ("brief", "inputs", "hint"))
NEWEST_VERSION: int = max(get_args(AssetRequested.model_fields["version"].annotation))


class StopWork(Value):
    """To all workers, on core NATS: nobody wants these jobs any more. ``jobs`` None: all of the story.

    Best effort: a worker that does not receive it finishes for nothing, and its result is ignored.
    """

    story_id: UUID
    jobs: tuple[tuple[Asset, Fingerprint], ...] | None = None


def job_subject(story_id: UUID, asset: Asset, priority: Priority) -> str:
    return f"job.{GRAPH[asset].service.value}.{priority.value}.{story_id}.{asset.value}"


def lane_of(asset: Asset, priority: Priority) -> str:
    """The lane of an asset's job, which is its consumer on JOBS: service and priority, like ``images-normal``."""
    return f"{GRAPH[asset].service.value}-{priority.value}"
