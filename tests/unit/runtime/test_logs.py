"""Every line of a process is JSON, whoever wrote it, and none of them quotes what somebody sent."""

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

WORD = "Quillabelle"

CASES = {
    "a library's template": 'logging.getLogger("aiohttp.server").warning("cannot answer %s", word)',
    "a library's finished sentence": 'logging.getLogger("faststream").error(f"cannot read {word}")',
    "a library's debugging": 'logging.getLogger("openai").setLevel("DEBUG"); logging.getLogger("openai").debug(word)',
    "a library's traceback": """
        try:
            raise ValueError(word)
        except ValueError:
            logging.getLogger("aiohttp.server").exception("Error handling request from %s", word)
    """,
    "our own traceback": """
        try:
            pydantic.TypeAdapter(int).validate_json('"' + word + '"')
        except ValueError:
            structlog.get_logger().exception("http.bug")
    """,
    "a warning": "warnings.warn(f'expected str but got {word}', UserWarning)",
    "a thread that dies": """
        def die():
            json.loads('{"name": "' + word)
        thread = threading.Thread(target=die)
        thread.start()
        thread.join()
    """,
    "an error that cannot be raised": """
        class Odd:
            def __del__(self):
                raise ValueError(word)
        Odd()
    """,
    "a task that nobody awaits": """
        async def fail(name):
            raise RuntimeError(f"no {name}")
        async def main(settings):
            asyncio.create_task(fail(word))
            await asyncio.sleep(0)
            gc.collect()
            raise SystemExit(0)
        supervision.run("test", main)
    """,
    "a callback that dies": """
        def fail(name):
            raise RuntimeError(f"no {name}")
        async def main(settings):
            asyncio.get_running_loop().call_soon(fail, word)
            await asyncio.sleep(0.01)
            raise SystemExit(0)
        supervision.run("test", main)
    """,
    "a start that fails by a bug": """
        async def main(settings):
            try:
                raise KeyError(word)
            except KeyError as error:
                raise ExceptionGroup(word, [ValueError(word)]) from error
        supervision.run("test", main)
    """,
    "the end of the process": "raise ValueError(word)",
}

HEAD = """
import asyncio, gc, json, logging, threading, warnings
import pydantic, structlog
from storyloom.runtime import supervision
from storyloom.runtime.logs import set_up
from storyloom.runtime.settings import LogSettings

set_up(LogSettings(log_level="debug"), "test")
word = "Quilla" + "belle"
"""


def _lines(script: str, **environment: str) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert WORD not in ended.stdout + ended.stderr
    return [json.loads(line) for line in (ended.stdout + ended.stderr).splitlines()]


@pytest.mark.parametrize("script", CASES.values(), ids=CASES)
def test_whoever_writes_it_is_json_and_quotes_nothing(script: str) -> None:
    lines = _lines(HEAD + textwrap.dedent(script))
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    assert len(lines) == (0 if "DEBUG" in script else 1)


def test_an_error_is_named_by_its_class_its_cause_and_its_place() -> None:
    (line,) = _lines(HEAD + textwrap.dedent(CASES["a start that fails by a bug"]))
    assert (line["event"], line["error"]) == ("process.died", "ExceptionGroup")
    assert (line["errors"], line["cause"]) == (["ValueError"], "KeyError")
    assert line["at"][-1].endswith(" main")


def test_a_librarys_line_says_where_it_was_made() -> None:
    (line,) = _lines(HEAD + textwrap.dedent(CASES["a library's template"]))
    assert (line["logger"], line["template"], line["level"]) == ("aiohttp.server", "cannot answer %s", "warning")
    assert line["said_at"].startswith("<string>:")


@pytest.mark.parametrize("name", ["ACK_WAIT", "LOG_FORMAT"])
def test_a_wrong_setting_is_a_line_too(name: str) -> None:
    """Also where it says how to log."""
    (line,) = _lines("from storyloom.runtime import supervision; supervision.run('test', None)", **{name: WORD})
    assert (line["event"], line["level"]) == ("service.cannot_start", "error")
    assert line["error"].startswith(f"{name} is wrong")
