"""Which activities speak of a scene in its own words."""

from typing import Any

import pytest

from storyloom.story.quoting import quotes
from storyloom.story.results import Activities, Outline, SceneText
from studio.storyteller.answers import answer_prompt

BRIEF = {
    "storyType": "bedtime",
    "characters": [{"name": "Mira", "age": 5, "pronouns": "she/her", "traits": ["wheelchair_manual"]}],
    "age": 5,
    "premise": "She loves foxes.",
}
# The studio's own: seed 5, the first scene and one of its activities.
SCENE = (
    "Mira had a small round yawn. Without it, nobody could sleep.",
    "“There it goes,” said Pocket the fox. Somewhere the pipes gurgled.",
    "Off it flew, over the red teapot and out into the evening, round and soft and slow.",
    "“Yawns go from face to face,” said Pocket. Pocket was wide awake, too.",
    "Three times Mira had turned the pillow over.",
)
WALK: dict[str, Any] = {
    "id": "outside-with-red-teapot",
    "title": "Find What Pocket Would Find",
    "description": "A slow walk or roll outdoors, to look for five things that belong in the castle.",
    "type": "nature_outdoor",
    "age_range": "4-6",
    "duration": "30 minutes",
    "materials": ["a basket", "clothes for the weather"],
    "instructions": ["Choose five things to look for.", "Go slowly.", "Tell Pocket about the best one at home."],
    "learning_objectives": ["Looking closely"],
    "story_connection": "In “Sleep Well, Pocket”, Mira and Pocket the fox have their adventure with the red teapot in "
    "the castle; look for a round yawn drifting like a soap bubble.",
    "adaptations": {"younger": "Look for two things.", "older": "Draw a map.", "access_needs": "Roll, lean or reach."},
    "safety_notes": ["Stay together, and away from water and roads."],
    "parent_tips": ["Go at the pace of the slowest; that one sees most."],
}


def scene_of(*paragraphs: str, scene: int = 1) -> SceneText:
    return SceneText.model_validate(
        {
            "scene": scene,
            "paragraphs": paragraphs or SCENE,
            "alt_text": "Mira in bed.",
            "words": 60,
            "readability": {"grade": 1, "sentence_words": 6, "rare_share": 0},
        }
    )


def activities_of(**changes: object) -> Activities:
    """The studio's walk four times, the last one with the changes."""
    return Activities.model_validate({"activities": [WALK, WALK, WALK, {**WALK, **changes}]})


def test_names_and_things_of_the_story_are_no_quotation() -> None:
    assert not quotes(activities_of(), scene_of())


@pytest.mark.parametrize(
    "change",
    [
        {"instructions": ["Breathe out and say: YAWNS GO FROM FACE TO FACE."]},
        {"story_connection": "Remember how Pocket said 'Yawns go from face — to face!'"},
        {"adaptations": {**WALK["adaptations"], "older": "Tell what the pipes do when “somewhere the pipes gurgled”."}},
        {"materials": ["a pillow that Mira had turned three times", "someone who has turned the pillow over"]},
        {"title": "Out Into the Evening, Round and Soft"},
        {"parent_tips": ["Ask why nobody could sleep without it.", "Three times Mira had turned the pillow."]},
    ],
)
def test_four_words_in_a_row_are_a_quotation_wherever_they_stand(change: dict[str, object]) -> None:
    assert quotes(activities_of(**change), scene_of())
    assert not quotes(activities_of(**change), scene_of("Another text altogether, and none of it was here before."))


@pytest.mark.parametrize(
    "said", ["Let it be as round as a plate.", "Over the top of a box it goes.", "Now she said to a toy: come!"]
)
def test_what_anybody_says_is_no_quotation(said: str) -> None:
    scene = scene_of("It was as round as a moon, over the top of a hill, and she said to a cat that it was late.")
    assert not quotes(activities_of(description=said), scene)


def test_the_last_words_of_a_text_count_and_words_of_two_texts_do_not_run_together() -> None:
    scene = scene_of("The bell rang for the hedgehog family.")
    assert quotes(activities_of(title="For the Hedgehog Family"), scene)
    assert not quotes(activities_of(materials=["a bell for the", "hedgehog family"]), scene)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Play the first and the last scene only.", {1, 4}),
        ("Look at scene 2 again.", {2}),
        ("In the second scene Mira looks closely.", {2}),
        ("Tell scenes one and three.", {1, 3}),
        ("Male die 2. Szene noch einmal.", {2}),
        ("Spielt die zweite oder die letzte Szene.", {2, 4}),
        ("Rejoue la troisième scène.", {3}),
        ("Dibuja la última escena.", {4}),
        ("Paint all four scenes as a strip and tell the story along it.", set()),
        ("Lay out 4 scenes in a ring.", set()),
        ("Add a new scene that the story has left out.", set()),
        ("Be first to the table, then make a scene.", set()),
    ],
)
def test_a_scene_that_is_named_by_its_number_is_relied_on(said: str, named: set[int]) -> None:
    texts = [scene_of("Nothing of it stands in here.", scene=number) for number in (1, 2, 3, 4)]
    assert {text.scene for text in texts if quotes(activities_of(description=said), text)} == named


@pytest.mark.parametrize(
    ("text", "said", "quoted"),
    [
        ("ミラは小さな丸いあくびをした。", "ミラは小さな丸いあくびを思い出そう。", True),
        ("ミラは小さな丸いあくびをした。", "ミラと丸い紙を切ろう。", False),
        ("Мира потеряла свой маленький зевок.", "Почему Мира потеряла свой маленький зевок?", True),
        ("L’été, le renard s’endort près du feu.", "Imite: LE RENARD S'ENDORT PRÈS DU FEU", True),
    ],
)
def test_it_reads_any_language(text: str, said: str, quoted: bool) -> None:
    assert quotes(activities_of(description=said), scene_of(text)) is quoted


def _story(seed: int) -> tuple[Outline, Activities, list[SceneText]]:
    planned = answer_prompt("outline", {"brief": BRIEF}, seed=seed)
    blocks = {"brief": BRIEF, "outline": planned, "targets": {"words": 60, "sentenceWords": 8}}
    texts: list[SceneText] = []
    for number in (1, 2, 3, 4):
        before = [text.text for text in texts]
        answer = answer_prompt("scene_text", {**blocks, "scene": {"scene": number}, "before": before}, seed=seed)
        texts.append(scene_of(*answer["paragraphs"], scene=number))
    devised = answer_prompt("activities", {**blocks, "texts": [text.text for text in texts]}, seed=seed)
    return Outline.model_validate(planned), Activities.model_validate(devised), texts


def test_what_the_plan_calls_things_and_places_is_no_quotation_of_a_scene() -> None:
    """The studio's activities take places and things from the outline: only a scene that is named is relied on."""
    with_plan, without = [], []
    for seed in range(12):
        outline, activities, texts = _story(seed)
        with_plan += [(seed, text.scene) for text in texts if quotes(activities, text, outline)]
        without += [(seed, text.scene) for text in texts if quotes(activities, text)]
    assert with_plan
    assert {scene for _, scene in with_plan} == {1, 4}  # "Play the first and the last scene only."
    assert len(without) > len(with_plan)
