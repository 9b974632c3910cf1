"""The page's files, as ``web/ops`` holds them, with the policy that they are served under."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aiohttp import web

from storyloom.web.problems import not_found

WEB = Path(__file__).parents[3] / "web"
FILES: Mapping[str, tuple[str, str]] = {
    "": ("ops/ops.html", "text/html"),
    "ops.css": ("ops/ops.css", "text/css"),
    "ops.js": ("ops/ops.js", "text/javascript"),
    "waterfall.js": ("ops/waterfall.js", "text/javascript"),
    "elements.js": ("elements.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
    "atkinson-400.woff2": ("fonts/atkinson-400.woff2", "font/woff2"),
    "atkinson-700.woff2": ("fonts/atkinson-700.woff2", "font/woff2"),
    "lexend-600.woff2": ("fonts/lexend-600.woff2", "font/woff2"),
}
"""What is served under which name, and nothing else."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    media_type: str
    etag: str


@cache
def _files() -> Mapping[str, _File]:
    """The folder, read once. Raises FileNotFoundError where it was not deployed."""
    found = {}
    for name, (path, media_type) in FILES.items():
        body = (WEB / path).read_bytes()
        found[name] = _File(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    return found


async def serve_file(request: web.Request) -> web.Response:
    """A file by its name. Raises a 404 Problem."""
    file = _files().get(request.match_info.get("name", ""))
    if file is None:
        raise not_found("file")
    headers = {**HEADERS, "ETag": file.etag, "Cache-Control": "no-cache"}
    if file.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    text = file.media_type.startswith("text/")
    return web.Response(
        body=file.body, content_type=file.media_type, charset="utf-8" if text else None, headers=headers
    )
