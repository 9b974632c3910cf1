"""``watch``, and how ``create`` shows what it waits for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console

from ..client import STORY_SECONDS
from ..resources import Story
from ..screen import open_screen
from ..stream import StoryEvent
from .app import NOT_READY, OK, Injected, Json, Session
from .arguments import StoryId, Timeout
from .config import forget


async def watch(
    story_id: StoryId,
    /,
    *,
    timeout: Timeout = STORY_SECONDS,  # noqa: ASYNC109 - the story's
    as_json: Json = False,
    session: Injected,
) -> int:
    """0 if the story is ready. With --json, each event is a line."""
    session.watching = str(story_id)
    with shown(session, session.out, as_json=as_json) as show:
        story = await session.client.wait(story_id, timeout=timeout, on_event=show)
    return ended(session, story, quiet=as_json)


@contextmanager
def shown(session: Session, console: Console, *, as_json: bool) -> Iterator[Callable[[StoryEvent], object]]:
    """What shows events: a live view on a terminal, plain lines elsewhere, or JSON lines on stdout."""
    if as_json:
        yield lambda event: session.json(asdict(event), lines=True)
        return
    with open_screen(console) as screen:

        def show(event: StoryEvent) -> None:
            screen.show(event)
            if event.name == "approval" and event.data.get("status") == "awaited":
                screen.note(f"The text waits for a yes: storyloom approve {session.watching}")

        yield show


def ended(session: Session, story: Story, *, quiet: bool) -> int:
    """Say what is missing of a story that has ended; the exit code."""
    session.watching = None
    forget(story["id"])
    if story["status"] == "ready":
        return OK
    if not quiet:
        error = story.get("error")
        why = f": {error['message']}" if error else "."
        session.note(f"The story is {story['status']}{why}")
        if error and error["retryable"]:
            session.note(f"It may go well when it is tried again: storyloom retry {story['id']}")
    return NOT_READY
