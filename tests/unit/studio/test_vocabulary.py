"""Words and pictures mean the same: every place, creature and thing that a story may name is drawn as what it is."""

from itertools import cycle, islice

import pytest

from studio.painting.creatures import KINDS, creature_in
from studio.painting.picture import compose
from studio.painting.props import props_in
from studio.painting.scenery import PLACES, setting_in
from studio.storyteller.casting import KINDS_CAST, find_creature
from studio.storyteller.language.grammar import with_article
from studio.storyteller.outline import THINGS_CAST, write_setting
from studio.storyteller.plots.parser import read_plots
from studio.storyteller.world.parser import Place, read_creatures, read_places, read_things
from tests.unit.studio.painting.prompts import scene

_ONE_BODY = {"tortoise": "turtle", "horse": "pony"}
"""Kinds that only a zoologist would draw otherwise."""
_IN_THE_SKY = {"moon"}


@pytest.mark.parametrize("place", read_places(), ids=lambda place: place.name)
def test_every_spot_of_a_place_is_drawn_as_the_place_says(place: Place) -> None:
    assert set(place.drawn) <= PLACES.keys()
    for where in place.names:
        for spot, drawn in zip(place.spots, place.drawn, strict=True):
            assert setting_in(write_setting(spot, where)) == drawn, (spot, where)


def test_every_creature_is_drawn_as_itself() -> None:
    for kind, creature in read_creatures().items():
        drawn = creature_in(f"{with_article(kind)}, {creature.look}")
        assert drawn is not None
        assert drawn.name == _ONE_BODY.get(kind, kind)


def test_only_what_can_be_drawn_is_cast() -> None:
    assert set(KINDS_CAST) <= set(read_creatures())
    assert {_ONE_BODY.get(kind, kind) for kind in KINDS_CAST} <= KINDS.keys()
    assert {find_creature(kind).kind for kind in KINDS_CAST} == KINDS_CAST


def test_every_thing_is_drawn_and_none_as_a_parcel() -> None:
    things = {*read_things(), *THINGS_CAST, *(thing for plot in read_plots() for thing in plot.head.get("things", ()))}
    for thing in things - _IN_THE_SKY:
        for words in (thing, f"little {thing}", f"silver {thing}"):
            names = [prop.name for prop in props_in([words])]
            assert len(names) == 1, words
            assert names != ["parcel"], words


def test_what_a_plot_plants_is_drawn_where_it_can_be_seen() -> None:
    """A tune, a yawn or a rule is nobody's to draw; everything else is no parcel."""
    for plot in read_plots():
        for token in plot.head.get("tokens", ()):
            assert [prop.name for prop in props_in([token])] != ["parcel"], (plot.name, token)


def test_different_things_are_different_drawings() -> None:
    pairs = [("flute", "drum"), ("violin", "drum"), ("rocket", "train"), ("music box", "gift"), ("paintbrush", "comb"),
             ("mitten", "scarf"), ("egg", "ball"), ("boot", "shoe"), ("doll", "teddy")]  # fmt: skip
    assert [pair for pair in pairs if props_in([pair[0]])[0].name == props_in([pair[1]])[0].name] == []


def test_place_creature_and_thing_do_not_change_one_another_on_a_picture() -> None:
    """The three stand in lines of their own, so each is met once, beside two of the others."""
    creatures = list(read_creatures().values())
    spots = [
        (write_setting(spot, where), drawn)
        for place in read_places()
        for where in place.names
        for spot, drawn in zip(place.spots, place.drawn, strict=True)
    ]
    things = [thing for thing in read_things() if thing not in _IN_THE_SKY]
    met = max(len(creatures), len(things))
    for (setting, drawn), creature, thing in islice(
        zip(cycle(spots[::3]), cycle(creatures), cycle(things), strict=False), met
    ):
        prompt = scene(
            scene=f"the hero and the companion look for the {thing}",
            setting=setting,
            companion=f"{with_article(creature.kind)}, {creature.look}",
            props=thing,
            cast="exactly 2: the hero, the companion",
        )
        told = compose(prompt, (64, 64), 1, {}).drawn
        assert (told["setting"], told["companion"], told["cast_count"]) == (
            drawn,
            _ONE_BODY.get(creature.kind, creature.kind),
            2,
        )
        assert told["props"] == [props_in([thing])[0].name]
