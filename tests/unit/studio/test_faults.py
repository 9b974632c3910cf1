"""Faults: which calls they strike, and how often."""

from __future__ import annotations

from dataclasses import replace

import pytest

from studio.api_call import ApiCall, Endpoint
from studio.faults import Fault, Faults, InvalidFaultError, Match, parse_fault, parse_header


def call(endpoint: Endpoint = "images.edit", prompt: str = "Scene: a Red bridge", schema: str | None = None) -> ApiCall:
    return ApiCall(endpoint=endpoint, model="gpt-image-1.5", prompt=prompt, seed=1, request_id="req_1", schema=schema)


def test_a_fault_counts_down_to_nothing() -> None:
    faults = Faults()
    faults.add(Fault(fault="server_error", times=2))
    assert [bool(faults.take(call())) for _ in range(4)] == [True, True, False, False]
    assert faults.listed() == []


def test_a_fault_without_times_strikes_until_it_is_cleared() -> None:
    faults = Faults()
    faults.add(Fault(fault="server_error"))
    assert all(faults.take(call()) for _ in range(50))
    assert faults.listed()[0]["struck"] == 50
    assert faults.clear() == 1
    assert faults.take(call()) is None


def test_only_what_fits_is_struck_and_counted() -> None:
    faults = Faults()
    faults.add(Fault(fault="rate_limit", times=1, match=Match(endpoint="images.edit", contains="red BRIDGE")))
    assert faults.take(call(endpoint="images.generate")) is None
    assert faults.take(call(prompt="Scene: a boat")) is None
    assert faults.take(call()) is not None


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, True),
        ({"schema": "scene_text"}, True),
        ({"schema": "outline"}, False),
        ({"model": "gpt-5"}, False),
        ({"asset": "bridge", "contains": "red"}, True),
        ({"asset": "bridge", "contains": "blue"}, False),
    ],
)
def test_all_that_a_match_names_must_hold(match: dict[str, str], fits: bool) -> None:
    assert Match.model_validate(match).matches(call(endpoint="responses", schema="scene_text")) is fits


def test_the_oldest_fault_strikes_first() -> None:
    faults = Faults()
    first, second = Fault(fault="stall", seconds=1, times=1), Fault(fault="cut", times=1)
    faults.add(first)
    faults.add(second)
    assert [faults.take(call()), faults.take(call())] == [first, second]


@pytest.mark.parametrize(
    ("fault", "endpoint", "strikes"),
    [
        ("flag_text", "moderations", True),
        ("flag_text", "responses", False),
        ("miss_trait", "images.edit", True),
        ("miss_trait", "text_to_speech", False),
        ("refuse", "text_to_speech", True),
        ("refuse", "moderations", False),
        ("cut", "moderations", True),
        ("error_body", "moderations", True),
        ("error_body", "text_to_speech", False),
        ("incomplete", "responses", True),
        ("incomplete", "images.edit", False),
        ("dirty_text", "responses", True),
        ("odd_items", "moderations", False),
        ("odd_picture", "images.generate", True),
        ("odd_picture", "responses", False),
        ("refuse_uncoded", "images.edit", True),
        ("refuse_uncoded", "responses", False),
    ],
)
def test_a_fault_strikes_only_where_it_means_something(fault: str, endpoint: Endpoint, strikes: bool) -> None:
    fault_asked = parse_fault({"fault": fault, "miss": ["wheelchair"]})
    assert fault_asked.applies_to(call(endpoint=endpoint)) is strikes


@pytest.mark.parametrize(("allowed", "strikes"), [(16_000, True), (31_999, True), (32_000, False), (None, False)])
def test_an_answer_is_incomplete_only_for_whoever_allows_too_few_tokens(allowed: int | None, strikes: bool) -> None:
    asked = replace(call(endpoint="responses"), max_output_tokens=allowed)
    assert Fault(fault="incomplete", tokens=32_000).applies_to(asked) is strikes


def test_a_header_goes_before_what_stands_and_leaves_it_alone() -> None:
    faults = Faults()
    faults.add(Fault(fault="cut", times=1))
    taken = faults.take(call(), "stall; seconds=3")
    assert taken is not None
    assert (taken.fault, taken.seconds) == ("stall", 3)
    assert faults.listed()[0]["left"] == 1


def test_a_header_may_name_several_traits() -> None:
    assert parse_header("miss_trait; miss=wheelchair, white cane").miss == ("wheelchair", "white cane")


@pytest.mark.parametrize("header", ["", "nonsense", "stall; seconds=soon", "cut; colour=red", "miss_trait"])
def test_a_header_that_makes_no_sense_is_refused(header: str) -> None:
    with pytest.raises(InvalidFaultError):
        parse_header(header)
