"""What is not ours, looked at before anything starts: a database, a bus, a store, a provider's key."""

import asyncio
from collections.abc import Awaitable
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr

from local.errors import UserError
from local.settings import LocalSettings

CHECK_TIMEOUT_SECONDS = 10.0
OPENAI = "https://api.openai.com/v1"
NO_KEY = "none"
"""What is sent to a server of one's own for which no key was given; the SDKs refuse to send nothing."""
ELEVENLABS = "https://api.elevenlabs.io"


async def check_external(settings: LocalSettings) -> None:
    """Look at everything external at once. Raises UserError for the first that does not answer or refuses us."""
    checks: list[Awaitable[None]] = []
    if settings.database_url is not None:
        checks.append(_check_database(settings.database_url.get_secret_value()))
    if settings.nats_url is not None:
        checks.append(_check_nats(settings.nats_url))
    if settings.has_openai:
        base = (settings.openai_base_url or OPENAI).rstrip("/")
        key = _key("OPENAI_API_KEY", settings.openai_api_key)
        checks.append(_check_key("OPENAI_API_KEY", f"{base}/models", {"Authorization": f"Bearer {key}"}))
    if settings.has_elevenlabs:
        base = (settings.elevenlabs_base_url or ELEVENLABS).rstrip("/")
        key = _key("ELEVENLABS_API_KEY", settings.elevenlabs_api_key)
        checks.append(_check_key("ELEVENLABS_API_KEY", f"{base}/v1/user", {"xi-api-key": key}))
    await asyncio.gather(*checks)


def _key(name: str, given: SecretStr | None) -> str:
    key = NO_KEY if given is None else given.get_secret_value()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UserError(f"{name} holds characters that no key has: correct it, or leave it out.")
    return key


async def _check_database(url: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=CHECK_TIMEOUT_SECONDS)
    except asyncpg.InvalidCatalogNameError:
        return  # the migrations make it
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or "it does not answer"
        raise UserError(f"DATABASE_URL cannot be used ({reason}): correct it, or leave it out.") from error
    await connection.close()


async def _check_nats(url: str) -> None:
    # Most starts have nothing outside: they need not wait for the imports.
    import nats  # noqa: PLC0415
    from nats.errors import Error as NatsError  # noqa: PLC0415

    async def quiet(_error: Exception) -> None:
        """Say nothing: nats-py would print a traceback."""

    try:
        # Without an end to its attempts nats-py would try for ever.
        client = await asyncio.wait_for(
            nats.connect(url, connect_timeout=5, max_reconnect_attempts=1, reconnect_time_wait=0, error_cb=quiet),
            CHECK_TIMEOUT_SECONDS,
        )
    except (OSError, ValueError, TimeoutError, NatsError) as error:
        where = urlsplit(url).netloc.rpartition("@")[2] or "its address"
        raise UserError(f"NATS_URL cannot be used, nothing answers at {where}: correct it, or leave it out.") from error
    await client.close()


async def _check_key(name: str, url: str, headers: dict[str, str]) -> None:
    """Ask for something free. Only a refusal of the key counts: not every server that speaks the protocol has it."""
    import httpx  # noqa: PLC0415 - see _check_nats

    host = urlsplit(url).netloc
    try:
        async with httpx.AsyncClient(timeout=CHECK_TIMEOUT_SECONDS) as http:
            response = await http.get(url, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise UserError(f"{host or url} does not answer: check the network, or leave {name} out.") from error
    # A key that may speak but not read its account is good enough.
    if response.status_code == httpx.codes.UNAUTHORIZED and "missing_permissions" not in response.text:
        raise UserError(f"{host} refuses the key in {name}: correct it, or leave it out.")
