"""What calls cost."""

import pytest

from storyloom.providers.prices import price_picture, price_text


def test_the_longest_name_that_fits_sets_the_price() -> None:
    assert price_text("gpt-4.1-mini-2025-04-14", 1_000_000, 0, 0) == pytest.approx(0.40)
    assert price_text("gpt-4.1-2025-04-14", 1_000_000, 0, 0) == pytest.approx(2.00)
    assert price_picture("gpt-image-1-mini", 0, 0, 1_000_000) == pytest.approx(8.00)


def test_cached_tokens_are_part_of_those_that_went_in() -> None:
    assert price_text("gpt-5.1", 1_000_000, 400_000, 0) == pytest.approx(0.6 * 1.25 + 0.4 * 0.125)


def test_an_unlisted_model_is_not_free() -> None:
    assert price_text("llama", 1000, 0, 1000) == price_text("gpt-5", 1000, 0, 1000) > 0
    assert price_picture("dall-e-9", 10, 0, 10) == price_picture("gpt-image-1.5", 10, 0, 10) > 0
