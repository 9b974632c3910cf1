"""``/docs/asyncapi``: what a service publishes and consumes, as a page for people and as JSON for programs.

The page is made here, without a script, a picture or a font from anywhere: FastStream's own page loads its scripts from
a CDN, and opens a route that publishes whatever a browser posts to it to the real bus.
"""

import json
from collections.abc import Callable
from functools import cache
from html import escape
from typing import Any

from aiohttp import web

Make = Callable[[], dict[str, Any]]
"""Makes the document; called once, when it is first asked for."""

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-cache"}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1c1c1c; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
pre { background: #f4f4f4; padding: .8rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid #ccc; padding: .3rem .8rem .3rem 0; }
summary { cursor: pointer; }
@media (prefers-color-scheme: dark) {
  body { background: #1b1b1b; color: #eee; } pre { background: #2a2a2a; } a { color: #8ab4f8; }
}
"""


def add_asyncapi(app: web.Application, make: Make) -> None:
    """Add the page and the document to an application. Neither publishes anything."""
    made = cache(make)

    async def html(_request: web.Request) -> web.Response:
        return web.Response(text=page(made()), content_type="text/html", headers=HEADERS)

    async def data(_request: web.Request) -> web.Response:
        return web.json_response(made(), headers=HEADERS)

    app.router.add_get("/docs/asyncapi", html)
    app.router.add_get("/docs/asyncapi.json", data)


def page(document: dict[str, Any]) -> str:
    """An AsyncAPI 3 document as HTML."""
    info, channels = document["info"], document["channels"]
    rows = [_row(name, operation, channels) for name, operation in document["operations"].items()]
    messages, schemas = document["components"]["messages"], document["components"]["schemas"]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(info["title"])}: AsyncAPI</title><style>{_STYLE}</style></head>
<body><h1>{escape(info["title"])} {escape(info["version"])}</h1><p>{escape(info["description"])}
<a href="/docs/asyncapi.json">As JSON</a>.</p>
<h2>Operations</h2>
<table><thead><tr><th>service</th><th></th><th>subject</th><th>message</th><th></th></tr></thead>
<tbody>{"".join(rows)}</tbody></table>
<h2>Messages</h2>{"".join(_message(name, message) for name, message in messages.items())}
<h2>Schemas</h2>{"".join(_schema(name, schema) for name, schema in schemas.items())}
</body></html>
"""


def _row(name: str, operation: dict[str, Any], channels: dict[str, Any]) -> str:
    service = name.split(".", 1)[0]
    address = channels[_last(operation["channel"])]["address"]
    listed = ", ".join(_link("message", _last(message)) for message in operation["messages"])
    if reply := operation.get("reply"):
        listed += ", answered by " + ", ".join(_link("message", _last(message)) for message in reply["messages"])
    cells = (escape(service), operation["action"], f"<code>{escape(address)}</code>", listed)
    summary = escape(operation.get("summary", ""))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in (*cells, summary)) + "</tr>\n"


def _message(name: str, message: dict[str, Any]) -> str:
    payload = message["payload"]
    shown = _link("schema", _last(payload)) if "$ref" in payload else escape(payload.get("description", ""))
    about = escape(message["summary"]).replace("\n\n", "<br>")
    return f'<h3 id="message-{escape(name)}">{escape(name)}</h3><p>{about}</p><p>{shown}</p>\n'


def _schema(name: str, schema: dict[str, Any]) -> str:
    text = escape(json.dumps(schema, indent=1, ensure_ascii=False))
    return f'<details id="schema-{escape(name)}"><summary>{escape(name)}</summary><pre>{text}</pre></details>\n'


def _link(kind: str, name: str) -> str:
    return f'<a href="#{kind}-{escape(name)}">{escape(name)}</a>'


def _last(reference: dict[str, Any]) -> str:
    return str(reference["$ref"]).rsplit("/", 1)[-1]
