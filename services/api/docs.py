"""The documents of the api and the pages under ``/docs``: made from the same declarations as the routes, once each."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from services.api.batches import BatchRoutes
from services.api.estimates import EstimateRoutes
from services.api.openapi import CACHE_CONTROL, ETAG, IF_NONE_MATCH, about
from services.api.reading.routes import ReadingRoutes
from services.api.receipts.routes import ReceiptRoutes
from services.api.resources import ProblemDetails
from services.api.routes import Routes
from services.api.serializers import BASE
from services.api.usage import UsageRoutes
from services.api.webhooks.routes import WebhookRoutes
from storyloom.web.openapi import Answer, Operation, Version, declared, document, operation
from storyloom.web.pages import add_error_pages, page, respond
from storyloom.web.reference import markdown, reference

GUIDES = Path(__file__).parents[2] / "docs" / "guide"
_HEADERS = (ETAG, CACHE_CONTROL)


class DocumentRoutes:
    """The documents, which need no key."""

    @operation(
        "GET",
        f"{BASE}/openapi.json",
        "getOpenapi",
        tag="Documents",
        scope=None,
        parameters=[IF_NONE_MATCH],
        answers=[
            Answer(200, "The document.", dict[str, Any], headers=_HEADERS),
            Answer(304, "The client has it.", headers=_HEADERS),
        ],
    )
    async def openapi(self, request: web.Request) -> web.Response:
        """Read this document, in OpenAPI 3.1."""
        return _conditional(request, "3.1.1")

    @operation(
        "GET",
        f"{BASE}/openapi-3.2.json",
        "getOpenapi32",
        tag="Documents",
        scope=None,
        parameters=[IF_NONE_MATCH],
        answers=[
            Answer(200, "The document.", dict[str, Any], headers=_HEADERS),
            Answer(304, "The client has it.", headers=_HEADERS),
        ],
    )
    async def openapi32(self, request: web.Request) -> web.Response:
        """Read this document, in OpenAPI 3.2, which describes each event of the stream, too."""
        return _conditional(request, "3.2.0")


SERVER = web.AppKey("openapi_server", str)
"""The origin that the documents name."""
HANDLERS: tuple[type, ...] = (
    Routes,
    BatchRoutes,
    EstimateRoutes,
    ReadingRoutes,
    UsageRoutes,
    ReceiptRoutes,
    WebhookRoutes,
    DocumentRoutes,
)
"""Whose operations make the documents."""


def operations() -> list[Operation]:
    """Every operation of the api."""
    return [one for handlers in HANDLERS for one in declared(handlers)]


def openapi(version: Version = "3.1.1", server: str = "") -> dict[str, Any]:
    """The OpenAPI document of the api. ``server``: the origin at which clients reach it."""
    return document(about(server), operations(), ProblemDetails, version=version)


@dataclass(frozen=True, slots=True)
class Guide:
    """A page of docs/guide."""

    name: str
    title: str
    text: str

    @property
    def path(self) -> str:
        """Its address."""
        return f"/docs/guide/{self.name}"


@cache
def guides() -> Mapping[str, Guide]:
    """The guides by name, in the order in which they are read; none where they were not deployed."""
    texts = {path.stem: _COMMENT.sub("", path.read_text("utf-8")) for path in sorted(GUIDES.glob("*.md"))}
    found = [Guide(name, text.partition("\n")[0].removeprefix("# "), text) for name, text in texts.items()]
    return {guide.name: guide for guide in sorted(found, key=lambda guide: _ORDER.index(guide.name))}


_COMMENT = re.compile(r"^<!--.*-->\n", re.MULTILINE)
"""Marks of parts that are made from the code."""
_ORDER = (
    "quickstart",
    "python",
    "stories",
    "progress",
    "reader",
    "changes",
    "approval",
    "errors",
    "limits",
    "idempotency",
    "webhooks",
    "going-live",
)
"""In which order the guides are read."""


def add_docs(app: web.Application, server: str) -> None:
    """Add the documents and the pages to an application."""
    app[SERVER] = server
    routes = DocumentRoutes()
    app.add_routes(one.route(getattr(routes, one.handler)) for one in declared(DocumentRoutes))
    app.router.add_get("/docs", _reference)
    app.router.add_get("/docs/guide/{name}", _guide)
    add_error_pages(app)


@cache
def _made(version: Version, server: str) -> tuple[bytes, str]:
    """The document as JSON and its ETag; made when it is first asked for."""
    body = orjson.dumps(openapi(version, server))
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _conditional(request: web.Request, version: Version) -> web.Response:
    body, etag = _made(version, request.app[SERVER])
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)


async def _reference(request: web.Request) -> web.Response:
    return respond(_reference_page(request.app[SERVER]))


@cache
def _reference_page(server: str) -> str:
    return reference(openapi("3.1.1", server), {guide.path: guide.title for guide in guides().values()})


async def _guide(request: web.Request) -> web.Response:
    guide = guides().get(request.match_info["name"])
    if guide is None:
        raise web.HTTPNotFound
    links = "".join(f'<li><a href="{one.path}">{one.title}</a></li>' for one in guides().values())
    top = '<li><a href="/docs">Reference</a></li><li><a href="/docs/errors">All errors</a></li>'
    navigation = f"<ul>{top}</ul><b>Guides</b><ul>{links}</ul>"
    # In the repository the guides link to each other as files.
    return respond(page(guide.title, navigation, markdown(guide.text).replace('.md"', '"')))
