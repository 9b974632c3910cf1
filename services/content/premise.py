"""The premise as a contract: what the brief asks for, where the plan honours it, and what was not honoured. Pure.

The author names it (storyloom.story.results.PremisePart); nothing here takes the author's word for it. What a part is
shown by is looked for in the plan, and the last reader's verdict on the finished texts has the last word.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.content.outline import BEATS, Plan
from services.content.readability import Finding
from services.content.safety import strings_in
from storyloom.story.brief import Brief
from storyloom.story.results import Outline, PremiseOutcome, PremisePart, PremiseVerdict, SceneBrief

QUOTED_WORDS = 7
"""Words of a premise in a row that nobody writes by chance: a story that holds so many quotes its order form."""
_SHORTEST_QUOTED = 5
"""Words of a premise that may not stand in a story as a whole; shorter ones are what a story would say anyway."""
_STEM = 4
"""Letters that two forms of a word share at least: lantern, lanterns; Laterne, Laternen."""
_ENDING = 2
"""Letters by which a forbidden word may be longer and still be that word: dragon, dragons, but not dragonfly. Also the
letters of a word that may differ at its end in another form of it."""
_ABSENT = "must_not_be_there"
# These are told by the picture, or by whoever is there: a scene's words need not say them again.
_SEEN = frozenset({"who", "place", _ABSENT})
_DRIVES = frozenset({"want", "loss"})
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")


class MissingPart(BaseModel):
    """What the last reader misses: the number of a part of the plan's ``premise``, from 1; 0 for one not in it."""

    model_config = ConfigDict(frozen=True)

    part: Annotated[int, Field(ge=0)]
    why: Annotated[str, Field(min_length=1)]


def find_broken_promises(plan: Plan, brief: Brief) -> tuple[str, ...]:
    """What the author should put right in a plan, as sentences; none if it keeps what it says it keeps."""
    found = [fault for number, part in enumerate(plan.premise, 1) for fault in _faults_of(part, number, plan)]
    if brief.premise and not plan.premise:
        found.append("`premise` is empty: name there what the brief's premise asks for, and where the plan honours it.")
    if quotes(brief.premise, strings_in(plan.model_dump(mode="json"))):
        found.append("The plan repeats the brief's premise word for word: say it in words of your own.")
    return tuple(found)


def without_empty_promises(plan: Plan) -> Plan:
    """The plan with only those beats named of each part where it is to be found in the plan itself."""
    kept = tuple(part.model_copy(update={"beats": tuple(_kept(part, plan))}) for part in plan.premise)
    return plan.model_copy(update={"premise": kept})


def judge_scene(text: str, scene: int, outline: Outline, brief: Brief) -> tuple[Finding, ...]:
    """What a scene's words lack of what the plan honours here, what they must not hold, and what they quote."""
    beat, words = BEATS[scene - 1], _words([text])
    found = []
    for part in outline.premise:
        if part.kind == _ABSENT and part.beats and _is_there(part, words):
            found.append(Finding(f"This must not be there: {part.asks}", 1.0))
        elif _is_to_be_told(part, outline.scenes[scene - 1]) and beat in part.beats and not _is_told(part, words):
            found.append(Finding(f"What the brief asks for is not told in this scene: {part.asks}", 0.3))
    if quotes(brief.premise, [text]):
        found.append(Finding("The text repeats the brief's premise word for word: say it in words of your own.", 0.5))
    return tuple(found)


def conclude(
    outline: Outline,
    honoured: bool | None,  # the reader's own answer
    missing: Sequence[MissingPart],
) -> PremiseVerdict | None:
    """What became of the premise; None where nothing was asked for. ``honoured`` None: nobody read the texts for it."""
    if not outline.premise and not missing:
        return None
    why = {one.part: one.why for one in missing}
    parts = [
        PremiseOutcome(
            kind=part.kind,
            asks=part.asks,
            scenes=tuple(BEATS.index(beat) + 1 for beat in part.beats),
            honoured=_outcome(part, known=honoured is not None, missed=number in why),
            why=why.get(number) or (None if part.beats else part.why_not),
        )
        for number, part in enumerate(outline.premise, 1)
    ]
    unnamed = [one.why for one in missing if not 1 <= one.part <= len(parts)]
    said = honoured is not False and not unnamed
    each = [part.honoured for part in parts]
    whole = False if not said or False in each else None if honoured is None else True
    return PremiseVerdict(honoured=whole, parts=tuple(parts), also_missing=tuple(unnamed))


def quotes(premise: str | None, texts: Iterable[str]) -> bool:
    """Whether any of the texts repeats the premise: seven words in a row, or all of a shorter one."""
    asked = _words([premise or ""])
    length = min(QUOTED_WORDS, len(asked))
    if length < _SHORTEST_QUOTED:
        return False
    runs = {tuple(asked[at : at + length]) for at in range(len(asked) - length + 1)}
    told = [_words([text]) for text in texts]
    return any(tuple(words[at : at + length]) in runs for words in told for at in range(len(words) - length + 1))


def _outcome(part: PremisePart, *, known: bool, missed: bool) -> bool | None:
    if missed or not part.beats:
        return False
    return True if known else None


def _faults_of(part: PremisePart, number: int, plan: Plan) -> Iterator[str]:
    if not part.beats:
        yield f"Part {number} of `premise` is honoured nowhere: plan the story so that it is, if a child may hear it."
    elif part.kind == _ABSENT:
        if _is_there(part, _everything(plan)):
            yield f"Part {number} of `premise` must not be there, and the plan has it: leave it out everywhere."
    else:
        lacking = [beat for beat in part.beats if beat not in set(_kept(part, plan))]
        if lacking:
            yield (
                f"Part {number} of `premise` is not shown in {', '.join(lacking)}: none of its `shown_by` is there. "
                "Plan it there, or name the beats where it is."
            )


def _kept(part: PremisePart, plan: Plan) -> Iterator[str]:
    """The beats, of those that a part names, which do keep it."""
    if part.kind == _ABSENT:
        yield from () if _is_there(part, _everything(plan)) else part.beats
        return
    for beat in dict.fromkeys(part.beats):
        if any(scene.beat == beat and _is_told(part, _shown(part, scene, plan)) for scene in plan.scenes):
            yield beat


def _shown(part: PremisePart, scene: SceneBrief, plan: Plan) -> list[str]:
    """The words of a scene's brief, of whoever the plan adds to its cast, and of what drives the story."""
    figures = [figure for figure in (plan.companion, plan.helper) if figure and figure.name in scene.on_stage]
    parts = [scene, *figures, *([plan.elements] if part.kind in _DRIVES else [])]
    return _words(text for one in parts for text in strings_in(one.model_dump(mode="json")))


def _everything(plan: Plan) -> list[str]:
    """The words of the whole plan but for what it says of the premise itself."""
    return _words(strings_in(plan.model_dump(mode="json", exclude={"premise"})))


def _is_told(part: PremisePart, words: Sequence[str]) -> bool:
    """Whether any of a part's words stands among these, in whatever form: compared are their first letters.

    Scripts without spaces have no words to be told apart: there it may stand anywhere.
    """
    wanted = [word for shown in part.shown_by for word in _words([shown])]
    return any(_is_form(word, of) for of in wanted for word in words)


def _is_to_be_told(part: PremisePart, scene: SceneBrief) -> bool:
    """Whether the scene's words have to hold it: what only lies about in the picture is there already."""
    return part.kind not in _SEEN and (part.kind in _DRIVES or _is_told(part, _words([scene.what_happens])))


def _is_form(word: str, of: str) -> bool:
    stem = of[: max(_STEM, len(of) - _ENDING)]
    if not stem.isascii() and stem in word:
        return True
    return word.startswith(stem) and (
        len(word) - len(of) <= (1 if len(of) < _STEM else _ENDING + 1) or word == of + "es"
    )


def _is_there(part: PremisePart, words: Sequence[str]) -> bool:
    """Whether something that must not be there is named, in one number or the other."""
    row = f" {' '.join(words)} "
    return any(
        re.search(rf" {re.escape(' '.join(named))}\w{{0,{_ENDING}}} ", row)
        for shown in part.shown_by
        if (named := _words([shown]))
    )


def _words(texts: Iterable[str]) -> list[str]:
    """The words as they are compared: no capitals, no accents."""
    plain = (unicodedata.normalize("NFKD", text.casefold()) for text in texts)
    bare = ("".join(sign for sign in text if not unicodedata.combining(sign)) for text in plain)
    return [word for text in bare for word in _WORD.findall(text)]
