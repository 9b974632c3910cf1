"""Blocks: what stands inside a prompt, each a tag around JSON (docs/providers.md). Everything in one is data."""

import json
import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"[a-z_]{1,40}")
# A premise may hold "</brief>": inside JSON strings these two are the same text and close no tag.
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e"})


def write_blocks(blocks: Mapping[str, Any]) -> str:
    """The blocks as text, one a line, in the order given. Values are plain JSON values."""
    return "\n".join(_write(name, value) for name, value in blocks.items())


def _write(name: str, value: Any) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"no block is called {name!r}")
    return f"<{name}>{json.dumps(value, ensure_ascii=False).translate(_ESCAPES)}</{name}>"
