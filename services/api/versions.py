"""A story's version, as its ``ETag`` has it, and commands for one version alone (RFC 9110, section 13)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from storyloom.web.problems import Problem

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\uffff]*)"')


def etag(row: Mapping[str, Any]) -> str:
    """The tag of a story's resource, by its row as ``story_with_results`` reads it.

    It holds the row's version, how many commands are pending, and the story's place in the queue.
    """
    waits = "" if row["queue_position"] is None else f"-{row['queue_position']}"
    return f'"{row["version"]}-{len(row["pending"])}{waits}"'


@dataclass(frozen=True, slots=True)
class IfMatch:
    """``If-Match``: the versions that a command is meant for; ``any_version`` for ``*``."""

    tags: frozenset[str]
    any_version: bool = False

    def require(self, current: str) -> None:
        """Raise a 412 Problem unless the story has one of these versions."""
        if not self.any_version and current not in self.tags:
            detail = "The story has changed since it was read: read it again, and decide anew."
            raise Problem(412, "version_mismatch", detail)


def read_if_match(request: web.Request) -> IfMatch | None:
    """The header ``If-Match``; None without one. Tags are compared strongly: a weak one is no version of a story."""
    lines = request.headers.getall("If-Match", ())
    if not lines:
        return None
    text = ",".join(lines)
    tags = frozenset(f'"{value}"' for weak, value in _TAG.findall(text) if not weak)
    return IfMatch(tags, any_version=text.strip() == "*")
