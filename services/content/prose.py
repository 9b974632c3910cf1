"""Prose out of JSON that is still being written."""

import re

from pydantic_core import from_json

_SENTENCES = re.compile(r".*[.!?…][”’\"')\]]*(?=\s|$)", re.DOTALL)


def read_paragraphs(partial: str) -> tuple[str, ...]:
    """The paragraphs of a scene's JSON as far as they are written; the last one may be cut anywhere.

    Lenient: where nothing can be read, or not yet, there are none. Never raises.
    """
    try:
        # Half of a surrogate pair, which cannot be encoded, is the last character's first half: it comes again whole.
        scene = from_json(partial.encode(errors="ignore"), allow_partial="trailing-strings")
    except ValueError:
        return ()
    paragraphs = scene.get("paragraphs") if isinstance(scene, dict) else None
    if not isinstance(paragraphs, list):
        return ()
    return tuple(text for text in paragraphs if isinstance(text, str) and text)


def cut_to_sentences(text: str) -> str:
    """The text up to the end of its last whole sentence; empty where there is none yet."""
    match = _SENTENCES.match(text)
    return match[0] if match else ""
