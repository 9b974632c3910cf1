"""Turns a line with slots into a sentence, and remembers who was named, so that "she" is never a riddle.

A line grows: `{h} found {ao}| under a fern|, where nobody looked.` may stop at each bar; `[small ]` joins in from
the second form on. Slots: {h} the heroes as subject, {hs} possessive, {ho} object, {names} always by name; {one} and
{two} take turns among siblings; {they} {them} {their} {theirself} stand for whoever was last meant; {was} {has} agree.
All other slots come from the words of the story ({C} companion, {P} helper, {o} object, {t} the planted thing …).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from studio.storyteller.language.grammar import capitalise, join_names, mend_articles, possessive
from studio.storyteller.language.pronouns import TOGETHER, Pronouns

_SLOT = re.compile(r"\{([A-Za-z0-9_]+)\}")
# “Said she” is for ballads: whoever speaks is named, and speaks alone.
SPEAKING = (
    "said|called|whispered|asked|sang|remarked|observed|declared|announced|admitted|confessed|suggested|inquired"
    "|wondered"
)
_SPEAKING = re.compile(rf"(?<=” )({SPEAKING}) \{{(?:h|one)\}}")
# A quoted text of the brief brings its own end mark, or none: “Well done!”. and “Well done”. become one mark inside.
_DOUBLE_END = re.compile(r"(?<=[.!?…])”\.$")
_LATE_END = re.compile(r"”\.$")
_BRACKET = re.compile(r"\[([^\]]*)\]")
_FRIENDLY = frozenset(("che", "chim", "chis", "phe", "phim", "phis"))
_AGREEING = {"was": ("was", "were"), "has": ("has", "have"), "is": ("is", "are"), "wasnt": ("wasn't", "weren't")}


@dataclass(frozen=True)
class Person:
    """Somebody with a name and pronouns."""

    name: str
    pronouns: Pronouns


@lru_cache(maxsize=8192)
def grow(line: str) -> tuple[str, ...]:
    """The forms of a line, short to long, each a whole sentence with its own end mark."""
    segments = line.split("|")
    forms = [_BRACKET.sub("", segments[0])]
    if "[" in segments[0]:
        forms.append(segments[0])
    forms += ["".join(segments[:count]) for count in range(2, len(segments) + 1)]
    end = line.rstrip()[-1] if line.rstrip()[-1:] in {"!", "?"} else "."
    finished = (_finish(_BRACKET.sub(r"\1", form), end) for form in forms)
    return tuple(form for form in finished if form.count("“") == form.count("”"))


def _finish(form: str, end: str) -> str:
    form = form.rstrip(" ,;:")
    return form if re.search(r"[.!?…][”’]?$", form) else form + end


@dataclass
class Phrasing:
    """One teller in the middle of a scene. `words` are the fixed slots; `rivals` share the heroes' pronoun.

    `introduced`: whether the companion has been told apart by its kind; None leaves lines as they are written.
    """

    heroes: Sequence[Person]
    words: Mapping[str, str]
    rivals: frozenset[str] = frozenset()
    turn: int = 0
    introduced: bool | None = None
    _known: bool = False
    _met: frozenset[str] = frozenset()
    _rival: bool = False
    _run: int = 0
    _here: bool = False
    _since: int = 0
    _meant: Pronouns = field(default=TOGETHER)
    _plural: bool = False

    @property
    def group(self) -> Pronouns:
        """The pronouns of all heroes together."""
        return self.heroes[0].pronouns if len(self.heroes) == 1 else TOGETHER

    def say(self, line: str) -> str:
        """The line as a sentence. Call in order: what was said before decides between name and pronoun.

        Raises:
            KeyError: a slot that nothing fills.

        """
        said = capitalise(self.fill(self._introducing(line)))
        return _DOUBLE_END.sub("”", said) if _DOUBLE_END.search(said) else _LATE_END.sub(".”", said)

    def _introducing(self, line: str) -> str:
        """The first time that the companion is named it is told what it is; after that nobody says it again."""
        full = "{C} the {ck}"
        if "{C}" not in line or self.introduced is None:
            return line
        if self.introduced:
            return line.replace(full, "{C}")
        self.introduced = True
        return line if "{ck}" in line or "{cak}" in line else line.replace("{C}", full, 1)

    def fill(self, line: str) -> str:
        """The line with its slots filled and its first letter as it stands."""
        self._here, rival_before = False, self._rival
        self._meant, self._plural = self.group, self.group.plural
        said = mend_articles(_SLOT.sub(self._slot, _SPEAKING.sub(r"\1 {speaker}", line)))
        self._rival = any(f"{{{slot}}}" in line for slot in self.rivals) or (rival_before and not self._here)
        self._since = 0 if self._here else self._since + 1
        return said

    def _slot(self, match: re.Match[str]) -> str:
        slot = match.group(1)
        if slot in _AGREEING:
            return _AGREEING[slot][self._plural]
        if slot in self.rivals:
            self._rival = True
        if slot in {"h", "hs", "ho", "names", "namess", "one", "ones", "two", "speaker"}:
            return self._hero(slot)
        pronouns = {
            "they": self._meant.subject,
            "them": self._meant.object,
            "their": self._meant.possessive,
            "theirself": self._meant.reflexive,
        }
        if slot in pronouns and not self._known:  # a pronoun for nobody yet: the name stands in its place
            return self._hero("namess" if slot == "their" else "names")
        if slot in pronouns:
            if slot == "they":
                self._plural = self._meant.plural
            return pronouns[slot]
        return self._friend(slot)

    def _friend(self, slot: str) -> str:
        """A word of the story; a friend's pronoun gives way to the name until the name has been said."""
        letter = slot[:1].upper()
        if slot == letter and letter in {"C", "P"}:
            self._met |= {letter}
        elif slot in _FRIENDLY and letter in self.words and letter not in self._met:
            self._met |= {letter}
            return possessive(self.words[letter]) if slot.endswith("his") else self.words[letter]
        return self.words[slot]

    def _hero(self, slot: str) -> str:
        if len(self.heroes) > 1 and slot in {"one", "ones", "two", "speaker"}:
            return self._single(slot)
        if slot == "two":
            return self.words.get("C", self.heroes[0].name)
        by_pronoun = slot in {"h", "hs", "ho", "one", "ones"} and self._may_say_pronoun()
        self._run = self._run + 1 if by_pronoun else 0
        self._known = self._here = True
        self._rival = False
        self._meant = self.group
        self._plural = self.group.plural if by_pronoun else len(self.heroes) > 1
        if by_pronoun:
            forms = {"h": self.group.subject, "one": self.group.subject, "ho": self.group.object}
            return forms.get(slot, self.group.possessive)
        names = join_names([hero.name for hero in self.heroes])
        return possessive(names) if slot in {"hs", "namess", "ones"} else names

    def _single(self, slot: str) -> str:
        hero = self.heroes[self.turn % len(self.heroes)]
        if slot != "two":  # after {one} it is the next one's turn, and {two} is whoever that is
            self.turn += 1
            self._meant, self._plural = hero.pronouns, False
        self._known = True
        return possessive(hero.name) if slot == "ones" else hero.name

    def _may_say_pronoun(self) -> bool:
        # "It" could be anything and "they" anybody, so they must follow at once; "she" may wait a sentence.
        waits = 0 if len(self.heroes) == 1 and self.group.subject in {"it", "they"} else 1
        if not self._known or self._rival or (not self._here and self._since > waits):
            return False
        return self._here or self._run < (4 if len(self.heroes) > 1 else 2)
