"""The commands on stories that exist."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

from cyclopts import Parameter

from ..downloads import FILES
from ..progress import LABELS
from ..resources import CommandAccepted, Story
from .app import NOT_READY, OK, Injected, Json, Session, confirmed, described, table
from .arguments import AssetName, Number, StoryId, read_text
from .config import UsageError, forget


async def get(story_id: StoryId, /, *, as_json: Json = False, session: Injected) -> int:
    """0."""
    story = await session.client.get(story_id)
    if as_json:
        session.json(story)
        return OK
    session.say(f"{story['title'] or 'No title yet'} ({story['status']})")
    if story["logline"]:
        session.say(story["logline"])
    for line in [f"{story['storyType']}, for {story['age']}, asked for {story['createdAt']}", "", *_assets(story)]:
        session.say(line)
    if story["error"]:
        session.say(f"\n{story['error']['message']} [{story['error']['code']}]")
    return OK


async def list_stories(
    *,
    status: Annotated[tuple[str, ...], Parameter(help="Only these: generating, ready, partial, failed …")] = (),
    type: Annotated[str | None, Parameter(help="Only this type.")] = None,  # noqa: A002 - the option's name
    since: Annotated[str | None, Parameter(help="Created since this time (ISO 8601).")] = None,
    limit: Annotated[Number, Parameter(help="How many, 1 to 100. Without: 20.")] = 20,
    cursor: Annotated[str | None, Parameter(help="The next page's, as the last one named it.")] = None,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0."""
    page = await session.client.list(status=status or None, story_type=type, since=since, limit=limit, cursor=cursor)
    if as_json:
        session.json(page)
        return OK
    rows = [
        (story["id"], story["status"], story["createdAt"] or "-", story["storyType"], story["title"] or "")
        for story in page["stories"]
    ]
    for line in table(rows):
        session.say(line)
    if not rows:
        session.note("There is no such story.")
    if page["nextCursor"]:
        session.note(f"There are more: --cursor {page['nextCursor']}")
    return OK


async def cancel(story_id: StoryId, /, *, as_json: Json = False, session: Injected) -> int:
    """0."""
    taken = await session.client.cancel(story_id)
    forget(str(story_id))
    return _accepted(session, taken, as_json=as_json)


async def approve(
    story_id: StoryId,
    /,
    *,
    text_version: Annotated[
        str | None,
        Parameter(help="Which text was read, as `get --json` names it. Without: it is shown, and asked for."),
    ] = None,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0; 1 where nobody agreed."""
    if text_version is None:
        story = await session.client.get(story_id)
        status: Mapping[str, Any] = story["assetGenerationStatus"]
        text_version = (status.get("approval") or {}).get("textVersion")
        if text_version is None:
            raise UsageError("Nothing waits to be approved: there is no text yet, or the story does not ask for it.")
        for scene in story["scenes"]:
            session.note(f"{scene['scene']}. {scene['text']}\n")
        if not confirmed("Have pictures, narration and book made of this text?", instead="--text-version"):
            session.note("Nothing was approved.")
            return NOT_READY
    return _accepted(session, await session.client.approve(story_id, text_version), as_json=as_json)


async def retry(
    story_id: StoryId,
    /,
    *assets: Annotated[AssetName, Parameter(name="ASSET", help="Only these; without any, all that failed.")],
    as_json: Json = False,
    session: Injected,
) -> int:
    """0."""
    return _accepted(session, await session.client.retry(story_id, assets), as_json=as_json)


async def regenerate(
    story_id: StoryId,
    asset: Annotated[AssetName, Parameter(name="ASSET", help="Which.")],
    /,
    *,
    hint: Annotated[str | None, Parameter(help="What should be otherwise: make the fox bigger.")] = None,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0."""
    return _accepted(session, await session.client.regenerate(story_id, asset, hint=hint), as_json=as_json)


async def edit(
    story_id: StoryId,
    scene: Annotated[Number, Parameter(name="SCENE", help="1 to 4.")],
    /,
    *,
    text: Annotated[str | None, Parameter(help="The new text.")] = None,
    file: Annotated[str, Parameter(help="Or a file that holds it, blank lines between paragraphs. Without: stdin.")] = (
        "-"
    ),
    alt_text: Annotated[str | None, Parameter(help="The picture's description.")] = None,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0."""
    words = read_text(file) if text is None else text
    if not words.strip():
        raise UsageError("The new text is empty.")
    taken = await session.client.edit_scene(story_id, scene, words, alt_text=alt_text)
    return _accepted(session, taken, as_json=as_json)


async def delete(
    story_id: StoryId,
    /,
    *,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0; 1 where nobody agreed."""
    if not yes and not confirmed(f"Erase story {story_id} for good?"):
        session.note("Nothing was erased.")
        return NOT_READY
    receipt = await session.client.delete(story_id)
    forget(str(story_id))
    if as_json:
        session.json(receipt)
    else:
        session.say(f"erased {story_id}: {receipt['objects']} files, {receipt['bytes']} bytes")
        if not receipt["complete"]:
            session.note("Some of it cannot be reached now, and goes as soon as it can: ask again to see.")
    return OK


async def download(
    story_id: StoryId,
    /,
    *assets: Annotated[AssetName, Parameter(name="ASSET", help="Only these; without any, all that are ready.")],
    into: Annotated[Path | None, Parameter(help="A folder. Without: one that is called like the id.")] = None,
    as_json: Json = False,
    session: Injected,
) -> int:
    """A path a line, and nothing else in it; 0, or 1 where something that was asked for is not ready."""
    story = await session.client.get(story_id)
    standing: Mapping[str, Mapping[str, Any]] = story["assetGenerationStatus"]["assets"]
    files = {asset for asset, _ in FILES.values()}
    wanted = [asset for asset in (assets or standing) if asset in files]
    if assets and "content" in assets:
        raise UsageError("The content is no file: `storyloom get --json` shows it.")
    lacking = [asset for asset in wanted if standing.get(asset, {}).get("status") != "ready"]
    kept = {name: standing[name] for name in wanted if name not in lacking}
    chosen = cast("Story", story | {"assetGenerationStatus": {"overall": story["status"], "assets": kept}})
    folder = into or Path(str(story_id))
    fetched = await session.client.download_all(chosen, folder)
    if as_json:
        session.json([{"path": str(folder / name), "bytes": size} for name, size in fetched])
    else:
        for name, _ in fetched:
            session.say(str(folder / name))
    if lacking:
        session.note(f"Not ready: {', '.join(lacking)}.")
    return NOT_READY if lacking else OK


async def usage(
    *,
    first: Annotated[str | None, Parameter(name="--from", help="The first day (UTC), like 2026-01-31.")] = None,
    last: Annotated[str | None, Parameter(name="--to", help="The last day.")] = None,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0."""
    found = await session.client.usage(first=first, last=last)
    if as_json:
        session.json(found)
    else:
        for line in described(found):
            session.say(line)
    return OK


def _accepted(session: Session, taken: CommandAccepted, *, as_json: bool) -> int:
    if as_json:
        session.json(taken)
    elif taken["wish"] is None:
        session.say(f"{taken['id']} is so already")
    else:
        session.say(f"{taken['id']} will be so: storyloom watch {taken['id']}")
    for finding in taken.get("findings", ()):
        session.note(finding)
    return OK


def _assets(story: Story) -> list[str]:
    standing: Mapping[str, Mapping[str, Any]] = story["assetGenerationStatus"]["assets"]
    rows = []
    order = {name: place for place, name in enumerate(LABELS)}
    for name in sorted(standing, key=lambda name: order.get(name, len(order))):
        asset = standing[name]
        moving = asset["status"] in ("generating", "retrying")
        error = asset.get("error") or {}
        rows.append((name, asset["status"], f"{asset['progress']} %" if moving else error.get("message", "")))
    return table(rows) if rows else []
