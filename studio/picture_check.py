"""The vision model's answer to `picture_check` (docs/providers.md): what stands in the picture's metadata, no more.

A picture that was not drawn here is a riddle to the studio, and it says so: unsure, with confidence 0.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from studio.backends import Backends, flagged_categories
from studio.openai_api import openai_error
from studio.painting.features import features_in
from studio.prompt_blocks import UnanswerablePromptError, read_blocks

Seen = Mapping[str, Any]
_SURE, _UNSURE = 0.95, 0.5
# What a close picture, from the chest up, cannot show and so cannot lack.
_BELOW_THE_WAIST = frozenset(
    {"manual_wheelchair", "power_wheelchair", "prosthetic_leg", "leg_braces", "raised_shoe", "walker", "crutches"}
)
_SMALL_WORDS = frozenset(
    {
        "a", "an", "and", "are", "at", "be", "by", "for", "from", "has", "have", "her", "his", "in", "is", "it", "its",
        "of", "on", "or", "she", "he", "the", "their", "they", "to", "that", "which", "who", "with", "wears", "wearing",
        "shown", "visible", "clearly", "hero", "child", "colour", "color", "beside", "s",
    }
)  # fmt: skip


async def check_picture(backends: Backends, prompt: str, pictures: Sequence[bytes]) -> dict[str, Any]:
    """The answer, truthfully.

    Raises UnanswerablePromptError without a checklist or a picture, OpenAI's 400 for a picture that cannot be read.
    """
    checklist = _read_checklist(prompt)
    if not pictures:
        raise UnanswerablePromptError("picture_check needs an input_image")
    try:
        # The picture to check comes last; what may stand before it is the reference.
        seen = await backends.describe_image(pictures[-1])
    except ValueError as error:
        raise openai_error(
            400, "The image data you provided does not represent a valid image. Please check your input and try again.",
            code="invalid_image",
        ) from error  # fmt: skip
    flagged = flagged_categories(await backends.classify_text(describe(seen))) if seen else []
    missing = [item["what"] for item in checklist["must_show"] if check_trait(item, seen)["visible"] == "not_visible"]
    return {
        "safe": not flagged,
        "reasons": [f"The picture may be unsafe: {category}." for category in flagged],
        "suggested_fix": f"Show clearly: {'; '.join(missing)}." if missing else "",
        "traits": [check_trait(item, seen) for item in checklist["must_show"]],
        "cast_count": seen["cast_count"] if seen else checklist["cast"],
        "text_artefacts": False,
        "style_ok": True,
        "alt_text": describe(seen) if seen else "A picture that was not drawn here.",
    }


def check_trait(item: Mapping[str, str], seen: Seen | None) -> dict[str, Any]:
    """Is this to be seen? Known features by name; whatever else is asked by the words that describe it."""
    if seen is None:
        return {"id": item["id"], "visible": "unsure", "confidence": _UNSURE}
    drawn = list(_drawn_words(seen))
    asked = features_in([item["what"]]).keys() or features_in([item["id"].replace("_", " ")]).keys()
    if asked:
        visible = asked <= features_in(drawn).keys()
    else:
        wanted = _words([item["what"]]) or _words([item["id"]])
        visible = 2 * len(wanted & _words(drawn)) >= len(wanted)
    if not visible and asked and asked <= _BELOW_THE_WAIST and seen.get("camera") == "close":
        return {"id": item["id"], "visible": "unsure", "confidence": _UNSURE}
    return {"id": item["id"], "visible": "visible" if visible else "not_visible", "confidence": _SURE}


def describe(seen: Seen | None) -> str:
    """One sentence, of about 30 words at most, that says what a picture shows."""
    if seen is None:
        return ""
    heroes = " and ".join(_describe_hero(hero) for hero in seen["heroes"]) or "a quiet scene"
    others = [_with_article(who) for who in (seen.get("companion"), seen.get("helper")) if who]
    company = f" together with {' and '.join(others)}" if others else ""
    action = f", {seen['action']}" if seen.get("action") else ""
    place = f", in {_with_article(str(seen['setting']))}" if seen.get("setting") not in {None, "", "plain"} else ""
    time = f" at {seen['time']}" if place and seen.get("time") in {"dawn", "dusk", "night"} else ""
    props = f", with {' and '.join(_with_article(str(prop)) for prop in seen['props'])}" if seen.get("props") else ""
    mood = f"; the mood is {seen['emotion']}" if seen.get("emotion") else ""
    sentence = f"{heroes}{company}{action}{place}{time}{props}{mood}."
    return sentence[0].upper() + sentence[1:]


def _describe_hero(hero: Mapping[str, Any]) -> str:
    who = str(hero.get("kind") or hero.get("species") or "child")
    looks = [f"{hero['hair']} hair"] if hero.get("hair") else []
    looks += [str(hero["clothing"])] if hero.get("clothing") else []
    looks += [str(feature) for feature in hero.get("features", ())][:3]
    return _with_article("child" if who == "human" else who) + (f" with {', '.join(looks)}" if looks else "")


def _with_article(who: str) -> str:
    if who.lower().startswith(("a ", "an ", "the ")):
        return who
    return f"{'an' if who[:1].lower() in 'aeiou' else 'a'} {who}"


def _drawn_words(seen: Seen) -> Iterable[str]:
    for hero in seen["heroes"]:
        yield from (
            f"{name} {hero[name]}" for name in ("species", "skin", "hair", "eyes", "clothing") if hero.get(name)
        )
        yield from map(str, hero.get("features", ()))
    yield from (str(seen.get(name) or "") for name in ("companion", "helper", "setting", "style"))
    yield from map(str, seen.get("props", ()))


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"[a-z]+|#[0-9a-f]{6}", text.lower())} - _SMALL_WORDS


def _read_checklist(prompt: str) -> dict[str, Any]:
    checklist = read_blocks(prompt).get("checklist")
    if not isinstance(checklist, dict) or not isinstance(checklist.get("cast"), int):
        raise UnanswerablePromptError("<checklist> must hold must_show, cast and style")
    items = checklist.get("must_show")
    if not isinstance(items, list) or not all(isinstance(i, dict) and {"id", "what"} <= i.keys() for i in items):
        raise UnanswerablePromptError('<checklist> "must_show" must be a list of {"id", "what"}')
    return checklist
