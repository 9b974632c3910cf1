"""The brief as the storyteller sees it: checked, with every gap filled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.prompt_blocks import UnanswerablePromptError
from studio.storyteller.language.phrasing import Person
from studio.storyteller.language.pronouns import read_pronouns


@dataclass(frozen=True)
class Hero:
    """One of the one to three who share the stage."""

    person: Person
    species: str = "human"
    traits: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    personality: tuple[str, ...] = ()
    clothing: str = ""
    hair: str = ""

    @property
    def name(self) -> str:
        """As the brief writes it."""
        return self.person.name


@dataclass(frozen=True)
class Earlier:
    """The story that a sequel goes on from; each empty where it is not told."""

    title: str = ""
    place: str = ""
    name: str = ""
    kind: str = ""
    look: str = ""


@dataclass(frozen=True)
class Brief:
    """What was asked for."""

    story_type: str
    age: int
    heroes: tuple[Hero, ...]
    premise: str
    setting: str
    details: Mapping[str, str]
    earlier: Earlier | None = None

    @property
    def names(self) -> list[str]:
        """The heroes' names in order."""
        return [hero.name for hero in self.heroes]


def read_brief(block: Any) -> Brief:
    """From the API's create body, long or short form.

    Raises:
        UnanswerablePromptError: no object, nobody in it has a name, or a language that no story is told in.

    """
    if not isinstance(block, Mapping):
        raise UnanswerablePromptError("block <brief> is missing or not an object")
    language = _text(block.get("language")) or "en"
    if language.lower().partition("-")[0] != "en":
        raise UnanswerablePromptError(f"the storyteller knows English alone, and the brief asks for {language[:35]!r}")
    written = block.get("characters") or [{"name": block.get("characterName")}]
    if not isinstance(written, list) or not all(isinstance(one, Mapping) for one in written):
        raise UnanswerablePromptError("block <brief>: characters is not a list of objects")
    heroes = tuple(_hero(one) for one in written[:3])
    if not all(hero.name for hero in heroes):
        raise UnanswerablePromptError("block <brief>: a character has no name")
    details = block.get("typeDetails")
    return Brief(
        story_type=_text(block.get("storyType")) or "adventure",
        age=_age(block.get("age"), written),
        heroes=heroes,
        premise=_text(block.get("premise")),
        setting=_text(block.get("setting")),
        details={_snake(key): _text(value) for key, value in details.items()} if isinstance(details, Mapping) else {},
        earlier=_earlier(block.get("earlier")),
    )


def _earlier(block: Any) -> Earlier | None:
    if not isinstance(block, Mapping):
        return None
    companion = block.get("companion")
    friend = companion if isinstance(companion, Mapping) else {}
    told = {key: _text(friend.get(key)) for key in ("name", "kind", "look")}
    return Earlier(title=_text(block.get("title")), place=_text(block.get("place")), **told)


def _hero(block: Mapping[str, Any]) -> Hero:
    looks = block.get("appearance")
    looks = looks if isinstance(looks, Mapping) else {}
    return Hero(
        person=Person(_text(block.get("name")), read_pronouns(_text(block.get("pronouns")))),
        species=_text(block.get("species")) or "human",
        traits=_texts(block.get("traits")),
        features=_texts(block.get("features")),
        personality=_texts(block.get("personality")),
        clothing=_words_only(looks.get("clothing")),
        hair=_words_only(looks.get("hair")),
    )


def _words_only(value: Any) -> str:
    """A look in words; hex colours are for the painter."""
    text = _text(value)
    return "" if "#" in text else text.lower()


def _age(value: Any, characters: list[Mapping[str, Any]]) -> int:
    for given in (value, characters[0].get("age")):
        digits = "".join(letter for letter in str(given or "") if letter.isdigit())
        if digits:
            return min(max(int(digits[:3]), 3), 9)
    return 5


def _text(value: Any) -> str:
    return " ".join(str(value).split()) if isinstance(value, str | int) else ""


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(_text(one) for one in value if _text(one)) if isinstance(value, list | tuple) else ()


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in str(key))
