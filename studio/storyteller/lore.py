"""What the special story types know: facts of a subject, sense of a concept, words of a language."""

from collections.abc import Mapping
from functools import lru_cache

from studio.prompt_blocks import UnanswerablePromptError
from studio.storyteller.brief import Brief
from studio.storyteller.language.grammar import capitalise, number_word, with_article
from studio.storyteller.world.parser import read_lore

_LEVELS = {"beginner": 0, "intermediate": 1, "advanced": 2}


def lore_words(brief: Brief) -> dict[str, str]:
    """The slots that the brief's typeDetails fill; plain words stand in for details that were not given."""
    details = brief.details
    subject = details.get("subject") or "the weather"
    concept = details.get("concept") or ("saving" if brief.story_type == "financial_literacy" else "following steps")
    known = _find("subject", subject) if brief.story_type == "educational" else _find("concept", concept)
    general = read_lore()["subject.any" if brief.story_type == "educational" else "concept.any"]
    facts = known or general
    years = "".join(letter for letter in details.get("age_turning", "") if letter.isdigit())
    turning = number_word(int(years)) if years else number_word(brief.age)
    return {
        "to": details.get("to") or brief.heroes[0].name,
        "from": details.get("from") or "everybody who loves you",
        "years": turning,
        "message": (details.get("message") or "Happy birthday!").rstrip(),
        "subject": subject.lower() if subject.istitle() else subject,
        "concept": concept.lower() if concept.istitle() else concept,
        "challenge": _named(details.get("challenge") or "check-up"),
        "emotion": (details.get("emotion") or "worry").lower(),
        "milestone": _named(details.get("milestone") or "first day of school"),
        "Subject": subject.title(),
        "Emotion": (details.get("emotion") or "worry").title(),
        "challenge_cap": capitalise(_named(details.get("challenge") or "check-up")),
        "milestone_cap": capitalise(_named(details.get("milestone") or "first day of school")),
        **{f"fact{number}": fact for number, fact in enumerate(facts[:3], 1)},
        **(_language(details) if brief.story_type == "language_learning" else {}),
    }


def _named(deed: str) -> str:
    """Such as "a blood test"; what is already a doing ("riding a bike") or has its article stays."""
    deed = deed[:1].lower() + deed[1:] if deed[1:2].islower() else deed
    first, last = deed.split()[0] if deed.split() else "", deed.split()[-1] if deed.split() else ""
    if first.endswith("ing") or first in {"the", "a", "an", "my", "her", "his", "their", "going", "to"}:
        return deed
    if first in {"first", "last"}:
        return f"the {deed}"
    return deed if last.endswith("s") and not last.endswith("ss") else with_article(deed)


@lru_cache(maxsize=256)
def _find(section: str, wanted: str) -> tuple[str, ...]:
    words = wanted.lower().replace("-", " ").replace("_", " ").split()
    for name, lines in read_lore().items():
        kind, _, keys = name.partition(".")
        if kind == section and any(word.startswith(key) for word in words for key in keys.split(",")):
            return lines
    return ()


def _language(details: Mapping[str, str]) -> Mapping[str, str]:
    level = _LEVELS.get((details.get("proficiency") or "").lower(), 0)
    return _spoken((details.get("target_language") or "Spanish").lower(), level)


@lru_cache(maxsize=64)
def _spoken(asked: str, level: int) -> Mapping[str, str]:
    """The words of a language.

    Raises:
        UnanswerablePromptError: nobody here knows a word of it: another one in its stead would be a wrong lesson.

    """
    rows = {name.partition(".")[2]: lines for name, lines in read_lore().items() if name.startswith("language.")}
    names = next((names for names in rows if asked in names.split(",")), "")
    if not names:
        known = ", ".join(sorted(row.partition(",")[0].capitalize() for row in rows))
        raise UnanswerablePromptError(f"the storyteller teaches {known}, and not {asked[:40]!r}")
    words = dict(line.split(": ", 1) for line in rows[names])
    spoken = words.pop("phrases").split(" / ")[level].split(" = ")
    return {
        "lang": names.partition(",")[0].capitalize(),
        "l_say": spoken[0],
        "l_means": spoken[1],
        "L_hello": words["hello"].capitalize(),
        **{f"l_{key}": value for key, value in words.items()},
    }
