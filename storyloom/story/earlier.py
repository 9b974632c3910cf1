"""What a sequel knows of the story that it goes on from. The api writes it into the brief; no client can."""

from typing import Any

from pydantic import Field

from storyloom.story.results import Figure, StoredObject, Value


class Chosen(Value):
    """By what a hero's looks were chosen where the brief left them open: the story's seed, and which hero it was."""

    seed: str = Field(max_length=100)
    place: int = Field(ge=0, le=2)


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
    chosen: tuple[Chosen | None, ...] = Field(default=(), exclude_if=lambda chosen: not chosen)
    """For each hero of the sequel; None for one who is new. A brief that an earlier release wrote has none."""

    def for_prompts(self) -> dict[str, Any]:
        """As prompts see it: in words alone."""
        return self.model_dump(mode="json", exclude={"portrait", "chosen"})
