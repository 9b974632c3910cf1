"""A variable that cannot be used stops the start with a sentence that names it, and never its value."""

import json
import os
import subprocess
import sys

import pytest

from storyloom.runtime.settings import RENAMED, InvalidSettingError, Settings, load_settings
from tools.docs.pages import ROOT


def test_the_new_names_exist_and_the_old_ones_do_not() -> None:
    known = {name.upper() for name in Settings.model_fields}
    assert set(RENAMED.values()) <= known
    assert known.isdisjoint(RENAMED)


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_name_says_what_it_is_called_now(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(old, "7")
    with pytest.raises(InvalidSettingError, match=rf"^{old} was renamed: set {RENAMED[old]}\.$"):
        load_settings()


def test_an_old_name_that_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUS_PREFIX", "")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ACK_WAIT", "sk-secret", "ACK_WAIT is wrong: Input should be a valid number"),
        ("RETRY_DELAYS", "sk-secret", "RETRY_DELAYS is wrong: a list is written as JSON."),
        ("SLOTS_NORMAL", "0", "SLOTS_NORMAL is wrong: Input should be greater than or equal to 1."),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettingError) as raised:
        load_settings()
    assert str(raised.value).startswith(said)
    assert "sk-secret" not in str(raised.value)


@pytest.mark.parametrize("module", ["services.content", "services.status", "ops doctor"])
def test_a_process_with_an_old_name_ends_with_the_sentence_alone(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *module.split()],
        cwd=ROOT, env={**os.environ, "BUS_PREFIX": "mine_"}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    sentence = "BUS_PREFIX was renamed: set NATS_SUBJECT_PREFIX."
    if module.startswith("ops"):
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{sentence}\n")
    else:  # a line of its log, which is read by machines
        assert (done.returncode, json.loads(done.stdout)["error"], done.stderr) == (1, sentence, "")
