"""Checks what readers were sent: gapless, the same everywhere, each asset settled once a revision, true at the end."""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.chaos.evidence import Evidence, Line, Transcript
from tests.chaos.facts import SETTLED
from tests.chaos.stream_reader import FINAL_CLOSINGS

Finding = tuple[str, str]


def check(evidence: Evidence) -> Iterator[Finding]:
    """All of it."""
    edited = {client.id for client in evidence.clients if any(one.kind == "edit" for one in client.asked)}
    for story_id, row in evidence.stories.items():
        updates = evidence.updates.get(story_id, [])
        ids = [line.id for line in updates]
        if ids != list(range(1, row["seq"] + 1)):
            yield "gaps", f"{story_id}: its history has the ids {ids}, its row says {row['seq']}"
        yield from _settled_once(story_id, updates, edited=story_id in edited)
        yield from _nothing_after_cancel(story_id, updates)
    for transcript in evidence.transcripts:
        yield from _gapless(transcript)
        if transcript.story_id in evidence.stories and transcript.story_id not in evidence.deleted:
            yield from _complete(transcript, evidence)


def _settled_once(story_id: str, updates: Iterable[Line], *, edited: bool) -> Iterator[Finding]:
    """An asset that was sent as settled is not sent so again unless it began anew in between."""
    stands: dict[str, str] = {}
    for line in updates:
        if line.event == "snapshot":
            stands = {asset: one["status"] for asset, one in line.data["assetGenerationStatus"]["assets"].items()}
        if line.event != "asset":
            continue
        asset, status = line.data["asset"], line.data["status"]
        # An edited scene is put into the finished text at once, which stays ready.
        reworded = edited and asset == "content" and status == "ready"
        if stands.get(asset) in SETTLED and status in SETTLED and not reworded:
            yield "duplicates", f"{story_id} {asset} was {stands[asset]} and is {status} again (id {line.id})"
        stands[asset] = status


def _nothing_after_cancel(story_id: str, updates: list[Line]) -> Iterator[Finding]:
    places = [
        place for place, line in enumerate(updates) if line.event == "story" and line.data["overall"] == "cancelled"
    ]
    if places and places[0] != len(updates) - 1:
        late = updates[places[0] + 1]
        yield "wrong", f"{story_id} was cancelled, and then sent {late.event} {late.data} (id {late.id})"


def _gapless(transcript: Transcript) -> Iterator[Finding]:
    ids = [line.id for line in transcript.lines if line.id is not None]
    for place, id_ in enumerate(ids, start=1):
        if id_ != place:
            yield "gaps", f"{transcript.story_id}: reader {transcript.reader} got id {id_} where {place} was due"
            return


def _complete(transcript: Transcript, evidence: Evidence) -> Iterator[Finding]:
    """The reader got to the end, was sent what stands in the history, and knows what GET says."""
    at = f"{transcript.story_id}: reader {transcript.reader}"
    if transcript.closing not in FINAL_CLOSINGS:
        yield "stuck", f"{at} was not sent the end: {transcript.closing}"
        return
    if transcript.closing in ("404", "deleted"):
        yield "lost", f"{at} was answered that there is no such story"
        return
    updates = {line.id: line for line in evidence.updates.get(transcript.story_id, [])}
    for line in transcript.lines:
        if line.id is None:
            continue
        history = updates.get(line.id)
        if history is None or (history.event, history.data) != (line.event, line.data):
            yield "gaps", f"{at} was sent something else under id {line.id} than stands in the history"
            return
    if transcript.seen != max((id_ or 0 for id_ in updates), default=0):
        yield "gaps", f"{at} knows {transcript.seen} of {len(updates)} events"
        return
    yield from _true(at, transcript, evidence.shown.get(transcript.story_id))


def _true(at: str, transcript: Transcript, shown: Any) -> Iterator[Finding]:
    if shown is None:
        return  # that is reported elsewhere
    known, texts = final(transcript.lines)
    if known != shown["assetGenerationStatus"]:
        yield "gaps", f"{at} ends with {known}, GET says {shown['assetGenerationStatus']}"
    for scene in shown["scenes"]:
        if scene["scene"] in texts and scene["text"] is not None and texts[scene["scene"]] != scene["text"]:
            yield "gaps", f"{at} knows another text of scene {scene['scene']} than GET"


def final(lines: Iterable[Line]) -> tuple[dict[str, Any], dict[int, str]]:
    """What a reader knows in the end: the status document, and the text of each scene."""
    document: dict[str, Any] = {"overall": None, "assets": {}}
    texts: dict[int, str] = {}
    for line in lines:
        if line.id is None:
            continue  # passing things: they are not part of the state
        match line.event:
            case "snapshot":
                status = line.data["assetGenerationStatus"]
                document = {"overall": status["overall"], "assets": dict(status["assets"])}
            case "asset":
                shown = {name: value for name, value in line.data.items() if name != "asset"}
                document["assets"][line.data["asset"]] = shown
            case "story":
                document["overall"] = line.data["overall"]
            case "text":
                texts[line.data["scene"]] = line.data["text"]
    return document, texts
