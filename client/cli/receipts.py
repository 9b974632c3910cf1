"""The command that shows a story's receipt, and compares it with files and with a key."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..receipts import changed_files, is_signed_with
from ..resources import ReceiptClaim
from .app import NOT_READY, OK, Injected, Json, table
from .arguments import StoryId

KEY = "STORYLOOM_RECEIPT_KEY"


async def receipt(
    story_id: StoryId,
    /,
    *,
    folder: Annotated[
        Path | None, Parameter(help="Where its files are, as `download` puts them: compare them.")
    ] = None,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0; 1 where a file, or the receipt, is not what was signed."""
    found = await session.client.receipt(story_id)
    if as_json:
        session.json(found)
    else:
        for line in table([(one["outcome"], one["claim"], _value(one), one["reason"]) for one in found["claims"]]):
            session.say(line)
    code = OK
    if folder is not None:
        for name in (changed := [*changed_files(found, folder)]):
            session.note(f"{name} is not what the receipt is of.")
        code = NOT_READY if changed else OK
    if found["signature"] is None:
        session.note("The receipt is not signed.")
    elif not (key := os.environ.get(KEY, "")):
        session.note(f"Signed with the key {found['signature']['keyId']}; set {KEY} to verify it.")
    elif is_signed_with(found, key):
        session.note("The signature is right.")
    else:
        session.note("The signature is wrong: the receipt was changed, or signed with another key.")
        code = NOT_READY
    return code


def _value(claim: ReceiptClaim) -> str:
    if claim["value"] is None:
        return "-"
    bounds = [("≥", claim["atLeast"]), ("≤", claim["atMost"])]
    held = " ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)
    return f"{claim['value']:g} {claim['unit']} ({held})" if held else f"{claim['value']:g} {claim['unit']}"
