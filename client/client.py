"""The typed client of the public API, over httpx."""

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from uuid import UUID

import httpx

from client.problem import Problem, problem_in, unreachable
from client.stream import Stream
from client.wire import Story, StoryEvent, StoryPage

CHUNK = 1 << 16


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
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        response = await self._ask("POST", "/stories", json=dict(brief), headers=headers)
        return cast("Story", response.json())

    async def get(self, story_id: UUID | str) -> Story:
        """The story as it is now."""
        return cast("Story", (await self._ask("GET", f"/stories/{story_id}")).json())

    async def list(self, *, limit: int = 20, cursor: str | None = None) -> StoryPage:
        """A page of stories, newest first."""
        params = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
        return cast("StoryPage", (await self._ask("GET", "/stories", params=params)).json())

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
                    async for chunk in response.aiter_bytes(CHUNK):
                        size += file.write(chunk)
            partial.replace(into)
        except httpx.HTTPError as error:
            raise unreachable(error) from error
        finally:
            partial.unlink(missing_ok=True)
        return size

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise unreachable(error) from error
        await _check(response)
        return response


async def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    if not response.is_error:
        raise Problem(response.status_code, "unexpected", f"The API answered {response.status_code}")
    await response.aread()
    raise problem_in(response)
