"""The studio's settings, from the environment."""

from __future__ import annotations

import pytest

from studio.settings import InvalidSettingError, StudioSettings


def test_what_is_not_set_keeps_its_default_and_the_default_is_loopback() -> None:
    settings = StudioSettings.from_environment({"STUDIO_VOICE": "", "PATH": "/bin"})
    assert settings == StudioSettings()
    assert settings.host == "127.0.0.1"


def test_the_environment_is_read() -> None:
    environ = {
        "STUDIO_PORT": "8777", "STUDIO_LATENCY": "realistic", "STUDIO_LATENCY_SCALE": "0.25", "STUDIO_VOICE": "espeak",
        "STUDIO_PAINTERS": "3", "STUDIO_REFUSED_KEYS": "a, b,,", "STUDIO_LEDGER_ROWS": "10",
    }  # fmt: skip
    assert StudioSettings.from_environment(environ) == StudioSettings(
        port=8777, latency="realistic", latency_scale=0.25, voice="espeak", painters=3,
        refused_keys=frozenset({"a", "b"}), ledger_rows=10,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STUDIO_PORT", "high"),
        ("STUDIO_PORT", "70000"),
        ("STUDIO_LATENCY", "slow"),
        ("STUDIO_LATENCY_SCALE", "nan"),
        ("STUDIO_LATENCY_SCALE", "-1"),
        ("STUDIO_VOICE", "tenor"),
        ("STUDIO_PAINTERS", "0"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(InvalidSettingError, match=name):
        StudioSettings.from_environment({name: value})


def test_what_the_command_line_says_goes_before_the_environment() -> None:
    settings = StudioSettings.from_environment({"STUDIO_PORT": "8777", "STUDIO_VOICE": "espeak"}, port="9000")
    assert (settings.port, settings.voice) == (9000, "espeak")
    with pytest.raises(InvalidSettingError, match="STUDIO_PAINTERS must be less than or equal to 64, not '65'"):
        StudioSettings.from_environment({}, painters="65")
