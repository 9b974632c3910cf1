"""Safety: nothing is told that moderation flags, and nothing that it could not judge (its failures are
RetryableError).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.content.author import Author
from storyloom.story.brief import Brief
from storyloom.story.errors import PermanentError


async def ensure_safe(author: Author, texts: Sequence[str], what: str) -> None:
    """Raise PermanentError(code="unsafe") naming the categories, never the text, if moderation flags any of it."""
    verdict = await author.moderate(texts)
    if verdict.flagged:
        named = ", ".join(verdict.categories) or "unnamed"
        raise PermanentError(f"moderation flagged the {what}: {named}", code="unsafe", details={"categories": named})


def words_of(brief: Brief) -> list[str]:
    """All that a person typed into the brief, as one text, so that it is judged in its context."""
    people = [character.model_dump(include=_TYPED, exclude_none=True) for character in brief.characters]
    typed = [*people, brief.type_details, brief.setting or "", brief.premise or ""]
    return ["\n".join(text for value in typed for text in strings_in(value) if text)]


def strings_in(value: Any) -> Iterator[str]:
    """Every string of a plain value, keys left out, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings_in(item)


_TYPED = {"name", "appearance", "features", "personality"}
