"""A picture that is drawn and checked as often as it may be fits into one attempt."""

import pytest

from services.images.app import check_time_outs
from storyloom.runtime.settings import InvalidSettingError, Settings
from storyloom.runtime.supervision import why_it_cannot_start


def test_the_defaults_fit() -> None:
    check_time_outs(Settings())


def test_what_does_not_fit_stops_the_start_with_a_sentence_that_names_the_settings() -> None:
    settings = Settings(job_timeout=600)
    with pytest.raises(InvalidSettingError) as raised:
        check_time_outs(settings)
    assert why_it_cannot_start(raised.value) == (
        "JOB_TIMEOUT is 600 and must be more than 1080 seconds: a picture may be drawn (IMAGE_TIMEOUT, 240) and "
        "checked (TEXT_TIMEOUT, 120) 3 times."
    )
