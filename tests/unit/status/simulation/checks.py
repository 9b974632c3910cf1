"""What must hold of every story once all is quiet, whatever happened on the way."""

from collections.abc import Iterator

from services.status.revisions import fingerprint_of
from services.status.transitions import apply
from storyloom.story.assets import GRAPH, TEXTS, Asset
from storyloom.story.events import AnyEvent, AssetCompleted, AssetFailed, AssetRetrying, SceneTextEdited, StoryCancelled
from storyloom.story.journey import Journey, document, overall
from storyloom.story.results import SceneText, StoryContent
from tests.unit.status.simulation.bus import Server
from tests.unit.status.simulation.rows import Row
from tests.unit.status.simulation.world import World

Outcome = AssetCompleted | AssetFailed | AssetRetrying


def check(world: World, server: Server, row: Row) -> None:
    """Note what is broken about a story that should have ended."""
    for fault in _faults(server, row):
        world.breaks(f"story {row.first.story_id.int}:", fault)


def check_payments(world: World) -> None:
    """Nothing was paid more often than once and once a time that it could not be helped."""
    for fingerprint, times in world.paid.items():
        if times > 1 + world.excused[fingerprint]:
            world.breaks("paid too often", fingerprint[:16], times, world.excused[fingerprint])


def _faults(server: Server, row: Row) -> Iterator[str]:
    journey = row.journey
    if overall(journey) != row.status or row.status == "generating":
        yield f"it is {row.status}"
    if not all(state.settled for state in row.assets.values()):
        yield "an asset is not settled"
    if any(count != 1 for count in row.settled.values()):
        yield f"settled more than once in a revision: {row.settled}"
    if any(row.settled[asset, state.revision] != 1 for asset, state in row.assets.items()):
        yield "it was settled by nobody"
    if _read(row) != document(journey):
        yield "its reader believes something else"
    yield from _stale(row, edited := _edited(server, row))
    yield from _unlike_its_events(server, row, edited)


def _read(row: Row) -> object:
    """The document that a reader knows who got all updates and nothing else."""
    whole, assets, approval = None, {}, document(row.first).get("approval")
    for event, data in row.updates:
        if event == "snapshot":
            shown = data["assetGenerationStatus"]
            whole, assets, approval = shown["overall"], dict(shown["assets"]), shown.get("approval")
        elif event == "asset":
            assets[data["asset"]] = {key: value for key, value in data.items() if key != "asset"}
        elif event == "story":
            whole = data["overall"]
        elif event == "approval":
            approval = data
    if not row.updates:  # it was cancelled before it was handled
        return document(row.journey)
    return {"overall": whole, "assets": assets} | ({} if approval is None else {"approval": approval})


def _stale(row: Row, edited: set[Asset]) -> Iterator[str]:
    """What is ready was made from what is there now; an edit leaves alone what was made from the plan."""
    left_alone = {*TEXTS, Asset.ACTIVITIES} if edited else set()
    journey = row.journey
    for asset, state in row.assets.items():
        if state.status == "ready" and asset not in left_alone:
            if state.fingerprint != fingerprint_of(journey, asset, row.assets):
                yield f"{asset.value} was made from something else"
            if any(row.assets[need].status != "ready" for need in GRAPH[asset].needs):
                yield f"{asset.value} was made from what is not there"


def _edited(server: Server, row: Row) -> set[Asset]:
    events = (server.events[event_id] for event_id in row.event_ids)
    return {TEXTS[event.text.scene - 1] for event in events if isinstance(event, SceneTextEdited)}


def _unlike_its_events(server: Server, row: Row, edited: set[Asset]) -> Iterator[str]:
    """Events, each once and in the order of writing, lead where the rows are; commands did what they ask."""
    journey, words = row.first, dict[Asset, SceneText]()
    for event_id in dict.fromkeys(row.event_ids):
        event: AnyEvent = server.events[event_id]  # type: ignore[assignment]  # all that is published is one of them
        before, (journey, _) = journey, apply(journey, event)
        if isinstance(event, Outcome) and journey is not before and _fingerprint(before, event) != event.fingerprint:
            yield f"{event_id} counted, though something else was under way"
        if isinstance(event, StoryCancelled) and overall(before) == "generating" and row.status != "cancelled":
            yield "it was cancelled, and is not"
        if isinstance(event, SceneTextEdited) and journey is not before:
            words[TEXTS[event.text.scene - 1]] = event.text
        words = {text: said for text, said in words.items() if journey.assets[text].status == "ready"}
    if _essence(journey) != _essence(row.journey):
        yield f"its events lead elsewhere: {_essence(journey)} is not {_essence(row.journey)}"
    for text, said in words.items():
        if row.assets[text].result != said:
            yield f"{text.value} does not say what its last edit said"
        content = row.assets.get(Asset.CONTENT)
        if content and isinstance(content.result, StoryContent) and content.result.scenes[text.scene - 1] != said:
            yield f"the content has {text.value} otherwise"


def _fingerprint(journey: Journey, event: Outcome) -> str | None:
    return journey.assets[event.asset].fingerprint


def _essence(journey: Journey) -> dict[str, tuple[str, int, str | None]]:
    return {asset.value: (state.status, state.revision, state.fingerprint) for asset, state in journey.assets.items()}
