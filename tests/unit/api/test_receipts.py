"""Receipts: what they are of, and what their signature is good for."""

from typing import Any
from uuid import UUID

import orjson
import pytest

from client import receipts as client
from client.resources import StoryReceipt as Read
from services.api.receipts.receipts import basis_of, models_of, receipt_of
from services.api.receipts.resources import StoryReceipt
from storyloom.story.assets import Asset
from storyloom.story.evaluation import EvaluatedClaim, Evaluation, MeasuredError
from storyloom.story.results import ProviderCall, Result
from tests.makers import sample

STORY = UUID(int=7)
KEY = "k" * 32
CLAIM = EvaluatedClaim(
    claim="loudness",
    title="The narration is as loud as it should be",
    outcome="fail",
    value=-25.6,
    at_least=-20,
    at_most=-18,
    evaluator="ITU-R BS.1770-4",
    version=1,
    independent=True,
    error=MeasuredError(defects=10, found=9, sound=5, false_alarms=1),
)


def results() -> dict[str, Any]:
    """A whole story's, as the rows have them."""
    made: dict[str, Any] = {asset.value: sample(asset, STORY).model_dump(mode="json") for asset in Asset}
    call = ProviderCall(provider="openai", model="gpt-5.1", request_id="r", seconds=1).model_dump(mode="json")
    for one in made.values():
        one["calls"] = [call]
    return made


def receipt(key: str = KEY) -> StoryReceipt:
    return receipt_of(STORY, {"status": "ready", "results": results()}, Evaluation(claims=(CLAIM,), version=1), key)


def read(made: StoryReceipt) -> Read:
    """As a client gets it: JSON, through Postgres and HTTP."""
    document: Read = orjson.loads(orjson.dumps(made))
    return document


def test_a_receipt_names_every_file_and_the_words_by_their_hash() -> None:
    named = [artefact["asset"] for artefact in receipt()["artefacts"]]
    assert {"content", "cover", "scene_1", "scene_4", "audio", "audio.vtt", "pdf", "epub"} <= set(named)
    assert len(named) == len(set(named))


def test_another_receipt_is_due_where_words_have_other_times_although_every_file_is_the_same() -> None:
    before, after = results(), results()
    after["audio"]["words"][0]["start"] += 0.01
    rows = [{"status": "ready", "results": one} for one in (before, results(), after)]
    first, same, other = (basis_of(row, KEY) for row in rows)
    assert first == same
    assert other != first
    assert basis_of(rows[0], "another key of 32 characters or so") != first


def test_a_receipt_names_every_model_once() -> None:
    assert [*models_of(results())] == [{"provider": "openai", "model": "gpt-5.1"}]


def test_a_receipt_is_right_with_the_key_that_it_was_signed_with_and_with_no_other() -> None:
    assert client.is_signed_with(read(receipt()), KEY)
    assert not client.is_signed_with(read(receipt()), KEY + "x")


def test_without_a_key_a_receipt_is_not_signed_and_says_so() -> None:
    made = receipt(key="")
    assert made["signature"] is None
    assert not client.is_signed_with(read(made), KEY)


@pytest.mark.parametrize("change", ["outcome", "hash", "claim left out", "status", "model"])
def test_whatever_is_changed_in_a_receipt_shows(change: str) -> None:
    changed = read(receipt())
    match change:
        case "outcome":
            changed["claims"][0]["outcome"] = "pass"
        case "hash":
            changed["artefacts"][0]["sha256"] = "0" * 64
        case "claim left out":
            changed["claims"].pop()
        case "status":
            changed["status"] = "partial"
        case _:
            changed["models"][0]["model"] = "another"
    assert not client.is_signed_with(changed, KEY)
    assert client.is_signed_with(read(receipt()), KEY)


def test_a_file_that_was_changed_shows(tmp_path: Any) -> None:
    """One that is what it was does not, and one that is not there is no change."""
    made = read(receipt())
    (tmp_path / "book.pdf").write_bytes(b"another book")
    assert [*client.changed_files(made, tmp_path)] == ["book.pdf"]
    assert isinstance(sample(Asset.PDF, STORY), Result)
