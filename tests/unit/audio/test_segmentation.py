"""Words of languages without spaces: cut, timed and put together again, and nothing is lost."""

import re
from html import unescape
from itertools import pairwise

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from services.audio.captions import LINE, write_block, write_vtt
from services.audio.segmentation import gaps, split_words
from services.audio.words import by_paragraph, time_words
from storyloom.providers.ports import Alignment

TEXTS = {
    "zh": "小明看着窗外的雪。远处有一盏小灯。“有人在叫我们，”Anna Maria 说。小狐狸 🦊 竖起了耳朵。",
    "zh-TW": "小明看著窗外的雪。「有人在叫我們，」Anna Maria 說。",
    "ja": "さくらは雪をながめました。「だれかがよんでいる」とAnna Mariaが言いました。",
    "th": "มีนามองออกไปที่หิมะ ไกลออกไปมีแสงเล็กๆ Anna หัวเราะ",
}
ANY = st.text(st.sampled_from("小明看着雪。さくらは、มีนามอง่ Ab9 “”「」🦊,\n\u3000"), max_size=40)


def read(text: str) -> Alignment:
    """A tenth of a second a character."""
    edges = [round(at / 10, 3) for at in range(len(text) + 1)]
    return Alignment(tuple(text), tuple(edges[:-1]), tuple(edges[1:]))


@pytest.mark.parametrize("language", TEXTS)
def test_words_are_cut_to_what_can_be_shown_one_by_one(language: str) -> None:
    words = split_words(TEXTS[language], language)
    assert "".join(words) == "".join(TEXTS[language].split())
    assert len(words) > 8
    assert max(map(len, words)) <= 12
    assert "Anna" in words
    assert not any(word[0] in "。，”」" or word[-1] in "“「" for word in words)


@given(ANY, st.sampled_from(["zh", "zh-Hant", "ja", "th", "en", "ar"]))
def test_words_in_a_row_are_the_text_and_gaps_its_spaces(text: str, language: str) -> None:
    words = split_words(text, language)
    assert "".join(words) == "".join(text.split())
    assert all(words)
    assert "".join(gap + word for gap, word in zip(gaps(text, words), words, strict=True)) == " ".join(text.split())
    if language in {"en", "ar"}:
        assert list(words) == text.split()


@given(ANY, st.sampled_from(["zh", "ja", "th"]))
def test_each_word_is_timed_by_its_own_letters(text: str, language: str) -> None:
    words = time_words(text, read(text), language)
    assert tuple(word.txt for word in words) == split_words(text, language)
    at = 0
    for word in words:
        at = text.index(word.txt, at)
        assert word.start == pytest.approx(at / 10)
        assert word.end == pytest.approx((at + len(word.txt)) / 10)
        at += len(word.txt)
    assert all(before.end <= after.start for before, after in pairwise(words))


def test_a_reading_of_other_letters_still_times_every_word() -> None:
    words = time_words("小明有21只狐狸。", read("小明有二十一只狐狸"), "zh")
    assert "".join(word.txt for word in words) == "小明有21只狐狸。"
    assert words[-1].end <= 0.9
    assert all(before.end <= after.start for before, after in pairwise(words))


@pytest.mark.parametrize("language", TEXTS)
def test_blocks_and_captions_read_as_the_text_is_written(language: str) -> None:
    text = TEXTS[language]
    paragraphs = by_paragraph([text, " ", text], time_words(f"{text}\n\n{text}", read(f"{text}\n\n{text}"), language))
    block = write_block(paragraphs, [text, text])
    assert unescape(re.sub("<[^>]+>", "", block)) == text * 2
    captions = webvtt.from_string(write_vtt(paragraphs, [text, text]), strict=True).captions
    assert len(captions) >= 2
    lines = [line for caption in captions for line in caption.lines]
    assert "".join("".join(lines).split()) == "".join(text.split()) * 2
    assert all(len(line) <= LINE for line in lines)


def test_narrations_that_were_cut_at_spaces_alone_still_find_their_paragraphs() -> None:
    """They are stored: a story that is joined after an update may have some."""
    text = TEXTS["zh"]
    old = time_words(text, read(text), "en")
    assert by_paragraph([text], old) == [old]
