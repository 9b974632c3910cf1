"""Directions: what runs against its paragraph is set apart, and nothing is lost."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.documents.book.bidi import direction_of, isolate
from storyloom.story.languages import Direction

MIXED = st.text(st.sampled_from("ab Z9-.,!<&«»ليلى دָן小مג 5🦊\u0301"), max_size=40)


@pytest.mark.parametrize(
    ("text", "base", "html"),
    [
        ("ليلى 5 times", "ltr", '<bdi dir="rtl">ليلى</bdi> 5 times'),
        ("“ليلى!” said דנה.", "ltr", '“<bdi dir="rtl">ليلى</bdi>!” said <bdi dir="rtl">דנה</bdi>.'),
        ("ليلى محمد, hello", "ltr", '<bdi dir="rtl">ليلى محمد</bdi>, hello'),
        ("قالت Anna Maria: نعم", "rtl", 'قالت <bdi dir="ltr">Anna Maria</bdi>: نعم'),
        ("عدّت 4-6 ثعالب", "rtl", 'عدّت <bdi dir="ltr">4-6</bdi> ثعالب'),
        ("كتبه gpt-5.1.", "rtl", 'كتبه <bdi dir="ltr">gpt-5.1</bdi>.'),
        ("שלום 小明!", "rtl", 'שלום <bdi dir="ltr">小明</bdi>!'),
        ("Mira & <b>", "ltr", "Mira &amp; &lt;b&gt;"),
    ],
)
def test_a_run_against_the_paragraph_is_set_apart(text: str, base: Direction, html: str) -> None:
    assert isolate(text, base) == html


def test_a_name_is_set_apart_as_a_whole() -> None:
    """With what belongs to it, whatever its letters are."""
    assert isolate("For ليلى (Laila) today", "ltr", ["ليلى (Laila)"]) == 'For <bdi dir="ltr">ليلى (Laila)</bdi> today'
    assert isolate("For Mira today", "ltr", ["Mira"]) == "For Mira today"


@pytest.mark.parametrize(
    ("text", "default", "way"),
    [("Hello ليلى", "rtl", "ltr"), ("مرحبا Jo", "ltr", "rtl"), ("4-6", "rtl", "rtl"), ("🦊", "ltr", "ltr")],
)
def test_a_text_runs_the_way_of_most_of_its_letters(text: str, default: Direction, way: Direction) -> None:
    assert direction_of(text, default) == way


@given(MIXED, st.sampled_from(["ltr", "rtl"]), st.lists(MIXED.filter(bool), max_size=2))
def test_nothing_is_lost_or_nested(text: str, base: Direction, names: list[str]) -> None:
    html = isolate(text, base, names)
    assert unescape(re.sub("<[^>]*>", "", html)) == text
    assert not re.search(r"<bdi[^>]*>[^<]*<bdi", html)
