"""The blocks of a prompt: tags around JSON, as docs/providers.md describes them."""

import json
import re
from typing import Any

_BLOCK = re.compile(r"<([a-z_]+)>(.*?)</\1>", re.DOTALL)


class UnanswerablePromptError(ValueError):
    """A prompt whose blocks do not say what its schema needs; the message says which is missing or unreadable."""


def read_blocks(text: str) -> dict[str, Any]:
    """Everything between the tags, by tag name; text outside of tags is ignored.

    Raises:
        UnanswerablePromptError: a block does not hold JSON, or there is no block at all.

    """
    blocks: dict[str, Any] = {}
    for name, body in _BLOCK.findall(text):
        try:
            blocks[name] = json.loads(body)
        except ValueError as error:
            raise UnanswerablePromptError(f"block <{name}> is not JSON: {error}") from error
    if not blocks:
        raise UnanswerablePromptError("no block was found: expected tags such as <brief>{…}</brief>")
    return blocks
