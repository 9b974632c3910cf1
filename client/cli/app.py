"""``storyloom``: all commands as one program, its exit codes, and what it says where.

A command is a coroutine function that answers its exit code; client and consoles come as ``session``. Its module is
imported when it is called. What was asked for is on stdout, everything else on stderr.

``tenant`` and ``key`` are the operators' commands, which need the database and not the API. They belong to the package
``ops``, which this one must not import: where it is installed beside, they are handed over to a process of its own.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Any, TypeAlias, TypeVar

from cyclopts import App, Parameter, Token
from rich.console import Console

from .. import __version__
from ..client import StoryloomClient
from ..errors import StoryloomError
from .config import UsageError, read_config

OK, NOT_READY, USAGE, REFUSED, TIMED_OUT, BROKEN, INTERRUPTED = 0, 1, 2, 3, 4, 70, 130
EXIT_CODES_HELP = (
    "Exit codes: 0 done, 1 the story ended without all that was asked for, 2 wrong usage, 3 the API refused or could"
    " not be reached, 4 timed out, 130 interrupted."
)
SETTINGS_HELP = (
    "Set STORYLOOM_URL and STORYLOOM_API_KEY in the environment, or url and api_key in ~/.config/storyloom/config.toml"
    " (STORYLOOM_CONFIG names another file)."
)
HELP = ("--help", "-h")
OPERATORS = ("tenant", "key")
REDIRECTED_WIDTH = 160
"""Columns where there is no terminal: nothing is folded for a file."""

T = TypeVar("T")

Command: TypeAlias = partial[Coroutine[Any, Any, int]]
"""To be called with ``session``."""

app = App(
    name="storyloom",
    help=f"Children's stories from the command line: create one, watch it grow, fetch its book.\n\n{SETTINGS_HELP}",
    help_epilogue=EXIT_CODES_HELP,
    help_flags=HELP,
    help_format="plaintext",
    version=__version__,
    # No --no-json beside --json; and what a flag is without being given needs no word.
    default_parameter=Parameter(negative=(), show_default=False),
)
_HERE = __package__
_COMMANDS = {
    "create": ("creating:create", "Ask for a story and watch it until it is there; run again, it resumes."),
    "watch": ("watching:watch", "Watch a story until it has ended."),
    "get": ("stories:get", "Show a story."),
    "list": ("stories:list_stories", "List your stories, newest first."),
    "cancel": ("stories:cancel", "Stop making a story, for good; what is finished stays."),
    "retry": ("stories:retry", "Try again what failed."),
    "regenerate": ("stories:regenerate", "Make another version of an asset, and of what is made from it."),
    "edit": ("stories:edit", "Put other words in the place of a scene's text."),
    "approve": ("stories:approve", "Have the pictures and the narration made of a text that waits for a yes."),
    "delete": ("stories:delete", "Erase a story: its rows, its files, its messages."),
    "download": ("stories:download", "Fetch all files of a story, or some, into a folder."),
    "receipt": ("receipts:receipt", "Show what was checked of a story, and compare files with it."),
    "estimate": ("creating:estimate", "What a story would take and cost, before anything is made."),
    "usage": ("stories:usage", "Stories, assets and cost, by day."),
    "webhooks": ("webhooks:app", "Your endpoints: list, create, update, delete, rotate, test, deliveries, redeliver."),
    "completion": ("completing:completion", 'Print a shell\'s completion: eval "$(storyloom completion bash)".'),
}
for _name, (_where, _help) in _COMMANDS.items():
    app.command(f"{_HERE}.{_where}", name=_name, help=_help)
for _name, _help in (("tenant", "tenants: create, list, set"), ("key", "API keys: create, list, rotate, revoke")):
    app.command(f"{_HERE}.completing:for_operators", name=_name, help=f"For operators: {_help} (python -m ops).")


@dataclass(slots=True)
class Session:
    """A command's client and consoles."""

    client: StoryloomClient
    out: Console
    err: Console
    watching: str | None = None
    """The story that is waited for: whoever interrupts is told how to go on."""

    def say(self, text: str) -> None:
        """A line of what was asked for, as it is but for control characters."""
        self.out.out(plain(text), highlight=False)

    def json(self, found: object, *, lines: bool = False) -> None:
        """What was asked for, as JSON; ``lines``: as one line of many."""
        self.out.out(json.dumps(found, ensure_ascii=False, indent=None if lines else 2), highlight=False)

    def note(self, text: str) -> None:
        """A line beside it, for people."""
        self.err.out(plain(text), highlight=False)


Injected = Annotated[Session, Parameter(parse=False)]
"""What a command's ``session`` is annotated with."""
Json = Annotated[bool, Parameter(name="--json", help="Answer in JSON, on stdout; all else is on stderr.")]


def converted(parse: Callable[[str], T]) -> Parameter:
    """A word that is read by ``parse``, whose ValueError says what is wrong with it."""

    def convert(_type: Any, tokens: Sequence[Token]) -> T:
        return parse(tokens[0].value)

    return Parameter(converter=convert)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; answer the exit code. Whatever goes wrong is a sentence on stderr. Raises as ``read``."""
    words = sys.argv[1:] if arguments is None else [*arguments]
    if words and words[0] in OPERATORS:
        return _hand_over(words)
    command = read(words)
    if "session" not in command.keywords:  # it needs no API
        return _answer(lambda: asyncio.run(command()))
    session: list[Session] = []
    return _answer(lambda: asyncio.run(_run(command, session)), session)


def read(words: Sequence[str]) -> Command:
    """The command that the words ask for; with ``session`` None among its keywords where it is to be given one.

    Raises SystemExit: 0 when they asked for help, which has been given; 2 when they ask for no command, and stderr
    says why.
    """
    command, given, injected = app.parse_args(words)
    if "session" in injected:
        return partial(command, *given.args, **given.kwargs, session=None)
    if getattr(command, "__module__", None) == f"{_HERE}.completing":
        return partial(command, *given.args, **given.kwargs)
    asked = not set(HELP).isdisjoint(words)
    if not asked and "--version" in words:
        app.version_print()
        raise SystemExit(OK)
    app.help_print(given.arguments["tokens"], console=app.console if asked else app.error_console)
    raise SystemExit(OK if asked else USAGE)


async def _run(command: Command, sessions: list[Session]) -> int:
    config = read_config()
    try:
        client = StoryloomClient(config.url, config.api_key)
    except ValueError as error:
        raise UsageError(str(error)) from None
    async with client:
        sessions.append(Session(client, console(), console(stderr=True)))
        return await command(session=sessions[0])


def _answer(run: Callable[[], int], sessions: Sequence[Session] = ()) -> int:  # noqa: PLR0911 - a line for each exit code
    try:
        return run()
    except UsageError as error:
        return _sentence(str(error), USAGE)
    except StoryloomError as error:
        ids = [f"trace {error.trace_id}"] if error.trace_id else []
        ids += [f"request {error.request_id}"] if error.request_id else []
        known = f" [{', '.join([error.code, *ids])}]"
        return _sentence(f"{error}{known}", TIMED_OUT if error.code == "timed_out" else REFUSED, sessions)
    except KeyboardInterrupt:
        return _sentence("Interrupted.", INTERRUPTED, sessions)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor is there anything to flush
        return OK
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _sentence(f"{where}{error.strerror or error}.", REFUSED, sessions)
    except Exception as error:
        if os.environ.get("STORYLOOM_DEBUG"):
            raise
        name = type(error).__name__
        return _sentence(f"storyloom itself is broken: {name}: {error} (STORYLOOM_DEBUG=1 says where).", BROKEN)


def _sentence(text: str, code: int, sessions: Sequence[Session] = ()) -> int:
    going_on = [one.watching for one in sessions if one.watching]
    more = f"\nThe story goes on. Watch it again: storyloom watch {going_on[0]}" if going_on else ""
    sys.stderr.write(f"{plain(text)}{more}\n")
    return code


def _hand_over(words: Sequence[str]) -> int:
    """Run an operators' command in a process of its own, in the place of this one."""
    if find_spec("ops") is not None and find_spec("storyloom") is not None:
        os.execv(sys.executable, [sys.executable, "-m", "ops", *words])  # noqa: S606 - our own Python
    sys.stderr.write(
        f"storyloom {words[0]} is for operators, who reach the database: run it in a checkout of Storyloom, or"
        f" `python -m ops {words[0]}` in the container of status.\n"
    )
    return USAGE


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would leave with 1: that a reader has read enough is no error."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Standard output or error: as wide as the terminal; wide where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else REDIRECTED_WIDTH
    return _Console(file=stream, width=width, highlight=False)


def plain(text: str) -> str:
    """Text for a terminal: what a model or a server wrote must not move the cursor or change colours."""
    return "".join(one if one.isprintable() or one == "\n" else " " for one in text)


def confirmed(question: str, *, instead: str = "--yes") -> bool:
    """Ask on the terminal. Raises UsageError where there is none."""
    if not sys.stdin.isatty():
        raise UsageError(f"Nobody can be asked here: say {instead}.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def described(found: Mapping[str, Any], indent: str = "") -> list[str]:
    """An answer in lines for people: ``name: value``; a list of objects as a table."""
    lines: list[str] = []
    for name, value in found.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}:", *described(value, indent + "  ")]
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            columns = list(dict.fromkeys(column for one in value for column in one))
            rows = [columns, *([_cell(one.get(column)) for column in columns] for one in value)]
            lines += [f"{indent}{name}:", *(f"{indent}  {line}" for line in table(rows))]
        else:
            lines.append(f"{indent}{name}: {_cell(value)}")
    return lines


def _cell(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
