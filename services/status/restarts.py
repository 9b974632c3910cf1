"""What starts over when a client wants something else: the assets that it concerns, and all that is made from them.

Pure, and only about finished or running assets: what is pending is made from the new anyway.
"""

from collections.abc import Collection, Iterable, Mapping

from storyloom.story.assets import GRAPH, NARRATIONS, WAITED_ON_BY, Asset
from storyloom.story.journey import PARTS, AssetState
from storyloom.story.quoting import quotes
from storyloom.story.results import Activities, Outline, SceneText

States = Mapping[Asset, AssetState]


def failed(states: States, named: Collection[Asset]) -> Collection[Asset]:
    """Failed assets, all or the named ones, are tried again, with what they need and what waits on them."""
    again = {asset for asset, state in states.items() if state.status == "failed" and (not named or asset in named)}
    return _with_the_rest(states, again)


def another(states: States, asset: Asset) -> Collection[Asset]:
    """Another version of an asset and its parts. One that is being made already is as new as it can be."""
    if asset not in states or not states[asset].settled:
        return ()
    return _with_the_rest(states, {asset, *PARTS.get(asset, ())} & set(states))


def made_from_text(states: States, text: SceneText) -> Collection[Asset]:
    """What tells the words of a text that is edited now: its narration, the audio, the book.

    Activities only if they quote it; a check of the whole only while it runs. Pictures and later scenes were made from
    the plan and from what the text was, and stay.
    """
    again = {NARRATIONS[text.scene - 1], Asset.AUDIO, Asset.PDF}
    content, activities = states.get(Asset.CONTENT), states.get(Asset.ACTIVITIES)
    if content is not None and content.status == "queued":
        again.add(Asset.CONTENT)
    if activities is not None and (
        not isinstance(activities.result, Activities) or quotes(activities.result, text, _plan(states))
    ):
        again.add(Asset.ACTIVITIES)
    return {asset for asset in again if asset in states and states[asset].status not in ("pending", "cancelled")}


def pending(state: AssetState) -> AssetState:
    """The asset as it waits for its turn to be made again, as another revision."""
    result = state.result
    return AssetState(revision=state.revision + 1, spent=state.spent + (result.calls if result is not None else ()))


def _with_the_rest(states: States, again: Iterable[Asset]) -> Collection[Asset]:
    """With the needs that are not there, which must be made first, and with all that is made from any of them."""
    found: set[Asset] = set()
    todo = list(again)
    while todo:
        asset = todo.pop()
        if asset not in found:
            found.add(asset)
            todo += [need for need in GRAPH[asset].needs if states[need].status in ("failed", "cancelled")]
    todo = list(found)
    while todo:
        following = [asset for asset in WAITED_ON_BY[todo.pop()] if _is_made(states, asset)]
        todo += [asset for asset in following if asset not in found]
        found.update(following)
    return found


def _plan(states: States) -> Outline | None:
    outline = states[Asset.OUTLINE].result
    return outline if isinstance(outline, Outline) else None


def _is_made(states: States, asset: Asset) -> bool:
    return asset in states and states[asset].status != "pending"
