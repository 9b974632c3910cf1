"""May this scene be published, and how hard is it?"""

from typing import Any

import pytest
from faststream.nats import TestNatsBroker

from services.content.app import questions
from services.content.readability import measure
from services.content.safety import Editing, Screening
from storyloom.messaging.broker import Broker
from storyloom.messaging.codec import UnreadableMessageError
from storyloom.runtime.settings import NatsSettings
from storyloom.story.editing import ASK_EDITING, EditVerdict, SceneEdit
from storyloom.story.errors import RetryableError
from storyloom.story.results import Moderated
from tests.unit.content.fox_author import PARAGRAPHS, FoxAuthor

OTHERS = {1: "One day.", 3: "It rained and rained.", 4: "They slept."}


def an_edit(**changes: Any) -> SceneEdit:
    fields = {
        "scene": 2,
        "paragraphs": PARAGRAPHS,
        "alt_text": "A girl and a fox.",
        "age": 5,
        "language": "en",
        "names": ("Mirabel", "Ember"),
    }
    return SceneEdit.model_validate({**fields, **changes})


async def test_kind_words_become_the_scenes_text_and_are_measured_like_ours() -> None:
    verdict = await Editing(FoxAuthor({})).judge(an_edit())
    assert not verdict.flagged
    assert verdict.text is not None
    assert (verdict.text.scene, verdict.text.paragraphs) == (2, tuple(PARAGRAPHS))
    assert (verdict.text.words, verdict.text.attempts, verdict.text.findings) == (45, 1, ())
    assert verdict.text.readability == measure("\n\n".join(PARAGRAPHS), ("Mirabel", "Ember"))
    assert verdict.whole is None


async def test_cruel_words_and_cruel_alt_texts_are_flagged_and_make_nothing() -> None:
    for bad_word in ("pond", "girl"):
        verdict = await Editing(FoxAuthor({}, bad_word=bad_word)).judge(an_edit(others=OTHERS))
        assert verdict == EditVerdict(flagged=True, categories=("violence",))


async def test_one_flag_alone_refuses_no_edit_and_is_on_record() -> None:
    verdict = await Editing(FoxAuthor({}, flags_once="pond")).judge(an_edit())
    assert not verdict.flagged
    assert verdict.text is not None
    assert verdict.text.moderated == Moderated(model="fox", texts=2, score=0.9, category="violence", categories=2)
    plain = (await Editing(FoxAuthor({})).judge(an_edit())).text
    assert plain is not None
    assert plain.moderated == Moderated(model="fox", texts=2, score=0.01, category="violence", categories=2)


async def test_what_is_too_hard_is_reported_and_no_refusal() -> None:
    hard = ("Notwithstanding meteorological uncertainty, Mirabel inaugurated the observatory.",)
    verdict = await Editing(FoxAuthor({})).judge(an_edit(paragraphs=hard))
    assert verdict.text is not None
    assert any("meteorological" in finding for finding in verdict.text.findings)


async def test_a_name_is_no_hard_word() -> None:
    words = ("Ekaterina saw Ekaterina and Ekaterina. " * 6,)
    (known, unknown) = [
        (await Editing(FoxAuthor({})).judge(an_edit(paragraphs=words, names=names))).text
        for names in (("Ekaterina",), ())
    ]
    assert known is not None
    assert unknown is not None
    assert known.readability.rare_share == 0
    assert unknown.readability.rare_share > 0


async def test_the_whole_is_measured_in_its_order_once_all_four_are_there() -> None:
    verdict = await Editing(FoxAuthor({})).judge(an_edit(others=OTHERS))
    texts = [OTHERS[1], "\n\n".join(PARAGRAPHS), OTHERS[3], OTHERS[4]]
    assert verdict.whole == measure("\n\n".join(texts), ("Mirabel", "Ember"))


async def test_without_moderation_the_answer_comes_at_once_and_holds_no_text() -> None:
    editing = Editing(FoxAuthor({}, moderation_fails=RetryableError("away")))
    assert await editing.judge(an_edit()) == EditVerdict(flagged=False, judged=False)


def asked() -> Broker:
    """The content service's questions, on a broker without a server."""
    author = FoxAuthor({})
    return Broker(NatsSettings(), "content", routers=[questions(Screening(author).screen, Editing(author).judge)])


async def test_the_question_and_its_answer_are_json_on_the_bus() -> None:
    edit = an_edit(others=OTHERS)
    async with TestNatsBroker(asked()) as broker:
        answer = await broker.request(edit.model_dump_json().encode(), ASK_EDITING)
    assert EditVerdict.model_validate_json(answer.body) == await Editing(FoxAuthor({})).judge(edit)


async def test_a_question_that_is_no_edit_is_refused_without_quoting_it() -> None:
    async with TestNatsBroker(asked()) as broker:
        with pytest.raises(UnreadableMessageError) as raised:
            await broker.request(b'{"scene": "Mirabel"}', ASK_EDITING)
    assert "Mirabel" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
