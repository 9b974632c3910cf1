"""The operators' commands as one program, and its input and output: times, console, confirmations.

A command is a coroutine function that answers its exit code; settings and console come as ``operator``. Its module
is imported when it is called.
"""

import asyncio
import logging
import os
import re
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, TypeAlias, TypeVar

import structlog
from cyclopts import App, Parameter, Token
from rich.console import Console

from ops.connections import OK, UNAVAILABLE, USAGE, UnavailableError
from storyloom.runtime.settings import InvalidSettingError, Settings, load_settings

INTERRUPTED = 130
EXIT_CODES_HELP = (
    "Exit codes: 0 done (doctor: healthy), 1 nothing found (doctor: findings; migrate: refused), 2 wrong usage, 3 NATS,"
    " Postgres or the store is unavailable (migrate --check: something is to be done)."
)
HELP = ("--help", "-h")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
REDIRECTED_WIDTH = 160
"""Columns where there is no terminal: nothing is folded for a file."""

T = TypeVar("T")

Command: TypeAlias = partial[Coroutine[Any, Any, int]]
"""To be called with ``operator``."""

app = App(
    name="python -m ops",
    help="The operators' commands, on the services' own environment variables.",
    help_epilogue=EXIT_CODES_HELP,
    help_flags=HELP,
    help_format="plaintext",
    version_flags=(),
    # No --no-json beside --json; and what a flag is without being given needs no word.
    default_parameter=Parameter(negative=(), show_default=False),
)
app.command("ops.deploy.commands:app", name="deploy", help="Users of NATS and roles in Postgres, one a service.")
app.command("ops.dead:app", name="dead", help="Dead letters: list, show, replay, drop.")
app.command(
    "ops.doctor:doctor", name="doctor", help="Every unfinished asset: in flight, queued or waiting; and findings."
)
app.command("ops.keys:app", name="key", help="API keys: create, list, rotate, revoke.")
app.command(
    "ops.migrate:migrate",
    name="migrate",
    help="Bring the schema, the streams and the bucket to what this release needs.",
)
app.command("ops.objects:app", name="objects", help="The bucket's objects: export to a folder, import from one.")
app.command("ops.sizes:sizes", name="sizes", help="What stories take in Postgres and in the store.")
app.command("ops.tenants:app", name="tenant", help="Tenants: create, list, set weight and limits.")
app.command("ops.top:top", name="top", help="A live view of queues, stories, workers and cost.")


@dataclass(frozen=True, slots=True)
class Operator:
    """A command's settings, and the console it prints to."""

    settings: Settings
    console: Console


Injected = Annotated[Operator, Parameter(parse=False)]
"""What a command's ``operator`` is annotated with."""


def converted(parse: Callable[[str], T]) -> Parameter:
    """A word that is read by ``parse``, whose ValueError says what is wrong with it."""

    def convert(_type: Any, tokens: Sequence[Token]) -> T:
        return parse(tokens[0].value)

    return Parameter(converter=convert)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; answer the exit code. What is wrong or unavailable is a sentence on stderr. Raises as ``read``."""
    command = read(sys.argv[1:] if arguments is None else arguments)
    try:
        settings = load_settings()
    except InvalidSettingError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    try:
        with _quiet():
            return asyncio.run(command(operator=Operator(settings, console())))
    except UnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return UNAVAILABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read has read enough
        return OK


def read(words: Sequence[str]) -> Command:
    """The command that the words ask for.

    Raises SystemExit: 0 when they asked for help, which has been given; 2 when they ask for no command, and stderr
    says why.
    """
    command, given, injected = app.parse_args(words)
    if "operator" in injected:
        return partial(command, *given.args, **given.kwargs)
    asked = not set(HELP).isdisjoint(words)
    app.help_print(given.arguments["tokens"], console=app.console if asked else app.error_console)
    raise SystemExit(OK if asked else USAGE)


@contextmanager
def _quiet() -> Iterator[None]:
    """No logs: what is unavailable is said once, in a sentence."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        structlog.configure(**before)
        logging.getLogger("nats").setLevel(logging.NOTSET)


def moment(text: str) -> datetime:
    """``90s``, ``30m``, ``2h``, ``1d`` before now, or a time in ISO 8601 (without a zone: UTC). Raises ValueError."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if ago:
        return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither like 30m, 2h, 1d nor a time in ISO 8601.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def duration(text: str) -> float:
    """Seconds of ``0s``, ``30m``, ``24h`` or ``90d``. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip(), re.ASCII)
    if not found:
        raise ValueError(f"{text!r} is no duration like 0s, 30m, 24h or 90d.")
    return float(int(found[1]) * _UNITS[found[2]])


def moment_text(at: datetime) -> str:
    """A time in UTC, ISO 8601, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def console() -> Console:
    """The standard output: as wide as the terminal; wide where there is none."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else REDIRECTED_WIDTH
    return Console(width=width, highlight=False)


def confirmed(question: str) -> bool:
    """Ask on the terminal; where there is none, nobody has agreed."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
