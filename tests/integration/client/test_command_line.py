"""The command line against a running system: what a person, and a program that reads its JSON, get from it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from client.__main__ import main
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError
from storyloom.story.jobs import AssetRequested
from storyloom.web.keys import Scope, add_key
from tests.integration.api.command_requests import answer_edits
from tests.integration.core.system import System, running
from tests.integration.webhooks.receiver import local


@dataclass
class Shell:
    """Runs the program in this process, in a thread: it has a loop of its own."""

    system: System
    capture: pytest.CaptureFixture[str]

    async def run(self, *words: str) -> tuple[int, str, str]:
        """The exit code, stdout and stderr."""
        self.capture.readouterr()
        code = await asyncio.to_thread(main, words)
        return (code, *self.capture.readouterr())

    async def answer(self, *words: str) -> Any:
        """What is answered in JSON."""
        code, out, err = await self.run(*words, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
async def shell(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Shell]:
    async with running(local(settings, screening_seconds=10.0)) as system:
        scopes: tuple[Scope, ...] = ("stories:read", "stories:write", "webhooks")
        monkeypatch.setenv("STORYLOOM_URL", system.api.url)
        monkeypatch.setenv("STORYLOOM_API_KEY", await add_key(system.pool, "tests", "shell", scopes=scopes))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        # What the services log here would stand among what the program says.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        yield Shell(system, capsys)


async def test_a_story_from_its_brief_to_its_end(shell: Shell, tmp_path: Path) -> None:
    code, out, err = await shell.run("create", "--name", "Mira", "--age", "99")
    assert (code, out) == (3, "")
    assert "/age" in err
    assert "[bad_brief" in err

    code, out, err = await shell.run("create", "--name", "Mira", "--age", "6", "--premise", "a lost lantern")
    story_id = out.strip()
    assert code == 0, err
    assert "story: ready" in err
    story = await shell.answer("get", story_id)
    assert (story["status"], story["age"], story["characters"][0]["name"]) == ("ready", 6, "Mira")
    code, out, _ = await shell.run("get", story_id)
    assert "The Lost Lantern (ready)" in out
    assert [line for line in out.splitlines() if line.startswith("cover")] == ["cover       ready"]

    code, out, _ = await shell.run("watch", story_id, "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert (code, events[0]["name"], events[-1]["data"]["overall"]) == (0, "snapshot", "ready")
    assert [one["seq"] for one in events if one["seq"]] == list(range(1, events[-1]["seq"] + 1))

    assert [one["id"] for one in (await shell.answer("list", "--limit", "5"))["stories"]] == [story_id]
    code, out, _ = await shell.run("list")
    assert out.split()[:2] == [story_id, "ready"]

    code, _, err = await shell.run("cancel", story_id)
    assert (code, "[story_ended" in err) == (3, True)
    code, _, err = await shell.run("retry", story_id)
    assert (code, "[nothing_failed" in err) == (3, True)

    taken = await shell.answer("regenerate", story_id, "activities")
    assert taken["wish"]["event"] == "AssetRegenerateRequested"
    assert (await shell.run("watch", story_id))[0] == 0

    await _keep_files(shell.system, story_id)
    folder = tmp_path / "Zoë's files"
    code, out, err = await shell.run("download", story_id, "--into", str(folder))
    assert code == 0, err
    assert {path.name for path in folder.iterdir()} == {Path(line).name for line in out.splitlines()}
    assert (folder / "book.pdf").read_bytes() == b"pdf"
    assert (folder / "book.epub").read_bytes() == b"epub"
    assert (folder / "narration.vtt").read_bytes() == b"vtt"
    assert (folder / "narration.mp3").read_bytes().rstrip() == b"mp3"
    assert len(json.loads((folder / "activities.json").read_bytes())) == 4

    code, _, err = await shell.run("delete", story_id)
    assert (code, "say --yes" in err) == (2, True)
    assert (await shell.answer("delete", story_id, "--yes"))["id"] == story_id
    code, _, err = await shell.run("get", story_id)
    assert (code, "[not_found" in err) == (3, True)
    assert "trace" in err


async def _keep_files(system: System, story_id: str) -> None:
    """The files that a story's results name: the tests' makers store none."""
    stored = {"cover": "png", "audio": "mp3", "pdf": "pdf", "epub": "epub"} | {
        f"scene_{k}": "png" for k in (1, 2, 3, 4)
    }
    objects = Objects(system.settings, threads=1)
    for asset, suffix in [*stored.items(), ("audio", "vtt")]:
        data = suffix.encode().ljust(123_456 if suffix == "mp3" else 0)  # of what the API passes on it knows the size
        await objects.write(f"stories/{story_id}/{asset}/{'ab' * 16}.{suffix}", data)


async def test_a_story_that_falls_short_or_was_cancelled_says_so(shell: Shell, tmp_path: Path) -> None:
    async def no_cover(job: AssetRequested) -> None:
        if job.asset is Asset.COVER:
            raise PermanentError("no paint")

    shell.system.makers.before = no_cover
    code, out, err = await shell.run("create", "--name", "Mira")
    story_id = out.strip()
    assert code == 1
    assert "The story is partial" in err
    nothing = tmp_path / "nothing"
    code, _, err = await shell.run("download", story_id, "cover", "--into", str(nothing))
    assert (code, "Not ready: cover." in err, nothing.exists()) == (1, True, False)
    shell.system.makers.before = None
    assert (await shell.run("retry", story_id, "cover"))[0] == 0
    assert (await shell.run("watch", story_id))[0] == 0
    await _cancel_another(shell)


async def _cancel_another(shell: Shell) -> None:
    hold = asyncio.Event()

    async def wait(_job: AssetRequested) -> None:
        await hold.wait()

    shell.system.makers.before = wait
    code, out, _ = await shell.run("create", "--name", "Mira", "--no-wait")
    story_id = out.strip()
    assert code == 0
    code, _, err = await shell.run("watch", story_id, "--timeout", "1s")
    assert (code, f"storyloom watch {story_id}" in err) == (4, True)
    assert (await shell.answer("cancel", story_id))["wish"]["event"] == "StoryCancelled"
    hold.set()
    code, _, err = await shell.run("watch", story_id)
    assert (code, "The story is cancelled" in err) == (1, True)


async def test_briefs_and_texts_may_be_files_and_webhooks_have_commands_too(shell: Shell, tmp_path: Path) -> None:
    brief, text = tmp_path / "brief.json", tmp_path / "text.txt"
    brief.write_text(json.dumps({"characterName": "Ben", "storyType": "bedtime", "generateAssets": False}))
    text.write_text("Ben found the lantern.\n\nIt was warm in the rain.")
    story = await shell.answer("create", "--brief", str(brief), "--metadata", "orderId=A-17")
    assert (story["storyType"], story["metadata"]) == ("bedtime", {"orderId": "A-17"})
    await answer_edits(shell.system)
    code, _, err = await shell.run("edit", story["id"], "2", "--file", str(text))
    assert (code, "Too much rain." in err) == (0, True)
    assert (await shell.run("watch", story["id"]))[0] == 0
    scene = (await shell.answer("get", story["id"]))["scenes"][1]
    assert scene["text"] == "Ben found the lantern.\n\nIt was warm in the rain."
    await _use_webhooks(shell)


async def _use_webhooks(shell: Shell) -> None:
    code, out, err = await shell.run("webhooks", "create", "http://127.0.0.1:8089/hook", "--event", "story.failed")
    assert code == 0, err
    assert out.startswith("whsec_")
    (webhook,) = (await shell.answer("webhooks", "list"))["webhooks"]
    assert webhook["eventTypes"] == ["story.failed"]
    one = webhook["id"]
    assert (await shell.answer("webhooks", "rotate", one, "--overlap", "0s"))["secret"] != out.strip()
    delivery = await shell.answer("webhooks", "test", one)
    assert [each["id"] for each in (await shell.answer("webhooks", "deliveries", one))["deliveries"]] == [
        delivery["id"]
    ]
    assert (await shell.answer("webhooks", "redeliver", one, delivery["id"]))["id"] == delivery["id"]
    assert (await shell.run("webhooks", "deliveries", one))[1].startswith(delivery["id"])
    assert not (await shell.answer("webhooks", "update", one, "--disable"))["enabled"]
    assert "disabled (client)" in (await shell.run("webhooks", "list"))[1]
    assert (await shell.run("webhooks", "delete", one, "--yes"))[:2] == (0, f"deleted {one}\n")
    assert "There is no endpoint" in (await shell.run("webhooks", "list"))[2]
