"""A brief waits for moderation as long as somebody answers."""

import asyncio
from typing import cast

import pytest
from nats.errors import TimeoutError as NatsTimeoutError

from services.api import screening
from services.api.screening import SILENT_PATIENCE_SECONDS, Screening
from storyloom.messaging.endpoints import Question
from storyloom.story.brief import Brief
from storyloom.story.editing import EditVerdict
from storyloom.story.screening import Verdict
from tests.unit.content.fox_author import a_brief

BRIEF = a_brief()


class FrozenService:
    """Answers nothing, until it is let; keeps how long it was given."""

    def __init__(self) -> None:
        self.given: list[float] = []
        self.answers = False

    async def ask(self, _asked: Brief, *, timeout: float) -> Verdict:  # noqa: ASYNC109 - as the question's own
        self.given.append(timeout)
        await asyncio.sleep(0)
        if not self.answers:
            raise NatsTimeoutError
        return Verdict(flagged=False)


async def test_a_question_that_nobody_answers_makes_one_client_wait_and_not_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = FrozenService()
    asked = Screening(cast("Question[Verdict]", service), cast("Question[EditVerdict]", service), 3.0)
    for _ in range(3):
        await asked.check_brief(BRIEF)
    assert service.given == [3.0, SILENT_PATIENCE_SECONDS, SILENT_PATIENCE_SECONDS]
    service.answers = True
    for _ in range(2):
        await asked.check_brief(BRIEF)
    assert service.given[-2:] == [SILENT_PATIENCE_SECONDS, 3.0]
    service.answers = False
    monkeypatch.setattr(screening, "SILENCE_SECONDS", 0.0)
    for _ in range(2):
        await asked.check_brief(BRIEF)
    assert service.given[-2:] == [3.0, 3.0]
