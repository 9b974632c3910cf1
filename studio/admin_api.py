"""The studio's own endpoints: faults, ledger, health. No vendor has them."""

from __future__ import annotations

import json

from aiohttp import web

from studio.faults import parse_fault
from studio.request_context import STATE


async def add_fault(request: web.Request) -> web.Response:
    """POST /studio/faults: put a fault in force."""
    try:
        fault = parse_fault(json.loads(await request.read()))
    except ValueError as error:  # no JSON, or InvalidFaultError
        return web.json_response({"error": str(error)}, status=400)
    number = request.app[STATE].faults.add(fault)
    return web.json_response({"id": number, **fault.model_dump(by_alias=True, exclude_none=True)}, status=201)


async def list_faults(request: web.Request) -> web.Response:
    """GET /studio/faults: those in force."""
    return web.json_response(request.app[STATE].faults.listed())


async def clear_faults(request: web.Request) -> web.Response:
    """DELETE /studio/faults: lift them all."""
    return web.json_response({"cleared": request.app[STATE].faults.clear()})


async def read_ledger(request: web.Request) -> web.Response:
    """GET /studio/ledger?since=SEQ: the paid calls after that one."""
    since = request.query.get("since", "0")
    if not since.isdecimal():
        return web.json_response({"error": f"since must be a whole number, not {since!r}"}, status=400)
    return web.json_response(request.app[STATE].ledger.since(int(since)))


async def read_totals(request: web.Request) -> web.Response:
    """GET /studio/ledger/totals: over all paid calls, also those whose rows are long gone."""
    return web.json_response(request.app[STATE].ledger.totals())


async def clear_ledger(request: web.Request) -> web.Response:
    """DELETE /studio/ledger: forget all paid calls."""
    return web.json_response({"cleared": request.app[STATE].ledger.clear()})
