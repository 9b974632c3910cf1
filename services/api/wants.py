"""What a client may want of a story that exists: each want says whether the story, as it stands, can grant it.

The rows may be behind what is on its way, so that these checks are advice to the client. What the wish does in the
end is decided where all events are folded (services/status/journey.py): there a wish that came too late does nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypedDict
from uuid import UUID

from storyloom.problems import Problem, not_found
from storyloom.story.assets import PUBLIC, TEXTS, Asset
from storyloom.story.events import (
    AssetRegenerateRequested,
    AssetRetryRequested,
    SceneTextEdited,
    StoryCancelled,
    Wish,
)
from storyloom.story.results import Readability, SceneText


class Origin(TypedDict):
    """What every wish carries (storyloom.story.events.Event)."""

    id: str
    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A story as its rows say: its own row, and the status of each of its assets."""

    row: Mapping[str, Any]
    assets: Mapping[Asset, str]

    @property
    def status(self) -> str:
        status: str = self.row["status"]
        return status

    def must_live(self) -> None:
        """Raise a 409 Problem if the story is cancelled, which is final."""
        if self.status == "cancelled":
            raise Problem(409, "story_cancelled", "The story is cancelled, for good.", retryable=False)


class Want(Protocol):
    """One thing that a client wants; the classes below."""

    def grant(self, standing: Standing, origin: Origin) -> Wish | None:
        """The wish to tell; None where the story is so already. Raises a Problem where it cannot be."""
        ...

    def is_in(self, wish: Wish) -> bool:
        """Whether a wish is this very want."""
        ...


@dataclass(frozen=True, slots=True)
class Cancel:
    """No more of it."""

    def grant(self, standing: Standing, origin: Origin) -> StoryCancelled | None:
        if standing.status == "cancelled":
            return None
        if standing.status != "generating":
            detail = f"The story has ended already: it is {standing.status}."
            raise Problem(409, "story_ended", detail, retryable=False)
        return StoryCancelled(**origin)

    def is_in(self, wish: Wish) -> bool:
        return isinstance(wish, StoryCancelled)


@dataclass(frozen=True, slots=True)
class Retry:
    """Another try at assets that failed, by their names; at all of them if none is named."""

    names: tuple[str, ...] = ()

    def grant(self, standing: Standing, origin: Origin) -> AssetRetryRequested:
        public = {asset.value: status for asset, status in standing.assets.items() if asset in PUBLIC}
        errors = [
            {"pointer": f"/assets/{place}", "detail": "is no asset of this story"}
            for place, name in enumerate(self.names)
            if name not in public
        ]
        if errors:
            raise Problem(422, "bad_body", "The story has no such asset.", errors=errors)
        standing.must_live()
        if not self.names and "failed" not in public.values():
            raise Problem(409, "nothing_failed", "No asset of this story has failed.", retryable=False)
        sound = {name: _told(public[name]) for name in self.names if public[name] != "failed"}
        if sound:
            told = ", ".join(f"{name} is {status}" for name, status in sound.items())
            raise Problem(
                409,
                "asset_not_failed",
                f"Only failed assets can be tried again: {told}.",
                retryable=False,
                assets=sound,
            )
        return AssetRetryRequested(**origin, assets=self._assets())

    def is_in(self, wish: Wish) -> bool:
        return isinstance(wish, AssetRetryRequested) and wish.assets == self._assets()

    def _assets(self) -> tuple[Asset, ...]:
        return tuple(asset for asset in PUBLIC if asset.value in self.names)


@dataclass(frozen=True, slots=True)
class Regenerate:
    """Another version of an asset, by its name."""

    name: str

    def grant(self, standing: Standing, origin: Origin) -> AssetRegenerateRequested:
        asset = next((asset for asset in PUBLIC if asset.value == self.name), None)
        if asset is None or asset not in standing.assets:
            raise not_found("asset")
        standing.must_live()
        if standing.assets[asset] not in ("ready", "failed"):
            raise Problem(409, "asset_being_made", f"{self.name} is being made; ask again once it is ready.")
        return AssetRegenerateRequested(**origin, asset=asset)

    def is_in(self, wish: Wish) -> bool:
        return isinstance(wish, AssetRegenerateRequested) and wish.asset.value == self.name


@dataclass(frozen=True, slots=True)
class Edit:
    """A scene's text as it is to be, judged already."""

    text: SceneText
    whole: Readability | None = None

    def grant(self, standing: Standing, origin: Origin) -> SceneTextEdited:
        must_be_written(standing, self.text.scene)
        return SceneTextEdited(**origin, text=self.text, whole=self.whole)

    def is_in(self, wish: Wish) -> bool:
        return is_edit(wish, self.text.scene, self.text.paragraphs, self.text.alt_text)


def is_edit(wish: Wish, scene: int, paragraphs: tuple[str, ...], alt_text: str | None) -> bool:
    """Whether a wish is the edit of a scene to these words. Without an alt text it is whichever the scene had."""
    if not isinstance(wish, SceneTextEdited):
        return False
    text = wish.text
    return (text.scene, text.paragraphs) == (scene, paragraphs) and alt_text in (None, text.alt_text)


def must_be_written(standing: Standing, scene: int) -> None:
    """Raise a Problem unless the scene's text is there to be edited."""
    asset = TEXTS[scene - 1]
    if asset not in standing.assets:
        raise not_found("scene")
    standing.must_live()
    if standing.assets[asset] != "ready":
        status = _told(standing.assets[asset])
        raise Problem(409, "text_not_ready", f"The text of scene {scene} cannot be edited: it is {status}.")


def _told(status: str) -> str:
    return status if status in ("ready", "failed", "cancelled") else "being made"
