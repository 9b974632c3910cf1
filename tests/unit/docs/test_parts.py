"""What the generated parts say: the graph, the shapes, the meanings."""

import re
from typing import Annotated, Literal

import pytest
from pydantic import Field, SecretStr

from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH, Asset
from storyloom.story.events import StoryRequested
from storyloom.story.results import Value, Word
from tools.docs import catalogue, graph, streams, variables
from tools.docs.catalogue import RESULTS
from tools.docs.meanings import explained, meaning
from tools.docs.pages import ROOT
from tools.docs.services import EVENTS, consumers, publishers
from tools.docs.shapes import fields

ARROW = re.compile(r"^    (\w+) (-->|-\.->) (\w+)$", re.MULTILINE)


def drawn() -> dict[str, dict[Asset, set[Asset]]]:
    """The arrows of the picture: kind of arrow, asset, what points to it."""
    found: dict[str, dict[Asset, set[Asset]]] = {kind: {asset: set() for asset in Asset} for kind in ("-->", "-.->")}
    for need, kind, asset in ARROW.findall(graph.mermaid()):
        found[kind][Asset(asset)].add(Asset(need))
    return found


def test_following_the_drawn_arrows_back_leads_to_every_need_and_to_nothing_else() -> None:
    needs = drawn()["-->"]

    def behind(asset: Asset) -> set[Asset]:
        return needs[asset].union(*(behind(need) for need in needs[asset]))

    for asset, recipe in GRAPH.items():
        assert behind(asset) >= set(recipe.needs)
        assert needs[asset] <= set(recipe.needs)


def test_what_an_asset_waits_to_settle_is_drawn_dotted() -> None:
    assert drawn()["-.->"] == {asset: set(recipe.settled) for asset, recipe in GRAPH.items()}


def test_the_table_names_every_asset_with_its_maker() -> None:
    rows = [line.split(" | ") for line in graph.table().splitlines()[2:]]
    assert [(row[0].strip("| `"), row[1]) for row in rows] == [(a.value, r.service.value) for a, r in GRAPH.items()]


def test_services_are_described_in_their_own_words() -> None:
    assert publishers(ROOT, "StoryRequested") == ["api"]
    assert publishers(ROOT, "AssetCompleted") == ["content", "images", "audio", "documents"]
    assert consumers(ROOT, "AssetCompleted") == ["status"]
    assert consumers(ROOT, "StoryCompleted") == []


def test_streams_and_consumers_are_all_there() -> None:
    for name in ("STORY", "JOBS", "DEAD"):
        assert f"| `{name}` |" in streams.streams_table()
    assert streams.consumers_table().count("\n| `") == 1 + 4 * 3
    assert "at most 1 message a subject; a further one is refused" in streams.streams_table()


class Plain(Value):
    """A model with one field of each sort."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    hair: Annotated[str, Field(pattern=r"^[^\x00-\x1f]*$", max_length=9)] | None = None
    size: Annotated[str, Field(pattern="^[SML]$")] = "M"
    share: float = Field(default=0.5, gt=0, le=1)
    kind: Literal["plain"] = "plain"
    side: Literal["left", "right"] = "left"
    words: tuple[Word, ...] = Field(default=(), max_length=3)
    pair: tuple[Word, Word] | None = None
    counts: dict[str, int] = Field(default_factory=dict, max_length=2)
    key: SecretStr = SecretStr("shown, since it stands in the code")
    on: bool = False


def test_fields_are_listed_with_their_bounds_and_defaults() -> None:
    assert fields(Plain) == [
        ("name", "text (1 to 40 characters)", "required"),
        ("hair", "text (at most 9 characters, no control characters) or null", "none"),
        ("size", "text (matching `^[SML]$`)", "`M`"),
        ("share", "number (at most 1, more than 0)", "`0.5`"),
        ("kind", "`plain`", "`plain`"),
        ("side", "one of `left`, `right`", "`left`"),
        ("words", "list of [Word](#word) (at most 3 of them)", "empty"),
        ("pair", "list of [Word](#word) (2 of them) or null", "none"),
        ("counts", "map from text to whole number (at most 2 of them)", "empty"),
        ("key", "secret text", "`shown, since it stands in the code`"),
        ("on", "true or false", "`false`"),
    ]


def test_a_field_that_nobody_explained_is_named() -> None:
    with pytest.raises(LookupError, match=r"Plain\.share"):
        meaning(Plain, "share")


def test_what_an_event_inherits_need_not_be_explained_twice() -> None:
    assert meaning(StoryRequested, "trace") == meaning(EVENTS[1], "trace")


def test_a_string_below_a_setting_is_its_meaning() -> None:
    assert meaning(Settings, "job_timeout") == "Hard time-out of one attempt, in seconds, whatever it waits for."


def test_no_explanation_has_lost_its_field() -> None:
    models = catalogue.models_within([*catalogue.OTHERS, *EVENTS, *RESULTS, Settings])
    held = {(owner.__name__, field) for model in models for owner in model.__mro__ for field in model.model_fields}
    assert explained() <= held


def test_every_setting_stands_in_the_tables_once() -> None:
    found = re.findall(r"^\| `([A-Z0-9_]+)` \|", variables.tables(ROOT), re.MULTILINE)
    assert sorted(found) == sorted(name.upper() for name in Settings.model_fields)
