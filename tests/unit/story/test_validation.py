"""What is wrong with a body is said by names of ours alone."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from storyloom.story.events import EVENT
from storyloom.story.jobs import AssetRequested
from storyloom.story.validation import Described, wrong_fields

WORD = "Quillabelle"


def _wrong(described: Described, body: object, **options: int) -> str:
    adapter = described if isinstance(described, TypeAdapter) else TypeAdapter(described)
    with pytest.raises(ValidationError) as raised:
        adapter.validate_json(json.dumps(body))
    return wrong_fields(raised.value, described, **options)


def test_a_missing_field_is_named() -> None:
    assert _wrong(AssetRequested, {WORD: WORD}, most=1) == "id: missing"
    assert _wrong(AssetRequested, {}).count(";") == 2


@pytest.mark.parametrize("body", [{"event": WORD}, {"event": "AssetCompleted", "result": {"kind": WORD}}, WORD, [WORD]])
def test_an_event_says_nothing_of_what_it_holds(body: object) -> None:
    assert WORD not in _wrong(EVENT, body, most=99)


def test_a_key_of_the_senders_is_a_question_mark() -> None:
    said = _wrong(AssetRequested, {"inputs": {WORD: {WORD: 1}}, "brief": {"characters": [{WORD: 1}]}}, most=99)
    assert WORD not in said
    assert "inputs.?" in said
