"""Prose out of JSON that is still being written."""

import json
import re

_START = re.compile(r'"paragraphs"\s*:\s*\[\s*')
# Only whole escapes are taken, so that one that has just begun is left for the next time.
_STRING = re.compile(r'"((?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])*)("?)', re.DOTALL)
_COMMA = re.compile(r"\s*,\s*")
# A character beyond the first 65,536 is written as two escapes; this is the first of them, alone.
_HALF = re.compile(r"[\ud800-\udbff]$")
_SENTENCES = re.compile(r".*[.!?…][”’\"')\]]*(?=\s|$)", re.DOTALL)


def read_paragraphs(partial: str) -> tuple[str, ...]:
    """The paragraphs of a scene's JSON as far as they are written; the last one may be cut anywhere.

    Lenient: what cannot be read yet, or at all, is left out. Never raises.
    """
    start = _START.search(partial)
    paragraphs: list[str] = []
    at = start.end() if start else len(partial)
    while match := _STRING.match(partial, at):
        text, closed = _decode(match[1]), bool(match[2])
        if text:
            paragraphs.append(text)
        comma = _COMMA.match(partial, match.end())
        if not (closed and comma):
            break
        at = comma.end()
    return tuple(paragraphs)


def cut_to_sentences(text: str) -> str:
    """The text up to the end of its last whole sentence; empty where there is none yet."""
    match = _SENTENCES.match(text)
    return match[0] if match else ""


def _decode(body: str) -> str:
    try:
        text = _HALF.sub("", json.loads(f'"{body}"', strict=False))
        text.encode()
    except ValueError:
        return ""
    return text
