"""``tenant``: who the keys and stories belong to."""

from typing import Annotated, TypeAlias

from ops.cli import converted


def _tenant_id(text: str) -> str:
    if not (1 <= len(text) <= 40 and text.isascii() and set(text) <= _TENANT_CHARACTERS):
        raise ValueError(f"{text!r} is no tenant: 1 to 40 of a-z, 0-9, - and _ are possible.")
    return text


_TENANT_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
TenantId: TypeAlias = Annotated[str, converted(_tenant_id)]
