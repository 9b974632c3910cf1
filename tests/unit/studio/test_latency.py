"""Latencies: what a whole story adds up to, and that the same call always takes the same time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from studio.api_call import ApiCall, Endpoint
from studio.latency import Latency

REALISTIC = Latency("realistic")


def call(endpoint: Endpoint, seed: int, schema: str | None = None) -> ApiCall:
    return ApiCall(endpoint=endpoint, model="m", prompt="", seed=seed, request_id="r", schema=schema)


def test_instant_waits_for_nothing() -> None:
    assert Latency("instant", 5.0).seconds(call("images.edit", 1)) == 0


@pytest.mark.parametrize("seed", range(40))
def test_a_story_takes_as_long_as_the_vendors_take(seed: int) -> None:
    words = [("outline", seed), *(("scene_text", seed * 10 + k) for k in range(4)), ("story_check", seed)]
    content = sum(REALISTIC.seconds(call("responses", number, schema)) for schema, number in words)
    audio = sum(REALISTIC.seconds(call("text_to_speech", seed * 10 + k)) for k in range(4))
    assert 30 <= content <= 60
    assert 45 <= audio <= 90
    assert 30 <= REALISTIC.seconds(call("images.edit", seed)) <= 45
    assert 0.2 <= REALISTIC.seconds(call("moderations", seed)) <= 0.6


def test_the_same_call_takes_the_same_time_and_another_another() -> None:
    one = call("images.generate", 7)
    assert REALISTIC.seconds(one) == REALISTIC.seconds(replace(one, request_id="other"))
    assert REALISTIC.seconds(one) != REALISTIC.seconds(replace(one, seed=8))


def test_the_scale_is_a_plain_factor() -> None:
    one = call("responses", 3, "outline")
    assert Latency("realistic", 0.1).seconds(one) == pytest.approx(REALISTIC.seconds(one) / 10)
