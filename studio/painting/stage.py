"""Who stands where: one row of figures that do not cover one another, props in the gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from studio.painting import creatures, people
from studio.painting.creatures import Creature
from studio.painting.features import is_turned
from studio.painting.figure import Figure
from studio.painting.props import Prop, draw_standing
from studio.painting.sky import View

# How much of the view's height the tallest figure takes, by camera.
_TALL = {"wide": 0.44, "medium": 0.55, "close": 0.66, "portrait": 0.74}
_MOST_SCALE = 2.5
_BEFORE = 0.72
_OVERHEAD = 110
_SHARES = (0.3, 0.5, 0.7)


@dataclass(frozen=True)
class Stand:
    """How the row stands: in which order, and the share of what is free that is left of it."""

    mirrored: bool = False
    share: float = 0.5

    @classmethod
    def drawn(cls, chance: Random) -> "Stand":
        return cls(mirrored=chance.random() < 0.5, share=chance.choice(_SHARES))

    def varied(self, version: int) -> "Stand":
        """Another one for every further version, six in all: no two that follow one another are alike."""
        share = _SHARES[(_SHARES.index(self.share) + version) % len(_SHARES)]
        return Stand(mirrored=self.mirrored ^ (version % 2 == 1), share=share)


@dataclass
class Actor:
    """Somebody or something on its place: its centre, the height of its feet, whether it looks to the left."""

    part: Figure | Creature | Prop
    x: float = 0
    y: float = 0
    flip: bool = False
    size: float = 1

    @property
    def wide(self) -> float:
        return people.width(self.part) if isinstance(self.part, Figure) else self.part.wide

    @property
    def tall(self) -> float:
        return people.height(self.part) if isinstance(self.part, Figure) else 190


@dataclass(frozen=True)
class Cast:
    """Everybody on stage. People are figures, all else creatures."""

    heroes: Sequence[Figure]
    companion: Figure | Creature | None
    helper: Figure | Creature | None


def placed(view: View, cast: Cast, props: Sequence[Prop], camera: str, stand: Stand) -> tuple[list[Actor], float]:
    """Everybody and the props on their places, from back to front, and the scale of all."""
    heroes = [Actor(hero) for hero in cast.heroes]
    row = heroes if len(heroes) < 3 else [heroes[1], heroes[0], heroes[2]]
    row = [*_one(cast.helper), *row, *_one(cast.companion)]
    turned = _turn_of(cast.heroes[0]) if len(cast.heroes) == 1 else None
    # Who cannot be turned to the companion has the companion where it looks.
    if stand.mirrored if turned is None else turned:
        row.reverse()
    scale = _spread(view, row, camera, stand.share)
    _turned(row, heroes, cast.companion)
    if cast.heroes[0].posture == "hugging" and len(row) > 1:
        _close(row, heroes[0], scale)
    tallest = max(actor.tall for actor in row)
    for actor in row:
        actor.y = view.ground + _drop(actor.part, tallest) * scale
        if isinstance(actor.part, Creature):  # nearer to us than the hero, or level
            actor.y += view.sheet.chance.uniform(8, 26) * scale
    behind = [Actor(prop, size=1.3) for prop in props if not prop.grip]
    for place, actor in zip(_free_places(view, row), behind, strict=False):
        actor.x, actor.y = place, view.ground - 84 * scale
    before = [Actor(prop) for prop in props if prop.grip]
    ends = (row[0].x - row[0].wide * scale * 0.62, row[-1].x + row[-1].wide * scale * 0.62)
    outer = [x for x in ends if 70 < x < view.width - 70]
    gaps = [*outer, *((left.x + right.x) / 2 for left, right in pairwise(row))] or [view.width * 0.2]
    for index, actor in enumerate(before):
        actor.x = gaps[index % len(gaps)]
        actor.y = min(view.ground + (30 if actor.x in outer else 58) * scale, view.height - 20)
    # Whoever is hugged stands behind the arm that hugs.
    return [*behind, *sorted(row, key=lambda actor: _nearness(actor, heroes[0])), *before], scale


def _one(part: Figure | Creature | None) -> list[Actor]:
    return [] if part is None else [Actor(part)]


def _free_places(view: View, row: Sequence[Actor]) -> list[float]:
    """Where there is room behind the figures, the freest place first; creatures are low and hide little."""
    people_at = [actor.x for actor in row if isinstance(actor.part, Figure)]
    places = [view.width * share for share in (0.14, 0.38, 0.62, 0.86)]
    return sorted(places, key=lambda place: -min(abs(place - x) for x in people_at))


def _nearness(actor: Actor, first: Actor) -> int:
    """Other heroes, the first hero, whose arm may lie round somebody, then creatures on the ground before them."""
    if isinstance(actor.part, Creature):
        return 0 if actor.part.kind.flies or (isinstance(first.part, Figure) and first.part.posture == "hugging") else 3
    return 2 if actor is first else 1


def _claim(view: View, part: Figure | Creature | Prop) -> float:
    """The share of its width that a part keeps for itself; in a tall picture small ones stand before the others."""
    return _BEFORE if view.tall and isinstance(part, Creature) and not part.kind.flies else 1


def _spread(view: View, row: Sequence[Actor], camera: str, share: float) -> float:
    """Places from left to right; the answer is the scale at which they fit."""
    claims = [actor.wide * _claim(view, actor.part) for actor in row]
    total = sum(claims)
    tallest = max(actor.tall for actor in row)
    scale = min(_TALL[camera] * view.height / tallest, 0.94 * view.width / total, _MOST_SCALE)
    spare = min(46.0, (view.width - total * scale) / (len(row) + 1))
    free = view.width - total * scale - spare * (len(row) - 1)
    x = free * share
    for actor, claim in zip(row, claims, strict=True):
        actor.x, x = x + claim * scale / 2, x + claim * scale + spare
        half = actor.wide * scale / 2
        actor.x = min(max(actor.x, half), view.width - half)
    return scale


def _drop(part: Figure | Creature | Prop, tallest: float) -> float:
    """How far below the ground line feet stand, in figure units: fliers above it, small ones nearer to us."""
    if isinstance(part, Creature):
        return -min(tallest, 420) * 0.5 if part.kind.flies else 12
    return 16 if isinstance(part, Prop) else 0


def _turn_of(part: Figure | Creature | Prop) -> bool | None:
    """Whether a hero with a feature on one side is seen mirrored, in every picture alike; None for all others."""
    return is_turned(part.look.features.values(), in_chair=part.seat == "chair") if isinstance(part, Figure) else None


def _turned(actors: Sequence[Actor], heroes: Sequence[Actor], companion: Creature | Figure | None) -> None:
    """All look towards the middle of the heroes, a single one at the companion; a side that matters is kept."""
    middle = sum(hero.x for hero in heroes) / len(heroes)
    for actor in actors:
        actor.flip = actor.x > middle + 1
    if len(heroes) == 1 and len(actors) > 1:
        friend = next((actor for actor in actors if actor.part is companion), None)
        other = friend or next(actor for actor in actors if actor is not heroes[0])
        heroes[0].flip = other.x < heroes[0].x
    for hero in heroes:
        turn = _turn_of(hero.part)
        hero.flip = hero.flip if turn is None else turn


def _close(actors: Sequence[Actor], hero: Actor, scale: float) -> None:
    """The one on the hero's open side comes within the hero's arm, the hero half the way."""
    side = -1 if hero.flip else 1
    place = actors.index(hero) + side
    if 0 <= place < len(actors):
        near = actors[place]
        # A wheelchair reaches farther out than feet do.
        reach = 0.46 if isinstance(hero.part, Figure) and hero.part.seat == "chair" else 0.22
        step = abs(near.x - hero.x) - (hero.wide * reach + near.wide * 0.36) * scale
        hero.x += side * step / 2
        near.x -= side * step / 2


def top_of(actors: Sequence[Actor], scale: float) -> float:
    """A height above everybody, with room for what a raised hand holds; never above the picture."""
    return max(0.0, float(int(min(actor.y - (actor.tall * actor.size + _OVERHEAD) * scale for actor in actors))))


def draw(view: View, actors: Sequence[Actor], scale: float) -> None:
    """Everybody and everything; the light is the sheet's."""
    sheet = view.sheet
    for actor in actors:
        with sheet.at(actor.x, min(actor.y, view.height - 10), scale * actor.size, flip=actor.flip):
            match actor.part:
                case Figure():
                    actor.part.mirrored = actor.flip
                    people.draw(actor.part)
                case Creature():
                    creatures.draw(sheet, actor.part)
                case prop:
                    draw_standing(sheet, prop)
