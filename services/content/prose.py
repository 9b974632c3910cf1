"""Prose out of JSON that is still being written."""

import json
import re

_START = re.compile(r'"paragraphs"\s*:\s*\[\s*')
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)("?)', re.DOTALL)
_COMMA = re.compile(r"\s*,\s*")
# An escape that has only begun: a backslash, \u with too few digits, or the first half of a surrogate pair.
_CUT = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?$|\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?$")
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
        text: str = json.loads(f'"{_CUT.sub("", body)}"', strict=False)
        text.encode()
    except ValueError:
        return ""
    return text
