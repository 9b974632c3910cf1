"""The story's names and playthings are no dangers; the real things are."""

from typing import Any

from services.documents.suitability import examine, without_names
from storyloom.story.results import Figure, Outline
from tests.unit.documents import stories


def an_outline(**elements: Any) -> Outline:
    plain = stories.outline()
    return plain.model_copy(
        update={
            "companion": Figure(name="Acorn", kind="squirrel", look="small red squirrel"),
            "elements": plain.elements.model_copy(update=elements),
        }
    )


def unsafe(outline: Outline, **changes: Any) -> list[str]:
    activities = [stories.activity(0, **changes), *stories.four()[1:]]
    findings = examine(activities, stories.brief(age=3), outline)
    return [finding.text for finding in findings if finding.weight == "unsafe"]


STEPS = stories.activity().instructions


def test_a_squirrel_called_acorn_is_no_acorn() -> None:
    assert not unsafe(an_outline(), instructions=(*STEPS, "Give Acorn the first bite."))
    assert unsafe(an_outline(), instructions=(*STEPS, "Give the acorn a face."))


def test_a_place_is_no_pebble() -> None:
    outline = an_outline(place="the Pebble Bay")
    assert not unsafe(outline, title="Paint Pebble Bay")
    assert unsafe(outline, instructions=(*STEPS, "Take a pebble."))


def test_a_toy_that_plays_the_marble_is_none() -> None:
    outline = an_outline(object="the yellow marble")
    step = "Hide the yellow marble in the tray."
    assert not unsafe(outline, materials=("one large toy for the yellow marble",), instructions=(*STEPS, step))
    assert unsafe(outline, materials=("the yellow marble",), instructions=(*STEPS, step))
    assert unsafe(outline, materials=("a bowl for the yellow marble",), instructions=(*STEPS, step))


def test_a_one_word_place_stays_what_it_is() -> None:
    activity = without_names(
        stories.activity(0, instructions=("Walk to the river.",) * 3), stories.brief(), an_outline(place="river")
    )
    assert activity.instructions[0] == "Walk to the river."


def test_all_else_is_left_as_it_was() -> None:
    assert without_names(stories.activity(3), stories.brief(), an_outline(object="")).model_dump() == {
        **stories.activity(3).model_dump(),
        "story_connection": "In the story it rings the brass bell and another bell answers from far off.",
        "instructions": tuple(step.replace("Mira", "it") for step in STEPS),
    }
