"""The header Prefer, as RFC 7240 writes it."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from services.api.waiting import Preferences, read_preferences


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ((), Preferences()),
        (("wait=10",), Preferences(10)),
        (("WAIT = 10",), Preferences(10)),
        (('wait="10"',), Preferences(10)),
        (("wait",), Preferences(60)),
        (("wait=3600",), Preferences(60)),
        (("wait=99999999999999999999",), Preferences(60)),
        (("wait=-1", "respond-async"), Preferences(0, respond_async=True)),
        (("wait=1.5",), Preferences()),
        (('return=minimal; foo="a", wait=7', "wait=9"), Preferences(7)),
        (("respond-async, wait=7; x=y",), Preferences(7, respond_async=True)),
        (('waiting=7, =, ;;, "wait=7"',), Preferences()),
    ],
)
def test_what_is_known_is_read_and_the_rest_ignored(lines: tuple[str, ...], found: Preferences) -> None:
    headers = CIMultiDict([("Prefer", line) for line in lines])
    assert read_preferences(make_mocked_request("POST", "/", headers=headers)) == found
