"""``completion``, which needs no API, and the places of the operators' commands in the help."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from .app import OK, app


async def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(name="SHELL", help="Whose.")], /
) -> int:
    """0."""
    sys.stdout.write(app.generate_completion(prog_name="storyloom", shell=shell) + "\n")
    return OK


async def for_operators() -> int:
    """Never called: app.main hands these over before it reads them."""
    raise AssertionError
