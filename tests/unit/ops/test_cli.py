"""How operators ask: times, ids, addresses; what cannot be meant is refused with a sentence and exit code 2."""

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from ops import cli, dead
from ops.__main__ import main
from ops.cli import moment, read
from ops.connections import UnavailableError
from storyloom.operations.dead_letters import Sender
from storyloom.operations.words import clock, counted, span
from storyloom.story.assets import Service

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400)])
def test_a_time_may_be_said_as_how_long_ago(text: str, seconds: int) -> None:
    before = datetime.now(UTC) - timedelta(seconds=seconds)
    assert timedelta(0) <= moment(text) - before < timedelta(seconds=5)


def test_a_time_may_be_said_in_iso_8601_and_is_utc_without_a_zone() -> None:
    assert moment("2026-05-01T03:00") == datetime(2026, 5, 1, 3, tzinfo=UTC)
    assert moment("2026-05-01T03:00+02:00") == datetime(2026, 5, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2 h", "-2h", "2w", "1e3s", "9999999999h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither like 30m"):
        moment(text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Usage: python -m ops COMMAND"),
        ("doctors", 'Unknown command "doctors". Did you mean "doctor"?'),
        ("dead", "Usage: python -m ops dead COMMAND"),
        ("dead list --service kitchen", 'Invalid value "kitchen" for --service. Choose from: "content", "images",'),
        ("dead list --since soon", "Invalid value for --since: 'soon' is neither like 30m, 2h, 1d nor a time"),
        ("dead list --sinse 2h", "Unknown option: --sinse. Did you mean --since?"),
        ("dead show", "parameter ID requires an argument"),
        ("dead show 0", "'0' is no id: an id is a whole number, as listed."),
        ("dead show x", "'x' is no id"),
        ("dead show -1", "'-1' is no id"),
        ("dead show 1 2", "Unused Tokens: ['2']"),
        ("dead drop 3.7", "'3.7' is no id"),
        ("dead drop ٣٣x", "'٣٣x' is no id"),
        ("top --every 0", 'Invalid value "0.0" for --every. 0.2 to 3600 seconds are possible.'),
        ("top --every nan", "for --every. 0.2 to 3600 seconds are possible."),
        ("top --every soon", 'Invalid value for --every: unable to convert "soon" into float.'),
        ("top --metrics localhost:9000", "'localhost:9000' is no http or https address."),
        ("key", "Usage: python -m ops key COMMAND"),
        ("key add --tenant family", "parameter --name requires an argument"),
        (
            "key add --tenant family --name x --scope all",
            'Invalid value "all" for --scope. Choose from: "stories:read"',
        ),
        ("key create --tenant Family --name x", "Invalid value for --tenant: 'Family' is no tenant: 1 to 40 of a-z,"),
        (
            "key create --tenant family --name x --expires-in soon",
            "for --expires-in: 'soon' is no duration like 0s, 30m,",
        ),
        ("tenant", "Usage: python -m ops tenant COMMAND"),
        ("tenant create Family", "'Family' is no tenant: 1 to 40 of a-z, 0-9, - and _"),
        ("tenant set family --weight 0", "for --weight: a number from 0.01 to 1,000 is possible, or default."),
        ("tenant set family --stories-per-day 1.5", "for --stories-per-day: a whole number from 0 to 10,000,000 is"),
        ("tenant set family --usd-per-day nan", "for --usd-per-day: a number from 0 to 10,000,000 is possible, or"),
        ("key rotate x --overlap 1h", "'x' is no id: an id is a UUID, as listed."),
        ("key revoke 7", "'7' is no id: an id is a UUID, as listed."),
        ("doctor --deeper", "Unknown option: --deeper. Did you mean --deep?"),
    ],
)
def test_what_cannot_be_meant_is_wrongly_asked(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is connected to: a sentence on stderr names what is wrong, and the exit code is 2."""
    with pytest.raises(SystemExit) as end:
        main(words.split())
    output = capsys.readouterr()
    assert end.value.code == 2
    # In a box, as wide as the terminal was when the first test of this process wrote one.
    assert said in " ".join(output.err.replace("│", " ").split())
    assert output.out == ""


@pytest.mark.parametrize("words", ["dead replay", "dead replay 3 --all", "dead drop 3 --service images"])
def test_dead_letters_are_chosen_in_one_way(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    assert "Name ids, or say --all or a filter; not both." in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        *("", "dead", "dead list", "dead show", "dead replay", "dead drop", "doctor"),
        *("key", "key create", "key list", "key rotate", "key revoke", "tenant", "tenant create", "tenant list"),
        *("tenant set", "top"),
    ],
)
def test_every_command_explains_itself_and_its_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        read([*command.split(), "--help"])
    output = " ".join(capsys.readouterr().out.split())
    assert end.value.code == 0
    assert output.startswith(f"Usage: python -m ops {command}".strip())
    assert "Exit codes: 0 done" in output


def test_dead_letters_may_be_of_any_service() -> None:
    assert get_args(Sender) == (*(service.value for service in Service), "status")


def test_filters_are_read_as_what_they_are() -> None:
    command = read(["dead", "replay", "--service", "status", "--code", "bug", "--since", "2026-05-01T03:00", "--all"])
    since = datetime(2026, 5, 1, 3, tzinfo=UTC)
    assert command.func is dead.replay_letters
    assert command.args == ()
    assert command.keywords == {"everything": True, "filters": dead.Options("status", "bug", since)}
    assert read(["dead", "drop", "17", "18", "--yes"]).args == (17, 18)
    assert read(["dead", "show", "--full", "17"]).args == (17,)


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        (1, 1, ""),
        (UnavailableError("The bus is unreachable."), 3, "The bus is unreachable.\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, None),  # whoever read has read enough
    ],
)
def test_a_command_may_end_in_many_ways(
    how: int | BaseException, code: int, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def end(**_: object) -> int:
        if isinstance(how, BaseException):
            raise how
        return how

    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    monkeypatch.setattr(cli, "read", lambda _words: end)
    assert main(["doctor"]) == code
    assert errors.closed if said is None else errors.getvalue() == said


def test_a_package_that_is_missing_is_named() -> None:
    """In a worker's image there is none of them."""
    program = "import sys; sys.modules['cyclopts'] = None; from ops.__main__ import main; sys.exit(main(['top']))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    output = "The operators' commands need the package cyclopts: install requirements/local.txt.\n"
    assert (done.returncode, done.stderr) == (3, output)


def test_a_setting_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ACK_WAIT", "soon")
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err.startswith("ACK_WAIT is wrong: ")


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0.0 s"), (0.44, "0.4 s"), (61, "61 s"), (312, "5 min"), (9000, "2.5 h"), (4e5, "5 d")]
)
def test_durations_fit_a_column(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_things_are_counted_in_words() -> None:
    assert [counted(number, "story", "stories") for number in (0, 1, 1204)] == ["0 stories", "1 story", "1,204 stories"]
    now = datetime(2026, 5, 2, 12, tzinfo=UTC)
    assert len(clock(now - timedelta(seconds=5), now)) == len("11:59:55")
    assert clock(now - timedelta(days=3), now).startswith("2026-04-2")
