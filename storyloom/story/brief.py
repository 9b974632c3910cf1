"""The brief: what a client asks for. Every field is bounded; unknown fields are refused; camelCase on the wire."""

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError, to_json

from storyloom.story.assets import ADDED, PUBLIC, Asset, Priority
from storyloom.story.earlier import EarlierStory
from storyloom.story.languages import canonical
from storyloom.story.names import disambiguated, tidy_name
from storyloom.story.results import Written
from storyloom.story.traits import TRAITS

Species = Literal[
    "human",
    "monster",
    "robot",
    "animal",
    "fantasy_being",
    "dinosaur",
    "alien",
    "superhero",
    "elemental",
]
StoryType = Literal[
    "adventure",
    "bedtime",
    "birthday",
    "educational",
    "financial_literacy",
    "language_learning",
    "medical_bravery",
    "mental_health",
    "milestones",
    "new_chapter_sequel",
    "tech_readiness",
]
Approval = Literal["auto", "required"]
"""``required``: pictures, narration and book wait until the text was approved."""

REQUIRED_DETAILS: dict[str, tuple[str, ...]] = {
    "birthday": ("to", "from", "age_turning", "message"),
    "educational": ("subject",),
    "financial_literacy": ("concept",),
    "language_learning": ("target_language", "proficiency"),
    "medical_bravery": ("challenge",),
    "mental_health": ("emotion",),
    "milestones": ("milestone",),
    "new_chapter_sequel": ("previous_story_id",),
    "tech_readiness": ("concept",),
}
"""What each story type cannot be told without, in ``typeDetails``."""

PLAIN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$"
"""What a person types into a form: no control characters, no overrides of the text's direction."""
_PLAIN = re.compile(PLAIN)
_ASKED = {"asked": True}
"""The context of a validation of what a client sends, not of a brief that was taken already."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=PLAIN)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=PLAIN)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=PLAIN)]
Key = Annotated[str, StringConstraints(max_length=40, pattern=PLAIN)]
Age = Annotated[int, Field(ge=3, le=12)]
Number = Annotated[int, Field(ge=-(2**53), le=2**53)]
"""What every JSON reader can hold exactly (RFC 8259, section 6)."""


class Wire(BaseModel):
    """camelCase on the wire, frozen. What a newer release added is dropped; ``Brief.asked`` refuses it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Appearance(Wire):
    """How a character looks; words, or hex colours."""

    skin: Short | None = None
    hair: Short | None = None
    eyes: Short | None = None
    clothing: Short | None = None


class Character(Wire):
    """A hero of the story."""

    name: Name
    age: Annotated[int, Field(ge=0, le=120)] | None = None
    species: Species = "human"
    pronouns: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{1,12}/[A-Za-z]{1,12}(/[A-Za-z]{1,12})?$")] = (
        "they/them"
    )
    appearance: Appearance = Appearance()
    traits: tuple[Short, ...] = Field(default=(), max_length=6)
    features: tuple[Short, ...] = Field(default=(), max_length=8)
    personality: tuple[Short, ...] = Field(default=(), max_length=6)

    @field_validator("name")
    @classmethod
    def _tidied(cls, name: str, info: ValidationInfo) -> str:
        return tidy_name(name) if info.context is _ASKED else name

    @field_validator("traits")
    @classmethod
    def _known_traits(cls, traits: tuple[str, ...]) -> tuple[str, ...]:
        for place, trait in enumerate(traits):
            if trait not in TRAITS:
                # Not repeated: whatever was typed here by mistake may be a name.
                raise ValueError(f"number {place + 1} is not the name of a trait")
        if len(set(traits)) != len(traits):
            raise ValueError("a trait stands twice")
        return traits


class Brief(Wire, Written):
    """The create body, defaults filled in.

    ``Brief.asked`` reads what a client sends, the short form too (``characterName``, ``storyType``,
    ``generateAssets``).
    """

    story_type: StoryType
    characters: tuple[Character, ...] = Field(min_length=1, max_length=3)
    age: Age = 5
    premise: Sentence | None = None
    setting: Sentence | None = None
    language: Annotated[str, StringConstraints(max_length=35)] = "en"
    type_details: dict[Key, str | Number] = Field(default_factory=dict, max_length=10, validate_default=True)
    assets: tuple[Asset, ...] = Field(default=PUBLIC, min_length=1, max_length=len(PUBLIC))
    voice: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "default"
    priority: Priority = Priority.NORMAL
    approval: Approval = "auto"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    metadata: dict[Key, Annotated[str, StringConstraints(max_length=500, pattern=PLAIN)]] = Field(
        default_factory=dict, max_length=20
    )
    earlier: EarlierStory | None = Field(default=None, exclude_if=lambda earlier: earlier is None)
    """Of a sequel: the story before. Written by the api (services/api/sequels.py), refused in what a client sends."""

    @field_validator("language")
    @classmethod
    def _known_language(cls, tag: str, info: ValidationInfo) -> str:
        return canonical(tag) if info.context is _ASKED else tag

    @field_validator("assets")
    @classmethod
    def _public_assets(cls, assets: tuple[Asset, ...]) -> tuple[Asset, ...]:
        for asset in assets:
            if asset not in PUBLIC:
                raise ValueError(f"{asset.value} cannot be asked for; these can: {', '.join(PUBLIC)}")
        return tuple(asset for asset in PUBLIC if asset in assets)

    @field_validator("type_details")
    @classmethod
    def _has_its_type_details(cls, details: dict[str, str | int], info: ValidationInfo) -> dict[str, str | int]:
        for place, value in enumerate(details.values()):
            if isinstance(value, str) and not (0 < len(value.strip()) <= 300 and _PLAIN.match(value)):
                # Not by its name, which is the client's.
                raise ValueError(f"number {place + 1} must hold 1 to 300 characters, none of them control characters")
        story_type = info.data.get("story_type", "")
        missing = [key for key in REQUIRED_DETAILS.get(story_type, ()) if key not in details]
        if missing:
            raise ValueError(f"a {story_type} story needs {', '.join(missing)} here")
        return details

    @classmethod
    def asked(cls, body: Any) -> "Brief":
        """The brief of a create body, its short form understood, unknown fields and our own snake_case names refused.

        Names are tidied, and refused where nothing is to be seen. The language is written as BCP 47 has it, and one
        that stories cannot be told in is refused. Raises
        pydantic.ValidationError. (Plain validation, without all that, is for briefs that were taken already: it
        runs in pydantic's core alone, and every job carries one.)
        """
        # As JSON, since strictness is to be JSON's: a list is a tuple, and "5" is not 5.
        text = to_json(_long_form(body), by_alias=True)
        return cls.model_validate_json(text, strict=True, extra="forbid", by_alias=True, by_name=False, context=_ASKED)

    @cached_property
    def body(self) -> bytes:
        """The brief as JSON, by field names, as jobs and questions carry it.

        Whether it asks for approval is left out, and so are assets that the release before does not know: that is
        nothing to those who make something, and those of the release before could not read it.
        """
        left_out = {name for name, out in (("approval", self.approval != "auto"), ("assets", not self.known)) if out}
        known = self if set(self.known) == set(self.assets) else self.model_copy(update={"assets": self.known})
        return known.model_dump_json(exclude=left_out or None).encode()

    @property
    def known(self) -> tuple[Asset, ...]:
        """What is asked for, as the release before knows it; empty where it would be nothing."""
        return tuple(asset for asset in self.assets if asset not in ADDED)

    def stored(self) -> dict[str, Any]:
        """The brief as a story's row keeps it, for this release and the one before: ``wire`` without what that could
        not read.

        The approval has a column of its own, and each asset its row.
        """
        kept = self.wire() | {"approval": "auto", "assets": [asset.value for asset in self.known]}
        return kept if self.known else {key: value for key, value in kept.items() if key != "assets"}

    def wire(self) -> dict[str, Any]:
        """The brief as plain JSON values, camelCase: what clients see."""
        return self.model_dump(mode="json", by_alias=True)

    def for_prompts(self) -> dict[str, Any]:
        """The brief as prompts see it: two heroes of one name are told apart.

        The client's metadata is nobody else's business and stays here.
        """
        brief = self.wire() | {"metadata": {}}
        if self.earlier is not None:
            brief["earlier"] = self.earlier.for_prompts()
        for character, name in zip(brief["characters"], self.names, strict=True):
            character["name"] = name
        return brief

    @property
    def names(self) -> tuple[str, ...]:
        """The heroes' names as the story tells them: Max 1 and Max 2 where two are called Max."""
        return disambiguated([character.name for character in self.characters])


def _long_form(body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    body = dict(body)
    if "earlier" in body:
        raise _refused(body, "earlier is not for clients to say; previous_story_id names the story before")
    name, make_all = body.pop("characterName", None), body.pop("generateAssets", None)
    if name is not None:
        if "characters" in body:
            raise _refused(body, "characterName and characters exclude each other")
        body["characters"] = [{"name": name}]
    if make_all is not None:
        if not isinstance(make_all, bool):
            raise _refused(body, "generateAssets is true or false")
        if "assets" in body:
            raise _refused(body, "generateAssets and assets exclude each other")
        if not make_all:
            body["assets"] = [Asset.CONTENT]
    return body


def _refused(body: Any, reason: str) -> ValidationError:
    error = InitErrorDetails(type=PydanticCustomError("short_form", "{reason}", {"reason": reason}), input=body)
    return ValidationError.from_exception_data("Brief", [error])
