"""One request to the API, sent again where that is safe and may help, bounded in time."""

import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_before_delay

from .errors import NO_ANSWER, StoryloomError, bad_answer, refusal, unanswered

CONNECT_SECONDS = 10.0
RETRY_SECONDS = 60.0
"""Within which a request is sent again, unless the client says otherwise."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
_PASSING = frozenset({NO_ANSWER, 408, 429, 502, 503, 504})
_NOT_CARRIED_OUT = frozenset({408, 429})
"""Statuses of requests that were refused before anything was done."""


class Transport:
    """Connections to one API with one key. Its methods raise StoryloomError and nothing else."""

    def __init__(self, api_url: str, api_key: str, *, timeout: float, retry_for: float) -> None:
        self.url = _origin(api_url)
        self.retry_for = retry_for
        self._timeout = timeout
        self.http = httpx.AsyncClient(
            base_url=self.url + "/api/v1",
            headers={"Authorization": f"Bearer {_plain(api_key)}", "User-Agent": "storyloom-client"},
            timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS),
            trust_env=False,  # a proxy for the internet must not stand before a server on this machine
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        safe: bool = True,
        wait: float = 0,
        headers: Mapping[str, str | None] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """The answer to a request. Headers that are None are left out.

        A request that is not ``safe`` to be carried out twice is sent again only where it was not carried out at all.
        ``wait``: seconds that the API may take beyond the usual.
        """
        kept = {name: value for name, value in (headers or {}).items() if value is not None}
        timeout = httpx.Timeout(self._timeout + wait, connect=CONNECT_SECONDS)
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: _worth_repeating(error, safe=safe)),
            wait=_pause,
            stop=stop_before_delay(self.retry_for),
            reraise=True,
        )
        response: httpx.Response = await retrying(self._once, method, path, headers=kept, timeout=timeout, **options)
        return response

    async def read(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of an answer: an object or a list. Takes what ``ask`` takes."""
        return json_of(await self.ask(method, path, **options))

    @asynccontextmanager
    async def stream(self, method: str, path: str, **options: Any) -> AsyncGenerator[httpx.Response, None]:
        """An answer of which the body is still to come; what breaks while it is read is a StoryloomError, too."""
        try:
            async with self.http.stream(method, path, **options) as response:
                await check(response)
                yield response
        except httpx.HTTPError as error:
            raise unanswered(error) from error

    async def _once(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = await self.http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise unanswered(error) from error
        await check(response)
        return response


def path_of(*parts: UUID | str | int) -> str:
    """A path below the API's base, each part on its own. Raises ValueError for a part that would lead elsewhere."""
    for part in map(str, parts):
        if not part.strip("."):
            raise ValueError(f"{part!r} is no id and no name.")
    return "".join("/" + quote(str(part), safe="") for part in parts)


def json_of(response: httpx.Response) -> Any:
    """The answer's object or list. Raises StoryloomError for anything else."""
    try:
        found = response.json()
    except ValueError:
        raise bad_answer(response, "what is no JSON") from None
    if not isinstance(found, dict | list):
        raise bad_answer(response, "neither an object nor a list")
    return found


async def check(response: httpx.Response) -> None:
    """Raise a StoryloomError unless the answer is what was asked for: 2xx, a redirect to bytes, or "as you have it"."""
    if response.is_success or response.status_code in (httpx.codes.FOUND, httpx.codes.NOT_MODIFIED):
        return
    await response.aread()
    if not response.is_error:
        detail = f"The API answered {response.status_code}"
        raise StoryloomError(response.status_code, "unexpected", detail)
    raise refusal(response)


def pause_before(failures: int, retry_after: float | None, *, first: float, longest: float) -> float:
    """Seconds before the next attempt: the server's word first, then longer and longer; clients never in step."""
    if retry_after is not None:
        return retry_after + random.uniform(0, min(1.0, retry_after / 10))
    most = min(first * 2**failures, longest)
    return random.uniform(most / 2, most)


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    after = error.retry_after if isinstance(error, StoryloomError) else None
    return pause_before(state.attempt_number - 1, after, first=FIRST_PAUSE, longest=LONGEST_PAUSE)


def _worth_repeating(error: BaseException, *, safe: bool) -> bool:
    if not isinstance(error, StoryloomError) or not error.retryable or error.status not in _PASSING:
        return False
    return safe or error.status in _NOT_CARRIED_OUT or error.code == "unreachable"


def _origin(api_url: str) -> str:
    try:
        parts = urlsplit(api_url)
        known = parts.scheme in ("http", "https") and bool(httpx.URL(api_url).host and parts.hostname)
    except (ValueError, TypeError, httpx.InvalidURL):
        known = False
    if not known:
        raise ValueError("The API's address is like https://stories.example or http://127.0.0.1:8080.")
    return api_url.rstrip("/")


def _plain(api_key: str) -> str:
    """The key, if it can stand in a header: httpx would name it in its error otherwise."""
    if not (api_key and api_key.isascii() and api_key.isprintable() and " " not in api_key):
        raise ValueError("The API key is empty or holds characters that no key has: was it copied whole?")
    return api_key
