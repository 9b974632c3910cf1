"""What a sequel knows of the story that it goes on from. The api writes it into the brief; no client can."""

from typing import Any

from storyloom.story.results import Figure, StoredObject, Value


class EarlierStory(Value):
    """The story before: what it was called, where it was, who came along, and what happened, a sentence a scene.

    ``ending`` is its last paragraph. ``portrait``, where the same heroes come back, shows what they look like; it may
    have been erased by now. All of it is what the earlier story holds: moderated, and written by a model.
    """

    title: str
    logline: str
    place: str
    object: str
    companion: Figure | None = None
    helper: Figure | None = None
    happened: tuple[str, ...] = ()
    ending: str | None = None
    portrait: StoredObject | None = None

    def for_prompts(self) -> dict[str, Any]:
        """As prompts see it: in words alone."""
        return self.model_dump(mode="json", exclude={"portrait"})
