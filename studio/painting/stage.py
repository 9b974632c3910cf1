"""Who stands where: one row of figures that do not cover one another, props in the gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from studio.painting import creatures, people
from studio.painting.creatures import Creature
from studio.painting.figure import Figure
from studio.painting.props import Prop, draw_standing
from studio.painting.sky import View

# How much of the view's height the tallest figure takes, by camera.
_TALL = {"wide": 0.40, "medium": 0.52, "close": 0.62, "portrait": 0.74}
_MOST_SCALE = 2.3


@dataclass
class Actor:
    """Somebody or something on its place: its centre, the height of its feet, whether it looks to the left."""

    part: Figure | Creature | Prop
    x: float = 0
    y: float = 0
    flip: bool = False

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


def placed(view: View, cast: Cast, props: Sequence[Prop], camera: str, *, mirrored: bool) -> tuple[list[Actor], float]:
    """Everybody and the props on their places, from back to front, and the scale of all."""
    heroes = [Actor(hero) for hero in cast.heroes]
    row = heroes if len(heroes) < 3 else [heroes[1], heroes[0], heroes[2]]
    row = [*_one(cast.helper), *row, *_one(cast.companion)]
    beside, before = _shared(props, len(row))
    row = [*beside[1:2], *row, *beside[:1]]
    if mirrored:
        row.reverse()
    scale = _spread(view, row, camera)
    actors = [actor for actor in row if not isinstance(actor.part, Prop)]
    _turned(actors, heroes, cast.companion)
    if cast.heroes[0].posture == "hugging" and len(actors) > 1:
        _close(actors, heroes[0], scale)
    tallest = max(actor.tall for actor in actors)
    for actor in row:
        actor.y = view.ground + _drop(actor.part, tallest) * scale
        if isinstance(actor.part, Creature):  # nearer to us or level with the hero
            actor.y += view.sheet.chance.uniform(0, 20) * scale
    ends = (row[0].x - row[0].wide * scale * 0.62, row[-1].x + row[-1].wide * scale * 0.62)
    outer = [x for x in ends if 70 < x < view.width - 70]
    gaps = [*outer, *((left.x + right.x) / 2 for left, right in pairwise(row))] or [view.width * 0.2]
    for index, actor in enumerate(before):
        actor.x = gaps[index % len(gaps)]
        actor.y = min(view.ground + (30 if actor.x in outer else 58) * scale, view.height - 20)
    # Whoever is hugged stands behind the arm that hugs.
    return [*sorted(row, key=lambda actor: actor is heroes[0]), *before], scale


def _one(part: Figure | Creature | None) -> list[Actor]:
    return [] if part is None else [Actor(part)]


def _shared(props: Sequence[Prop], actors: int) -> tuple[list[Actor], list[Actor]]:
    """A large thing beside the figures while there is room; all others before them, so that figures may be large."""
    room = 1 if actors < 5 else 0
    large = [prop for prop in props if not prop.grip][:room]
    return [Actor(prop) for prop in large], [Actor(prop) for prop in props if prop not in large][:3]


def _spread(view: View, row: Sequence[Actor], camera: str) -> float:
    """Places from left to right; the answer is the scale at which they fit."""
    total = sum(actor.wide for actor in row)
    tallest = max(actor.tall for actor in row)
    scale = min(_TALL[camera] * view.height / tallest, 0.94 * view.width / total, _MOST_SCALE)
    spare = min(46.0, (view.width - total * scale) / (len(row) + 1))
    free = view.width - total * scale - spare * (len(row) - 1)
    x = free * (0.5 if camera == "portrait" else view.sheet.chance.choice((0.26, 0.5, 0.74)))
    for actor in row:
        actor.x, x = x + actor.wide * scale / 2, x + actor.wide * scale + spare
    return scale


def _drop(part: Figure | Creature | Prop, tallest: float) -> float:
    """How far below the ground line feet stand, in figure units: fliers above it, small ones nearer to us."""
    if isinstance(part, Creature):
        return -min(tallest, 420) * 0.5 if part.kind.flies else 12
    return 16 if isinstance(part, Prop) else 0


def _turned(actors: Sequence[Actor], heroes: Sequence[Actor], companion: Creature | Figure | None) -> None:
    """All look towards the middle of the heroes; a single hero looks at the companion, or at whoever there is."""
    middle = sum(hero.x for hero in heroes) / len(heroes)
    for actor in actors:
        actor.flip = actor.x > middle + 1
    if len(heroes) == 1 and len(actors) > 1:
        friend = next((actor for actor in actors if actor.part is companion), None)
        other = friend or next(actor for actor in actors if actor is not heroes[0])
        heroes[0].flip = other.x < heroes[0].x


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


def draw(view: View, actors: Sequence[Actor], scale: float) -> None:
    """Everybody and everything; the light is the sheet's."""
    sheet = view.sheet
    for actor in actors:
        with sheet.at(actor.x, min(actor.y, view.height - 10), scale, flip=actor.flip):
            match actor.part:
                case Figure():
                    people.draw(actor.part)
                case Creature():
                    creatures.draw(sheet, actor.part)
                case prop:
                    draw_standing(sheet, prop)
