"""The state of one story: who, where, what; and the words that its lines may use."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from studio.storyteller.brief import Brief
from studio.storyteller.casting import Friend, recast
from studio.storyteller.language.grammar import is_plural, join_names, possessive, with_article, without_article
from studio.storyteller.language.phrasing import Phrasing
from studio.storyteller.language.pronouns import TOGETHER, Pronouns
from studio.storyteller.lore import lore_words
from studio.storyteller.plots.parser import Plot, read_plots
from studio.storyteller.premise import Wishes, find_place, read_wishes, with_preposition
from studio.storyteller.threads import thread_words
from studio.storyteller.world.parser import Place, read_things

_HAIR = re.compile(
    r"\b(?:hair|braids?|bob|buns?|curls?|(?:dread)?locks|locs?|plaits?|puffs?|afro|ponytails?|pigtails?|fringe|mane|fur)$"
)
_SIGNS = ("obstacle", "planted", "payoff")


@dataclass(frozen=True)
class Tale:
    """What stays the same from the outline to the last activity."""

    brief: Brief
    wishes: Wishes
    plot: Plot | None
    companion: Friend | None
    helper: Friend | None
    thing: str
    token: str
    place: Place | None
    where: str

    @property
    def heroes(self) -> Pronouns:
        """The pronouns of all heroes together."""
        return self.brief.heroes[0].person.pronouns if len(self.brief.heroes) == 1 else TOGETHER

    def phrasing(self, spot: str = "", turn: int = 0) -> Phrasing:
        """A teller for this tale at a spot ("on the mossy path")."""
        rivals = [
            prefix
            for prefix, friend in (("C", self.companion), ("P", self.helper))
            if friend and friend.pronouns.subject == self.heroes.subject
        ]
        slots = {"C": ("C", "che", "chim", "chis", "ck"), "P": ("P", "phe", "phim", "phis", "pk")}
        return Phrasing(
            heroes=[hero.person for hero in self.brief.heroes],
            words=self.words(spot or self.where),
            rivals=frozenset(slot for prefix in rivals for slot in slots[prefix]),
            turn=turn,
        )

    def words(self, spot: str) -> dict[str, str]:
        """The fixed slots at a spot."""
        plural = is_plural(self.thing)
        place = self.where.partition(" ")[2]
        hero = self.brief.heroes[0]
        return {
            **_friend_words("c", self.companion),
            **_friend_words("p", self.helper),
            "all": join_names([*self.brief.names, *([self.companion.name] if self.companion else [])]),
            "o": self.thing,
            "ao": with_article(self.thing),
            "odid": _deed(self.thing),
            "oit": "they" if plural else "it",
            "othem": "them" if plural else "it",
            "ois": "are" if plural else "is",
            "owas": "were" if plural else "was",
            "O": _titled(self.thing),
            "t": self.token,
            "at": with_article(self.token),
            "T": _titled(self.token),
            "place": place,
            "inplace": self.where,
            "Place": _titled(place),
            "where": spot,
            "spot": spot.partition(" ")[2],
            "hair": with_hair(hero.hair),
            "clothing": hero.clothing,
            "features": hero.features[0] if hero.features else "",
            **thread_words(
                self.wishes.threads,
                heroes=self.heroes,
                owner=possessive(join_names(self.brief.names)),
                companion=self.companion.pronouns if self.companion else None,
            ),
            **lore_words(self.brief),
        }


def with_hair(told: str) -> str:
    """Hair as it is spoken of: "curly black hair", but "two black braids"."""
    return told if not told or _HAIR.search(told) else f"{told} hair"


def _titled(phrase: str) -> str:
    words = [
        word if word in {"of", "the", "with", "and", "in", "a"} else word[:1].upper() + word[1:]
        for word in phrase.split()
    ]
    return " ".join(words)


def _friend_words(letter: str, friend: Friend | None) -> dict[str, str]:
    if friend is None:
        return {}
    return {
        letter.upper(): friend.name,
        f"{letter}k": friend.kind,
        f"{letter}ak": with_article(friend.kind),
        f"{letter}he": friend.pronouns.subject,
        f"{letter}him": friend.pronouns.object,
        f"{letter}his": friend.pronouns.possessive,
        f"{letter}sound": friend.creature.sound,
        f"{letter}move": friend.creature.move,
    }


def _deed(thing: str) -> str:
    things = read_things()
    last = thing.rsplit(maxsplit=1)[-1] if thing.split() else ""
    return things.get(thing) or things.get(last) or things.get(last.removesuffix("s")) or "looked just right"


def recall(brief: Brief, outline: Mapping[str, Any]) -> Tale:
    """The tale that an outline tells; `plot` is None when the outline is somebody else's."""
    wishes = read_wishes(brief)
    elements = _mapping(outline.get("elements"))
    written = {key: _text(value) for key, value in elements.items()}
    plot, found = _recognise(brief.story_type, written)
    heroes = brief.heroes[0].person.pronouns if len(brief.heroes) == 1 else TOGETHER
    where = with_preposition(written.get("place") or "the wide world")
    return Tale(
        brief=brief,
        wishes=wishes,
        plot=plot,
        companion=_friend(outline.get("companion"), wishes, heroes),
        helper=_friend(outline.get("helper"), Wishes(), heroes),
        thing=without_article(written.get("object") or "treasure"),
        token=found.get("t") or without_article(written.get("object") or "treasure"),
        place=find_place(where),
        where=_ours(where) or where,
    )


def _ours(where: str) -> str:
    """Our own name for a place with its own preposition ("by the river"), if it is one."""
    place, bare = find_place(where), where.partition(" ")[2]
    return next((name for name in place.names if name.partition(" ")[2] == bare), "") if place else ""


def _friend(block: Any, wishes: Wishes, heroes: Pronouns) -> Friend | None:
    told = _mapping(block)
    name, kind = _text(told.get("name")), _text(told.get("kind"))
    if not name:
        return None
    she = wishes.she if wishes.kind and wishes.kind in kind.lower() else None
    return recast(name, without_article(kind) or "friend", she=she, heroes=heroes)


def _recognise(story_type: str, written: Mapping[str, str]) -> tuple[Plot | None, dict[str, str]]:
    plots: Sequence[Plot] = sorted(read_plots(), key=lambda plot: plot.story_type != story_type)
    for plot in plots:
        matches = [pattern.fullmatch(written.get(sign, "")) for sign, pattern in _signs(plot)]
        if all(matches):
            return plot, {key: value for match in matches if match for key, value in match.groupdict().items()}
    return None, {}


@cache
def _compile(plot_name: str, story_type: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    plot = next(plot for plot in read_plots() if (plot.name, plot.story_type) == (plot_name, story_type))
    return tuple((sign, re.compile(_pattern(plot.one(sign)))) for sign in _SIGNS)


def _signs(plot: Plot) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return _compile(plot.name, plot.story_type)


def _pattern(template: str) -> str:
    parts = re.split(r"\{([A-Za-z0-9_]+)\}", template)
    seen: set[str] = set()
    pattern = ""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            pattern += re.sub(r"\b([Aa])n?\\ $", r"\1n?\\ ", re.escape(part))
        elif part == "t" and part not in seen:
            pattern += "(?P<t>.+?)"
            seen.add(part)
        else:
            pattern += ".+?"
    return pattern


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""
