"""What goes wrong on a machine becomes a sentence; a bug stays a bug."""

import errno
import os
from pathlib import Path

import pytest

from local import stack
from local.errors import UserError
from local.settings import LocalSettings
from local.stack import Stack, as_user_error
from storyloom.story.errors import PermanentError


def failure(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/state/ports.json")


def test_a_full_disk_is_a_sentence_that_names_the_file_and_the_way_out() -> None:
    said = str(as_user_error(failure(errno.ENOSPC)))
    assert said == (
        "The state folder cannot be used, No space left on device at /state/ports.json: "
        "make room, or set STORYLOOM_HOME."
    )


def test_a_user_error_is_found_wherever_it_happened() -> None:
    user_error = UserError("The port is taken.")
    nested = BaseExceptionGroup("start", [ValueError("bug"), BaseExceptionGroup("servers", [user_error])])
    assert as_user_error(nested) is user_error


@pytest.mark.parametrize("error", [ValueError("bug"), failure(errno.EBADF), ExceptionGroup("start", [KeyError("bug")])])
def test_a_bug_is_no_user_error(error: Exception) -> None:
    assert as_user_error(error) is None


async def test_without_pango_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise PermanentError("Pango is missing. Install it.", code="missing_library")

    monkeypatch.setattr(stack, "check_libraries", missing)
    home = tmp_path / "state"
    with pytest.raises(UserError, match="Pango is missing"):
        await Stack(LocalSettings(storyloom_home=home)).start()
    assert not home.exists()
