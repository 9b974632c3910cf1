"""How operators ask: times, ids, addresses; what cannot be meant is refused with a sentence and exit code 2."""

import argparse
from datetime import UTC, datetime, timedelta

import pytest

from ops.__main__ import main, options
from ops.cli import clock, counted, moment, span


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400)])
def test_a_time_may_be_said_as_how_long_ago(text: str, seconds: int) -> None:
    before = datetime.now(UTC) - timedelta(seconds=seconds)
    assert timedelta(0) <= moment(text) - before < timedelta(seconds=5)


def test_a_time_may_be_said_in_iso_8601_and_is_utc_without_a_zone() -> None:
    assert moment("2026-05-01T03:00") == datetime(2026, 5, 1, 3, tzinfo=UTC)
    assert moment("2026-05-01T03:00+02:00") == datetime(2026, 5, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2 h", "-2h", "2w", "1e3s", "9999999999h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        moment(text)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["doctors"],
        ["dead"],
        ["dead", "list", "--service", "kitchen"],
        ["dead", "list", "--since", "soon"],
        ["dead", "show"],
        ["dead", "show", "0"],
        ["dead", "show", "x"],
        ["dead", "replay"],
        ["dead", "replay", "3", "--all"],
        ["dead", "drop", "3", "--service", "images"],
        ["top", "--every", "0"],
        ["top", "--metrics", "localhost:9000"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_wrongly_asked(words: list[str]) -> None:
    """Before anything is connected to."""
    try:
        code = main(words)
    except SystemExit as end:
        code = int(str(end.code))
    assert code == 2


@pytest.mark.parametrize("command", ["", "dead", "doctor", "top"])
def test_every_command_explains_itself_and_its_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        options().parse_args([*command.split(), "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert end.value.code == 0
    assert "Exit codes: 0 done" in told


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
