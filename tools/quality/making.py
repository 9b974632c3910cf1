"""Makes the books that are judged: one stack for all of them, a folder a book, with its receipt beside it.

A book that is there already is not made again, so that what was cut off goes on.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from client import StoryloomClient, StoryloomError
from local.errors import UserError
from local.launching import launch
from local.settings import LocalSettings
from local.stack import Stack

_LOOKS = (
    ("Mira", "human", {"skin": "#8d5524", "hair": "curly black", "eyes": "brown", "clothing": "yellow dress"}),
    ("Jonas", "human", {"skin": "#f1c9a5", "hair": "#b5541c", "eyes": "green", "clothing": "blue jumper"}),
    ("Aiko", "human", {"skin": "#e0ac69", "hair": "black", "eyes": "brown", "clothing": "red coat"}),
    ("Tunde", "human", {"skin": "#5c3a21", "hair": "#2b1b12", "eyes": "brown", "clothing": "green shirt"}),
)
_TYPES: tuple[Mapping[str, Any], ...] = (
    {"storyType": "adventure", "setting": "a foggy forest", "premise": "a fox who has lost her lantern"},
    {"storyType": "bedtime", "setting": "a quiet house by the sea"},
    {
        "storyType": "birthday",
        "typeDetails": {"to": "Noah", "from": "Grandma", "age_turning": 6, "message": "Be well!"},
    },
    {"storyType": "educational", "typeDetails": {"subject": "the moon"}},
    {"storyType": "medical_bravery", "typeDetails": {"challenge": "a visit to the dentist"}},
    {"storyType": "mental_health", "typeDetails": {"emotion": "anger"}},
)
_AGES = (3, 5, 7, 9)


def briefs() -> Iterator[dict[str, Any]]:
    """Twenty-four: every hero with every type, the ages and the seeds in turn."""
    for place in range(len(_LOOKS) * len(_TYPES)):
        name, species, look = _LOOKS[place % len(_LOOKS)]
        hero = {"name": name, "species": species, "appearance": look}
        age = _AGES[place // len(_LOOKS) % len(_AGES)]
        yield {**_TYPES[place % len(_TYPES)], "age": age, "characters": [hero], "seed": 100 + place}


async def make_books(folder: Path, settings: LocalSettings, stack: Stack, console: Console) -> int:
    """0. Raises UserError where a story could not be made."""
    del settings
    wanted = [
        (place, brief)
        for place, brief in enumerate(briefs(), start=1)
        if not (_of(folder, place) / "receipt.json").exists()
    ]
    if not wanted:
        return 0
    addresses = await stack.start()
    try:
        async with StoryloomClient(addresses.api_url, addresses.api_key) as client:
            for place, brief in wanted:
                console.print(f"Book {place}: a story of the type {brief['storyType']} for {brief['age']}.")
                await _make(client, brief, _of(folder, place))
    except StoryloomError as error:
        raise UserError(f"The books could not be made: {error}") from error
    return 0


async def _make(client: StoryloomClient, brief: Mapping[str, Any], folder: Path) -> None:
    reference = await client.create(brief)
    story = await client.wait(reference["id"])
    await client.download_all(story, folder)
    receipt = await client.receipt(story["id"])
    _write(folder, {"story.json": story, "receipt.json": receipt})


def _write(folder: Path, documents: Mapping[str, Any]) -> None:
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _of(folder: Path, place: int) -> Path:
    return folder / f"book-{place:02}"


def make(folder: Path) -> int:
    """Make what is lacking of the 24 books; an exit code."""
    return launch(partial(make_books, folder))


if __name__ == "__main__":
    sys.exit(make(Path(sys.argv[1])))
