"""The program ``storyloom``: what it understands, what it says where, its exit codes; it never breaks loudly."""

import asyncio
import io
import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from client.__main__ import main
from client.cli import app as program
from client.cli.app import described, plain
from client.cli.arguments import BriefOptions
from client.cli.config import UsageError, forget, read_config, resume_file
from tests.unit.client.fake_api import STORY, FakeApi

ROOT = Path(__file__).parents[3]
COMMANDS = [
    *("create", "watch", "get", "list", "cancel", "retry", "regenerate", "edit", "approve", "delete", "download"),
    *("estimate", "usage", "completion", "webhooks"),
    *(f"webhooks {one}" for one in ("list", "create", "update", "delete", "rotate", "test", "deliveries", "redeliver")),
]


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Folders of the test's own, and an API where nobody listens; the config folder."""
    monkeypatch.setenv("STORYLOOM_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("STORYLOOM_API_KEY", "sk_test")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("STORYLOOM_CONFIG", raising=False)
    monkeypatch.delenv("STORYLOOM_DEBUG", raising=False)
    return tmp_path / "config"


@pytest.fixture
def fake(api: FakeApi, url: str, monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """An API that the program asks."""
    monkeypatch.setenv("STORYLOOM_URL", url)
    return api


async def run(*words: str) -> int:
    """In a thread: the program has a loop of its own."""
    return await asyncio.to_thread(main, words)


def words_of(text: str) -> str:
    """What stands in boxes, as one line."""
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_its_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command.split(), "--help"])
    shown = words_of(capsys.readouterr().out)
    assert end.value.code == 0
    assert shown.startswith(f"Usage: storyloom {command}")
    assert "Exit codes: 0 done" in shown


def test_the_program_explains_where_it_takes_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    shown = words_of(capsys.readouterr().out)
    assert end.value.code == 0
    assert "Set STORYLOOM_URL and STORYLOOM_API_KEY in the environment" in shown
    assert {f" {command} " in shown for command in COMMANDS if " " not in command} == {True}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Usage: storyloom COMMAND"),
        ("webhooks", "Usage: storyloom webhooks COMMAND"),
        ("creat", 'Unknown command "creat". Did you mean "create"?'),
        ("get", "parameter ID requires an argument"),
        ("get 7", "'7' is no id: an id is a UUID, as `storyloom list` shows it."),
        (f"get {STORY} --jsno", "Unknown option: --jsno. Did you mean --json?"),
        (f"watch {STORY} --timeout soon", "'soon' is no duration like 90s, 30m or 2h."),
        (f"watch {STORY} --timeout 0s", "'0s' is no duration like 90s, 30m or 2h."),
        (f"regenerate {STORY} lamp", 'Invalid value "lamp" for ASSET. Choose from: "content", "cover"'),
        ("create --name Mira --age six", "'six' is no whole number."),
        ("create --name Mira --priority soon", 'Invalid value "soon" for --priority.'),
        ("completion tcsh", 'Invalid value "tcsh" for SHELL.'),
    ],
)
def test_what_cannot_be_meant_is_wrongly_asked(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words.split())
    output = capsys.readouterr()
    assert (end.value.code, output.out) == (2, "")
    assert said in words_of(output.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("create --name Mira --metadata orderId", "--metadata is like orderId=A-17."),
        ("create --brief nowhere.json", "nowhere.json cannot be read: No such file or directory."),
        ("create --name Mira --no-wait --download out", "--download waits for the story"),
        (f"edit {STORY} 2 --text=", "The new text is empty."),
        (f"delete {STORY}", "Nobody can be asked here: say --yes."),
        (f"webhooks delete {STORY}", "Nobody can be asked here: say --yes."),
        ("create", "stdin is not JSON"),
    ],
)
def test_what_lacks_something_is_wrongly_asked_too(
    words: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(words.split()) == 2
    output = capsys.readouterr()
    assert said in output.err
    assert output.out == ""


def test_settings_come_from_the_environment_else_from_a_file(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (settings / "storyloom").mkdir(parents=True)
    file = settings / "storyloom" / "config.toml"
    file.write_text('url = "http://file"\napi_key = "sk_file"\n')
    assert read_config().url == "http://127.0.0.1:1"
    monkeypatch.delenv("STORYLOOM_URL")
    monkeypatch.delenv("STORYLOOM_API_KEY")
    assert (read_config().url, read_config().api_key) == ("http://file", "sk_file")
    assert "sk_file" not in repr(read_config())
    other = settings / "other.toml"
    other.write_text('url = "http://other"')
    monkeypatch.setenv("STORYLOOM_CONFIG", str(other))
    with pytest.raises(
        UsageError, match=r"^Set STORYLOOM_API_KEY=sk_… in the environment, or api_key in .*other\.toml"
    ):
        read_config()
    other.write_text("url = ")
    with pytest.raises(UsageError, match="it is not TOML"):
        read_config()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STORYLOOM_URL", "stories.example", "The API's address is like https://stories.example"),
        ("STORYLOOM_API_KEY", "sk_ two", "was it copied whole?"),
    ],
)
def test_settings_that_cannot_be_meant_are_wrong_usage(
    name: str, value: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["list"]) == 2
    assert said in capsys.readouterr().err


async def test_an_answer_in_json_is_all_that_is_on_stdout(fake: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    page = {"stories": [], "nextCursor": "c"}
    fake.says(200, page)
    assert await run("list", "--json", "--status", "ready", "--status", "partial", "--limit", "3") == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == page
    assert output.err == ""
    assert fake.requests[0].query.getall("status") == ["ready", "partial"]
    fake.says(200, page)
    assert await run("list") == 0
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "There is no such story.\nThere are more: --cursor c\n")


async def test_a_refusal_is_a_sentence_with_what_the_logs_know_it_by(
    fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = [{"pointer": "/age", "detail": "is too high"}]
    fake.says(422, {"code": "bad_brief", "detail": "No.", "errors": errors, "traceId": "ab"}, **{"X-Request-Id": "r"})
    assert await run("create", "--name", "Mira", "--json") == 3
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "No. (/age is too high) [bad_brief, trace ab, request r]\n"


async def test_what_a_model_wrote_does_not_move_the_cursor(fake: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    story = {
        "id": STORY, "status": "ready", "title": "\x1b[2JMira\x07", "logline": None, "storyType": "bedtime", "age": 5,
        "createdAt": "2026-01-01T12:00:00.000Z", "error": None,
        "assetGenerationStatus": {"overall": "ready", "assets": {"cover": {"status": "generating", "progress": 40}}},
    }  # fmt: skip
    fake.says(200, story)
    assert await run("get", STORY) == 0
    assert capsys.readouterr().out.splitlines() == [
        " [2JMira  (ready)",
        "bedtime, for 5, asked for 2026-01-01T12:00:00.000Z",
        "",
        "cover  generating  40 %",
    ]


async def test_a_hint_is_sent_and_the_way_on_is_told(fake: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    fake.says(202, {"id": STORY, "wish": {"id": "w", "event": "AssetRegenerateRequested"}, "findings": ["Long."]})
    assert await run("regenerate", STORY, "cover", "--hint", "a bigger fox") == 0
    output = capsys.readouterr()
    assert f"storyloom watch {STORY}" in output.out
    assert output.err == "Long.\n"
    assert await fake.requests[0].json() == {"hint": "a bigger fox"}


async def test_an_approval_names_the_text_that_was_read(
    fake: FakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    approval = {"status": "awaited", "textVersion": "8f14e45fceea167a"}
    scenes = [{"scene": 1, "text": "A fox."}]
    fake.says(200, {"id": STORY, "scenes": scenes, "assetGenerationStatus": {"approval": approval}})
    assert await run("approve", STORY) == 2
    shown = capsys.readouterr()
    assert shown.err == "1. A fox.\n\nNobody can be asked here: say --text-version.\n"
    fake.says(202, {"id": STORY, "wish": {"id": "w", "event": "StoryApproved"}})
    assert await run("approve", STORY, "--text-version", "8f14e45fceea167a") == 0
    assert await fake.requests[-1].json() == {"textVersion": "8f14e45fceea167a"}
    fake.says(200, {"id": STORY, "scenes": [], "assetGenerationStatus": {}})
    assert await run("approve", STORY) == 2
    assert "Nothing waits to be approved" in capsys.readouterr().err


async def test_amounts_are_shown_as_tables(fake: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    fake.says(200, {"days": [{"day": "2026-01-31", "stories": 3}, {"day": "2026-02-01", "stories": 12}]})
    assert await run("usage", "--from", "2026-01-31") == 0
    assert capsys.readouterr().out.splitlines() == [
        "days:",
        "  day         stories",
        "  2026-01-31  3",
        "  2026-02-01  12",
    ]
    assert dict(fake.requests[0].query) == {"from": "2026-01-31"}
    assert described({"seconds": {"from": 20, "to": 40.5}, "usd": None}) == [
        "seconds:", "  from: 20", "  to: 40.5", "usd: -",
    ]  # fmt: skip


async def test_a_mistake_of_the_program_is_a_sentence(fake: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    fake.says(200, {"nothing": "that it knows"})
    assert await run("get", STORY) == 70
    assert capsys.readouterr().err.startswith("storyloom itself is broken: KeyError: 'title'")


async def test_a_folder_that_cannot_be_written_is_a_sentence(
    fake: FakeApi, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ready = {"cover": {"status": "ready", "progress": 100}}
    fake.says(200, {"id": STORY, "status": "ready", "assetGenerationStatus": {"overall": "ready", "assets": ready}})
    (tmp_path / "file").touch()
    assert await run("download", STORY, "--into", str(tmp_path / "file" / "x")) == 3
    assert "Not a directory" in capsys.readouterr().err


def test_options_take_the_place_of_what_a_brief_says(tmp_path: Path) -> None:
    file = tmp_path / "brief.json"
    file.write_text(json.dumps({"characters": [{"name": "Ben"}], "storyType": "bedtime", "assets": ["pdf"], "age": 4}))
    options = BriefOptions(brief=str(file), name="Mira", text_only=True, age=6)
    assert options.read() == {"storyType": "bedtime", "characterName": "Mira", "generateAssets": False, "age": 6}
    assert BriefOptions(name="Mira").read() == {"storyType": "adventure", "characterName": "Mira"}


@pytest.mark.parametrize(("text", "said"), [("[]", "holds no JSON object"), ("{", "is not JSON"), (b"\xff", "UTF-8")])
def test_a_brief_that_is_none_is_wrong_usage(tmp_path: Path, text: Any, said: str) -> None:
    file = tmp_path / "brief.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=said):
        BriefOptions(brief=str(file)).read()


def test_a_brief_may_come_on_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    for options in (BriefOptions(brief="-"), BriefOptions()):
        monkeypatch.setattr(sys, "stdin", io.StringIO('{"characterName": "Mira", "storyType": "bedtime"}'))
        assert options.read()["storyType"] == "bedtime"


def test_a_story_that_ended_is_forgotten_and_no_other() -> None:
    files = [resume_file(digest * 16) for digest in ("ab", "cd", "ef")]
    pending = [file.begin({"seed": number}, "http://x") for number, file in enumerate(files)]
    for file, one, story_id in zip(files, pending, ("7", "8"), strict=False):
        file.created(one, story_id)
    forget("7")
    assert [file.read() is None for file in files] == [True, False, False]
    assert stat.S_IMODE(files[1].path.stat().st_mode) == 0o600


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "storyloom" in script
    assert "regenerate" in script


def test_an_interruption_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert program._answer(interrupted) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_reader_that_has_read_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "client", "completion", "bash"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_text_for_a_terminal_is_printable() -> None:
    assert plain("a\x1b[31m\tb\nc\u202e") == "a [31m b\nc "
