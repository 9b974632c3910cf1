"""What a parent is told where a brief, an edit or a hint holds a topic that no story for children is told about."""

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from storyloom.story.languages import language_of
from storyloom.story.topics import RefusedField, find_topics
from storyloom.web.problems import Problem


def refusal(fields: Sequence[RefusedField], language: str, help_lines: str) -> Problem:
    """The 422 for these fields, of which there is one at least. It repeats nothing of what they hold."""
    topics = list(dict.fromkeys(field.topic for field in fields))
    told: dict[str, str] = {}  # one sentence a field, the gravest
    for field in fields:
        told.setdefault(field.pointer, parents_message(field.topic, language, help_lines))
    errors = [{"pointer": pointer, "detail": message} for pointer, message in told.items()]
    named = ", ".join(topic.replace("_", " ") for topic in topics)
    detail = f"No story for children is told about this: {named}."
    return Problem(422, "topic_refused", detail, errors=errors, categories=topics)


def require_fit(texts: Sequence[tuple[str, str]], language: str, help_lines: str) -> None:
    """Raise the 422 where any of the texts, each with its pointer into the request's body, holds a refused topic."""
    found = [RefusedField(pointer, topic) for pointer, text in texts for topic in find_topics(text, language)]
    if found:
        raise refusal(found, language, help_lines)


def parents_message(topic: str, language: str, help_lines: str) -> str:
    """A calm sentence for the parent, in the brief's language where there is one, else in English."""
    messages = _messages()
    own = messages.get(language_of(language).tag, {})
    return (own.get(topic) or messages["en"][topic]).replace("{help_lines}", help_lines)


@cache
def _messages() -> dict[str, dict[str, str]]:
    return tomllib.loads(files(__package__).joinpath("refusals.toml").read_text("utf-8"))
