"""The vision model's answer to `picture_check` (docs/providers.md): what stands in the picture's metadata, no more.

A picture that was not drawn here is a riddle to the studio, and it says so: unsure, with confidence 0.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from studio.backends import Backends, flagged_categories
from studio.openai_api import openai_error
from studio.painting.features import features_in, own_side
from studio.picture_looks import compare_moment, find_cast
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
    cast = find_cast(checklist["characters"], seen) if seen else {}
    traits = [_check_on(item, checklist, cast, seen) for item in checklist["must_show"]]
    missing = [
        item["what"]
        for item, trait in zip(checklist["must_show"], traits, strict=True)
        if trait["visible"] == "not_visible"
    ]
    return {
        "safe": not flagged,
        "reasons": [f"The picture may be unsafe: {category}." for category in flagged],
        "suggested_fix": f"Show clearly: {'; '.join(missing)}." if missing else "",
        "traits": traits,
        "characters": [
            _answer(one["role"], visible=one["role"] in cast if seen else None) for one in checklist["characters"]
        ],
        "cast_count": seen["cast_count"] if seen else checklist["cast"],
        "moment": _check_moment(checklist["moment"], seen),
        "text_artefacts": False,
        "style_ok": True,
        "alt_text": describe(seen) if seen else "A picture that was not drawn here.",
    }


def _check_on(
    item: Mapping[str, str], checklist: Mapping[str, Any], cast: Mapping[str, Any], seen: Seen | None
) -> dict[str, Any]:
    """A trait of the one who should have it, where that is told; one who is not there cannot lack it."""
    who = item.get("who", "")
    if seen is None or who not in {one["role"] for one in checklist["characters"]}:
        return check_trait(item, seen)
    return check_trait(item, {**seen, "heroes": [cast[who]]} if who in cast else None)


def _check_moment(moment: Mapping[str, str], seen: Seen | None) -> list[dict[str, Any]]:
    if seen is None:
        return [_answer(label, visible=None) for label in moment if label not in {"scene", "wish"}]
    return [_answer(label, visible=same) for label, same in compare_moment(moment, seen)]


def _answer(id_: str, *, visible: bool | None) -> dict[str, Any]:
    if visible is None:
        return {"id": id_, "visible": "unsure", "confidence": _UNSURE}
    return {"id": id_, "visible": "visible" if visible else "not_visible", "confidence": _SURE}


def check_trait(item: Mapping[str, str], seen: Seen | None) -> dict[str, Any]:
    """Is this to be seen, on the side that is asked for? Known features by name, all else by its words."""
    if seen is None:
        return _answer(item["id"], visible=None)
    drawn = list(_drawn_words(seen))
    asked = features_in([item["what"]]).keys() or features_in([item["id"].replace("_", " ")]).keys()
    if asked:
        features = features_in(drawn)
        visible = asked <= features.keys()
        side, drawn_on = own_side(item["what"]), {features[key].side for key in asked & features.keys()}
        if visible and side and side not in drawn_on:
            return _answer(item["id"], visible=None if drawn_on == {""} else False)
    else:
        wanted = _words([item["what"]]) or _words([item["id"]])
        visible = 2 * len(wanted & _words(drawn)) >= len(wanted)
    if not visible and asked and asked <= _BELOW_THE_WAIST and seen.get("camera") == "close":
        return _answer(item["id"], visible=None)
    return _answer(item["id"], visible=visible)


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
    # A release before asked for neither.
    checklist = {"characters": [], "moment": {}, **checklist}
    characters, moment = checklist["characters"], checklist["moment"]
    if not isinstance(characters, list) or not all(isinstance(one, dict) and "role" in one for one in characters):
        raise UnanswerablePromptError('<checklist> "characters" must be a list of {"role", …}')
    if not isinstance(moment, dict) or not all(isinstance(words, str) for words in moment.values()):
        raise UnanswerablePromptError('<checklist> "moment" must hold words by label')
    return checklist
