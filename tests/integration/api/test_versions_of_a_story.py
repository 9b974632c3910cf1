"""If-Match: a command that is meant for one version of a story leaves another one alone."""

from typing import Any
from uuid import UUID

from storyloom.runtime.settings import Settings
from tests.integration.api.command_requests import answer_edits, commands, set_state, wait_started
from tests.integration.core.system import BY_HAND, System, running

EDIT = {"text": "They walked home.\n\nIt was late."}


async def tag_of(system: System, story_id: UUID) -> str:
    url = f"{system.api.url}/api/v1/stories/{story_id}"
    async with system.http.get(url, headers=system.headers) as answer:
        return answer.headers["ETag"]


async def code(system: System, method: str, url: str, match: str, *, key: str = "", body: Any = None) -> str:
    """What a command is answered: ``ok``, or the code of its problem."""
    headers = system.headers | {"If-Match": match} | ({"Idempotency-Key": key} if key else {})
    async with system.http.request(method, url, headers=headers, json=body) as answer:
        said = await answer.json(content_type=None)
        assert answer.status in (200, 202, 404, 412), said
        return str(said.get("code", "ok"))


async def test_an_edit_is_made_of_the_version_that_was_read_and_of_no_other(settings: Settings) -> None:
    """Weak tags match nothing, ``*`` whatever there is; what was accepted before is answered alike."""
    patient = settings.model_copy(update={"screening_seconds": 10})
    async with running(patient, reconciler=BY_HAND, workers=()) as system:
        asked = await answer_edits(system)
        story_id = await system.post()
        await wait_started(system)
        await set_state(system, story_id)
        url = f"{system.api.url}/api/v1/stories/{story_id}"
        old = await tag_of(system, story_id)
        await set_state(system, story_id)
        now = await tag_of(system, story_id)
        text = f"{url}/scenes/2/text"
        for wrong in (old, f"W/{now}", '"*"', "", "nonsense", now.strip('"'), f"{old}, W/{now}"):
            assert await code(system, "PUT", text, wrong, body=EDIT) == "version_mismatch", wrong
        assert not asked
        assert await code(system, "PUT", text.replace(str(story_id), str(UUID(int=1))), "*", body=EDIT) == "not_found"
        assert await code(system, "PUT", text, f'{old} , "é", {now}', key="once", body=EDIT) == "ok"
        assert await tag_of(system, story_id) != now  # it is pending, at the least
        assert await code(system, "PUT", text, now, key="once", body=EDIT) == "ok"
        assert await code(system, "PUT", text, now, key="twice", body={"text": "Good night."}) == "version_mismatch"
        assert len(await commands(system, story_id)) == 1
        assert await code(system, "PUT", text, "*", body={"text": "Good night."}) == "ok"


async def test_every_command_heeds_the_version(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        await wait_started(system)
        await set_state(system, story_id, "generating", cover="failed", pdf="pending")
        url = f"{system.api.url}/api/v1/stories/{story_id}"
        for path in ("/assets/retry", "/assets/scene_1/regenerate", "/cancel"):
            assert await code(system, "POST", url + path, '"0-0"') == "version_mismatch"
        assert not await commands(system, story_id)
        assert await code(system, "POST", f"{url}/assets/retry", await tag_of(system, story_id)) == "ok"
