"""The table of languages: what its rows say is so, and every tag finds its row."""

import pytest

from storyloom.story.languages import canonical, language_of, supported


@pytest.mark.parametrize(
    ("tag", "row", "direction"),
    [
        ("en-GB", "en", "ltr"), ("zh", "zh", "ltr"), ("zh-CN", "zh", "ltr"), ("zh-Hans-SG", "zh", "ltr"),
        ("zh-TW", "zh-Hant", "ltr"), ("zh-HK", "zh-Hant", "ltr"), ("cmn-Hant", "zh-Hant", "ltr"),
        ("ja-JP", "ja", "ltr"),
        ("sr", "sr", "ltr"), ("sr-Latn-RS", "sr-Latn", "ltr"), ("ar-EG", "ar", "rtl"), ("arb", "ar", "rtl"),
        ("he", "he", "rtl"), ("fa-IR", "fa", "rtl"), ("ur", "ur", "rtl"), ("tl", "fil", "ltr"),
    ],
)  # fmt: skip
def test_a_tag_finds_the_row_of_its_language_and_script(tag: str, row: str, direction: str) -> None:
    found = language_of(tag)
    assert (found.tag, found.direction) == (row, direction)


def test_every_row_is_named_by_its_canonical_tag_and_finds_itself() -> None:
    for tag, row in supported().items():
        assert canonical(tag) == tag
        assert language_of(tag) is row


def test_a_language_that_is_not_in_the_table_is_read_as_one_in_latin_letters() -> None:
    for tag in ("xx-YY", "tlh", "not a tag"):
        assert (language_of(tag).direction, language_of(tag).spaced, language_of(tag).labels) == ("ltr", True, False)


def test_languages_without_spaces_name_the_model_that_finds_their_words() -> None:
    assert {tag: row.words for tag, row in supported().items() if not row.spaced} == {
        "ja": "ja",
        "th": "th",
        "zh": "zh-hans",
        "zh-Hant": "zh-hant",
    }
