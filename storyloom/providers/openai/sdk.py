"""OpenAI's SDK, which takes seconds to import: in a thread, so that the heartbeats of running jobs go on."""

import asyncio
import threading
from typing import TYPE_CHECKING

from storyloom.runtime.settings import OpenAISettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI


def warm_up() -> None:
    """Import the SDK in the background, so that the first call need not wait for it."""
    threading.Thread(target=_import, name="openai-import", daemon=True).start()


async def open_sdk(settings: OpenAISettings) -> "AsyncOpenAI":
    """A client that asks once: the bus tries again."""
    return await asyncio.to_thread(_connect, settings)


def _import() -> None:
    # The SDK imports its resources at first touch: whoever pulls them in here spares a running job the pause.
    import openai.resources.images  # noqa: PLC0415 - see the module
    import openai.resources.moderations  # noqa: PLC0415
    import openai.resources.responses  # noqa: F401, PLC0415

    import storyloom.providers.openai.errors  # noqa: F401, PLC0415 - it imports the SDK


def _connect(settings: OpenAISettings) -> "AsyncOpenAI":
    _import()
    from openai import AsyncOpenAI, Timeout  # noqa: PLC0415 - see the module

    return AsyncOpenAI(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        max_retries=0,
        timeout=Timeout(max(settings.text_timeout, settings.image_timeout), connect=10.0),
    )
