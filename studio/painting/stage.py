"""Who stands where: one row of figures that do not cover one another, props in the gaps."""

from collections.abc import Sequence
from dataclasses import dataclass

from studio.painting import creatures, people
from studio.painting.creatures import Creature
from studio.painting.figure import Figure
from studio.painting.props import Prop, draw_standing
from studio.painting.sky import View

# How much of the view's height the tallest figure takes, by camera.
_TALL = {"wide": 0.37, "medium": 0.46, "close": 0.58}
_MOST_SCALE = 2.3


@dataclass
class Actor:
    """A figure on its place: its centre, the height of its feet, whether it looks to the left."""

    part: Figure | Creature
    x: float = 0
    y: float = 0
    flip: bool = False

    @property
    def wide(self) -> float:
        return people.width(self.part) if isinstance(self.part, Figure) else self.part.kind.wide

    @property
    def tall(self) -> float:
        return people.height(self.part) if isinstance(self.part, Figure) else 190


@dataclass(frozen=True)
class Cast:
    """Everybody on stage. People are figures, all else creatures."""

    heroes: Sequence[Figure]
    companion: Figure | Creature | None
    helper: Figure | Creature | None


def placed(view: View, cast: Cast, camera: str, *, mirrored: bool) -> tuple[list[Actor], float]:
    """The actors from left to right on their places, and the scale of all."""
    heroes = [Actor(hero) for hero in cast.heroes]
    row = heroes if len(heroes) < 3 else [heroes[1], heroes[0], heroes[2]]
    if cast.helper:
        row = [Actor(cast.helper), *row]
    if cast.companion:
        row = [*row, Actor(cast.companion)]
    if mirrored:
        row.reverse()
    total = sum(actor.wide for actor in row)
    tallest = max(actor.tall for actor in row)
    scale = min(_TALL[camera] * view.height / tallest, 0.95 * view.width / total, _MOST_SCALE)
    spare = (view.width - total * scale) / (len(row) + 1)
    spare = min(spare, 46.0)
    x = (view.width - total * scale - spare * (len(row) - 1)) / 2
    for actor in row:
        actor.x, x = x + actor.wide * scale / 2, x + actor.wide * scale + spare
        actor.y = view.ground
    _turned(row, heroes)
    for actor in row:
        if isinstance(actor.part, Creature):
            if actor.part.kind.flies:
                actor.y -= min(tallest, 420) * scale * 0.5
            else:
                actor.y += 12 * scale
    return row, scale


def _turned(row: Sequence[Actor], heroes: Sequence[Actor]) -> None:
    """Heroes look towards whoever is near on their open side, others towards the heroes."""
    middle = sum(hero.x for hero in heroes) / len(heroes)
    for actor in row:
        actor.flip = actor.x > middle + 1
    if len(heroes) == 1 and len(row) > 1:
        heroes[0].flip = row.index(heroes[0]) == len(row) - 1 or (len(row) > 2 and row[0].x > middle)
    if len(heroes) == 1 and len(row) == 3:
        # The companion is looked at, not the helper: it stands on the side that is not first in reading.
        heroes[0].flip = False


def draw(view: View, row: Sequence[Actor], scale: float) -> None:
    """Everybody, in the light of the time of day."""
    sheet = view.sheet
    for actor in row:
        with sheet.at(actor.x, actor.y, scale, flip=actor.flip):
            if isinstance(actor.part, Figure):
                people.draw(actor.part)
            else:
                creatures.draw(sheet, actor.part)


def draw_props(view: View, row: Sequence[Actor], props: Sequence[Prop], scale: float) -> None:
    """Props on the ground: large ones behind at the sides, small ones in front, in the gaps between the figures."""
    edges = sorted(
        ((actor.x - actor.wide * scale / 2, actor.x + actor.wide * scale / 2) for actor in row),
        key=lambda edge: edge[0],
    )
    gaps = [edges[0][0] * 0.5, (edges[-1][1] + view.width) / 2]
    gaps += [(left[1] + right[0]) / 2 for left, right in zip(edges, edges[1:], strict=False)]
    size = max(0.85, min(1.5, scale * 0.85))
    for index, prop in enumerate(props):
        x = min(max(gaps[index % len(gaps)], 90 * size), view.width - 90 * size)
        low = 30 + 26 * (index // len(gaps)) + (12 if index % 2 else 0)
        with view.sheet.at(x, min(view.height - 14, view.ground + low), size):
            draw_standing(view.sheet, prop)
