"""May this brief become a story?"""

import asyncio
from collections.abc import Sequence

import pytest
from faststream.nats import TestNatsBroker

from services.content.app import questions
from services.content.safety import Editing, Screening
from storyloom.messaging.broker import Broker
from storyloom.messaging.codec import UnreadableMessageError
from storyloom.providers.ports import Moderation
from storyloom.runtime.settings import NatsSettings
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.screening import ASK_SCREENING, Verdict
from tests.unit.content.fox_author import FoxAuthor, a_brief


async def test_a_kind_brief_may_be_told() -> None:
    assert await Screening(FoxAuthor({})).screen(a_brief()) == Verdict(flagged=False)


async def test_a_cruel_brief_may_not_and_the_category_says_why() -> None:
    screening = Screening(FoxAuthor({}, bad_word="foxes"))
    assert await screening.screen(a_brief()) == Verdict(flagged=True, categories=("violence",))


async def test_one_flag_alone_refuses_no_brief() -> None:
    author = FoxAuthor({}, flags_once="foxes")
    assert await Screening(author).screen(a_brief()) == Verdict(flagged=False)
    assert len(author.moderated) == 2


@pytest.mark.parametrize(
    "failure", [RetryableError("busy"), ProviderUnavailable("away", after=5), PermanentError("no", code="bad_answer")]
)
async def test_without_moderation_the_answer_comes_at_once_and_says_so(failure: Exception) -> None:
    """No answer at all would cost whoever waits at the api three seconds."""
    author = FoxAuthor({}, moderation_fails=failure)
    assert await Screening(author).screen(a_brief()) == Verdict(flagged=False, judged=False)


class SlowModel(FoxAuthor):
    """Moderates when it is let."""

    def __init__(self) -> None:
        super().__init__({})
        self.let = asyncio.Event()
        self.asked = 0

    async def moderate(self, texts: Sequence[str]) -> Moderation:
        self.asked += 1
        await self.let.wait()
        return await super().moderate(texts)


async def test_while_the_provider_is_away_nobody_waits_for_the_call_that_probes_it() -> None:
    model, loop = SlowModel(), asyncio.get_running_loop()
    begun = loop.time()
    assert not (await Screening(model, lambda: True).screen(a_brief())).judged
    assert loop.time() - begun < 1
    assert model.moderated == []
    model.let.set()
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
    assert len(model.moderated) == 1


async def test_a_provider_that_hangs_costs_one_wait_and_not_one_for_every_brief() -> None:
    """Until its breaker opens a provider that does not answer is not known to be away."""
    model, loop = SlowModel(), asyncio.get_running_loop()
    screening = Screening(model, patience=0.2)
    begun = loop.time()
    assert not (await screening.screen(a_brief())).judged
    assert loop.time() - begun >= 0.2
    begun = loop.time()
    for _ in range(50):
        assert not (await screening.screen(a_brief())).judged
    assert loop.time() - begun < 0.2
    assert model.asked == 1


async def test_a_provider_that_answers_late_is_asked_as_before() -> None:
    model = SlowModel()
    screening = Screening(model, patience=0.2)
    assert not (await screening.screen(a_brief())).judged
    model.let.set()
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
    assert (await screening.screen(a_brief())).judged


async def test_a_provider_that_was_away_and_answers_again_is_believed() -> None:
    author = FoxAuthor({}, bad_word="foxes")
    assert (await Screening(author, lambda: True).screen(a_brief())).flagged


def asked(author: FoxAuthor) -> Broker:
    """The content service's questions, on a broker without a server."""
    return Broker(NatsSettings(), "content", routers=[questions(Screening(author).screen, Editing(author).judge)])


async def test_the_question_and_its_answer_are_json_on_the_bus() -> None:
    async with TestNatsBroker(asked(FoxAuthor({}, bad_word="foxes"))) as broker:
        answer = await broker.request(a_brief().model_dump_json(by_alias=True).encode(), ASK_SCREENING)
    assert Verdict.model_validate_json(answer.body) == Verdict(flagged=True, categories=("violence",))


async def test_a_question_that_is_no_brief_is_refused_without_quoting_it() -> None:
    async with TestNatsBroker(asked(FoxAuthor({}))) as broker:
        with pytest.raises(UnreadableMessageError) as raised:
            await broker.request(b'{"characterName": "Mirabel", "storyType": "none"}', ASK_SCREENING)
    assert "Mirabel" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
