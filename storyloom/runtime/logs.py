"""Logs: dotted facts with bound identity, JSON lines on stdout or readable ones. No child's name, ever."""

import logging
import sys
import traceback
from contextvars import ContextVar
from typing import Protocol
from uuid import UUID

import stamina
import structlog

from storyloom.runtime.settings import LogSettings
from storyloom.story.assets import Asset

# Libraries that log every request they make would log prompts with it.
_CHATTY = ("httpx", "httpcore", "openai", "elevenlabs", "botocore", "boto3", "nats", "aiohttp.access")


class Identity(Protocol):
    """Whom a line of the log is about: a job."""

    @property
    def story_id(self) -> UUID:
        """The story."""

    @property
    def asset(self) -> Asset:
        """The asset."""

    @property
    def trace(self) -> str:
        """The W3C trace context."""


IDENTITY: ContextVar[Identity | None] = ContextVar("identity", default=None)
"""The job that runs in this task. It is read when a line is written, not bound for every job that writes none."""


def set_up(settings: LogSettings, service: str) -> None:
    """Configure structlog and the standard library's logging for this process. Safe to call twice."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _identity,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _bare_traceback,
    ]
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if settings.log_format == "console":
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stdout, force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Whoever tries again says so in an event of its own; stamina's would repeat a call's arguments, whatever they hold.
    stamina.instrumentation.set_on_retry_hooks([])
    # While Postgres is unavailable the pool logs a traceback again and again; readiness and our logs say it once.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)


def _identity(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Which job the line is about; the trace without its span."""
    job = IDENTITY.get()
    if job is not None:
        event.setdefault("story_id", str(job.story_id))
        event.setdefault("asset", job.asset.value)
        event.setdefault("trace", job.trace[:35])
    return event


def _bare_traceback(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The exception's class and where it came from. Its message and locals may hold a brief, and are left out."""
    if event.pop("exc_info", None) and (error := sys.exception()) is not None:
        event["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        event["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
    return event
