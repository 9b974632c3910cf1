"""A browser before the stack that all end-to-end tests share, and one story that was made there."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from client import Story, StoryloomClient
from local.state import Addresses
from tests.conftest import Background
from tests.e2e.conftest import MIRA

FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    # It is to ask nobody but the pages' server.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(frozen=True)
class Site:
    """Where the pages are, the key that opens them, and a story that is ready."""

    url: str
    key: str
    story: Story

    @property
    def story_id(self) -> str:
        return self.story["id"]


@pytest.fixture
def browser() -> Iterator[Any]:
    """Debian's Chromium; nothing is downloaded. One a test: while it is there its event loop is this thread's."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's script, from the package that carries it."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (Path(package.__file__).parent / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="session")
def site(stack: Addresses, background: Background) -> Site:
    """One story for all that only look at it."""

    async def make() -> Story:
        async with StoryloomClient(stack.api_url, stack.api_key) as client:
            made = await client.create(MIRA)
            async for _ in client.events(made["id"]):
                pass
            return await client.get(made["id"])

    story = background.run(make(), within=200)  # on a busy machine
    assert story["status"] == "ready", story
    return Site(stack.api_url, stack.api_key, story)
