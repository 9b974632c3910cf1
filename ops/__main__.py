"""``python -m ops dead|doctor|top``: the operators' commands, on the services' own environment variables."""

import argparse
import asyncio
import importlib
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from pydantic import ValidationError

from storyloom.runtime.settings import Settings

COMMANDS = {
    "dead": "what was given up: list, show, replay, drop",
    "doctor": "who works on each unfinished asset, and what is ill",
    "top": "a live view of queues, stories, workers and money",
}
EXITS = (
    "Exit codes: 0 done (doctor: healthy), 1 nothing found (doctor: findings), 2 wrongly asked, 3 what must be asked is"
    " away."
)
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Answers the exit code; what is away is one sentence on stderr."""
    try:
        from ops.cli import console  # noqa: PLC0415
        from ops.connections import AWAY, USAGE, AwayError  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"The operators' commands need the package {missing.name}: install requirements/local.txt.\n")
        return 3
    asked = options().parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        sys.stderr.write(f"{str(first['loc'][0]).upper()} is wrong: {first['msg']}.\n")
        return USAGE
    command = importlib.import_module(f"ops.{asked.command}")
    try:
        with _quiet():
            code: int = asyncio.run(command.run(asked, settings, console()))
    except AwayError as away:
        sys.stderr.write(f"{away}\n")
        return AWAY
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read has read enough
        return 0
    return code


@contextmanager
def _quiet() -> Iterator[None]:
    """No logs: what is away is said once, in a sentence of ours."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        structlog.configure(**before)
        logging.getLogger("nats").setLevel(logging.NOTSET)


def options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m ops", description=__doc__, epilog=EXITS)
    commands = options.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    for name, said in COMMANDS.items():
        parser = commands.add_parser(name, help=said, description=said[0].upper() + said[1:] + ".", epilog=EXITS)
        importlib.import_module(f"ops.{name}").add_options(parser)
    return options


if __name__ == "__main__":
    sys.exit(main())
