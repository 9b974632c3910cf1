"""``make story``: from a brief to a finished book in ``out/``, watched live. Options: BRIEF, SEED, OUT, OPEN."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from client import Story, StoryloomClient, StoryloomError
from client.screen import open_screen
from local.book import RECEIPT, Book, to_open
from local.briefs import read_brief
from local.errors import UserError
from local.http import ask
from local.launching import launch
from local.pages import page_with_key
from local.settings import LocalSettings
from local.stack import Stack
from local.state import ready_url, running


async def make_story(settings: LocalSettings, stack: Stack, console: Console) -> int:
    """0 if the story is ready. Raises UserError."""
    brief = read_brief(_path("BRIEF"), os.environ.get("SEED") or None)
    book = Book(_path("OUT") or Path("out"))
    url, key = await _connect(settings, stack, console)
    try:
        async with StoryloomClient(url, key) as client:
            story = await _make(client, brief, console)
            code = await _keep(client, story, book, console)
    except StoryloomError as error:
        raise UserError(_sentence(error)) from error
    await _tell_page(page_with_key(url, key, story["id"]), console, served=not stack.children)
    return code


async def _tell_page(address: str, console: Console, *, served: bool) -> None:
    """Say where the book is read in a browser. With OPEN a stack of our own stays for that, until it is stopped."""
    if served:
        console.print(f"Read it in a browser: {address}", soft_wrap=True)
    elif os.environ.get("OPEN"):
        console.print(f"Read it in a browser: {address}   (Ctrl-C stops it)", soft_wrap=True)
        await asyncio.Event().wait()
    else:
        console.print(f"Once `make up` runs, read it in a browser: {address}", soft_wrap=True)


async def _connect(settings: LocalSettings, stack: Stack, console: Console) -> tuple[str, str]:
    """A stack that runs here already, else one of our own. (URL, key)"""
    found = running(settings.storyloom_home)
    if found is not None and await _is_ready(ready_url(settings.storyloom_home)):
        console.print(f"Using the stack that runs at {found[0]}.", style="dim")
        return found
    with console.status("Starting Postgres, NATS, the store, the studio and seven services …"):
        addresses = await stack.start()
    took = stack.watch.parts[-1][2]
    console.print(f"Everything is up after {took:.1f} s: {addresses.api_url}", style="dim")
    return addresses.api_url, addresses.api_key


async def _is_ready(url: str | None) -> bool:
    try:
        address = urlsplit(url or "")
        return address.port is not None and await ask(address.port, address.path) == 200
    except (OSError, ValueError):
        return False


async def _make(client: StoryloomClient, brief: dict[str, Any], console: Console) -> Story:
    with open_screen(console) as screen:
        story = await client.create(brief)
        async for event in client.events(story["id"]):
            screen.show(event)
    return await client.get(story["id"])


async def _keep(client: StoryloomClient, story: Story, book: Book, console: Console) -> int:
    status = story["status"]
    if status not in ("ready", "partial"):
        error = story.get("error")
        reason = error["message"] if error else "see the logs."
        raise UserError(f"The story could not be made ({status}): {reason}")
    kept = await book.keep(client, story)
    width = max(len(name) for name, _ in kept)
    console.print()
    for name, size in kept:
        console.print(f"  {name:<{width}}  {_size(size):>9}")
    opened = to_open([name for name, _ in kept])
    console.print(f"\nOpen {book.latest / opened}", style="bold", soft_wrap=True)
    await _check(client, story, book, console)
    if status == "partial":
        failed = [
            name for name, asset in story["assetGenerationStatus"]["assets"].items() if asset["status"] != "ready"
        ]
        error = story.get("error")
        why = f" ({error['message']})" if error else ""
        raise UserError(f"The story is only partly there, this failed: {', '.join(failed)}{why}.")
    return 0


async def _check(client: StoryloomClient, story: Story, book: Book, console: Console) -> None:
    """Keep the story's receipt beside it, and tell its outcome. Without one the book is no worse."""
    try:
        with console.status("Checking the book …"):
            receipt = await client.receipt(story["id"])
    except StoryloomError as error:
        console.print(f"It could not be checked: {error}", style="dim", soft_wrap=True)
        return
    book.keep_receipt(receipt)
    failed = [claim["title"] for claim in receipt["claims"] if claim["outcome"] == "fail"]
    outcomes = [claim["outcome"] for claim in receipt["claims"]]
    told = f"{outcomes.count('pass')} checks passed, {outcomes.count('not_checked')} could not be made"
    console.print(f"{told}, {len(failed) or 'none'} failed: {book.latest / RECEIPT}", style="dim", soft_wrap=True)
    for title in failed:
        console.print(f"  Not true of this book: {title}", soft_wrap=True)


def _sentence(error: StoryloomError) -> str:
    if error.status == 401:
        return f"The API refuses the key: {error} Remove local.json and start again."
    return str(error)


def _size(size: int) -> str:
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def _path(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value).expanduser() if value else None


def main() -> int:
    return launch(make_story)


if __name__ == "__main__":
    sys.exit(main())
