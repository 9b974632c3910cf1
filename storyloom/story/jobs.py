"""The one command on the bus: make this asset."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from storyloom.story.assets import GRAPH, Asset, Priority, Service
from storyloom.story.brief import Brief
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import AnyResult, Value


class AssetRequested(Value):
    """Make this asset. The job carries all its inputs: a worker needs no database.

    ``inputs`` holds the results of the assets that the recipe waits for, as far as they are ready; one that failed for
    good is absent. ``put_back`` says that the reconciler published it, so that a manifest may exist already.
    """

    command: Literal["AssetRequested"] = "AssetRequested"
    version: Literal[1] = 1
    id: str
    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime
    asset: Asset
    fingerprint: Fingerprint
    priority: Priority = Priority.NORMAL
    put_back: bool = False
    brief: Annotated[Brief, BeforeValidator(Brief.taken)]
    inputs: dict[Asset, AnyResult] = Field(default_factory=dict)

    @property
    def service(self) -> Service:
        return GRAPH[self.asset].service

    @property
    def subject(self) -> str:
        """Where it stands on the bus; at most one message may live there."""
        return job_subject(self.story_id, self.asset, self.priority)


def job_subject(story_id: UUID, asset: Asset, priority: Priority) -> str:
    return f"job.{GRAPH[asset].service.value}.{priority.value}.{story_id}.{asset.value}"
