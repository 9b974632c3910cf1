"""A refused topic is said calmly, at its field, before anybody else is asked."""

from dataclasses import replace
from typing import cast

import pytest

from services.api.refusals import parents_message
from services.api.screening import Screening
from storyloom.messaging.endpoints import Question
from storyloom.story.editing import EditVerdict, SceneEdit
from storyloom.story.screening import Verdict
from storyloom.story.topics import TOPICS
from storyloom.web.problems import Problem
from tests.unit.content.fox_author import a_brief

HELP = "0800 111 0 111"


class NobodyAsked:
    """Fails whoever asks: what our own rules refuse is no question to moderation."""

    async def ask(self, _asked: object, *, timeout: float) -> Verdict:  # noqa: ASYNC109 - as the question's own
        raise AssertionError(timeout)


def screening() -> Screening:
    nobody = NobodyAsked()
    return Screening(cast("Question[Verdict]", nobody), cast("Question[EditVerdict]", nobody), 3.0, HELP)


def edit(text: str, alt_text: str = "A fox.") -> SceneEdit:
    return SceneEdit(scene=1, paragraphs=("A fox.", text), alt_text=alt_text, age=5, language="en", names=())


async def test_a_language_that_is_not_told_here_is_refused_at_its_field_with_the_list() -> None:
    told = replace(screening(), languages=frozenset({"en", "de"}))
    with pytest.raises(Problem) as refused:
        await told.check_brief(a_brief(language="fr-CA"))
    (error,) = refused.value.errors
    assert (refused.value.status, refused.value.code, error["pointer"]) == (422, "bad_brief", "/language")
    assert error["detail"].endswith("told in here: de, en")


async def test_a_brief_about_wanting_to_die_is_refused_with_help_lines_in_its_language() -> None:
    with pytest.raises(Problem) as raised:
        await screening().check_brief(a_brief(premise="Er möchte sterben.", language="de-AT"))
    problem = raised.value
    assert (problem.status, problem.code, problem.members) == (422, "topic_refused", {"categories": ["self_harm"]})
    [error] = problem.errors
    assert error["pointer"] == "/premise"
    assert "Sie sind nicht allein" in error["detail"]
    assert HELP in error["detail"]
    assert "sterben" not in problem.detail + error["detail"].replace("gestorben", "")


async def test_an_edit_and_a_hint_are_read_by_the_same_rules() -> None:
    with pytest.raises(Problem) as raised:
        await screening().check_edit(edit("They smoke weed."))
    assert [error["pointer"] for error in raised.value.errors] == ["/text"]
    with pytest.raises(Problem) as raised:
        await screening().check_edit(edit("They sit.", "They smoke weed."))
    assert [error["pointer"] for error in raised.value.errors] == ["/altText"]
    with pytest.raises(Problem) as raised:
        await screening().check_hint(edit("They smoke weed.", "They smoke weed."))
    assert [error["pointer"] for error in raised.value.errors] == ["/hint"]


def test_every_topic_has_a_message_and_english_stands_in_for_other_languages() -> None:
    for topic in TOPICS:
        assert parents_message(topic, "ka", HELP) == parents_message(topic, "en", HELP)
        assert "{" not in parents_message(topic, "de", HELP)
