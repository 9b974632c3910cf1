"""The typed client of the public API, over httpx."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from uuid import UUID

import httpx

from client.problem import Problem, problem_in, unreachable
from client.stream import Stream
from client.wire import Receipt, Story, StoryEvent, StoryPage, Taken

CHUNK_BYTES = 1 << 16


class StoryloomClient:
    """``async with StoryloomClient(api_url, api_key) as client``. Every method raises Problem and nothing else.

    ``api_url`` is the API's origin, like ``http://127.0.0.1:8080``.
    """

    def __init__(self, api_url: str, api_key: str, *, timeout: float = 30.0) -> None:
        self._http = httpx.AsyncClient(
            base_url=api_url.rstrip("/") + "/api/v1",
            headers={"Authorization": f"Bearer {api_key}", "User-Agent": "storyloom-client"},
            timeout=httpx.Timeout(timeout, connect=10),
            trust_env=False,  # a proxy for the internet must not stand before a server on this machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def create(self, brief: Mapping[str, Any], *, idempotency_key: str | None = None) -> Story:
        """Ask for a story. With an idempotency key, asking again with the same brief answers the same story."""
        response = await self._ask("POST", "/stories", json=dict(brief), headers=_keyed(idempotency_key))
        return cast("Story", response.json())

    async def get(self, story_id: UUID | str) -> Story:
        """The story as it is now."""
        return cast("Story", (await self._ask("GET", f"/stories/{story_id}")).json())

    async def list(self, *, limit: int = 20, cursor: str | None = None) -> StoryPage:
        """A page of stories, newest first."""
        params = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
        return cast("StoryPage", (await self._ask("GET", "/stories", params=params)).json())

    async def cancel(self, story_id: UUID | str, *, idempotency_key: str | None = None) -> Taken:
        """Stop making a story, for good: what runs is dropped, finished assets stay. Safe to call twice.

        409 ``story_ended`` if it has ended otherwise.
        """
        return await self._command("POST", f"/stories/{story_id}/cancel", idempotency_key)

    async def retry(
        self, story_id: UUID | str, assets: Sequence[str] = (), *, idempotency_key: str | None = None
    ) -> Taken:
        """Try failed assets again, all of them if none is named, with whatever waited on them.

        409 ``nothing_failed``, or ``asset_not_failed`` where one that is named has not.
        """
        body = {"assets": [*assets]} if assets else {}
        return await self._command("POST", f"/stories/{story_id}/assets/retry", idempotency_key, json=body)

    async def regenerate(self, story_id: UUID | str, asset: str, *, idempotency_key: str | None = None) -> Taken:
        """Make another version of an asset, and whatever is made from it. 409 ``asset_being_made`` until it is there.

        Without an idempotency key every call is a command of its own.
        """
        return await self._command("POST", f"/stories/{story_id}/assets/{asset}/regenerate", idempotency_key)

    async def edit_scene(
        self,
        story_id: UUID | str,
        scene: int,
        text: str | Sequence[str],
        *,
        alt_text: str | None = None,
        idempotency_key: str | None = None,
    ) -> Taken:
        """Put other words in the place of a scene's text (1 to 4), and have whatever is made of them made again.

        ``text`` has blank lines between its paragraphs, or is a sequence of them. 422 ``text_flagged`` for what is
        unfit for children, 409 ``text_not_ready`` while the scene is being written.
        """
        body: dict[str, Any] = {"text": text} if isinstance(text, str) else {"paragraphs": [*text]}
        if alt_text is not None:
            body["altText"] = alt_text
        return await self._command("PUT", f"/stories/{story_id}/scenes/{scene}/text", idempotency_key, json=body)

    async def delete(self, story_id: UUID | str) -> Receipt:
        """Erase a story: rows, objects, messages. Safe to call twice; the receipt is the same.

        Where its ``complete`` is false, the rest goes as soon as it can be reached; ask again to see.
        """
        return cast("Receipt", (await self._ask("DELETE", f"/stories/{story_id}")).json())

    def events(self, story_id: UUID | str, *, after: int | None = None) -> AsyncGenerator[StoryEvent, None]:
        """The story's events in order until it has ended, over as many connections as that takes.

        ``after`` is the last seq already seen.
        """
        return Stream(self._http, f"/stories/{story_id}/events", after).events()

    async def download(self, story_id: UUID | str, asset: str, into: Path, *, part: str | None = None) -> int:
        """Fetch an asset into a file, following the redirect to the store; answer its size in bytes.

        The file appears when it is whole. ``part`` names a by-product, like the narration's ``vtt``.
        """
        partial = into.with_name(into.name + ".part")
        params = {} if part is None else {"part": part}
        url, size = f"/stories/{story_id}/assets/{asset}", 0
        try:
            # httpx drops the key on the way to another origin, so the store never sees it.
            async with self._http.stream("GET", url, params=params, follow_redirects=True) as response:
                await _check(response)
                with partial.open("wb") as file:
                    async for chunk in response.aiter_bytes(CHUNK_BYTES):
                        size += file.write(chunk)
            partial.replace(into)
        except httpx.HTTPError as error:
            raise unreachable(error) from error
        finally:
            partial.unlink(missing_ok=True)
        return size

    async def _command(self, method: str, path: str, idempotency_key: str | None, **options: Any) -> Taken:
        return cast("Taken", (await self._ask(method, path, headers=_keyed(idempotency_key), **options)).json())

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise unreachable(error) from error
        await _check(response)
        return response


def _keyed(idempotency_key: str | None) -> dict[str, str]:
    return {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}


async def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    if not response.is_error:
        raise Problem(response.status_code, "unexpected", f"The API answered {response.status_code}")
    await response.aread()
    raise problem_in(response)
