"""The brief that ``make story`` sends: a file's, or one of our own."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from local.errors import UserError
from storyloom.story.brief import Brief

MAX_BYTES = 64_000

DEFAULT_BRIEF: dict[str, Any] = {
    "storyType": "bedtime",
    "age": 5,
    "premise": "a fox who has lost her lantern",
    "setting": "a foggy forest",
    "characters": [
        {
            "name": "Mira",
            "age": 5,
            "pronouns": "she/her",
            "appearance": {
                "skin": "#8d5524",
                "hair": "curly black",
                "eyes": "brown",
                "clothing": "yellow dress",
            },
            "traits": ["wheelchair_manual"],
            "features": ["round blue glasses"],
            "personality": ["curious", "loves foxes"],
        }
    ],
}


def read_brief(path: Path | None, seed: str | None) -> dict[str, Any]:
    """The brief as plain JSON, checked as the API will check it. Raises UserError that says which field is wrong."""
    where, brief = ("The brief", dict(DEFAULT_BRIEF)) if path is None else (str(path), _load(path))
    if seed is not None:
        if not (seed.isascii() and seed.isdigit()):
            raise UserError(f"SEED={seed} is wrong: it is a whole number from 0 to 2147483647.")
        brief["seed"] = int(seed)
    try:
        Brief.asked(brief)
    except ValidationError as error:
        raise UserError(f"{where} is wrong: {_faults(error)}.") from error
    return brief


def _load(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
        brief = json.loads(text)
    except OSError as error:
        raise UserError(f"BRIEF={path} cannot be read ({error.strerror}): name a JSON file.") from error
    except ValueError as error:
        raise UserError(f"BRIEF={path} is not JSON: {error}.") from error
    if not isinstance(brief, dict):
        raise UserError(f"BRIEF={path} must hold a JSON object.")
    if len(text.encode()) > MAX_BYTES:
        raise UserError(f"BRIEF={path} is larger than {MAX_BYTES} bytes.")
    return brief


def _faults(error: ValidationError) -> str:
    """Every fault with its place, as a JSON pointer (RFC 6901)."""
    return "; ".join(f"/{'/'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
