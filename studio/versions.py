"""Another version of what was made already: what its request says beside the first one's.

A further version's request is the first one's and a little more (docs/providers.md). What is left without that decides
the seed, so that a version is another one by intention and not by luck: it knows what the first one chose.
"""

import re

_PARAGRAPH = re.compile(r"\n# Another version\n.*\Z", re.DOTALL)
_BLOCK = re.compile(r"\n?<(revision|hint)>.*?</\1>", re.DOTALL)
_LINE = re.compile(r"\n(?:Version|Wish):[^\n]*")


def without_revision(instructions: str, blocks: str) -> tuple[str, str]:
    """The instructions and the blocks of the first version's request, exactly; of a first version, themselves."""
    if "<revision>" not in blocks:
        return instructions, blocks
    return _PARAGRAPH.sub("", instructions), _BLOCK.sub("", blocks)


def without_version_line(prompt: str) -> str:
    """The first version's prompt of a picture, exactly, without its wish; of a first version, itself."""
    return _LINE.sub("", prompt)
