"""Sequels: the story that a brief goes on from is found among the caller's own, and carried into the brief.

Whoever makes an asset needs no database (storyloom/story/jobs.py): what the earlier story was stands in the brief.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.api.repository import queries
from storyloom.db.pool import Pool
from storyloom.story.brief import Appearance, Brief, Character
from storyloom.story.earlier import Chosen, EarlierStory
from storyloom.story.names import fold
from storyloom.story.results import Outline, Picture, SceneText
from storyloom.web.keys import Caller
from storyloom.web.problems import Problem

DETAIL = "previous_story_id"
_POINTER = f"/typeDetails/{DETAIL}"
MAX_ENDING = 600
"""Characters of the earlier story's last paragraph that its sequel is told."""


async def carry_on(pool: Pool, caller: Caller, brief: Brief) -> Brief:
    """The brief of a sequel with what came before, and its heroes as they were; any other brief as it is.

    Raises a Problem that names the field: 422 for a story that is not the caller's, or none at all; 409 for one whose
    plan is not made yet.
    """
    if brief.story_type != "new_chapter_sequel":
        return brief
    story_id = _read_id(brief.type_details.get(DETAIL))
    row = await queries().earlier_story(pool, id=story_id, tenant_id=caller.tenant_id) if story_id else None
    if row is None:
        detail = "There is no earlier story of this id among yours."
        raise Problem(422, "previous_story_not_found", detail, errors=[{"pointer": _POINTER, "detail": detail}])
    if row["outline"] is None:
        detail = "The earlier story is not written yet, and cannot be gone on from."
        raise Problem(409, "previous_story_not_ready", detail, errors=[{"pointer": _POINTER, "detail": detail}])
    return go_on(brief, row)


def go_on(brief: Brief, row: Mapping[str, Any]) -> Brief:
    """The brief with what the earlier story's row (queries.sql, ``earlier_story``) holds. Pure."""
    before = Brief.model_validate(row["request"])
    outline = Outline.model_validate(row["outline"])
    known = {fold(hero.name): hero for hero in before.characters}
    heroes = tuple(_as_before(hero, known.get(fold(hero.name))) for hero in brief.characters)
    same = sorted(known) == sorted(fold(hero.name) for hero in heroes)
    portrait = Picture.model_validate(row["portrait"]).image if same and row["portrait"] else None
    last = SceneText.model_validate(row["last_text"]).paragraphs[-1] if row["last_text"] else None
    earlier = EarlierStory(
        title=outline.title,
        logline=outline.logline,
        place=outline.elements.place,
        object=outline.elements.object,
        companion=outline.companion,
        helper=outline.helper,
        happened=tuple(scene.what_happens for scene in outline.scenes),
        ending=last[:MAX_ENDING] if last else None,
        portrait=portrait,
        chosen=tuple(_chosen(before, row["id"], hero) for hero in heroes),
    )
    return brief.model_copy(update={"characters": heroes, "earlier": earlier})


def _chosen(before: Brief, story_id: UUID, hero: Character) -> Chosen | None:
    """By what the hero's looks were chosen, which may be a story before the earlier one."""
    place = next((k for k, one in enumerate(before.characters) if fold(one.name) == fold(hero.name)), None)
    if place is None:
        return None
    first = before.earlier.chosen[place] if before.earlier and place < len(before.earlier.chosen) else None
    return first or Chosen(seed=str(story_id if before.seed is None else before.seed), place=place)


def _as_before(hero: Character, before: Character | None) -> Character:
    """The hero as the earlier story had them, but for what this brief says of them itself."""
    if before is None:
        return hero
    said = {name: getattr(hero, name) for name in hero.model_fields_set}
    if isinstance(looks := said.get("appearance"), Appearance):
        worn = {name: getattr(looks, name) for name in looks.model_fields_set}
        said["appearance"] = before.appearance.model_copy(update=worn)
    return before.model_copy(update=said)


def _read_id(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
