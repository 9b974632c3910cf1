"""A family, their outline and their jobs, for the tests of the images service."""

import io
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from PIL import Image, ImageDraw

from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult, Elements, Figure, Outline, PictureBrief, SceneBrief

STORY = UUID("7b0e7b9e-3f0c-4c0f-9a51-0f4ed2a1c001")
MIRA: dict[str, Any] = {
    "name": "Mira Okafor",
    "age": 5,
    "pronouns": "she/her",
    "appearance": {"skin": "#8d5524", "hair": "curly black", "clothing": "yellow dress"},
    "traits": ["wheelchair_manual", "prosthetic_leg", "hearing_aids", "dyslexia"],
    "features": ["round blue glasses"],
}
TOM: dict[str, Any] = {"name": "Tom", "age": 8, "pronouns": "he/him", "traits": ["vitiligo"]}


def brief_of(*characters: dict[str, Any], **others: Any) -> Brief:
    """A brief about these characters, Mira alone by default."""
    return Brief.asked({"storyType": "bedtime", "characters": list(characters) or [MIRA], **others})


def picture_brief(**changes: Any) -> dict[str, Any]:
    """What one picture shows, as plain values."""
    return {
        "what_happens": "Mira Okafor and Ember find the lantern under a fallen log.",
        "on_stage": ["Mira", "Ember"],
        "setting": "a foggy forest behind Mira's house",
        "time_of_day": "night",
        "weather": "fog",
        "props": ["Mira's lantern", "fallen log"],
        "action": "Mira reaches out a hand",
        "emotion": "worried",
        "camera": "wide",
        **changes,
    }


def outline_of(**changes: Any) -> Outline:
    """An outline whose pictures are all alike but for what ``changes`` says of every one."""
    picture = picture_brief(**changes)
    beats = ("call", "threshold", "ordeal", "return")
    one, two, three, four = (SceneBrief.model_validate({**picture, "beat": beat}) for beat in beats)
    words = dict.fromkeys(Elements.model_fields, "word")
    return Outline(
        title="The Lantern",
        logline="A light is found.",
        motif="a small warm light that Mira carries",
        palette=("#203040", "#aa5533", "#ddbb77", "#336655", "#553366"),
        elements=Elements.model_validate(words),
        companion=Figure(name="Ember", kind="fox", look="small orange fox with a white tail tip"),
        helper=Figure(name="Old Moss", kind="owl", look="round grey owl who likes Mira"),
        cover=PictureBrief.model_validate(picture),
        scenes=(one, two, three, four),
    )


def job_for(asset: Asset, brief: Brief | None = None, inputs: dict[Asset, AnyResult] | None = None) -> AssetRequested:
    """The job of one asset."""
    return AssetRequested(
        id=f"job-{asset}",
        story_id=STORY,
        tenant_id="tenant",
        trace="",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        asset=asset,
        fingerprint=fingerprint(asset),
        brief=brief or brief_of(),
        inputs=inputs or {},
    )


@cache  # the painter's tests ask for the same two hundred times
def png_of(size: tuple[int, int], colour: str = "#204080") -> bytes:
    """A small picture of three colours."""
    picture = Image.new("RGB", size, colour)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, size[0] // 3, size[1]), fill="#c03020")
    draw.rectangle((0, 0, size[0], size[1] // 4), fill="#20a050")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
