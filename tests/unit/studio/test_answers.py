"""Answers in words: broken off where they must be, cut into pieces that join again, seeded by what was asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from studio.api_call import derive_seed
from studio.openai_api import estimate_tokens
from studio.response_body import Answer
from studio.response_stream import split_tokens

words = st.text(alphabet=st.sampled_from("ab é“狐\n\t "), max_size=200)


@given(text=words)
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    assert "".join(split_tokens(text)) == text


def test_a_piece_is_about_a_token() -> None:
    assert split_tokens("The fox slept.") == ["The", " fox", " slept."]


@given(text=words, most=st.integers(16, 60))
def test_an_answer_keeps_within_its_tokens_and_begins_as_it_would(text: str, most: int) -> None:
    whole = Answer(body={}, text=text, refusal=None, input_tokens=1)
    kept = whole.truncated(most)
    assert text.startswith(kept.text)
    assert kept.output_tokens <= most
    assert kept.complete == (estimate_tokens(text) <= most) == (kept.text == text)


def test_a_seed_follows_content_alone() -> None:
    assert derive_seed({"a": 1, "b": [2]}, "é") == derive_seed({"b": [2], "a": 1}, "é")
    assert derive_seed("ab", "c") != derive_seed("a", "bc")
    assert derive_seed("fox") == 3355463437711735  # the same on every run, machine and version
    assert all(derive_seed(number) < 2**53 for number in range(100))
