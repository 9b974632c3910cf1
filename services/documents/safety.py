"""Whether an activity is safe for a child's age: what it uses, and who watches. Rules, not hopes (suitability.toml)."""

from collections.abc import Iterator

from services.documents.wording import Hazard, speaks_of, tables, uses
from storyloom.story.results import Activity

YOUNG = 5
"""Up to this age somebody grown-up is always named in the safety notes."""
JUDGED = frozenset({"en", "de", "fr", "es"})
"""The languages whose words suitability.toml knows."""


def dangers(activity: Activity, age: int, language: str = "en") -> Iterator[str]:
    """What is unsafe about the activity, a sentence each, as feedback."""
    spoken = _spoken(language)
    for hazard in tables().hazard:
        for words, text, reader in _parts(activity, age, hazard, spoken):
            word = uses(text, words, unless=hazard.unless)
            if word and (danger := _judge(activity, hazard, word, reader)):
                yield danger
                break
    if not any(note.strip() for note in activity.safety_notes):
        yield "has no safety notes; say what to watch for."
    elif age <= YOUNG and spoken in JUDGED and not _watched(activity):
        yield "names nobody who watches; say in the safety notes what a grown-up does."
    if activity.type == "cooking_baking" and spoken in JUDGED and not _warns_of_allergies(activity):
        yield "handles food without a word on allergies in the safety notes."


def _spoken(language: str) -> str:
    return language.split("-", maxsplit=1)[0]


def _parts(activity: Activity, age: int, hazard: Hazard, language: str) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """What to look for, in which texts of an activity, and how old whoever does what they say may be.

    Safety notes are left out: they name what to keep away. Younger children are a year younger, older ones three older.
    """
    words, ways = hazard.words_in(language), activity.adaptations
    things = words + hazard.materials if language == "en" else words
    for text in activity.materials:
        yield things, text, age
    for text in (*activity.instructions, ways.access_needs):
        yield words, text, age
    yield words, ways.younger, max(age - 1, 3)
    yield words, ways.older, min(age + 3, 12)
    if not hazard.in_use:
        for text in (activity.title, activity.description, *activity.parent_tips):
            yield words, text, age


def _judge(activity: Activity, hazard: Hazard, word: str, age: int) -> str:
    if age < hazard.from_age:
        when = "for any child" if hazard.from_age > 12 else f"at {age}"
        return f"uses “{word}”; {hazard.what} are not safe {when}. Do without."
    if age < hazard.supervised_below and not _watched(activity):
        return f"uses “{word}”; say in the safety notes that a grown-up does this or stays beside."
    return ""


def _watched(activity: Activity) -> bool:
    return speaks_of(" ".join(activity.safety_notes), tables().words["adult"])


def _warns_of_allergies(activity: Activity) -> bool:
    return speaks_of(" ".join(activity.safety_notes), tables().words["allergy"])
