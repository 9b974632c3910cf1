"""The gallery: the books with what their receipts say, as one page that needs nothing but the folder it stands in."""

import json
from html import escape
from pathlib import Path
from typing import Any

_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem}section{margin:3rem 0}"
    ".book{display:grid;gap:1rem;grid-template-columns:repeat(5,1fr);align-items:end}figure{margin:0}img{width:100%}"
    "figcaption{font-size:.8rem;height:8.5em;overflow:auto}td{padding:.1rem .6rem;vertical-align:top}"
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
    scenes = [(f"scene_{one['scene']}", one["altText"] or "", one["text"]) for one in story["scenes"]]
    pictures = [("cover", "The cover", story["logline"] or ""), *scenes]
    shown = "".join(
        f'<figure><a href="{name}/{picture}.png">'
        f'<img loading="lazy" src="{name}/{picture}.png" alt="{escape(alt)}"></a>'
        f"<figcaption>{escape(text)}</figcaption></figure>"
        for picture, alt, text in pictures
    )
    about = f"{escape(story['storyType'])}, for {story['age']}"
    files = ", ".join(f'<a href="{name}/{file}">{file}</a>' for file in ("book.pdf", "book.epub", "narration.mp3"))
    return (
        f'<section><h2>{escape(story["title"])}</h2><p>{about}: {files}</p><div class="book">{shown}</div>'
        f"<table>{rows}</table></section>"
    )


def _value(claim: dict[str, Any]) -> str:
    return "" if claim["value"] is None else f"{claim['value']:g} {escape(claim['unit'])}"
