"""``make up``: the whole stack, staying until Ctrl-C."""

import asyncio
import sys

from rich.console import Console

from local.launching import INTERRUPTED, launch
from local.pages import page_with_key
from local.settings import LocalSettings
from local.stack import Stack

EXAMPLE = """\
curl -sS -X POST {url}/api/v1/stories \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"characterName": "Mira", "storyType": "adventure", "age": 5}}'"""


async def stay(settings: LocalSettings, stack: Stack, console: Console) -> int:
    """Start, say where, and wait to be stopped."""
    addresses = await stack.start()
    say = console.out
    say(stack.watch.table(), style="dim", highlight=False)
    say(f"\nOpen {page_with_key(addresses.api_url, addresses.api_key)}", style="bold", highlight=False)
    say(f"Storyloom is up: {addresses.api_url}   (Ctrl-C stops it)", highlight=False)
    say(f"Operators look here: {addresses.internal_urls['status']}/ops", highlight=False)
    where = settings.storyloom_home / "local.json"
    say(f"Addresses and key: {where}   Logs: {settings.storyloom_home / 'logs'}\n", highlight=False)
    say("Ask for a story:", highlight=False)
    say(EXAMPLE.format(url=addresses.api_url, key=addresses.api_key), highlight=False)
    await asyncio.Event().wait()
    return 0


def main() -> int:
    """Being stopped is how this command ends well."""
    code = launch(stay)
    return 0 if code == INTERRUPTED else code


if __name__ == "__main__":
    sys.exit(main())
