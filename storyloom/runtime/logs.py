"""Logs: dotted facts with bound identity, JSON lines on stdout or readable ones. No child's name, ever.

Whatever this process has to say is such a line: libraries' records, warnings, and the errors that end a thread, a task
or the process. Of what others wrote nothing is passed on but where it was said and the class of the error: messages,
arguments and locals may quote a request, a row or a provider's answer, in any library and at any time.
"""

import asyncio
import logging
import sys
import threading
import traceback
import warnings
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Protocol, TextIO
from uuid import UUID

import stamina
import structlog

from storyloom.runtime.settings import LogSettings
from storyloom.runtime.spans import SPAN
from storyloom.story.assets import Asset

# Libraries that log every request they make would log prompts with it.
_CHATTY = ("httpx", "httpcore", "openai", "elevenlabs", "botocore", "boto3", "nats", "aiohttp.access")
MAX_FRAMES = 8
"""How many frames of a traceback are logged: the innermost."""

log = structlog.get_logger()


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
    """Configure structlog, the standard library's logging, and what Python says of errors that nobody caught, for this
    process. Safe to call twice.
    """
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
    libraries = _LibraryRecords(max(level, logging.WARNING))
    logging.basicConfig(level=libraries.level, handlers=[libraries], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Whoever tries again says so in an event of its own; stamina's would repeat a call's arguments, whatever they hold.
    stamina.instrumentation.set_on_retry_hooks([])
    # While Postgres is unavailable the pool logs a traceback again and again; readiness and our logs say it once.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    sys.excepthook = _process_died
    threading.excepthook = _thread_died
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warned


def log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler: what asyncio says of errors that no task took, without the task's arguments.

    Of its message the first three words are kept ("Task exception was"): what follows may be the repr of anything.
    """
    what = " ".join(str(context.get("message", "")).split()[:3])
    error = context.get("exception")
    log.error("loop.error", what=what, **(describe(error) if isinstance(error, BaseException) else {}))


def describe(error: BaseException) -> dict[str, Any]:
    """An error's class and where it came from, as fields of a line. Its message and locals may hold a brief, and are
    left out; so are those of its causes.
    """
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    fields: dict[str, Any] = {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, BaseExceptionGroup):
        fields["errors"] = sorted({type(one).__name__ for one in error.exceptions})
    if (cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        fields["cause"] = type(cause).__name__
    return fields


class _LibraryRecords(logging.Handler):
    """What libraries log, as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log where a record was made, its error's class, and its template if the arguments stand beside it.

        A message without arguments may be a finished sentence that quotes one, as asyncio's and FastStream's do.
        """
        fields: dict[str, Any] = {"logger": record.name, "said_at": f"{record.pathname}:{record.lineno}"}
        if record.args and isinstance(record.msg, str):
            fields["template"] = record.msg
        if record.exc_info and record.exc_info[1] is not None:
            fields |= describe(record.exc_info[1])
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write("library.logged", **fields)


def _process_died(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    log.critical("process.died", **describe(error))


def _thread_died(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None and not isinstance(arguments.exc_value, SystemExit):
        log.error("thread.died", **describe(arguments.exc_value))


def _unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    if unraisable.exc_value is not None:
        log.error("process.error_ignored", **describe(unraisable.exc_value))


def _warned(  # noqa: PLR0917 - as warnings.showwarning is called
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del message, file, line  # pydantic's, for one, quotes the value
    log.warning("library.warned", warning=category.__name__, said_at=f"{filename}:{lineno}")


def _identity(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Which job the line is about, and its trace; the span, too, where spans are made."""
    job, span = IDENTITY.get(), SPAN.get()
    if job is not None:
        event.setdefault("story_id", str(job.story_id))
        event.setdefault("asset", job.asset.value)
    if traceparent := span.traceparent or (job.trace if job is not None else ""):
        event.setdefault("trace_id", traceparent[3:35])
    if span.traceparent:
        event.setdefault("span_id", span.traceparent[36:52])
    return event


def _bare_traceback(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The exception that is being handled, as ``describe`` has it."""
    if event.pop("exc_info", None) and (error := sys.exception()) is not None:
        event.update(describe(error))
    return event
