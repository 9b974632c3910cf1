"""The maker's picture check, tried on small drawings of the studio's: what each kind of defect is, and who finds it."""

from collections.abc import Mapping
from typing import Any

import pytest

from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from studio.painting.metadata import read_metadata
from studio.worker_tasks import describe_image
from tests.unit.tools.studio_in_process import StudioInProcess, paint
from tools.quality import report
from tools.quality.picture_check import CLAIM, HEROES, Case, PictureCheckTrial, Seeded, briefs, plan, seeded
from tools.quality.trying import Count

KINDS = {
    "missing trait", "swapped side", "extra character", "missing companion or helper", "another in somebody's place",
    "missing hero", "another moment",
}  # fmt: skip


class ContentEye(StudioInProcess):
    """Sees all that it is asked for in every picture."""

    async def describe(self, picture: bytes) -> Mapping[str, Any] | None:
        return None


class GloomyEye(StudioInProcess):
    """Sees nothing of what it is asked for in any picture."""

    async def describe(self, picture: bytes) -> Mapping[str, Any] | None:
        seen = describe_image(picture)
        return None if seen is None else {**seen, "heroes": [], "companion": None, "helper": None, "setting": "void"}


def brief_of(*names: str) -> Brief:
    """That of the tool's stories which has these heroes."""
    return next(brief for brief in briefs() if brief.names == names)


async def story(*names: str) -> Case:
    return await plan(brief_of(*names), StudioInProcess())


async def tried(case: Case, *defects: Seeded, eye: StudioInProcess | None = None) -> Count:
    trial = PictureCheckTrial(StudioInProcess(), eye or StudioInProcess(), lambda _: None)
    await trial.try_case(case, defects)
    return trial.count


def drawn(defect: Seeded) -> dict[str, Any]:
    """What the studio says that it drew of a picture with a defect."""
    size = f"{defect.drawn.size[0]}x{defect.drawn.size[1]}"
    reference = None if defect.portrait is None else paint(defect.portrait.write(), "1024x1536", None)
    seen = read_metadata(paint(defect.drawn.write(), size, reference))
    assert seen is not None
    return seen


def test_the_heroes_have_traits_of_all_sorts_and_every_kind_of_defect_is_seeded() -> None:
    assert len(HEROES) >= 10
    assert len({trait for brief in briefs() for hero in brief.characters for trait in hero.traits}) >= 20
    assert {len(brief.characters) for brief in briefs()} == {1, 2}


async def test_stories_as_they_are_raise_no_alarm() -> None:
    for names in (("Mira",), ("Bolt",), ("Nils", "Ada")):
        count = await tried(await story(*names))
        assert (count.sound, count.false_alarms, count.alarms) == (1, 0, [])


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("Mira",), "missing trait"), (("Jonas",), "swapped side"), (("Rosa",), "swapped side"),
        (("Ines", "Theo"), "swapped side"), (("Mira",), "extra character"), (("Rosa",), "missing companion or helper"),
        (("Mira",), "another in somebody's place"), (("Nils", "Ada"), "missing hero"), (("Lena",), "another moment"),
    ],
)  # fmt: skip
async def test_a_defect_of_each_kind_is_found(names: tuple[str, ...], kind: str) -> None:
    case = await story(*names)
    defects = [one for one in seeded(case) if one.kind == kind]
    count = await tried(case, *defects)
    assert count.kinds == {kind: (len(defects), len(defects))}
    assert (count.missed, count.false_alarms) == ([], 0)


async def test_a_trait_that_two_siblings_have_is_missed_on_one_of_them() -> None:
    case = await story("Nils", "Ada")
    defects = [one for one in seeded(case) if one.what == "hearing_aids"]
    assert len(defects) == 2
    assert (await tried(case, *defects)).found == 2


async def test_a_defect_is_in_the_picture_and_nothing_else_is_otherwise() -> None:
    case = await story("Rosa")
    defects = {one.kind: one for one in seeded(case)}
    assert defects.keys() | {"missing hero"} == KINDS
    for kind, defect in defects.items():
        asked = case.prompt(defect.asset)
        assert defect.drawn != asked, kind
        assert defect.drawn.size == asked.size
    side = defects["swapped side"]
    changed = [
        (one, other)
        for one, other in zip(case.prompt(side.asset).text.split("\n"), side.drawn.text.split("\n"), strict=True)
        if one != other
    ]
    assert [one.partition(":")[0] for one, _ in changed] == ["Side"]
    assert "right large birthmark" in drawn(side)["heroes"][0]["features"]
    third, instead = case.prompt(Asset.SCENE_3), defects["another moment"].drawn
    assert (instead.cast, instead.must_show) == (third.cast, third.must_show)
    assert instead.moment == case.prompt(Asset.SCENE_1).moment
    assert drawn(defects["extra character"])["cast_count"] == len(case.prompt(Asset.COVER).cast) + 1


async def test_who_sees_nothing_wrong_finds_nothing_and_who_sees_all_wrong_is_not_believed() -> None:
    case = await story("Jonas")
    defects = list(seeded(case))
    blind = await tried(case, *defects, eye=ContentEye())
    assert (blind.found, blind.false_alarms, len(blind.missed)) == (0, 0, len(defects))
    gloomy = await tried(case, *defects, eye=GloomyEye())
    assert gloomy.false_alarms == gloomy.sound == 1
    assert gloomy.found < len(defects)  # what it says of the picture as it is does not count as found


def test_the_page_says_whose_check_the_row_is_and_the_table_has_it() -> None:
    count = Count()
    count.look("Rosa", alarm=False)
    for found in (True, False):
        count.seed("swapped side, birthmark_large (Rosa, cover)", found=found, kind="swapped side")
    count.seed("another moment, scene 1 in the place of 3 (Rosa, scene_3)", found=True, kind="another moment")
    page = report.page({"level": Count(defects=1, found=1, sound=1), CLAIM: count}, books=1)
    assert "1 books of the studio's, as they are and with 1 seeded defects" in page
    assert "| cast_and_traits (the maker's check) | 3 | 2 | 0.67 | 1 | 0 |" in page
    assert "| swapped side | 2 | 1 | 0.50 |" in page
    assert "| another moment | 1 | 1 | 1.00 |" in page
    assert "the maker's own picture check, asked about drawings of" in page
    assert "Its 1 stories are made for it" in page
    assert "- cast_and_traits: swapped side, birthmark_large" in page
    assert "[claims.cast_and_traits]\ndefects = 3\nfound = 2\nsound = 1\nfalse_alarms = 0" in report.table(
        {CLAIM: count}, books=1
    )
    assert (
        "picture check"
        not in report.page({"level": Count()}, books=1).partition("## Missed")[0].partition("| claim")[2]
    )
