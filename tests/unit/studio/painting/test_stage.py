"""Nobody stands on anybody: places on the stage."""

from itertools import pairwise

import pytest

from studio.painting import creatures, people, stage
from studio.painting.creatures import Creature
from studio.painting.figure import Figure
from studio.painting.identity import look_of
from studio.painting.prompt import HeroLines
from studio.painting.props import Prop, props_in
from studio.painting.sky import View
from studio.painting.stage import Actor, Cast, Stand
from studio.painting.svg import Sheet

HEIGHTS = {"square": 1024.0, "tall": 1536.0}


def placed(
    heroes: int, camera: str, height: float, *, posture: str = "waving", feature: str = "", friends: bool = True
) -> tuple[View, list[Actor], float]:
    sheet = Sheet(1)
    look = look_of(HeroLines(features=[feature]))
    figures = [people.figure_of(sheet, look, posture, "happy") for _ in range(heroes)]
    view = View(sheet, 1024, height, "day", "clear")
    fox, owl = (creatures.creature_in(words) if friends else None for words in ("a fox", "an owl"))
    props = props_in(["boat"]) if friends else []
    actors, scale = stage.placed(view, Cast(figures, fox, owl), props, camera, Stand())
    return view, actors, scale


def part(actors: list[Actor], kind: type) -> Actor:
    return next(actor for actor in actors if isinstance(actor.part, kind) and getattr(actor.part, "name", "") != "owl")


@pytest.mark.parametrize("height", HEIGHTS.values(), ids=HEIGHTS)
@pytest.mark.parametrize("camera", ["wide", "medium", "close"])
@pytest.mark.parametrize("heroes", [1, 2, 3])
def test_figures_stand_beside_one_another_inside_the_picture(heroes: int, camera: str, height: float) -> None:
    view, actors, scale = placed(heroes, camera, height, feature="wheelchair")
    row = sorted((actor for actor in actors if not isinstance(actor.part, Prop)), key=lambda actor: actor.x)
    assert len(row) == heroes + 2
    assert row[0].x - row[0].wide * scale / 2 >= -1
    assert row[-1].x + row[-1].wide * scale / 2 <= view.width + 1
    for left, right in pairwise(row):
        covered = left.x + left.wide * scale / 2 - (right.x - right.wide * scale / 2)
        near = [actor for actor in (left, right) if isinstance(actor.part, Creature) and not actor.part.kind.flies]
        assert covered <= 1 or (view.tall and near and covered <= 0.35 * near[0].wide * scale)


def test_the_camera_decides_how_large_a_hero_is() -> None:
    wide, medium, close = (placed(1, camera, 1536, friends=False)[2] for camera in ("wide", "medium", "close"))
    assert wide < medium < close


@pytest.mark.parametrize("feature", ["", "wheelchair"])
def test_a_hug_brings_hero_and_companion_together(feature: str) -> None:
    reach = []
    for posture in ("standing", "hugging"):
        _, actors, scale = placed(1, "medium", 1024, posture=posture, feature=feature)
        reach.append(abs(part(actors, Creature).x - part(actors, Figure).x) / scale)
    assert reach[1] < reach[0]


def test_the_hero_looks_at_the_companion() -> None:
    _, actors, _ = placed(1, "medium", 1024)
    hero, fox = part(actors, Figure), part(actors, Creature)
    assert hero.flip == (fox.x < hero.x)


def test_who_flies_is_in_the_air_and_others_are_on_the_ground() -> None:
    view, actors, _ = placed(1, "medium", 1024)
    heights = {actor.part.name: actor.y for actor in actors if isinstance(actor.part, Creature)}
    assert heights["owl"] < view.ground <= heights["fox"]


def test_large_things_stand_behind_and_small_ones_before_the_figures() -> None:
    sheet = Sheet(1)
    hero = people.figure_of(sheet, look_of(HeroLines()), "standing", "happy")
    view = View(sheet, 1024, 1536, "day", "clear")
    props = props_in(["boat", "lantern"])
    actors, _ = stage.placed(view, Cast([hero], None, None), props, "medium", Stand())
    assert [getattr(actor.part, "name", "hero") for actor in actors] == ["boat", "hero", "lantern"]
    boat, figure, lantern = actors
    assert boat.y < figure.y < lantern.y


def test_the_same_company_does_not_always_stand_in_the_same_places() -> None:
    places = set()
    for seed in range(12):
        sheet = Sheet(seed)
        hero = people.figure_of(sheet, look_of(HeroLines()), "standing", "happy")
        view = View(sheet, 1024, 1536, "day", "clear")
        cast = Cast([hero], creatures.creature_in("a fox"), None)
        actors, _ = stage.placed(view, cast, [], "wide", Stand.drawn(sheet.chance))
        places.add(round(part(actors, Figure).x / 100))
    assert len(places) >= 4


@pytest.mark.parametrize(
    ("feature", "mirrored"),
    [("a prosthetic left leg", False), ("a prosthetic right leg", True),
     ("a soft wrap on the left forearm over the dialysis access", True),
     ("one arm ending at the elbow, the right one", False), ("a large birthmark", False)],
)  # fmt: skip
def test_a_hero_with_a_side_is_never_mirrored_to_the_other(feature: str, mirrored: bool) -> None:
    for seed in range(12):
        sheet = Sheet(seed)
        hero = people.figure_of(sheet, look_of(HeroLines(features=[feature])), "waving", "happy")
        view = View(sheet, 1024, 1536, "day", "clear")
        cast = Cast([hero], creatures.creature_in("a fox"), creatures.creature_in("an owl"))
        actors, _ = stage.placed(view, cast, [], "wide", Stand.drawn(sheet.chance))
        figure, fox = part(actors, Figure), part(actors, Creature)
        assert figure.flip is mirrored
        assert (fox.x < figure.x) is mirrored  # so that it looks at the companion all the same


def test_a_side_is_remembered_by_the_reference_picture() -> None:
    look = look_of(HeroLines(features=["a prosthetic right leg"]))
    label = look.features["prosthetic_leg"].label
    assert look_of(HeroLines(features=[label])).features["prosthetic_leg"].side == "right"
