"""Revisions: which assets a command makes again, and the fingerprint of each making of an asset.

Pure, and only about finished or running assets: what is pending is made from the new inputs anyway.
"""

from collections.abc import Collection, Iterable, Mapping

from storyloom.story.assets import GRAPH, NARRATIONS, WAITED_ON_BY, Asset, Service
from storyloom.story.causes import NEED_FAILED
from storyloom.story.fingerprint import Fingerprint, canonical, fingerprint
from storyloom.story.journey import PARTS, AssetState, Journey, cause
from storyloom.story.quoting import quotes
from storyloom.story.results import Activities, Outline, SceneText

States = Mapping[Asset, AssetState]


def assets_to_retry(journey: Journey, named: Collection[Asset]) -> Collection[Asset]:
    """Failed assets, all or the named ones, with what they need and what waits on them."""
    states = journey.assets
    failed = {asset for asset, state in states.items() if state.status == "failed" and (not named or asset in named)}
    return _with_needs_and_dependents(journey, failed)


def assets_to_regenerate(journey: Journey, asset: Asset) -> Collection[Asset]:
    """An asset, its parts, and what is made from them. One that is being made already is as new as it can be."""
    states = journey.assets
    if asset not in states or not states[asset].settled:
        return ()
    return _with_needs_and_dependents(journey, {asset, *PARTS.get(asset, ())} & set(states))


def needs_of(journey: Journey, asset: Asset) -> tuple[Asset, ...]:
    """What must be ready before an asset begins: its recipe's needs, and the text where that is to be approved."""
    recipe = GRAPH[asset]
    return (*recipe.needs, Asset.CONTENT) if journey.asks_approval and recipe.after_approval else recipe.needs


def assets_using_text(states: States, text: SceneText) -> Collection[Asset]:
    """What holds the words of a text that is edited now: its narration, the audio, the books.

    Activities only if they quote it; a check of the whole only while it runs. Pictures and later scenes were made from
    the plan and from what the text was, and stay.
    """
    found = {NARRATIONS[text.scene - 1], Asset.AUDIO, Asset.PDF, Asset.EPUB}
    content, activities = states.get(Asset.CONTENT), states.get(Asset.ACTIVITIES)
    if content is not None and content.status == "queued":
        found.add(Asset.CONTENT)
    if activities is not None and (
        not isinstance(activities.result, Activities) or quotes(activities.result, text, _outline(states))
    ):
        found.add(Asset.ACTIVITIES)
    return {asset for asset in found if asset in states and states[asset].begun and states[asset].status != "cancelled"}


def next_revision(state: AssetState) -> AssetState:
    """The asset as it waits to be made again. What its last version cost stays on its account, and what was
    wanted of it is wanted still.
    """
    spent = state.spent + (state.result.calls if state.result is not None else ())
    return AssetState(revision=state.revision + 1, spent=spent, hint=state.hint)


def fingerprint_of(journey: Journey, asset: Asset, assets: States) -> Fingerprint:
    """The SHA-256 of all that decides what the asset will be: story, recipe, brief, hint, and what it is made from.

    A need that failed counts as absent, whatever it was to be: a book with a picture missing is another book.
    """
    recipe = GRAPH[asset]
    ready = ((need, assets[need]) for need in recipe.waits_for)
    inputs = [[need.value, state.fingerprint if state.status == "ready" else None] for need, state in ready]
    brief = canonical(journey.brief.wire()).decode() if not recipe.waits_for else journey.brief.voice
    state = assets[asset]
    hint = () if state.hint is None else (state.hint,)
    return fingerprint(str(journey.story_id), asset.value, recipe.version, state.revision, brief, inputs, *hint)


def _with_needs_and_dependents(journey: Journey, assets: Iterable[Asset]) -> Collection[Asset]:
    """With the needs that are not there, which must be made first, and with all that is made from any of them."""
    states = journey.assets
    found: set[Asset] = set()
    todo = list(assets)
    while todo:
        asset = todo.pop()
        if asset not in found:
            found.add(asset)
            todo += [need for need in needs_of(journey, asset) if states[need].status in ("failed", "cancelled")]
    todo = list(found)
    while todo:
        asset = todo.pop()
        dependents = [one for one in WAITED_ON_BY[asset] if one in states and states[one].begun]
        if asset is Asset.CONTENT:
            dependents += _failed_for_want_of_text(states)
        todo += [one for one in dependents if one not in found]
        found.update(dependents)
    return found


def _outline(states: States) -> Outline | None:
    outline = states[Asset.OUTLINE].result
    return outline if isinstance(outline, Outline) else None


def _failed_for_want_of_text(states: States) -> list[Asset]:
    """What was never approved, since there was no text: with a text it is as if it had not failed."""
    failed = (asset for asset, state in states.items() if state.code == NEED_FAILED and GRAPH[asset].after_approval)
    return [asset for asset in failed if GRAPH[cause(states, asset).asset].service is Service.CONTENT]
