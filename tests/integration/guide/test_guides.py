"""Every code block of docs/guide runs as it stands, on a real stack, and prints what the page says."""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storyloom.runtime.settings import Settings
from storyloom.web.keys import add_key
from tests.integration.core.system import running
from tools.docs.pages import ROOT

GUIDES = sorted((ROOT / "docs/guide").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UUID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}(-?[0-9a-f]{4}){2}-?[0-9a-f]{12}")
RUN_BY = {"sh": ["bash", "-euo", "pipefail"], "python": [sys.executable], "js": ["node"]}
HOOK = "https://1.1.1.1/storyloom"
"""A public address: nothing is sent there, since webhooks does not run."""
SUFFIX = {"sh": ".sh", "python": ".py", "js": ".mjs"}


def examples(page: Path) -> Iterator[tuple[str, str, str]]:
    """The language of each block that runs, its code, and what it prints; shell blocks know those before them."""
    blocks = BLOCK.findall(page.read_text("utf-8"))
    before = ""
    for (language, code), (shown_as, shown) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language not in RUN_BY:
            continue
        assert shown_as in {"text", "json"}, f"{page.name}: what does this print?\n{code}"
        if language == "sh":
            # What earlier blocks print is not this one's.
            yield language, f"{{\n{before}:\n}} > /dev/null\n{code}", shown
            before += code
        else:
            yield language, code, shown


def installed_client(folder: Path) -> dict[str, str]:
    """Variables with which the package and the program are found in a folder, under the names that they are installed
    by; what the program keeps is kept there, too.
    """
    (folder / "storyloom_client").symlink_to(ROOT / "client")
    program = folder / "bin" / "storyloom"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m storyloom_client "$@"\n', "utf-8")
    program.chmod(0o755)
    kept = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
    return kept | {"PYTHONPATH": str(folder), "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def test_every_block_has_a_language_that_the_tests_know() -> None:
    for page in GUIDES:
        fences = re.findall(r"^```(\w*)$", page.read_text("utf-8"), re.MULTILINE)
        assert set(fences[::2]) <= {*RUN_BY, "text", "json"}, page.name
        assert set(fences[1::2]) <= {""}, page.name


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
async def test_a_guides_examples_do_what_it_says(page: Path, settings: Settings, tmp_path: Path) -> None:
    async with running(settings) as system:
        key = await add_key(system.pool, "tests", "guide", scopes=("stories:read", "stories:write", "webhooks"))
        environment = os.environ | {"STORYLOOM": system.api.url, "KEY": key, "HOOK": HOOK, **installed_client(tmp_path)}
        for language, code, shown in examples(page):
            program, *options = RUN_BY[language]
            if shutil.which(program) is None:
                assert language == "js", f"{program} is not installed"
                continue
            path = tmp_path / f"example{SUFFIX[language]}"
            path.write_text(code, "utf-8")
            process = await asyncio.create_subprocess_exec(
                program, *options, str(path), env=environment, cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            printed = (await asyncio.wait_for(process.communicate(), 60))[0].decode()
            assert process.returncode == 0, printed
            if shown.startswith("{\n"):
                assert json.loads(UUID.sub("<id>", printed)) == json.loads(UUID.sub("<id>", shown))
            else:
                # Of a program that tells how it goes the page shows the end.
                expected, found = (UUID.sub("<id>", one).splitlines() for one in (shown, printed))
                assert found[-len(expected) :] == expected, printed
                assert language != "sh" or len(found) == len(expected), printed
