"""Colours of heroes, tried on small drawings: what is drawn otherwise than asked is told, and nothing else is."""

from tests.unit.tools.studio_in_process import StudioInProcess
from tools.quality.drawn_colours import CLAIMS, DRAWN, HEROES, ColourTrial, briefs, changed
from tools.quality.picture_check import plan


async def test_a_story_is_drawn_as_it_is_and_with_each_part_otherwise() -> None:
    hero, brief = next(briefs())
    case = await plan(brief, StudioInProcess())
    trial = ColourTrial(StudioInProcess(), lambda _: None)
    await trial.try_case(case, hero)
    for part, claim in CLAIMS.items():
        count = trial.counts[claim]
        assert 0 < count.defects <= len(DRAWN), part  # a night tells no colours
        assert count.sound == 1
        assert count.found + len(count.missed) == count.defects
    assert trial.counts["identity_skin"].found > 0
    assert all(count.false_alarms == 0 for count in trial.counts.values())


async def test_one_part_alone_is_drawn_otherwise() -> None:
    hero, brief = next(briefs())
    case = await plan(brief, StudioInProcess())
    for part, other in hero.other.items():
        asked, drawn = (one.prompt(DRAWN[0]).text.split("\n") for one in (case, changed(case, hero, part)))
        (line,) = [b for a, b in zip(asked, drawn, strict=True) if a != b]
        assert line == f"{part.capitalize()}: {other}"


def test_every_hero_has_another_colour_for_each_part() -> None:
    for hero in HEROES:
        assert hero.asked.keys() == hero.other.keys() == CLAIMS.keys()
        assert all(hero.asked[part] != hero.other[part] for part in CLAIMS)
