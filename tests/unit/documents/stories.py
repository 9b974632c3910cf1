"""A story that is made already: what the documents service is given, for its tests."""

import io
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from PIL import Image, ImageDraw

from storyloom.story.assets import PICTURES, Asset
from storyloom.story.brief import Brief
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import (
    Activities,
    Activity,
    Adaptations,
    AnyResult,
    Elements,
    Figure,
    Outline,
    Picture,
    PictureBrief,
    ProviderCall,
    Readability,
    SceneBrief,
    SceneText,
    StoredObject,
    StoryContent,
)

STORY_ID = UUID("00000000-0000-4000-8000-000000000007")
EASY = Readability(grade=2.1, sentence_words=7.5, rare_share=0.02)
BEATS = ("call", "threshold", "ordeal", "return")
CALL = ProviderCall(provider="openai", model="gpt-5.1", request_id="req_1", seconds=2, purpose="scene_text")
PARAGRAPHS = (
    ("Mira looked out at the snow. Far off, a small light blinked twice. “Someone is calling,” she said.",
     "Ember the fox pricked his ears. Mira tucked the brass bell into her bag."),
    ("They rolled down the long ramp into the wood. The snow squeaked under the wheels.",
     "The path split in three. “I know the way,” said Mira, though she did not."),
    ("The wind blew the light out. Now it was dark, and Mira had to stop.",
     "“I don’t know the way,” she whispered. An old owl hooted. “Then ask,” said the owl. “Ring, and listen.”"),
    ("Mira rang the brass bell. Far off, another bell rang back. They followed the sound, bell by bell.",
     "There sat a little bear, quite lost. “You came,” it said. And all the way home the bells rang."),
)  # fmt: skip


def brief(**changes: Any) -> Brief:
    hero = {
        "name": "Mira",
        "age": 5,
        "pronouns": "she/her",
        "traits": ["wheelchair_manual"],
        "features": ["round blue glasses"],
    }
    body: dict[str, Any] = {"storyType": "bedtime", "characters": [hero], "age": 5, "premise": "She loves foxes."}
    return Brief.asked({**body, **changes})


def outline(**changes: Any) -> Outline:
    shown = {
        "what_happens": "The hero looks out at a blinking light.",
        "on_stage": ("Mira", "Ember"),
        "setting": "a snowy wood",
        "time_of_day": "night",
        "weather": "snow",
        "props": ("brass bell",),
        "action": "looking",
        "emotion": "curious",
        "camera": "wide",
    }
    return Outline(
        title="Mira and the Answering Bell",
        logline="A girl who never asks the way learns that a question is a kind of lantern.",
        motif="a bell that is answered",
        palette=("#22305c", "#5b7db1", "#e8a33d", "#a8433f", "#6f8f5e"),
        elements=Elements(
            want="to find the light",
            flaw="she never asks",
            place="the snowy wood",
            object="a brass bell",
            obstacle="the dark",
            planted="the bell in the bag",
            payoff="the bell finds the bear",
        ),
        companion=Figure(name="Ember", kind="fox", look="small orange fox with a white tail tip"),
        helper=Figure(name="Old Moss", kind="owl", look="round grey owl"),
        cover=PictureBrief.model_validate(shown),
        scenes=tuple(SceneBrief.model_validate({**shown, "beat": beat}) for beat in BEATS),
    ).model_copy(update=changes)


def content(paragraphs: tuple[tuple[str, ...], ...] = PARAGRAPHS, **changes: Any) -> StoryContent:
    scenes = [
        SceneText(
            scene=number,
            paragraphs=each,
            alt_text="Mira in the snow.",
            words=len(" ".join(each).split()),
            readability=EASY,
            calls=(CALL,),
        )
        for number, each in enumerate(paragraphs, start=1)
    ]
    fields = {
        "title": "Mira and the Answering Bell",
        "logline": "A girl who never asks the way learns that a question is a kind of lantern.",
        "scenes": scenes,
        "readability": EASY,
    }
    return StoryContent.model_validate({**fields, **changes})


def activity(number: int = 0, **changes: Any) -> Activity:
    kinds = ("creative_arts", "music_rhythm", "dramatic_play", "social_emotional")
    names = ("Paint the Answering Bell", "Ring and Reply", "The Owl at the Crossroads", "Ask-Me Lanterns")
    made = Activity(
        id=names[number].lower().replace(" ", "-"),
        title=names[number],
        description="Paint a big golden bell on a snowy night, and let its sound travel over the whole page in rings.",
        type=kinds[number],
        age_range="4-6",
        duration="20 minutes",
        materials=("dark blue paper", "washable yellow paint", "a sponge", "a wet cloth"),
        instructions=(
            "Lay the paper on a table or a lap tray, where both hands can reach it.",
            "Dab the sponge into the yellow paint and print a bell in the middle of the page.",
            "Print rings around the bell, each a little larger, like the sound that Mira sent through the wood.",
            "Let it dry, and tell each other who hears the bell at the edge of the page.",
        ),
        learning_objectives=("Shows sound as a picture", "Moves a sponge with control"),
        story_connection="In the story Mira rings the brass bell and another bell answers from far off.",
        adaptations=Adaptations(
            younger="Print with the whole hand, and let a grown-up dab on the paint.",
            older="Write a small question into every ring.",
            access_needs="Work seated at a table that a wheelchair fits under, and tape the paper down so it stays.",
        ),
        safety_notes=("A grown-up stays close while the paint is open.",),
        parent_tips=("Ask what the bell might be saying, and wait for the answer.",),
    )
    return Activity.model_validate({**made.model_dump(), **changes})


def four(**changes: Any) -> tuple[Activity, Activity, Activity, Activity]:
    return activity(0, **changes), activity(1, **changes), activity(2, **changes), activity(3, **changes)


def activities() -> Activities:
    return Activities(activities=four())


def png(colour: str = "#5b7db1", size: tuple[int, int] = (256, 384)) -> bytes:
    """A picture with something to look at: a moon over hills."""
    picture = Image.new("RGB", size, colour)
    draw = ImageDraw.Draw(picture)
    wide, high = size
    draw.ellipse((wide * 0.6, high * 0.1, wide * 0.85, high * 0.1 + wide * 0.25), fill="#fdf3d0")
    draw.polygon(
        [(0, high), (0, high * 0.7), (wide * 0.5, high * 0.5), (wide, high * 0.75), (wide, high)], fill="#22305c"
    )
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def picture(asset: Asset) -> Picture:
    return Picture(
        image=StoredObject(key=f"stories/{asset}", sha256="0" * 64, size=1, content_type="image/png"),
        width=256,
        height=256 if asset is Asset.COVER else 384,
        alt_text=f"Mira and a small fox under the moon, {asset.value.replace('_', ' ')}.",
        hue_colours=("#22305c", "#5b7db1", "#e8a33d"),
        calls=(CALL.model_copy(update={"model": "gpt-image-1.5"}),),
    )


def pictures() -> dict[Asset, Picture]:
    return {asset: picture(asset) for asset in PICTURES}


def images() -> dict[Asset, tuple[str, bytes]]:
    return {asset: ("image/png", png(size=(256, 256) if asset is Asset.COVER else (256, 384))) for asset in PICTURES}


def job(asset: Asset, inputs: dict[Asset, AnyResult], **changes: Any) -> AssetRequested:
    return AssetRequested(
        id="job-1",
        story_id=STORY_ID,
        tenant_id="tenant",
        trace="",
        at=datetime(2026, 11, 22, tzinfo=UTC),
        asset=asset,
        fingerprint=fingerprint(asset),
        brief=brief(),
        inputs=inputs,
    ).model_copy(update=changes)
