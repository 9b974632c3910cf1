"""Activities are asked for, measured and asked for again, three times at most."""

import pytest

from services.documents.activities import PROMPT, Designer, Ideas
from storyloom.providers.openai.requests import strict_schema, write_blocks
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Activities, Moderated
from studio.versions import without_revision
from tests.unit.documents import stories
from tests.unit.documents.fakes import FakeAuthor, PaperRenderer, ProgressRecorder

SHARP = stories.four(materials=("a craft knife",))
LOOSE = stories.four(story_connection="It is fun to do things together on a long rainy day.")


def a_job() -> AssetRequested:
    return stories.job(Asset.ACTIVITIES, {Asset.CONTENT: stories.content(), Asset.OUTLINE: stories.outline()})


async def devise(author: FakeAuthor) -> Activities:
    return await Designer(author, PaperRenderer(16)).devise(a_job(), ProgressRecorder())


async def test_four_good_activities_are_taken_at_once() -> None:
    author = FakeAuthor(stories.four())
    made = await devise(author)
    assert made.activities == stories.four()
    assert made.attempts == 1
    assert [call.request_id for call in made.calls] == ["req_1"]


async def test_the_author_gets_the_brief_the_outline_and_the_texts() -> None:
    author = FakeAuthor(stories.four())
    await devise(author)
    asked = author.asked[0]
    assert asked["name"] == "activities"
    assert list(asked["blocks"]) == ["brief", "outline", "texts"]
    assert asked["blocks"]["brief"] == stories.brief().wire()
    assert asked["blocks"]["texts"] == [scene.text for scene in stories.content().scenes]
    assert asked["blocks"]["outline"]["companion"]["name"] == "Ember"
    assert not {"calls", "kind", "moderated"} & set(asked["blocks"]["outline"])


async def test_the_clients_own_notes_stay_with_us() -> None:
    author = FakeAuthor(stories.four())
    job = a_job().model_copy(update={"brief": stories.brief(metadata={"mail": "mum@example.org"})})
    await Designer(author, PaperRenderer(16)).devise(job, ProgressRecorder())
    assert "mum@example.org" not in str(author.asked[0]["blocks"])


async def test_what_is_wrong_comes_back_as_feedback_and_every_call_is_kept() -> None:
    author = FakeAuthor(SHARP, stories.four())
    made = await devise(author)
    assert made.attempts == 2
    assert [call.request_id for call in made.calls] == ["req_1", "req_2"]
    assert any("craft knife" in line for line in author.asked[1]["blocks"]["feedback"])
    assert made.activities == stories.four()


async def test_activities_that_stay_unsafe_are_never_shown() -> None:
    author = FakeAuthor(SHARP)
    with pytest.raises(PermanentError) as gave_up:
        await devise(author)
    assert gave_up.value.code == "unsafe"
    assert len(author.asked) == 3
    assert "Mira" not in gave_up.value.reason


async def test_what_moderation_flags_is_unsafe_and_asked_for_again() -> None:
    author = FakeAuthor(stories.four(), flagged=(True, False))
    made = await devise(author)
    assert made.attempts == 2
    assert any("violence" in line for line in author.asked[1]["blocks"]["feedback"])
    with pytest.raises(PermanentError, match="No safe activities"):
        await devise(FakeAuthor(stories.four(), flagged=(True,)))


@pytest.mark.parametrize("code", ["bad_answer", "content_refused"])
async def test_activities_that_suit_are_not_lost_because_nothing_better_came(code: str) -> None:
    made = await devise(FakeAuthor(LOOSE, PermanentError("no", code=code)))
    assert (made.activities, made.attempts) == (LOOSE, 1)
    with pytest.raises(PermanentError) as gave_up:
        await devise(FakeAuthor(SHARP, PermanentError("no", code=code)))
    assert gave_up.value.code == code


async def test_what_moderation_said_of_the_four_that_are_kept_is_on_record() -> None:
    """The second four are the best: what was said of the first and the third is of no interest."""
    one_loose = (LOOSE[0], *stories.four()[1:])
    made = await devise(FakeAuthor(LOOSE, one_loose, LOOSE))
    assert made.moderated == Moderated(model="fox", texts=4, score=0.02, category="violence", categories=1)
    assert (await devise(FakeAuthor(stories.four(), flagged=(True, False)))).moderated == made.moderated


async def test_the_author_is_asked_the_same_whether_or_not_the_plans_moderation_is_on_record() -> None:
    """What an earlier attempt paid for is known by its question."""
    record = Moderated(model="fox", texts=1, score=0.5, category="violence", categories=1)
    asked = []
    for outline in (stories.outline(), stories.outline(moderated=record)):
        author = FakeAuthor(stories.four())
        job = stories.job(Asset.ACTIVITIES, {Asset.CONTENT: stories.content(), Asset.OUTLINE: outline})
        await Designer(author, PaperRenderer(16)).devise(job, ProgressRecorder())
        asked += author.asked
    assert asked[0] == asked[1]


async def test_moderation_reads_every_word_of_an_activity() -> None:
    author = FakeAuthor(stories.four())
    await devise(author)
    activity, read = stories.activity(0), author.moderated[0][0]
    ways = activity.adaptations
    lists = (activity.materials, activity.instructions, activity.safety_notes, activity.parent_tips)
    words = [activity.title, activity.description, activity.story_connection, ways.younger, ways.older]
    for text in [*words, ways.access_needs, *activity.learning_objectives, *(line for each in lists for line in each)]:
        assert text in read


async def test_a_weakness_that_stays_is_better_than_nothing_and_the_fewest_win() -> None:
    one_loose = (LOOSE[0], *stories.four()[1:])
    made = await devise(FakeAuthor(LOOSE, one_loose, LOOSE))
    assert made.attempts == 3
    assert made.activities == one_loose


async def test_a_safe_attempt_wins_over_a_later_unsafe_one() -> None:
    made = await devise(FakeAuthor(LOOSE, SHARP, SHARP))
    assert made.activities == LOOSE


async def test_three_activities_are_not_four() -> None:
    with pytest.raises(PermanentError) as gave_up:
        await devise(FakeAuthor(stories.four()[:3]))
    assert gave_up.value.code == "bad_answer"


async def test_an_id_that_is_none_is_named_in_the_feedback() -> None:
    broken = stories.activity(0).model_copy(update={"id": "Not An Id"})
    author = FakeAuthor((broken, *stories.four()[1:]), stories.four())
    made = await devise(author)
    assert made.attempts == 2
    assert any("id" in line for line in author.asked[1]["blocks"]["feedback"])


async def test_the_press_warms_up_meanwhile() -> None:
    renderer = PaperRenderer(16)
    await Designer(FakeAuthor(stories.four()), renderer).devise(a_job(), ProgressRecorder())
    assert renderer.warmed_up == 1


@pytest.mark.parametrize("missing", [Asset.CONTENT, Asset.OUTLINE])
async def test_a_job_without_its_inputs_is_a_fault_of_ours(missing: Asset) -> None:
    job = a_job()
    left = {asset: result for asset, result in job.inputs.items() if asset is not missing}
    with pytest.raises(PermanentError) as gave_up:
        await Designer(FakeAuthor(stories.four()), PaperRenderer(16)).devise(
            job.model_copy(update={"inputs": left}), ProgressRecorder()
        )
    assert gave_up.value.code == "bug"


def test_the_schema_asks_for_the_contracts_keys_and_no_others() -> None:
    schema = strict_schema(Ideas)
    idea = schema["$defs"]["Idea"]
    assert set(idea["required"]) == set(stories.activity().model_dump()) == set(idea["properties"])
    assert idea["additionalProperties"] is False


async def test_another_version_is_asked_for_as_such_and_the_first_one_as_ever() -> None:
    requests = []
    for revision in (0, 1, 2):
        author = FakeAuthor(stories.four())
        await Designer(author, PaperRenderer(16)).devise(
            a_job().model_copy(update={"revision": revision}), ProgressRecorder()
        )
        (asked,) = author.asked
        assert asked["blocks"].get("revision") == ({"revision": revision} if revision else None)
        assert ("# Another version" in asked["prompt"]) == (revision > 0)
        requests.append((asked["prompt"], write_blocks(asked["blocks"])))
    assert requests[0][0] == PROMPT
    assert len(set(requests)) == 3
    # What the studio takes the first version's request to be is that request, byte for byte.
    assert {without_revision(*request) for request in requests} == {requests[0]}


async def test_what_is_wanted_of_them_is_told_to_the_author_as_data() -> None:
    author = FakeAuthor(stories.four())
    job = a_job().model_copy(update={"revision": 1, "hint": "nothing with water"})
    await Designer(author, PaperRenderer(16)).devise(job, ProgressRecorder())
    (asked,) = author.asked
    assert asked["blocks"]["hint"] == {"hint": "nothing with water"}
    assert "# What is wanted of it" in asked["prompt"]
    assert "nothing with water" not in asked["prompt"]
    assert without_revision(asked["prompt"], write_blocks(asked["blocks"]))[0] == PROMPT


async def test_another_version_keeps_its_number_when_it_is_revised() -> None:
    author = FakeAuthor(SHARP, stories.four())
    await Designer(author, PaperRenderer(16)).devise(a_job().model_copy(update={"revision": 1}), ProgressRecorder())
    assert [asked["blocks"]["revision"] for asked in author.asked] == [{"revision": 1}] * 2
    assert author.asked[0]["prompt"] == author.asked[1]["prompt"]
