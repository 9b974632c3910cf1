"""Finished books from disk, as the evaluators take them: a folder as ``make story`` leaves it."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypdf import PdfReader

FILES = {
    **{name: f"{name}.png" for name in ("cover", "scene_1", "scene_2", "scene_3", "scene_4")},
    "audio": "narration.mp3",
    "pdf": "book.pdf",
    "epub": "book.epub",
}


@dataclass(frozen=True, slots=True)
class Book:
    """A story as an evaluator gets it, and its files by asset."""

    name: str
    story: dict[str, Any]
    files: dict[str, bytes]


def read_books(folder: Path) -> Iterator[Book]:
    """Every whole book below a folder, by name, each once. ``latest`` is another one's."""
    for path in sorted(folder.glob("*/story.json")):
        if not path.parent.is_symlink() and all((path.parent / name).exists() for name in FILES.values()):
            yield read_book(path.parent)


def read_book(folder: Path) -> Book:
    """One book. Raises OSError and ValueError."""
    told = json.loads((folder / "story.json").read_text("utf-8"))
    files = {asset: (folder / name).read_bytes() for asset, name in FILES.items()}
    results: dict[str, Any] = {
        "outline": {"moderated": _moderated(1)},
        "content": {"scenes": [_scene(scene) for scene in told["scenes"]]},
        "audio": {"words": told["audioWords"], "audio": _stored(files["audio"])},
        "pdf": {"pages": len(PdfReader(io.BytesIO(files["pdf"])).pages), "pdf": _stored(files["pdf"])},
        "epub": {
            "pages": 1 + len(told["scenes"]),  # the cover's
            "spoken": len(told["audioWords"]),
            "pdf": _stored(files["epub"]),
        },
    }
    if activities := told["activities"]:
        results["activities"] = {"activities": activities, "moderated": _moderated(len(activities))}
    results |= {
        name: {"image": _stored(files[name]), "calls": [], "findings": []}
        for name in FILES
        if FILES[name].endswith(".png")
    }
    characters = told["characters"]
    names = [character["name"] for character in characters]
    story = {"age": told["age"], "language": told.get("language", "en"), "characters": characters, "names": names}
    return Book(folder.name, {**story, "results": results}, files)


def _scene(told: Mapping[str, Any]) -> dict[str, Any]:
    texts = {"paragraphs": told["text"].split("\n\n"), "alt_text": told["altText"] or ""}
    return {**texts, "moderated": _moderated(2 if texts["alt_text"] else 1)}


def _moderated(texts: int) -> dict[str, Any]:
    """As a result keeps it. A story's JSON does not show it: this stands in for it, and is sound by definition."""
    record = {"model": "omni-moderation-latest", "score": 0.001, "category": "harassment", "categories": 13}
    return {**record, "texts": texts}


def _stored(data: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
