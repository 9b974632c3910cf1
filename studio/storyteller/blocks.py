"""The blocks of a prompt: tags around JSON, as docs/providers.md describes them."""

import json
import re
from typing import Any

_BLOCK = re.compile(r"<([a-z_]+)>(.*?)</\1>", re.DOTALL)


class Unanswerable(ValueError):  # noqa: N818 - named for what the prompt is
    """A block is missing or unreadable; the message says which."""


def read_blocks(text: str) -> dict[str, Any]:
    """Everything between the tags, by tag name; text outside of tags is ignored.

    Raises:
        Unanswerable: a block does not hold JSON, or there is no block at all.

    """
    blocks: dict[str, Any] = {}
    for name, body in _BLOCK.findall(text):
        try:
            blocks[name] = json.loads(body)
        except ValueError as error:
            raise Unanswerable(f"block <{name}> is not JSON: {error}") from error
    if not blocks:
        raise Unanswerable("no block was found: expected tags such as <brief>{…}</brief>")
    return blocks
