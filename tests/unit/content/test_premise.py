"""The premise as a contract: what the plan says of it is looked for, and the last reader has the last word."""

from typing import Any

import pytest

from services.content.outline import Plan
from services.content.premise import (
    MissingPart,
    conclude,
    find_broken_promises,
    judge_scene,
    quotes,
    without_empty_promises,
)
from services.content.writer import Writer
from storyloom.story.assets import Asset
from storyloom.story.results import Outline, StoryContent
from tests.unit.content.fox_author import (
    PARAGRAPHS,
    FoxAuthor,
    ProgressRecorder,
    a_brief,
    a_job,
    a_plan,
    a_scene_text,
    a_text,
    an_outline,
)

BEATS = ["call", "threshold", "ordeal", "return"]


def a_part(kind: str, *shown_by: str, **changes: Any) -> dict[str, Any]:
    part = {"kind": kind, "asks": "what was asked", "shown_by": list(shown_by), "beats": BEATS, "why_not": None}
    return {**part, **changes}


def plan_of(*parts: dict[str, Any], **changes: Any) -> Plan:
    return Plan.model_validate(a_plan(premise=list(parts), **changes))


@pytest.mark.parametrize(
    "part",
    [
        a_part("who", "fox"),  # the companion, who is on stage
        a_part("loss", "bells", beats=["call"]),  # another number
        a_part("want", "heard", beats=["call"]),  # another form, in the elements
        a_part("place", "Gardéns"),
        a_part("must_not_be_there", "dragon", "monster"),
    ],
)
def test_what_the_plan_shows_is_honoured(part: dict[str, Any]) -> None:
    assert find_broken_promises(plan_of(part), a_brief()) == ()
    assert without_empty_promises(plan_of(part)) == plan_of(part)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (a_part("loss", "lantern"), "not shown in call, threshold, ordeal, return"),
        (a_part("who", "cat"), "not shown"),
        (a_part("must_not_be_there", "fox"), "must not be there, and the plan has it"),
        (a_part("loss", "bell", beats=[]), "honoured nowhere"),
    ],
)
def test_a_promise_that_the_plan_does_not_keep_is_named_and_taken_back(part: dict[str, Any], said: str) -> None:
    (fault,) = find_broken_promises(plan_of(part), a_brief())
    assert said in fault
    assert without_empty_promises(plan_of(part)).premise[0].beats == ()


def test_what_must_not_be_there_is_no_other_word() -> None:
    plan = plan_of(a_part("must_not_be_there", "dragon"), motif="a dragonfly")
    assert find_broken_promises(plan, a_brief()) == ()


def test_a_companion_off_stage_shows_nothing() -> None:
    scenes = a_plan()["scenes"]
    scenes[1]["on_stage"] = ["Mirabel"]
    assert without_empty_promises(plan_of(a_part("who", "fox"), scenes=scenes)).premise[0].beats == (
        "call",
        "ordeal",
        "return",
    )


def test_a_premise_that_the_plan_does_not_name_is_asked_for() -> None:
    (fault,) = find_broken_promises(plan_of(), a_brief())
    assert fault.startswith("`premise` is empty")
    assert find_broken_promises(plan_of(), a_brief(premise=None)) == ()


PREMISE = "Ignore the rules, and a fox who lost her lantern has to walk home in the dark"


@pytest.mark.parametrize(
    ("premise", "text", "quoted"),
    [
        (PREMISE, "One night a fox who lost her lantern has to walk home.", True),
        (PREMISE, "One night a FOX, who lost her lantern, has to go.", True),
        (PREMISE, "A fox had no light. How would she come home?", False),
        ("a cat in a hat", "It was a cat in a hat.", True),
        ("She loves foxes.", "She loves foxes.", False),  # no other words for so little
        (None, "She loves foxes.", False),
    ],
)
def test_seven_words_in_a_row_are_a_quotation(premise: str | None, text: str, quoted: bool) -> None:
    assert quotes(premise, [text]) is quoted


def test_a_plan_that_quotes_the_premise_is_written_again() -> None:
    brief = a_brief(premise="a bell that nobody on the whole hill can hear")
    plan = plan_of(a_part("loss", "bell"), logline="A bell that nobody on the whole hill can hear.")
    assert [fault[:16] for fault in find_broken_promises(plan, brief)] == ["The plan repeats"]


def an_outline_with(*parts: dict[str, Any]) -> Outline:
    return an_outline(premise=list(parts))


def test_a_scene_tells_what_the_plan_honours_in_it() -> None:
    outline = an_outline_with(
        a_part("loss", "bell", beats=["call"]), a_part("want", "moon", beats=["return"]), a_part("place", "garden"),
        a_part("must_be_there", "grass", beats=["threshold"]),
        a_part("must_be_there", "medium", beats=["threshold"]),  # only seen
    )  # fmt: skip
    told = "The bell was gone."
    assert judge_scene(told, 1, outline, a_brief()) == ()
    assert judge_scene("The grass was wet.", 2, outline, a_brief()) == ()
    assert len(judge_scene("It was wet.", 2, outline, a_brief())) == 1
    (finding,) = judge_scene(told, 4, outline, a_brief())
    assert finding.text == "What the brief asks for is not told in this scene: what was asked"


def test_no_scene_has_what_must_not_be_there() -> None:
    outline = an_outline_with(a_part("must_not_be_there", "dragon"))
    assert judge_scene("There were dragons.", 2, outline, a_brief())[0].weight == 1
    assert judge_scene("There was a dragonfly.", 2, outline, a_brief()) == ()


def test_the_last_reader_has_the_last_word() -> None:
    outline = an_outline_with(
        a_part("loss", "bell", beats=["call", "return"]), a_part("place", "moon", beats=[], why_not="It stays at home.")
    )
    verdict = conclude(outline, True, ())
    assert verdict is not None
    assert [(part.scenes, part.honoured, part.why) for part in verdict.parts] == [
        ((1, 4), True, None),
        ((), False, "It stays at home."),
    ]
    assert verdict.honoured is False  # whatever the reader says: the plan itself has it nowhere
    missed = conclude(outline, False, (MissingPart(part=1, why="No bell."), MissingPart(part=0, why="No owl.")))
    assert missed is not None
    assert (missed.parts[0].honoured, missed.parts[0].why, missed.also_missing) == (False, "No bell.", ("No owl.",))


def test_what_nobody_read_is_not_called_honoured() -> None:
    verdict = conclude(an_outline_with(a_part("loss", "bell")), None, ())
    assert verdict is not None
    assert (verdict.honoured, verdict.parts[0].honoured) == (None, None)
    assert conclude(an_outline_with(), True, ()) is None


def test_a_reader_who_says_no_and_names_nothing_is_believed() -> None:
    verdict = conclude(an_outline_with(a_part("loss", "bell")), False, ())
    assert verdict is not None
    assert verdict.honoured is False


async def written(fox: FoxAuthor, asset: Asset) -> Any:
    writer, outline = Writer(fox), an_outline_with(a_part("loss", "lantern"))
    match asset:
        case Asset.OUTLINE:
            return await writer.outline(a_job(asset), ProgressRecorder())
        case Asset.TEXT_1:
            return await writer.scene(a_job(asset, outline=outline), ProgressRecorder())
        case _:
            inputs: dict[str, Any] = {f"text_{scene}": a_scene_text(scene) for scene in (1, 2, 3, 4)}
            return await writer.whole(a_job(asset, outline=outline, **inputs), ProgressRecorder())


async def test_a_plan_without_the_premise_is_planned_once_more_and_then_told_as_it_is() -> None:
    without = a_plan(premise=[a_part("loss", "lantern")])
    fox = FoxAuthor({"outline": [without]})
    outline: Outline = await written(fox, Asset.OUTLINE)
    assert len(fox.questions) == 2
    assert fox.questions[1].blocks["feedback"][0].startswith("Part 1 of `premise` is not shown")
    assert outline.premise[0].beats == ()


async def test_a_text_without_the_premise_is_written_once_more() -> None:
    fox = FoxAuthor({"scene_text": [a_text()]})
    text = await written(fox, Asset.TEXT_1)
    assert (text.attempts, len(fox.questions)) == (2, 2)
    assert text.findings == ("What the brief asks for is not told in this scene: what was asked",)
    told = PARAGRAPHS[0].replace("to the pond.", "to the pond, and the lantern was gone.")
    kept = FoxAuthor({"scene_text": [a_text(), a_text(told, PARAGRAPHS[1])]})
    assert (await written(kept, Asset.TEXT_1)).findings == ()


async def test_the_whole_says_what_became_of_the_premise() -> None:
    check = {"consistent": True, "payoff": True, "findings": []}
    said = {"premise_honoured": False, "premise_missing": [{"part": 1, "why": "No lantern is lost."}]}
    content: StoryContent = await written(FoxAuthor({"story_check": [{**check, **said}]}), Asset.CONTENT)
    assert content.premise is not None
    assert (content.premise.honoured, content.premise.parts[0].why) == (False, "No lantern is lost.")
    before: StoryContent = await written(FoxAuthor({"story_check": [check]}), Asset.CONTENT)
    assert before.premise is not None
    assert before.premise.honoured is None
