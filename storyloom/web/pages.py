"""The frame of the pages under ``/docs``: made here, with a style and a script of their own and nothing from elsewhere.

The policy lets a browser run the one script and use the one style that are written here, by their hashes.
"""

import base64
import hashlib
import json
import re
from html import escape
from typing import Any

from aiohttp import web

from storyloom.web.catalogue import CATALOGUE, CatalogueEntry, page_path

STYLE = """
:root { color-scheme: light dark; --line: #d5d5d5; --soft: #f5f5f3; --link: #0b57d0; --dim: #666; }
@media (prefers-color-scheme: dark) { :root { --line: #444; --soft: #262626; --link: #8ab4f8; --dim: #aaa; } }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.2rem 1rem; border-right: 1px solid var(--line); }
nav ul { list-style: none; margin: 0 0 .8rem; padding: 0; } nav li { margin: .15rem 0; } nav b { display: block; margin-top: .6rem; }
nav input { width: 100%; font: inherit; padding: .3rem .5rem; border: 1px solid var(--line); border-radius: 4px; background: none; color: inherit; }
main { padding: 1.2rem 2rem 6rem; max-width: 60rem; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
h1 { margin-top: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); } section { margin-top: 2.2rem; }
h3 { margin-bottom: .3rem; } h4 { margin: 1.2rem 0 .3rem; }
h2 > a, h3 > a { visibility: hidden; padding-left: .4rem; } h2:hover > a, h3:hover > a { visibility: visible; }
code, pre { font: 14px/1.45 ui-monospace, Menlo, Consolas, monospace; }
code { background: var(--soft); padding: .05rem .25rem; border-radius: 3px; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; border-radius: 4px; } pre code { padding: 0; background: none; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); padding: .3rem .8rem .3rem 0; }
td:first-child code { white-space: nowrap; } th { font-weight: 600; } td p { margin: 0 0 .3rem; } td ul { margin: 0; padding-left: 1.1rem; }
summary { cursor: pointer; padding: .25rem 0; } details > :not(summary) { margin-left: 1rem; }
.method { font: 600 13px ui-monospace, monospace; border: 1px solid currentColor; border-radius: 3px; padding: .05rem .3rem; }
.dim { color: var(--dim); } .patd:first-child code { white-space: nowrap; } th { font-weight: 600; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; border: 0; } main { padding: 1rem; } }
"""  # noqa: E501 - a style sheet's rules, one a line
SCRIPT = """
const box = document.getElementById("search");
if (box) {
  box.hidden = false;
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
    for (const item of document.querySelectorAll("[data-find]")) {
      item.hidden = !words.every((word) => item.dataset.find.includes(word));
    }
  });
}
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Of every page: it may load nothing and send nothing."""
_CODE = re.compile(r"`([^`]+)`")


def page(title: str, navigation: str, main: str, *, search: bool = False) -> str:
    """A page of HTML. ``navigation`` and ``main`` are HTML; with ``search``, what has ``data-find`` can be filtered."""
    box = '<input id="search" type="search" placeholder="Search" aria-label="Search" hidden>' if search else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title><style>{STYLE}</style></head>
<body><nav>{box}{navigation}</nav><main>{main}</main><script>{SCRIPT}</script></body></html>
"""


def respond(text: str) -> web.Response:
    """A page as a response."""
    return web.Response(text=text, content_type="text/html", headers=HEADERS)


def inline(text: str) -> str:
    """A sentence with ``code`` between backticks, as HTML."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def add_error_pages(app: web.Application) -> None:
    """Add the pages that problems' types lead to: ``/docs/errors`` and one for each code."""
    app.router.add_get("/docs/errors", _all_errors)
    app.router.add_get("/docs/errors/{code}", _one_error)


async def _all_errors(_request: web.Request) -> web.Response:
    rows = "".join(
        f'<tr><td>{entry.status}</td><td><a href="{page_path(entry.code)}"><code>{entry.code}</code></a></td>'
        f"<td>{inline(entry.when)}</td><td>{'yes' if entry.retryable else 'no'}</td></tr>"
        for entry in sorted(CATALOGUE.values(), key=lambda entry: (entry.status, entry.code))
    )
    table = (
        "<table><thead><tr><th>status</th><th>code</th><th>when</th><th>again?</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )
    return respond(page("Errors", _back(), f"<h1>Errors</h1><p>{inline(_ABOUT)}</p>{table}"))


_ABOUT = (
    "Every error is `application/problem+json` (RFC 9457). Programs read `code`; `retryable` says whether the same "
    "request may go well later; `type` leads to one of the pages below."
)


async def _one_error(request: web.Request) -> web.Response:
    entry = CATALOGUE.get(request.match_info["code"])
    if entry is None:
        raise web.HTTPNotFound
    return respond(page(entry.code, _back(), _error(entry)))


def _back() -> str:
    links = "".join(f'<li><a href="{page_path(code)}">{code}</a></li>' for code in sorted(CATALOGUE))
    top = '<li><a href="/docs">Reference</a></li><li><a href="/docs/errors">All errors</a></li>'
    return f"<ul>{top}</ul><ul>{links}</ul>"


def _error(entry: CatalogueEntry) -> str:
    again = (
        "The same request, unchanged, may go well later." if entry.retryable else "The same request will fail again."
    )
    names = ", ".join(f"<code>{name}</code>" for name in entry.headers)
    headers = f"<p>Comes with {names}.</p>" if names else ""
    return (
        f"<h1><code>{entry.code}</code></h1><p class=dim>{entry.status} {escape(entry.title)}</p>"
        f"<h2>When</h2><p>{inline(entry.when)}</p>"
        f"<h2>What to do</h2><p>{inline(entry.remedy)}</p><p>{again}</p>{headers}"
        f"<h2>Example</h2><pre><code>{escape(dumped(entry.example()))}</code></pre>"
    )


def dumped(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)
