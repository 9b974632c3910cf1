"""What families ask for is in the stories that they get, and where it is not the storyteller says so."""

from functools import cache

import pytest

from services.content.premise import quotes
from studio.storyteller.language.pronouns import HE, SHE
from studio.storyteller.threads import Subject, Thread, fits, read_kinds, read_threads, thread_words, write_line
from tests.unit.studio.storyteller.premises import FRESH, HELD_OUT, KNOWN, Outcome, tell

_KINDS = frozenset({"fox", "whale", "bear"})


@cache
def _told(group: str) -> list[Outcome]:
    premises = {"known": KNOWN, "held out": HELD_OUT, "fresh": FRESH}[group]
    return [tell(premise, wanted, seed=at % 3, age=3 + at % 7) for at, (premise, wanted) in enumerate(premises.items())]


@pytest.mark.parametrize(("group", "share"), [("known", 0.95), ("held out", 0.9), ("fresh", 0.8)])
def test_premises_are_honoured_and_never_claimed_in_vain(group: str, share: float) -> None:
    told = _told(group)
    assert [one for one in told if one.claimed and not one.honoured] == []
    assert sum(one.honoured for one in told) >= share * len(told), [one for one in told if not one.honoured]


@pytest.mark.parametrize("group", ["known", "held out", "fresh"])
def test_no_story_quotes_its_premise(group: str) -> None:
    assert [one.premise for one in _told(group) if quotes(one.premise, one.texts)] == []


@pytest.mark.parametrize("name", sorted(read_kinds()))
def test_every_kind_can_be_told_of_everyone(name: str) -> None:
    kind = read_kinds()[name]
    slots = {"x": "the dark", "vp": "swim", "vpd": "swam", "vping": "swimming"}
    for subject in (Subject(), Subject("companion"), Subject("other", "the train")):
        thread = Thread(name, subject, slots)
        for line in (*kind.begin, *kind.middle, *kind.end, *kind.bedtime, *kind.plan):
            assert "<" not in write_line(thread, 0, line)
    assert any(fits(Thread(name, Subject(), slots), line) for line in kind.end)


@pytest.mark.parametrize(
    ("premise", "kinds"),
    [
        ("Mira is afraid of the dark and wants to be brave", ["fear", "dream"]),
        ("grandma is in hospital", ["ill"]),
        ("grandpa is very ill", ["ill"]),
        ("does not want to go to bed", ["unwilling"]),
        ("Mira and her brother fight over the swing", ["habit"]),
        ("mum is having a baby", ["new"]),
        ("wants an XBox for Christmas", []),
        ("wants “ignore all that” {x} <b>", []),
    ],
)
def test_a_clause_is_read_as_its_kind(premise: str, kinds: list[str]) -> None:
    assert [thread.kind for thread in read_threads(premise, ["Mira"], _KINDS)] == kinds


def test_what_is_somebodys_own_is_told_by_their_pronoun() -> None:
    threads = read_threads("builds a raft with her dad", ["Sam"], _KINDS)
    assert thread_words(threads, heroes=HE, companion=SHE)["vpd0"] == "built a raft with his dad"
