"""What ElevenLabs sends is looked at before it is believed, and what goes wrong comes out in our words."""

import base64
from math import isnan
from typing import Any

import httpx
import pytest
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.parse_error import ParsingError

from storyloom.providers.elevenlabs.answers import characters_paid, read_speech
from storyloom.providers.elevenlabs.errors import translate
from storyloom.providers.errors import MAX_RETRY_AFTER_SECONDS, Outcome
from storyloom.providers.ports import Alignment
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError

HEADERS = {"Request-Id": "req-7", "character-cost": "3"}


def times(text: str = "a b", starts: Any = (0, 1, 2), ends: Any = (1, 2, 3)) -> dict[str, Any]:
    return {
        "characters": list(text),
        "character_start_times_seconds": list(starts),
        "character_end_times_seconds": list(ends),
    }


def body(**changes: Any) -> dict[str, Any]:
    return {"audio_base_64": base64.b64encode(b"sound").decode(), "alignment": times(), **changes}


def test_a_good_answer_is_read() -> None:
    answer = read_speech(HEADERS, body())
    assert (answer.mp3, answer.request_id) == (b"sound", "req-7")
    assert answer.alignments == (Alignment(("a", " ", "b"), (0, 1, 2), (1, 2, 3)),)


@pytest.mark.parametrize(("said", "paid"), [("3", 3), ("", 0), ("many", 0), ("-3", 0), ("9" * 5000, 0)])
def test_what_was_paid_is_a_number_of_characters(said: str, paid: int) -> None:
    assert characters_paid({"Character-Cost": said}) == paid


def test_the_times_of_the_text_as_sent_come_first() -> None:
    other = times("x", [5], [6])
    both = read_speech({}, body(normalized_alignment=other)).alignments
    assert [alignment.starts for alignment in both] == [(0, 1, 2), (5,)]
    [only] = read_speech({}, body(alignment=None, normalized_alignment=other)).alignments
    assert only.starts == (5,)


@pytest.mark.parametrize(
    "data",
    [None, [], "Mira", {}, body(audio_base_64=None), body(audio_base_64=""), body(audio_base_64="not base64!"),
     body(audio_base_64="YWJ")],
)  # fmt: skip
def test_an_answer_that_is_not_sound_is_tried_again(data: Any) -> None:
    with pytest.raises(RetryableError, match="ElevenLabs") as raised:
        read_speech(HEADERS, data)
    assert raised.value.request_id == "req-7"
    assert "Mira" not in raised.value.reason


@pytest.mark.parametrize("sent", [None, [], "Mira", 7, {}, times("", [], []), {"characters": ["a"]}])
def test_sound_is_kept_whatever_stands_where_its_times_belong(sent: Any) -> None:
    """Also where it is only the alignment that we do not use: that of the text as normalised."""
    assert read_speech(HEADERS, body(alignment=sent)).alignments == ()
    unused = read_speech(HEADERS, body(normalized_alignment=sent))
    assert (unused.mp3, len(unused.alignments)) == (b"sound", 1)


@pytest.mark.parametrize(
    ("sent", "starts"),
    [
        (times(starts=[0, "Mira", 2]), (0, None, 2)),
        (times(starts=[0, None, True]), (0, None, None)),
        (times(starts=[0, 1]), (0, 1)),
        (times("a"), (0,)),
        (times(starts=[-1, float("inf"), 10**400]), (-1, float("inf"), None)),
    ],
)
def test_times_are_read_as_far_as_they_are_numbers(sent: Any, starts: tuple[float | None, ...]) -> None:
    [alignment] = read_speech({}, body(alignment=sent)).alignments
    assert tuple(None if isnan(start) else start for start in alignment.starts) == starts
    assert len(alignment.characters) == len(alignment.ends) == len(starts)


@pytest.mark.parametrize("status", [401, 429])
def test_an_exhausted_allowance_waits_for_people_and_spends_no_attempt(status: int) -> None:
    failed = translate(api_error(status, {"status": "quota_exceeded"}), "req-7")
    assert (failed.outcome, failed.request_id) == (Outcome.OUT_OF_QUOTA, "req-7")
    assert isinstance(failed.verdict, ProviderUnavailable)


@pytest.mark.parametrize(
    ("error", "asked", "outcome"),
    [
        (TimeoutError(), None, Outcome.TIMEOUT),
        (httpx.ConnectError(""), None, Outcome.CONNECTION),
        (httpx.RemoteProtocolError(""), "req-7", Outcome.CUT),
        (ParsingError(), "req-7", Outcome.BAD_ANSWER),
        (ApiError(status_code=429, headers={}, body={}), "req-7", Outcome.RATE_LIMITED),
        (ApiError(status_code=503, headers={}, body={}), "req-7", Outcome.SERVER_ERROR),
        (ApiError(status_code=200, headers={}, body="<html>"), "req-7", Outcome.BAD_ANSWER),
        (ApiError(status_code=403, headers={}, body={}), "req-7", Outcome.NOT_ALLOWED),
        (ApiError(status_code=422, headers={}, body={}), "req-7", Outcome.REJECTED),
    ],
)
def test_a_failure_says_what_it_means_for_the_provider(error: Exception, asked: str | None, outcome: Outcome) -> None:
    assert translate(error, asked).outcome is outcome


def api_error(status: int, detail: Any = None, **headers: str) -> ApiError:
    return ApiError(status_code=status, headers=headers, body={"detail": detail})


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 529, 200])
def test_what_may_pass_is_tried_again(status: int) -> None:
    verdict = translate(api_error(status), "req-7").verdict
    assert isinstance(verdict, RetryableError)
    assert verdict.request_id == "req-7"


@pytest.mark.parametrize(
    ("status", "detail"),
    [(401, {"status": "invalid_api_key"}), (402, None), (403, None), (401, {"status": "quota_exceeded"})],
)
def test_whoever_does_not_let_us_in_is_not_available(status: int, detail: Any) -> None:
    verdict = translate(api_error(status, detail), "req-7").verdict
    assert isinstance(verdict, ProviderUnavailable)
    assert str(verdict) == "the provider is not available"


@pytest.mark.parametrize(
    ("status", "detail", "code"),
    [
        (403, {"status": "content_against_policy"}, "content_refused"),
        (404, {"status": "voice_not_found"}, "bad_request"),
        (422, [{"loc": ["body"], "msg": "Mira"}], "bad_request"),
    ],
)
def test_what_will_never_work_is_given_up(status: int, detail: Any, code: str) -> None:
    verdict = translate(api_error(status, detail), "req-7").verdict
    assert isinstance(verdict, PermanentError)
    assert (verdict.code, verdict.request_id) == (code, "req-7")
    assert "Mira" not in verdict.reason


@pytest.mark.parametrize(
    ("said", "after"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("99999999", MAX_RETRY_AFTER_SECONDS),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ],
)
def test_the_wait_that_was_named_is_kept_within_reason(said: str, after: float | None) -> None:
    verdict = translate(api_error(429, **{"Retry-After": said})).verdict
    assert isinstance(verdict, RetryableError)
    assert verdict.after == after


def test_only_a_plain_word_of_the_vendor_is_passed_on() -> None:
    assert "voice_not_found" in str(translate(api_error(404, {"status": "voice_not_found"})))
    assert "Mira" not in str(translate(api_error(404, {"status": "Mira, 5, is unknown"})))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), RetryableError),
        (httpx.ReadTimeout(""), RetryableError),
        (httpx.ConnectError(""), RetryableError),
        (httpx.RemoteProtocolError(""), RetryableError),
        (ParsingError(), RetryableError),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, ""), RetryableError),
        (TypeError("argument after ** must be a mapping"), RetryableError),
        (httpx.UnsupportedProtocol(""), PermanentError),
        (httpx.InvalidURL(""), PermanentError),
    ],
)
def test_a_broken_connection_is_tried_again_and_a_broken_address_is_not(error: Exception, kind: type) -> None:
    assert isinstance(translate(error).verdict, kind)
