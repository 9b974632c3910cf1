"""May this brief be told?"""

import pytest

from services.content.screening import Screening
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.screening import Verdict
from tests.unit.content.fox_author import FoxAuthor, a_brief


async def test_a_kind_brief_may_be_told() -> None:
    assert await Screening(FoxAuthor({})).screen(a_brief()) == Verdict(flagged=False)


async def test_a_cruel_brief_may_not_and_the_category_says_why() -> None:
    screening = Screening(FoxAuthor({}, bad_word="foxes"))
    assert await screening.screen(a_brief()) == Verdict(flagged=True, categories=("violence",))


async def test_without_moderation_there_is_no_verdict() -> None:
    with pytest.raises(RetryableError):
        await Screening(FoxAuthor({}, moderation_fails=RetryableError("away"))).screen(a_brief())


async def test_the_question_and_its_answer_are_json_on_the_bus() -> None:
    screening = Screening(FoxAuthor({}, bad_word="foxes"))
    answer = await screening.answer(a_brief().model_dump_json(by_alias=True).encode())
    assert Verdict.model_validate_json(answer) == Verdict(flagged=True, categories=("violence",))


async def test_a_question_that_is_no_brief_is_refused_without_quoting_it() -> None:
    with pytest.raises(PermanentError) as raised:
        await Screening(FoxAuthor({})).answer(b'{"characterName": "Mirabel", "storyType": "none"}')
    assert "Mirabel" not in raised.value.reason
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
