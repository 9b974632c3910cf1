"""The pages: where a story is made, and where it is read. They are in ``web/`` as they are written, without a build.

They are clients of the public API like any other, and hold nothing of a story: whose it is, and what is in it, the API
says to the key or the link that the page's script sends. Scripts and fonts stand under a name that is the hash of all
of them, and are kept for ever; a page names the hash, and is asked for anew every time. While a new release comes up, a
page of one replica may ask another for its files: it gets those that this one has, not to be kept.
"""

import base64
import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson
from aiohttp import web

from services.api.auth import Handler
from storyloom.story.brief import REQUIRED_DETAILS, Species, StoryType
from storyloom.story.languages import supported
from storyloom.story.traits import TRAITS
from storyloom.web.problems import not_found

WEB = Path(__file__).parents[3] / "web"
PATHS: Mapping[str, str] = {"/": "make", "/story/{id}": "make", "/read/{id}": "read"}
"""The pages, each with the name of its HTML and its style sheet."""
OPERATORS = WEB / "ops"
"""The operators' page, which another service has on its internal port."""
WORKER = "/worker.js"
"""The service worker, at an address of its own: its scope and its updates go by it."""
FILES = "/web/{version}/{name:.+}"
OUTSIDE_THE_DOCUMENT = frozenset({*PATHS, WORKER, FILES})
"""What browsers ask for, and no client of the API."""
KEPT = "public, max-age=31536000, immutable"
_PACKED = frozenset({"text/javascript", "application/json", "image/svg+xml", "text/html"})


@dataclass(frozen=True, slots=True)
class File:
    """What is served at an address. ``packed``: as gzip has it, where that is worth anything."""

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str
    policy: str = ""

    @classmethod
    def of(cls, body: bytes, media_type: str, policy: str = "") -> "File":
        """A file with its ETag and its packed form."""
        packed = gzip.compress(body, 9, mtime=0) if media_type in _PACKED else None
        return cls(body, packed, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"', policy)


@dataclass(frozen=True, slots=True)
class Site:
    """All that there is: ``pages`` by name, ``files`` by name, under ``version``."""

    version: str
    pages: Mapping[str, File]
    files: Mapping[str, File]


@cache
def site() -> Site:
    """The folder, read once. Raises FileNotFoundError where it was not deployed."""
    scripts = {
        path.relative_to(WEB).as_posix(): File.of(path.read_bytes(), _media_type(path.name))
        for path in sorted(WEB.rglob("*"))
        if path.suffix in {".js", ".svg", ".woff2"} and OPERATORS not in path.parents
    }
    files = {**scripts, "vocabulary.json": File.of(orjson.dumps(vocabulary()), "application/json")}
    version = hashlib.sha256("".join(f"{name}{one.etag}" for name, one in files.items()).encode()).hexdigest()[:16]
    pages = {name: _page(name, version) for name in sorted(set(PATHS.values()))}
    return Site(version, pages, files)


def vocabulary() -> dict[str, object]:
    """What a brief can be made of, in the words that people read. Languages by tag: a browser knows their names."""
    return {
        "types": {name: list(REQUIRED_DETAILS.get(name, ())) for name in StoryType.__args__},  # type: ignore[attr-defined] # a Literal
        "species": list(Species.__args__),  # type: ignore[attr-defined] # a Literal
        "languages": list(supported()),
        "traits": [{"id": one.id, "label": one.label, "category": one.category} for one in TRAITS.values()],
    }


def add_pages(app: web.Application) -> None:
    """Add the pages and their files to an application."""
    for path, name in PATHS.items():
        app.router.add_get(path, _serve_page(name))
    app.router.add_get(WORKER, _worker)
    app.router.add_get(FILES, _file)


def _page(name: str, version: str) -> File:
    """A page with its style sheets in it: the first paint waits for one answer. The policy names their hash."""
    style = "".join((WEB / sheet).read_text("utf-8") for sheet in ("common.css", f"{name}.css"))
    style = style.replace("{{web}}", f"/web/{version}")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    html = (WEB / f"{name}.html").read_text("utf-8").replace("{{web}}", f"/web/{version}").replace("{{style}}", style)
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'sha256-{digest}'; img-src 'self' blob:; "
        "media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types storyloom"
    )
    return File.of(html.encode(), "text/html", policy)


def _serve_page(name: str) -> Handler:
    async def serve(request: web.Request) -> web.Response:
        page = site().pages[name]
        return _answer(
            request,
            page,
            {
                "Cache-Control": "no-cache",
                "Content-Security-Policy": page.policy,
                "Referrer-Policy": "no-referrer",
                "X-Robots-Tag": "noindex, nofollow",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
            },
        )

    return serve


async def _worker(request: web.Request) -> web.Response:
    return _answer(
        request,
        site().files["worker.js"],
        # A worker's own policy: it fetches from its origin, and loads nothing.
        {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'none'; connect-src 'self'"},
    )


async def _file(request: web.Request) -> web.Response:
    found = site().files.get(request.match_info["name"])
    if found is None:
        raise not_found("file")
    kept = request.match_info["version"] == site().version
    return _answer(request, found, {"Cache-Control": KEPT if kept else "no-store"})


def _answer(request: web.Request, file: File, headers: Mapping[str, str]) -> web.Response:
    sent = {**headers, "ETag": file.etag, "Vary": "Accept-Encoding"}
    if file.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=sent)
    body = file.body
    if file.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        body, sent["Content-Encoding"] = file.packed, "gzip"
    text = file.media_type.startswith("text/")
    return web.Response(body=body, content_type=file.media_type, charset="utf-8" if text else None, headers=sent)


def _media_type(name: str) -> str:
    if name.endswith(".js"):
        return "text/javascript"  # the system's table may not say so
    return "font/woff2" if name.endswith(".woff2") else mimetypes.guess_type(name)[0] or "application/octet-stream"
