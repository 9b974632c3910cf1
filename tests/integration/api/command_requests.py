"""Shared by the tests of commands: sending them over HTTP, and reading what was stored and published of them."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from nats.aio.msg import Msg

from storyloom.story.assets import GRAPH, Asset
from storyloom.story.editing import ASK_EDITING, EditVerdict, SceneEdit
from storyloom.story.evaluation import ASK_EVALUATION, EvaluatedClaim, Evaluation
from storyloom.story.events import EVENT, AnyEvent
from storyloom.story.results import Readability
from tests.integration.core.system import System, until
from tests.makers import EASY, sample

Answer = tuple[int, dict[str, Any]]
"""Status and body."""


async def send(
    system: System, method: str, story_id: UUID, path: str, body: Any = None, *, key: str | None = None, api: str = ""
) -> Answer:
    """Send the api a request for a story."""
    headers = system.headers if key is None else {**system.headers, "Idempotency-Key": key}
    url = f"{api or system.api.url}/api/v1/stories/{story_id}{path}"
    options = {} if body is None else {"json": body}
    async with system.http.request(method, url, headers=headers, **options) as answer:
        return answer.status, await answer.json(content_type=None)


async def commands(system: System, story_id: UUID) -> list[AnyEvent]:
    """The story's commands in command_outbox, in order."""
    rows = await system.rows(
        "SELECT event FROM command_outbox WHERE story_id = $1 ORDER BY created_at, event_id", story_id
    )
    return [EVENT.validate_python(row["event"]) for row in rows]


async def published(system: System, story_id: UUID) -> list[str]:
    """The ids of the story's events on STORY that are commands."""
    names = system.bus.names
    info = await system.bus.js.stream_info(names.story, subjects_filter=names.subject(f"story.evt.*.{story_id}"))
    found = []
    for subject in info.state.subjects or {}:
        message = await system.bus.js.get_last_msg(names.story, subject)
        found.append(EVENT.validate_json(message.data or b"").id)
    return [one for one in found if ".wish." in one]


async def wait_applied(system: System, story_id: UUID, status: int, answer: dict[str, Any]) -> dict[str, Any]:
    """The story once an accepted command was applied, and all that follows from it is done."""
    assert status == 202, answer

    async def applied() -> bool:
        return bool(await system.rows("SELECT FROM inbox WHERE event_id = $1", answer["wish"]["id"]))

    await until(applied)
    return await system.finished(story_id)


async def set_state(system: System, story_id: UUID, status: str = "partial", **assets: str) -> None:
    """Set a story's state in its rows: every asset ready but for those named."""
    for asset in GRAPH:
        await system.pool.execute(
            "UPDATE asset_generation_jobs SET status = $3, result = $4 WHERE story_id = $1 AND asset_type = $2",
            story_id,
            asset.value,
            assets.get(asset.value, "ready"),
            sample(asset, story_id).model_dump_json() if assets.get(asset.value, "ready") == "ready" else None,
        )
    await system.pool.execute("UPDATE stories SET status = $2, version = version + 1 WHERE id = $1", story_id, status)


async def wait_started(system: System) -> None:
    """Wait until the projector has applied every StoryRequested, so that a state that is set by hand stays."""

    async def all_started() -> bool:
        return not await system.rows("SELECT FROM stories WHERE seq = 0")

    await until(all_started)


Moderator = Callable[[SceneEdit], Awaitable[EditVerdict]]


async def moderate(edit: SceneEdit) -> EditVerdict:
    """Flags knives, has a finding for rain, accepts everything else."""
    text = "\n\n".join((*edit.paragraphs, edit.alt_text))
    if "knife" in text:
        return EditVerdict(flagged=True, categories=("violence",))
    usual = sample(Asset(f"text_{edit.scene}"), UUID(int=0))
    findings = ("Too much rain.",) if "rain" in text else ()
    words = usual.model_copy(update={"paragraphs": edit.paragraphs, "alt_text": edit.alt_text, "findings": findings})
    whole = Readability(grade=len(edit.others), sentence_words=5, rare_share=0) if edit.others else EASY
    return EditVerdict.model_validate({"flagged": False, "text": words.model_dump(), "whole": whole})


async def answer_edits(system: System, moderator: Moderator = moderate) -> list[SceneEdit]:
    """Answer the api's questions about edits by ``moderator``; returns the list of edits that were asked about."""
    asked: list[SceneEdit] = []

    async def answer(message: Msg) -> None:
        edit = SceneEdit.model_validate_json(message.data)
        asked.append(edit)
        await message.respond((await moderator(edit)).model_dump_json().encode())

    await system.bus.client.subscribe(system.bus.names.subject(ASK_EDITING), cb=answer)
    await system.bus.client.flush()  # the server knows of the subscription
    return asked


async def answer_evaluations(system: System) -> None:
    """Answer the api's questions about finished stories: one claim, which passes."""
    claim = EvaluatedClaim(claim="pdf", title="It is whole", outcome="pass", evaluator="x", version=1, independent=True)

    async def answer(message: Msg) -> None:
        await message.respond(Evaluation(claims=(claim,), version=1).model_dump_json().encode())

    await system.bus.client.subscribe(system.bus.names.subject(ASK_EVALUATION), cb=answer)
    await system.bus.client.flush()
