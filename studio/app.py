"""The studio's server: every endpoint, and what stands before them all."""

from __future__ import annotations

import sys
import time
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from studio import control, elevenlabs_api, openai_api
from studio.desk import DESK, REQUEST_ID, Desk
from studio.elevenlabs_api import create_speech, elevenlabs_error
from studio.images_api import edit_image, generate_image
from studio.moderations_api import create_moderation
from studio.openai_api import openai_error
from studio.parts import Parts
from studio.responses_api import create_response
from studio.settings import StudioSettings
from studio.vendor_errors import VendorError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LARGEST_BODY = 256 * 1024 * 1024  # sixteen reference pictures, generously
_SHUTDOWN = 0.5  # seconds for open calls to end by themselves
_SPEECH = "/v1/text-to-speech/"
_HEADERS = web.RequestKey("headers", dict[str, str])  # what the vendor puts on every answer
_STARTED = web.RequestKey("started", float)
_WARM: web.AppKey[Callable[[], dict[str, int]]] = web.AppKey("warm")  # how many workers of each trade are warm


@dataclass(frozen=True)
class RunningStudio:
    """A studio that answers at `url` until it is stopped."""

    url: str
    app: web.Application
    _runner: web.AppRunner

    async def stop(self) -> None:
        """Stop answering and end all workers, within three seconds. Safe to call twice."""
        await self._runner.cleanup()


def make_app(settings: StudioSettings, parts: Parts | None = None) -> web.Application:
    """The application. Without `parts` it makes things itself, in worker processes that start and stop with it."""
    app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[_speak_as_the_vendor])
    app.on_response_prepare.append(_add_headers)
    app[DESK] = Desk(settings, parts or _employ_makers(app, settings))
    app.on_shutdown.append(_let_go)
    app.add_routes(
        [
            web.post("/v1/responses", create_response),
            web.post("/v1/images/generations", generate_image),
            web.post("/v1/images/edits", edit_image),
            web.post("/v1/moderations", create_moderation),
            web.post(_SPEECH + "{voice_id}/with-timestamps", create_speech),
            web.post("/studio/faults", control.order_fault),
            web.get("/studio/faults", control.list_faults),
            web.delete("/studio/faults", control.clear_faults),
            web.get("/studio/ledger", control.read_ledger),
            web.get("/studio/ledger/totals", control.read_totals),
            web.delete("/studio/ledger", control.clear_ledger),
            web.get("/studio/health", _tell_health),
        ]
    )
    return app


async def serve(settings: StudioSettings, parts: Parts | None = None) -> RunningStudio:
    """Start a studio in the running event loop. Raises OSError if the port is taken."""
    app = make_app(settings, parts)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError:
        await runner.cleanup()
        raise
    host, port = runner.addresses[0][:2]
    return RunningStudio(f"http://{f'[{host}]' if ':' in host else host}:{port}", app, runner)


@web.middleware
async def _speak_as_the_vendor(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check the key, give the call its request id, and put whatever goes wrong in its vendor's words."""
    if not request.path.startswith("/v1/"):
        return await handler(request)
    elevenlabs = request.path.startswith(_SPEECH)
    request[REQUEST_ID] = uuid.uuid4().hex if elevenlabs else f"req_{uuid.uuid4().hex}"
    request[_STARTED] = time.monotonic()
    request[_HEADERS] = _headers(request, elevenlabs=elevenlabs)
    try:
        vendor = elevenlabs_api if elevenlabs else openai_api
        vendor.check_key(request, request.app[DESK].settings.refused_keys)
        return await handler(request)
    except VendorError as error:
        return error.as_response()
    except web.HTTPException as error:
        return _rephrase(request, error, elevenlabs=elevenlabs).as_response()
    except Exception:  # noqa: BLE001 - a vendor answers its own failure with a 500, and so does the studio
        traceback.print_exc(file=sys.stderr)
        message = "The studio failed at this call; its log says how."
        if elevenlabs:
            return elevenlabs_error(500, "internal_server_error", message).as_response()
        return openai_error(500, message, kind="server_error").as_response()


def _headers(request: web.Request, *, elevenlabs: bool) -> dict[str, str]:
    if elevenlabs:
        return {"request-id": request[REQUEST_ID]}
    return {
        "x-request-id": request[REQUEST_ID],
        "openai-version": openai_api.VERSION,
        "openai-organization": "org-studio",
    }


def _rephrase(request: web.Request, error: web.HTTPException, *, elevenlabs: bool) -> VendorError:
    """The 404, 405 and 413 of the HTTP server, as the vendors say them."""
    if elevenlabs:
        return VendorError(error.status, {"detail": error.reason})
    if error.status == 404:
        return openai_api.path_not_found(request.method, request.path)
    if error.status == 405:
        return openai_error(405, f"Not allowed to {request.method} on {request.path}.", code="method_not_supported")
    return openai_error(error.status, error.reason)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """The vendor's headers go onto every answer, streams and errors too."""
    response.headers.update(request.get(_HEADERS, {}))
    if "x-request-id" in response.headers:
        response.headers["openai-processing-ms"] = str(round((time.monotonic() - request[_STARTED]) * 1000))


async def _tell_health(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    return web.json_response(
        {
            "status": "ok",
            "warm": request.app[_WARM]() if _WARM in request.app else {},
            "latency": desk.settings.latency,
            "voice": desk.settings.voice,
            "faults": len(desk.faults.listed()),
        }
    )


def _employ_makers(app: web.Application, settings: StudioSettings) -> Parts:
    """Makers of the studio's own, who come and go with the application."""
    from studio.makers import Makers  # noqa: PLC0415 - with parts given, none of its plots need loading

    makers = Makers(settings)

    async def work(_app: web.Application) -> AsyncIterator[None]:
        await makers.start()
        yield
        await makers.stop()

    app.cleanup_ctx.append(work)
    app[_WARM] = makers.readiness
    return makers.parts


async def _let_go(app: web.Application) -> None:
    """Wake whoever stalls or pauses, so that stopping waits for nobody."""
    app[DESK].closing.set()
