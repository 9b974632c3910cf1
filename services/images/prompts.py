"""Picture prompts: labelled lines, species first (docs/providers.md), and the checklist of what they must show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.images.appearance import HeroLook, resolve_looks
from services.images.naming import COMPANION, HELPER, HEROES, Naming, flatten, name_roles
from storyloom.story.assets import Asset
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Figure, Outline, PictureBrief
from storyloom.story.traits import Framing

STYLE = "soft watercolour picture book illustration, warm light, clean ink outlines, visible paper grain"
SOFTLY = "wholesome and gentle, everybody safe, calm and fully clothed"
SQUARE, TALL = (1024, 1024), (1024, 1536)
_NEVER = (
    "text, letters, numbers, watermarks, signatures, frames",
    "anybody who is not in the cast, the same character twice",
    "fear, blood, weapons, photographs, realistic skin texture",
)
_SAME = "a face, skin, hair, clothing, feature or device that differs from the reference picture"
_SAME_PEOPLE = "a face, skin, hair, feature or device that differs from the reference picture"
_MOMENT = ("Scene", "Setting", "Time", "Weather", "Props", "Action")
_NATIVE = "a human in costume, a human body under the species"

_ANEW = "the same heroes in every detail"
_ANEW_PORTRAIT = f"drawn anew, in another pose and with another gesture; {_ANEW}"
_ANEW_PICTURE = f"the same moment composed anew, from another side, everybody in another place and pose; {_ANEW}"

Size = tuple[int, int]
"""Width and height, pixels."""
Line = tuple[str, str]
"""A label and its words."""


@dataclass(frozen=True, slots=True)
class MustShow:
    """One thing that the check looks for: ``what`` it is, on ``who`` by role, what to ask for when it is missing."""

    id: str
    what: str
    fix: str
    who: str


@dataclass(frozen=True, slots=True)
class CastMember:
    """Somebody who must be in the picture. ``looks`` are the words of the prompt by which they are known, by label."""

    role: str
    looks: tuple[Line, ...]

    @property
    def fix(self) -> str:
        """What to ask for when they are missing."""
        return f"draw {self.role}: {', '.join(words for _, words in self.looks)}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is to be drawn, twice worded (``soft`` after a refusal), and how it will be checked."""

    text: str
    soft: str
    size: Size
    must_show: tuple[MustShow, ...]
    cast: tuple[str, ...]
    alt_text: str
    """One sentence, for want of a better one from the check."""
    characters: tuple[CastMember, ...] = ()
    """Those of the cast whom the prompt describes."""
    moment: tuple[Line, ...] = ()
    """What tells the picture's moment from the story's others, and what its client wants of it; none of a portrait."""

    def write(self, fixes: Sequence[str] = (), *, softly: bool = False) -> str:
        """The prompt with the findings of earlier attempts appended to the original words."""
        return "\n".join([self.soft if softly else self.text, *(f"Fix: {flatten(fix, 300)}" for fix in fixes)])

    def checklist(self) -> dict[str, Any]:
        """The checklist block of picture_check."""
        return {
            "must_show": [{"id": item.id, "what": item.what, "who": item.who} for item in self.must_show],
            "cast": len(self.cast),
            "characters": [{"role": one.role, **_by_label(one.looks)} for one in self.characters],
            "moment": _by_label(self.moment),
            "style": STYLE,
        }


def draft_portrait(job: AssetRequested, *, known: bool = False) -> Prompt:
    """The reference picture: all heroes on a plain background. It fixes what every other picture keeps.

    ``known``: drawn from the portrait of an earlier story, whose heroes these are; they may wear something else by now.
    """
    naming = name_roles(job.brief)
    heroes = resolve_looks(job.brief, job.story_id, naming)
    who = "portrait" + ("", " of both heroes side by side", " of all three heroes side by side")[len(heroes) - 1]

    def write(*, softly: bool) -> str:
        return _join(
            [
                *_heroes(heroes, softly=softly),
                ("Framing", f"full-body {who} on a plain background"),
                ("Emotion", "friendly and curious"),
                *_never(heroes, softly=softly, same=_SAME_PEOPLE if known else ""),
                *_version(job, _ANEW_PORTRAIT),
            ]
        )

    return Prompt(
        text=write(softly=False),
        soft=write(softly=True),
        size=TALL if len(heroes) == 1 else SQUARE,
        must_show=_must_show(heroes, "portrait"),
        cast=tuple(hero.role for hero in heroes),
        characters=_described(job, heroes),
        alt_text="A portrait of the hero." if len(heroes) == 1 else "A portrait of the heroes.",
    )


def draft_picture(job: AssetRequested, outline: Outline) -> Prompt:
    """The cover or a scene. The heroes look as in the portrait; only those on stage are drawn."""
    picture = outline.scenes[job.asset.scene - 1] if job.asset.scene else outline.cover
    naming = name_roles(job.brief, outline)
    cast = _cast(picture, naming, outline)
    everybody = resolve_looks(job.brief, job.story_id, naming)
    heroes = tuple(hero for hero in everybody if hero.role in cast)
    figures = _figures(outline, cast, naming)
    wish = [("Wish", naming.scrub(job.hint, 300))] if job.hint else []

    def write(*, softly: bool) -> str:
        return _join(
            [
                *_heroes(heroes, softly=softly, motif=naming.scrub(outline.motif, 120)),
                *((_label(figure.role), words) for figure in figures for _, words in figure.looks),
                *_stage(picture, naming),
                *([] if job.asset.scene else [("Framing", "square book cover with calm space above for the title")]),
                ("Cast", f"exactly {len(cast)}: {', '.join(cast)}"),
                *_never(heroes, softly=softly, same=_SAME),
                ("Palette", ", ".join(outline.palette)),
                *_version(job, _ANEW_PICTURE),
                *wish,
            ]
        )

    return Prompt(
        text=write(softly=False),
        soft=write(softly=True),
        size=SQUARE if job.asset is Asset.COVER else TALL,
        must_show=_must_show(heroes, picture.camera),
        cast=cast,
        characters=(*_described(job, heroes), *figures),
        moment=(*(line for line in _stage(picture, naming) if line[0] in _MOMENT), *wish),
        alt_text=_sentence(naming.scrub(picture.what_happens)) or "A picture of the story.",
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _by_label(lines: Iterable[Line]) -> dict[str, str]:
    return {label.lower(): words for label, words in lines if words}


def _described(job: AssetRequested, heroes: Sequence[HeroLook]) -> tuple[CastMember, ...]:
    """The heroes by their looks. An earlier release's sequel has the portrait's, whatever they are."""
    earlier = job.brief.earlier
    if earlier is not None and earlier.portrait is not None and not earlier.chosen:
        return ()
    return tuple(CastMember(hero.role, tuple(line for line in _looks(hero) if line[1])) for hero in heroes)


def _looks(hero: HeroLook) -> tuple[Line, ...]:
    return (("Kind", hero.kind), ("Skin", hero.skin), ("Hair", hero.hair), ("Clothing", hero.clothing))


def _label(role: str) -> str:
    return role.removeprefix("the ").capitalize()


def _join(lines: Iterable[Line]) -> str:
    return "\n".join(f"{label}: {words}" for label, words in lines if words)


def _heroes(heroes: Sequence[HeroLook], *, softly: bool, motif: str = "") -> list[Line]:
    """The heroes' lines; the style stands after the first one's anatomy."""
    style = [STYLE, f"the book's motif comes back in it: {motif}" if motif else "", SOFTLY if softly else ""]
    lines: list[Line] = []
    for hero in heroes:
        lines.append((_label(hero.role), hero.kind))
        if hero is heroes[0]:
            lines.append(("Style", "; ".join(part for part in style if part)))
        lines += [("Skin", hero.skin), ("Hair", hero.hair), ("Eyes", hero.eyes), ("Clothing", hero.clothing)]
        lines.append(("Features", "; ".join(hero.features)))
        lines += [("Must show", (worn.soft if softly else worn.form).wording) for worn in hero.worn]
        lines += [("Side", placed.describe(hero.role)) for placed in hero.sides]
    return lines


def _figures(outline: Outline, cast: Sequence[str], naming: Naming) -> list[CastMember]:
    figures = ((COMPANION, outline.companion), (HELPER, outline.helper))
    return [
        CastMember(role, (("Kind", _describe(figure, naming)),)) for role, figure in figures if figure and role in cast
    ]


def _describe(figure: Figure, naming: Naming) -> str:
    kind = naming.scrub(figure.kind, 60)
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    return f"{article} {kind}, {naming.scrub(figure.look, 200)}"


def _stage(picture: PictureBrief, naming: Naming) -> list[Line]:
    props = [naming.scrub(prop, 60).replace(";", ",") for prop in picture.props[:6]]
    return [
        ("Scene", naming.scrub(picture.what_happens)),
        ("Setting", naming.scrub(picture.setting, 160)),
        ("Time", picture.time_of_day),
        ("Weather", picture.weather),
        ("Props", "; ".join(prop for prop in props if prop)),
        ("Action", naming.scrub(picture.action, 160)),
        ("Emotion", naming.scrub(picture.emotion, 80)),
        ("Camera", picture.camera),
    ]


def _never(heroes: Sequence[HeroLook], *, softly: bool, same: str) -> list[Line]:
    """What must not be drawn. After a refusal the traits' own prohibitions are left out: they name what is refused."""
    lines = [*_NEVER[: 2 if softly else 3], *([same] if same else [])]
    lines += [_NATIVE] if any(hero.native for hero in heroes) else []
    if not softly:
        lines += [
            f"for {hero.role}: {', '.join(worn.trait.prohibitions)}".replace(HEROES[0], hero.role)
            for hero in heroes
            for worn in hero.worn
        ]
    return [("Never", line) for line in lines]


def _version(job: AssetRequested, how: str) -> list[Line]:
    """What makes another version another one. The first has no such line."""
    return [("Version", f"{job.revision + 1}: {how}")] if job.revision else []


def _must_show(heroes: Sequence[HeroLook], framing: Framing) -> tuple[MustShow, ...]:
    """What this framing can show, and nothing else: a close picture cannot fail for a leg."""
    found: dict[str, MustShow] = {}
    for hero in heroes:
        sides = {placed.trait: placed for placed in hero.sides}
        for worn in hero.worn:
            trait, form = worn.trait, worn.form
            if framing in trait.seen_in:
                id_ = trait.id if trait.id not in found else f"{trait.id} of {hero.role}"
                question = (trait.question or "").replace(HEROES[0], hero.role)
                fix = f"show clearly on {hero.role}: {', '.join(form.must_show)}"
                what = f"{form.wording}. {question}"
                if placed := sides.get(trait.id):
                    fix = f"{fix}; {placed.describe(hero.role)}"
                    what = f"{what} Side: {placed.describe(hero.role)}."
                found[id_] = MustShow(id_, what, fix, hero.role)
    return tuple(found.values())


def _cast(picture: PictureBrief, naming: Naming, outline: Outline) -> tuple[str, ...]:
    """The exact cast by role, each once. A picture of the book is never without a hero."""
    cast = dict.fromkeys(role for name in picture.on_stage if (role := naming.role(name)))
    if outline.companion is None:
        cast.pop(COMPANION, None)
    if outline.helper is None:
        cast.pop(HELPER, None)
    return tuple(cast) if any(role in HEROES for role in cast) else (HEROES[0], *cast)
