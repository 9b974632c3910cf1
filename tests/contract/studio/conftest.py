"""One studio a test module, in a thread of its own, with small named backends instead of the real ones."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import openai
import pytest
from elevenlabs.client import AsyncElevenLabs
from PIL import Image, PngImagePlugin
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from studio.app import RunningStudio, serve
from studio.backends import Backends, EngineName, ImageRequest, Speech
from studio.prompt_blocks import UnanswerablePromptError
from studio.settings import StudioSettings

SPECS = Path(__file__).parent.parent / "specs"
Check = Callable[[str, Any], None]


async def scribble(order: ImageRequest, reference: bytes | None) -> bytes:
    """A grey page that remembers what it was told; it knows wheelchairs and glasses."""
    width, _, height = order.size.partition("x")
    features = [word for word in ("wheelchair", "glasses") if word in order.prompt and word not in order.miss]
    seen = {
        "heroes": [
            {"species": "a human child", "skin": "", "hair": "curly black", "eyes": "", "clothing": "yellow dress",
             "features": [f"manual {word}" if word == "wheelchair" else word for word in features]}
        ],
        "companion": "a fox", "helper": None, "cast_count": 2, "props": ["lantern"], "setting": "a forest",
        "time": "night", "weather": "fog", "action": "reaching out a hand", "emotion": "calm", "camera": "wide",
        "style": "watercolour", "edited": reference is not None,
    }  # fmt: skip
    note = PngImagePlugin.PngInfo()
    note.add_text("seen", json.dumps(seen))
    page = Image.new("RGB", (int(width), int(height)), (order.seed % 251, 120, 120))
    encoded = io.BytesIO()
    if order.output_format == "png":
        page.save(encoded, "PNG", pnginfo=note)
    else:
        page.save(encoded, order.output_format.upper(), quality=order.compression)
    return encoded.getvalue()


async def squint(picture: bytes) -> Mapping[str, Any] | None:
    """Reads what `scribble` remembered."""
    try:
        with Image.open(io.BytesIO(picture)) as image:
            text = image.info.get("seen")
    except OSError as error:
        raise ValueError("no picture") from error
    return json.loads(text) if text else None


async def recite(schema_name: str, prompt: str, seed: int) -> Mapping[str, Any] | None:
    """Knows one scene, and one lie: `lie` does not fit the schema that is asked."""
    if schema_name == "lie":
        return {"paragraphs": "not a list"}
    if schema_name != "scene_text":
        return None
    if "<brief>" not in prompt:
        raise UnanswerablePromptError("block <brief> is missing")
    return {"paragraphs": [f"The fox “Ember” counted to {seed % 1000}.", "Then it slept."], "alt_text": "A fox asleep."}


async def frown(text: str) -> Mapping[str, float]:
    """Dislikes blood."""
    return {"violence": 0.91 if "blood" in text else 0.01, "sexual/minors": 0.0}


async def hum(text: str, *, voice_id: str, settings: Mapping[str, Any], engine: EngineName, seed: int) -> Speech:
    """A tenth of a second a character, at the speed that was asked."""
    if not text.strip():
        raise ValueError("nothing to say")
    step = 0.1 / settings.get("speed", 1.0)
    starts = [round(at * step, 4) for at in range(len(text))]
    mp3 = f"{engine} {voice_id} {seed}".encode()
    return Speech(mp3, list(text), starts, [round(start + step, 4) for start in starts])


FAKES = Backends(
    generate_image=scribble,
    describe_image=squint,
    answer_prompt=recite,
    classify_text=frown,
    synthesise_speech=hum,
)


@pytest.fixture(scope="module")
def studio_settings() -> StudioSettings:
    return StudioSettings(voice="espeak", refused_keys=frozenset({"sk-revoked-key-0001"}))


@pytest.fixture(scope="module")
def studio_backends() -> Backends | None:
    """What makes the answers; None for the studio's own."""
    return FAKES


@pytest.fixture(scope="module")
def studio_url(studio_settings: StudioSettings, studio_backends: Backends | None) -> Iterator[str]:
    """A studio that answers in a thread beside the tests, so that all tests of a module can share it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="studio")
    thread.start()
    studio: RunningStudio = asyncio.run_coroutine_threadsafe(serve(studio_settings, studio_backends), loop).result(20)
    yield studio.url
    asyncio.run_coroutine_threadsafe(studio.stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
async def http(studio_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A bare HTTP client with both vendors' keys; the studio's faults and ledger are empty when a test begins."""
    headers = {"Authorization": "Bearer local", "xi-api-key": "local"}
    async with aiohttp.ClientSession(studio_url, headers=headers) as session:
        await session.delete("/studio/faults")
        await session.delete("/studio/ledger")
        yield session
        await session.delete("/studio/faults")


@pytest.fixture
async def openai_client(studio_url: str, http: aiohttp.ClientSession) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key="local", base_url=f"{studio_url}/v1", max_retries=0, timeout=20) as client:
        yield client


@pytest.fixture
async def elevenlabs_client(studio_url: str, http: aiohttp.ClientSession) -> AsyncIterator[AsyncElevenLabs]:
    client = AsyncElevenLabs(api_key="local", base_url=studio_url, timeout=20)
    yield client
    await client._client_wrapper.httpx_client.httpx_client.aclose()


def _allow_null(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable`, which OpenAI's file still uses here and there, as JSON Schema says it."""
    if isinstance(schema, list):
        return [_allow_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _allow_null(part) for name, part in schema.items() if name != "nullable"}
    return {"anyOf": [inner, {"type": "null"}]} if schema.get("nullable") is True else inner


@pytest.fixture(scope="session")
def openai_spec() -> dict[str, Any]:
    spec: dict[str, Any] = _allow_null(json.loads((SPECS / "openai.json").read_text()))
    return spec


@pytest.fixture(scope="session")
def fits_openai(openai_spec: dict[str, Any]) -> Check:
    """`fits_openai("Response", body)` fails unless the body is what the vendor's file says."""
    registry: Registry[Any] = Registry().with_resource(
        "openai", Resource.from_contents(openai_spec, default_specification=DRAFT202012)
    )

    def check(name: str, body: Any) -> None:
        schema = {"$ref": f"openai#/components/schemas/{name}"}
        jsonschema.Draft202012Validator(schema, registry=registry).validate(body)

    return check


@pytest.fixture(scope="session")
def elevenlabs_operation() -> dict[str, Any]:
    spec = json.loads((SPECS / "elevenlabs.json").read_text())
    operation: dict[str, Any] = spec["paths"]["/v1/text-to-speech/{voice_id}/with-timestamps"]["post"]
    return operation
