"""What the design says of a story's assets, written down once more by hand: the product's own graph may be wrong."""

from collections.abc import Iterable, Mapping
from typing import Any

SCENES = (1, 2, 3, 4)
TEXTS = tuple(f"text_{k}" for k in SCENES)
NARRATIONS = tuple(f"narration_{k}" for k in SCENES)
PICTURES = ("cover", *(f"scene_{k}" for k in SCENES))
PUBLIC = ("content", *PICTURES, "audio", "activities", "pdf", "epub")
SETTLED = ("ready", "failed", "cancelled")
ENDED = ("ready", "partial", "failed", "cancelled")

NEEDS: Mapping[str, tuple[str, ...]] = {
    "outline": (),
    "portrait": (),
    **{f"text_{k}": ("outline", *TEXTS[: k - 1]) for k in SCENES},
    "content": ("outline", *TEXTS),
    **dict.fromkeys(PICTURES, ("outline", "portrait")),
    **{f"narration_{k}": (f"text_{k}",) for k in SCENES},
    "audio": (*TEXTS, *NARRATIONS),
    "activities": ("outline", "content"),
    "pdf": ("outline", "content"),
    "epub": ("outline", "content"),
}
"""What must be ready before an asset can be made."""
WAITS_FOR: Mapping[str, tuple[str, ...]] = {"pdf": (*PICTURES, "activities"), "epub": (*PICTURES, "audio")}
"""What must be settled besides."""


def needed(wanted: Iterable[str]) -> set[str]:
    """The wanted assets and all that they are made from."""
    found: set[str] = set()
    todo = list(wanted)
    while todo:
        asset = todo.pop()
        if asset not in found:
            found.add(asset)
            todo += (*NEEDS[asset], *WAITS_FOR.get(asset, ()))
    return found


def overall(statuses: Mapping[str, str]) -> str:
    """How a story stands whose assets stand so. Whether it was cancelled is not to be seen in them."""
    public = {asset: status for asset, status in statuses.items() if asset in PUBLIC}
    if any(status not in SETTLED for status in public.values()):
        return "generating"
    if "ready" not in public.values() or public.get("content", "ready") != "ready":
        return "failed"
    return "ready" if set(public.values()) == {"ready"} else "partial"


def service(endpoint: str, schema: str | None) -> str:
    """Which service makes a call to a provider."""
    if endpoint == "text_to_speech":
        return "audio"
    if endpoint.startswith("images.") or schema == "picture_check":
        return "images"
    return "documents" if schema == "activities" else "content"


def find_all(value: Any, name: str) -> Iterable[Any]:
    """Every value under a name, anywhere in a JSON value."""
    if isinstance(value, dict):
        if name in value:
            yield value[name]
        for part in value.values():
            yield from find_all(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from find_all(part, name)
