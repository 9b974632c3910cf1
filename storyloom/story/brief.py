"""The brief: what a client asks for. Every field is bounded; unknown fields are refused; camelCase on the wire."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from storyloom.story.assets import PUBLIC, Asset, Priority
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

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def _clean(value: str) -> str:
    """Refuse what no person types into a form: control characters and text-direction overrides."""
    if _CONTROL.search(value):
        raise ValueError("holds control characters")
    return value


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Age = Annotated[int, Field(ge=3, le=12)]
Number = Annotated[int, Field(ge=-(2**53), le=2**53)]
"""What every JSON reader can hold exactly (RFC 8259, section 6)."""


class Wire(BaseModel):
    """camelCase on the wire, unknown fields refused, frozen."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    @field_validator("*", mode="after")
    @classmethod
    def _no_control_characters(cls, value: Any) -> Any:
        if isinstance(value, str):
            return _clean(value)
        items = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, tuple) else ()
        for item in items:
            if isinstance(item, str):
                _clean(item)
        return value


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


class Brief(Wire):
    """The create body, defaults filled in.

    The short form (``characterName``, ``storyType``, ``generateAssets``) is understood and turned into this.
    """

    story_type: StoryType
    characters: tuple[Character, ...] = Field(min_length=1, max_length=3)
    age: Age = 5
    premise: Sentence | None = None
    setting: Sentence | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] = "en"
    type_details: dict[Annotated[str, StringConstraints(max_length=40)], str | Number] = Field(
        default_factory=dict, max_length=10, validate_default=True
    )
    assets: tuple[Asset, ...] = Field(default=PUBLIC, min_length=1, max_length=len(PUBLIC))
    voice: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "default"
    priority: Priority = Priority.NORMAL
    approval: Literal["auto"] = "auto"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    metadata: dict[
        Annotated[str, StringConstraints(max_length=40)], Annotated[str, StringConstraints(max_length=500)]
    ] = Field(default_factory=dict, max_length=20)

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = dict(data)
        name = data.pop("characterName", None)
        if name is not None:
            if "characters" in data:
                raise ValueError("characterName and characters exclude each other")
            data["characters"] = [{"name": name}]
        make_all = data.pop("generateAssets", None)
        if make_all is not None:
            if not isinstance(make_all, bool):
                raise ValueError("generateAssets is true or false")
            if "assets" in data:
                raise ValueError("generateAssets and assets exclude each other")
            if not make_all:
                data["assets"] = [Asset.CONTENT]
        return data

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
        for key, value in details.items():
            if isinstance(value, str) and not 0 < len(_clean(value).strip()) <= 300:
                raise ValueError(f"{key} must hold 1 to 300 characters")
        story_type = info.data.get("story_type", "")
        missing = [key for key in REQUIRED_DETAILS.get(story_type, ()) if key not in details]
        if missing:
            raise ValueError(f"a {story_type} story needs {', '.join(missing)} here")
        return details

    @classmethod
    def taken(cls, value: Any) -> "Brief":
        """A brief that was taken already, by this release or a newer one: what we do not know of it is dropped."""
        return value if isinstance(value, Brief) else cls.model_validate(value, extra="ignore")

    def wire(self) -> dict[str, Any]:
        """The brief as plain JSON values, camelCase: what prompts and clients see."""
        return self.model_dump(mode="json", by_alias=True)
