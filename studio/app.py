"""The studio's server: every endpoint, and what stands before them all."""

from __future__ import annotations

import sys
import time
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from studio import admin_api, elevenlabs_api, openai_api
from studio.backends import Backends
from studio.elevenlabs_api import create_speech, elevenlabs_error
from studio.images_api import edit_image, generate_image
from studio.moderations_api import create_moderation
from studio.openai_api import openai_error
from studio.request_context import REQUEST_ID, STATE, AppState
from studio.responses_api import create_response
from studio.settings import StudioSettings
from studio.vendor_errors import VendorError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LARGEST_BODY = 256 * 1024 * 1024  # sixteen reference pictures, generously
_SHUTDOWN_TIMEOUT = 0.5  # seconds for open calls to end by themselves
_SPEECH = "/v1/text-to-speech/"
_HEADERS = web.RequestKey("headers", dict[str, str])  # what the vendor puts on every answer
_STARTED = web.RequestKey("started", float)
_READY_WORKERS: web.AppKey[Callable[[], dict[str, int]]] = web.AppKey("ready_workers")


@dataclass(frozen=True)
class RunningStudio:
    """A studio that answers at `url` until it is stopped."""

    url: str
    app: web.Application
    _runner: web.AppRunner

    async def stop(self) -> None:
        """Stop answering and end all workers, within three seconds. Safe to call twice."""
        await self._runner.cleanup()


def make_app(settings: StudioSettings, backends: Backends | None = None) -> web.Application:
    """The application. Without `backends` it has its own, in worker processes that start and stop with it."""
    app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[_vendor_errors])
    app.on_response_prepare.append(_add_headers)
    app[STATE] = AppState(settings, backends or _run_local_backends(app, settings))
    app.on_shutdown.append(_set_closing)
    app.add_routes(
        [
            web.post("/v1/responses", create_response),
            web.post("/v1/images/generations", generate_image),
            web.post("/v1/images/edits", edit_image),
            web.post("/v1/moderations", create_moderation),
            web.post(_SPEECH + "{voice_id}/with-timestamps", create_speech),
            web.post("/studio/faults", admin_api.add_fault),
            web.get("/studio/faults", admin_api.list_faults),
            web.delete("/studio/faults", admin_api.clear_faults),
            web.get("/studio/ledger", admin_api.read_ledger),
            web.get("/studio/ledger/totals", admin_api.read_totals),
            web.delete("/studio/ledger", admin_api.clear_ledger),
            web.get("/studio/health", _read_health),
        ]
    )
    return app


async def serve(settings: StudioSettings, backends: Backends | None = None) -> RunningStudio:
    """Start a studio in the running event loop. Raises OSError if the port is taken."""
    app = make_app(settings, backends)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_TIMEOUT)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError:
        await runner.cleanup()
        raise
    host, port = runner.addresses[0][:2]
    return RunningStudio(f"http://{f'[{host}]' if ':' in host else host}:{port}", app, runner)


@web.middleware
async def _vendor_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check the key, give the call its request id, and answer whatever goes wrong as its vendor would."""
    if not request.path.startswith("/v1/"):
        return await handler(request)
    elevenlabs = request.path.startswith(_SPEECH)
    request[REQUEST_ID] = uuid.uuid4().hex if elevenlabs else f"req_{uuid.uuid4().hex}"
    request[_STARTED] = time.monotonic()
    request[_HEADERS] = _headers(request, elevenlabs=elevenlabs)
    try:
        vendor = elevenlabs_api if elevenlabs else openai_api
        vendor.check_key(request, request.app[STATE].settings.refused_keys)
        return await handler(request)
    except VendorError as error:
        return error.as_response()
    except web.HTTPException as error:
        return _as_vendor_error(request, error, elevenlabs=elevenlabs).as_response()
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


def _as_vendor_error(request: web.Request, error: web.HTTPException, *, elevenlabs: bool) -> VendorError:
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


async def _read_health(request: web.Request) -> web.Response:
    state = request.app[STATE]
    return web.json_response(
        {
            "status": "ok",
            "warm": request.app[_READY_WORKERS]() if _READY_WORKERS in request.app else {},
            "latency": state.settings.latency,
            "voice": state.settings.voice,
            "faults": len(state.faults.listed()),
        }
    )


def _run_local_backends(app: web.Application, settings: StudioSettings) -> Backends:
    """The studio's own backends, which start and stop with the application."""
    from studio.local_backends import LocalBackends  # noqa: PLC0415 - with others given, no plots need loading

    local = LocalBackends(settings)

    async def run(_app: web.Application) -> AsyncIterator[None]:
        await local.start()
        yield
        await local.stop()

    app.cleanup_ctx.append(run)
    app[_READY_WORKERS] = local.ready_workers
    return local.backends


async def _set_closing(app: web.Application) -> None:
    """Wake whoever stalls or pauses, so that stopping waits for nobody."""
    app[STATE].closing.set()
