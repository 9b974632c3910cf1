"""The gallery: the books with what their receipts say, as one page that needs nothing but the folder it stands in."""

import json
from html import escape
from pathlib import Path
from typing import Any

_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}section{display:grid;gap:1rem;"
    "grid-template-columns:14rem 1fr;margin:2rem 0}img{width:100%}td{padding:.1rem .6rem;vertical-align:top}"
    ".fail{color:#a11}.not_checked{color:#666}"
)


def write_gallery(folder: Path) -> Path:
    """Write ``index.html`` into the folder of the books; its path."""
    books = [_section(path.parent) for path in sorted(folder.glob("*/receipt.json"))]
    title = f"{len(books)} books and their receipts"
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    path = folder / "index.html"
    path.write_text(f"{page}<h1>{title}</h1>{''.join(books)}</html>\n", "utf-8")
    return path


def _section(book: Path) -> str:
    story: dict[str, Any] = json.loads((book / "story.json").read_text("utf-8"))
    receipt: dict[str, Any] = json.loads((book / "receipt.json").read_text("utf-8"))
    name = escape(book.name)
    rows = "".join(
        f'<tr class="{one["outcome"]}"><td>{one["outcome"]}<td>{escape(one["title"])}<td>{_value(one)}'
        f"<td>{escape(one['reason'])}"
        for one in receipt["claims"]
    )
    about = f"{escape(story['title'])}</h2><p>{escape(story['storyType'])}, for {story['age']}</p>"
    cover = f'<a href="{name}/book.pdf"><img src="{name}/cover.png" alt="The cover"></a>'
    return f"<section><div>{cover}</div><div><h2>{about}<table>{rows}</table></div></section>"


def _value(claim: dict[str, Any]) -> str:
    return "" if claim["value"] is None else f"{claim['value']:g} {escape(claim['unit'])}"
