"""`storyloom-studio` or `python -m studio`: a process of its own. One line of JSON says where, when it is ready."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import get_args

from studio import __version__
from studio.app import serve
from studio.backends import EngineName
from studio.settings import InvalidSettingError, LatencyProfile, StudioSettings


def main() -> int:
    """Run until SIGINT or SIGTERM; the exit code comes back."""
    try:
        settings = read_settings(sys.argv[1:])
        with contextlib.suppress(ImportError):  # uvloop has no build for Windows
            import uvloop  # noqa: PLC0415 - optional

            return uvloop.run(_run(settings))
        return asyncio.run(_run(settings))
    except InvalidSettingError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's own words
        return 2
    except OSError as error:
        print(f"The studio cannot listen on {settings.host}:{settings.port}: {error.strerror}. "  # noqa: T201 - as above
              "Choose another --port, or 0 for any free one.", file=sys.stderr)  # fmt: skip
        return 1


def read_settings(arguments: list[str]) -> StudioSettings:
    """The environment's settings, and what the command line says instead. Raises InvalidSettingError."""
    default = StudioSettings.from_environment(os.environ)
    parser = argparse.ArgumentParser(
        prog="storyloom-studio",
        description="OpenAI and ElevenLabs on localhost. STUDIO_* in the environment set the same, and: "
        "STUDIO_REFUSED_KEYS (comma-separated), STUDIO_LEDGER_ROWS.",
        argument_default=argparse.SUPPRESS,  # what is not said is left to the environment
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--host", help=f"address to listen on ({default.host})")
    parser.add_argument("--port", help=f"0 takes any free port ({default.port})")
    parser.add_argument("--latency", choices=get_args(LatencyProfile))
    parser.add_argument("--latency-scale", metavar="FACTOR")
    parser.add_argument("--voice", choices=get_args(EngineName))
    parser.add_argument("--painters", metavar="PROCESSES")
    parser.add_argument("--speakers", metavar="PROCESSES")
    return StudioSettings.from_environment(os.environ, **vars(parser.parse_args(arguments)))


async def _run(settings: StudioSettings) -> int:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, over.set)
    studio = await serve(settings)
    try:
        print(json.dumps({"url": studio.url, "pid": os.getpid()}), flush=True)  # noqa: T201 - the line that is promised
        await over.wait()
    finally:
        await studio.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
