"""What a model writes is cleaned or rejected before anything else sees it."""

import json
import unicodedata
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from storyloom.story.model_text import MAX_ANSWER_CHARACTERS, ModelAnswer, RejectedTextError, clean_text, plain_word

steadily = settings(max_examples=300, deadline=None, derandomize=True)

REJECTED = {
    "NUL": ("Zo\0eb", "control"),
    "escape sequence": ("Zoë \x1b[31mran", "control"),
    "backspace": ("Zox\bë", "control"),
    "vertical tab": ("Zoë\x0bran", "control"),
    "form feed": ("Zoë\x0cran", "control"),
    "unit separator, white space to Python": ("Zoë\x1fran", "control"),
    "delete": ("Zoë\x7f", "control"),
    "an ellipsis of Windows-1252": ("Zoë ran\x85", "control"),
    "a quote of Windows-1252": ("\x93Zoë\x94", "control"),
    "a leading half": ("Zo\ud83d", "surrogate"),
    "a trailing half": ("\ude00Zoë", "surrogate"),
    "U+FFFE": ("Zoë\ufffe", "noncharacter"),
    "U+FFFF": ("Zoë\uffff", "noncharacter"),
    "U+FDD0": ("Zoë\ufdd0", "noncharacter"),
    "the last of the last plane": ("Zoë\U0010ffff", "noncharacter"),
    "a replacement character": ("Zo\ufffd ran", "replacement"),
    "an object's place": ("Zoë\ufffc", "replacement"),
    "a citation's mark": ("Zoë ran \ue200cite\ue202", "private"),
    "plane 16": ("Zoë\U00100000", "private"),
    "an override": ("Zoë \u202egpj.exe", "direction"),
    "a balanced override": ("Zoë \u202eran\u202c", "direction"),
    "an isolate left open": ("Zoë \u2067ran", "direction"),
    "a closing without an opening": ("Zoë ran\u2069", "direction"),
    "crossed": ("\u2066Zoë \u202aran\u2069\u202c", "direction"),
    "a tag": ("Zoë <b>ran</b>", "markup"),
    "a script": ("<script>alert(1)</script>", "markup"),
    "a tag without an end": ("Zoë <img src=x", "markup"),
    "a tag hidden by a soft hyphen": ("<\u00adb>Zoë", "markup"),
    "a tag hidden by stars": ("<**b**>Zoë", "markup"),
    "a comment": ("Zoë <!-- ran -->", "markup"),
    "a declaration": ("<?xml version='1.0'?>", "markup"),
    "an entity": ("Zoë &amp; Tom", "markup"),
    "a numbered entity": ("Zoë&#39;s kite", "markup"),
    "an entity in hex": ("Zo&#xEB;", "markup"),
    "a code fence": ("```json", "markup"),
    "a link": ("[Zoë](https://example.org)", "markup"),
    "a heap of marks": ("Z" + "\u0335\u0316" * 6 + "oë", "marks"),
    "too long": ("Zoë ran. " * 80, "longer"),
    "much too long": ("a" * 10_000_000, "longer"),
}
CLEANED = {
    "a decomposed name": ("Zoe\u0308", "Zoë"),
    "an ångström": ("\u212b", "Å"),
    "line breaks of Windows": ("Zoë\r\nran", "Zoë ran"),
    "a line separator": ("Zoë\u2028ran", "Zoë ran"),
    "a paragraph separator": ("Zoë\u2029ran", "Zoë ran"),
    "white space around": ("  Zoë ran. \n", "Zoë ran."),
    "white space of all kinds": ("Zoë\t\u00a0\u3000 ran", "Zoë ran"),
    "a soft hyphen": ("Zo\u00adë", "Zoë"),
    "a byte order mark": ("\ufeffZoë", "Zoë"),
    "a joiner within a word": ("ki\u200dll", "kill"),
    "a zero-width space within a word": ("ki\u200bll", "kill"),
    "one hidden behind another": ("ki\u00ad\u200dll", "kill"),
    "tags that nobody sees": ("Zoë\U000e0041\U000e0042", "Zoë"),
    "closed isolates": ("Zoë and \u2067ليلى\u2069", "Zoë and ليلى"),
    "stars of Markdown": ("Zoë was **very** glad", "Zoë was very glad"),
    "lines of Markdown": ("Zoë was __very__ glad", "Zoë was very glad"),
}
KEPT = {
    "quotes and dashes": "“Come!” said Zoë – and ran…",
    "less than": "2 < 3, and 5 > 4",
    "a heart": "I <3 you",
    "an ampersand": "Tom & Zoë; and Q&A",
    "a stop after an ampersand": "rock&roll; and on",
    "Arabic": "ذهبت ليلى إلى البيت.",
    "Arabic with marks of direction": "ليلى\u200f!",
    "pointed Hebrew": "בְּרֵאשִׁית",
    "Hindi with a joiner": "क्\u200dष",
    "Persian with a non-joiner": "می\u200cخواهم",
    "Thai": "ที่นี่",
    "Khmer with spaces of no width": "សួស្តី\u200bមិត្ត",
    "Chinese": "小明跑了。",
    "a family of one emoji": "👩\u200d👩\u200d👧",
    "a heart in colour": "❤\ufe0f",
    "an emoji": "🦄 Lily",
    "Vietnamese": "Nguyễn Thị Ánh",
    "Tibetan": "བསྒྲུབས",
    "nothing": "",
}


@pytest.mark.parametrize(("text", "what"), REJECTED.values(), ids=list(REJECTED))
def test_what_shows_a_broken_answer_is_rejected_without_quoting_it(text: str, what: str) -> None:
    with pytest.raises(RejectedTextError, match=what) as raised:
        clean_text(text)
    assert "Zo" not in str(raised.value)


@pytest.mark.parametrize(("text", "clean"), CLEANED.values(), ids=list(CLEANED))
def test_what_is_harmless_is_cleaned(text: str, clean: str) -> None:
    assert clean_text(text) == clean


@pytest.mark.parametrize("text", KEPT.values(), ids=list(KEPT))
def test_what_people_write_is_kept(text: str) -> None:
    assert clean_text(text) == text


@steadily
@given(
    st.text(
        st.one_of(
            st.characters(exclude_categories=()),
            st.sampled_from(
                "\0\x1b\x85\u00ad\u200b\u200c\u200d\u202a\u202c\u202e\u2067\u2069\u0301\ufeff\ufffe<>&;*_ea "
            ),
        ),
        max_size=40,
    )
)
def test_whatever_is_let_through_can_be_kept_anywhere(text: str) -> None:
    try:
        clean = clean_text(text)
    except RejectedTextError:
        return
    assert clean_text(clean) == clean
    assert clean == unicodedata.normalize("NFC", clean).strip()
    assert json.loads(json.dumps(clean).encode()) == clean
    element = ET.Element("p")
    element.text = clean
    assert (ET.fromstring(ET.tostring(element, "utf-8")).text or "") == clean
    assert not any(unicodedata.category(sign) in {"Cc", "Cs", "Co"} for sign in clean)


class Leaf(BaseModel):
    look: str


class Tree(ModelAnswer):
    longest: ClassVar = {"pages": 20}
    name: str
    pages: tuple[str, ...] = ()
    leaves: tuple[Leaf, ...] = ()
    leaf: Leaf | None = None


@pytest.mark.parametrize(
    ("spoiled", "place"),
    [
        ({"name": "\0"}, "name holds a control"),
        ({"pages": ["one", "t\0o"]}, "pages.1 holds a control"),
        ({"pages": ["one", "x" * 21]}, "pages.1 is longer than 20"),
        ({"leaf": {"look": "<b>"}}, "leaf.look holds markup"),
        ({"leaves": [{"look": "green"}, {"look": "\u202e"}]}, "leaves.1.look holds marks"),
        ({"leaf": {"look": "x" * 601}}, "leaf.look is longer than 600"),
        ({"Zoë": "\0"}, r"\? holds a control"),
    ],
)
def test_no_string_of_an_answer_is_overlooked_however_deep_it_stands(spoiled: dict[str, Any], place: str) -> None:
    answer: dict[str, Any] = {"name": "Zoë", **spoiled}
    with pytest.raises(ValidationError, match=place):
        Tree.model_validate(answer)
    with pytest.raises(ValidationError, match=place):
        Tree.model_validate_json(json.dumps(answer))


def test_the_cleaned_strings_are_those_of_the_answer() -> None:
    tree = Tree.model_validate_json('{"name": "Zoe\\u0308 ", "pages": ["a\\r\\nb"], "leaf": {"look": " green"}}')
    assert tree == Tree(name="Zoë", pages=("a b",), leaf=Leaf(look="green"))


def test_half_a_pair_in_json_is_no_answer() -> None:
    with pytest.raises(ValidationError):
        Tree.model_validate_json('{"name": "Zo\\ud83d"}')


def test_an_endless_answer_of_short_strings_is_rejected() -> None:
    pages = ["a page of a book"] * (MAX_ANSWER_CHARACTERS // 10)
    with pytest.raises(ValidationError, match="the answer is longer"):
        Tree.model_validate({"name": "Zoë", "pages": pages})


@pytest.mark.parametrize("said", ["violence/graphic", "self-harm", "server_error", "429"])
def test_a_providers_own_word_is_kept(said: str) -> None:
    assert plain_word(said) == said


@pytest.mark.parametrize("said", [None, 7, {}, "", "a\0b", "<b>", "x" * 200, "Zoë", "\u202e"])
def test_what_is_no_word_is_not_repeated(said: object) -> None:
    assert plain_word(said) == "unnamed"
