"""``create`` and ``estimate``: from a brief on the command line to a story."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..client import STORY_SECONDS
from ..resuming import ResumeFile, brief_digest
from .app import OK, Injected, Json, Session, described
from .arguments import NO_OPTIONS, Options, Timeout
from .config import UsageError, resume_file
from .watching import ended, shown


async def create(
    *,
    options: Options = NO_OPTIONS,
    wait: Annotated[bool, Parameter(negative="--no-wait", help="Or leave at once, with the story's id.")] = True,
    new: Annotated[bool, Parameter(help="Another story, even where one of this brief is not finished.")] = False,
    download: Annotated[Path | None, Parameter(help="A folder for its files, once it is there.")] = None,
    timeout: Timeout = STORY_SECONDS,  # noqa: ASYNC109 - the story's
    as_json: Json = False,
    session: Injected,
) -> int:
    """The story's id is on stdout as soon as it is known; with --json, the story is when it has ended."""
    brief = options.read()
    if download is not None and not wait:
        raise UsageError("--download waits for the story: leave --no-wait out.")
    file = resume_file(brief_digest(brief, session.client.api_url))
    if new:
        file.done()
    pending = file.read()
    if pending is not None:
        session.note("Going on with what was asked for before (--new makes another story).")

    def created(story_id: str) -> None:
        session.watching = story_id
        if as_json:
            session.note(f"The story is {story_id}.")
        else:
            session.say(story_id)
            session.out.file.flush()

    if not wait:
        return await _leave(session, brief, file.path, as_json=as_json)
    with shown(session, session.err, as_json=False) as show:
        story = await session.client.create_and_wait(
            brief, resume=file.path, timeout=timeout, on_created=created, on_event=show
        )
    if as_json:
        session.json(story)
    code = ended(session, story, quiet=False)
    if download is not None:
        for name, _ in await session.client.download_all(story, download):
            session.note(str(download / name))
    return code


async def _leave(session: Session, brief: dict[str, object], path: Path, *, as_json: bool) -> int:
    """Ask for the story and do not wait: its id is all that must come through."""
    story_id = await session.client.create_once(brief, resume=path)
    if as_json:
        session.json({"id": story_id})
    else:
        session.say(story_id)
    session.out.file.flush()
    ResumeFile(path).done()
    return OK


async def estimate(*, options: Options = NO_OPTIONS, as_json: Json = False, session: Injected) -> int:
    """0."""
    found = await session.client.estimate(options.read())
    if as_json:
        session.json(found)
    else:
        for line in described(found):
            session.say(line)
    return OK
