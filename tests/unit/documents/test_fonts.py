"""The book's fonts: cut to its letters, from the language's own fonts first, the same every time."""

import pytest

from services.documents.book.fonts import fonts_for
from storyloom.story.languages import language_of, supported


def body(text: str, language: str) -> str:
    css = fonts_for(text, language_of(language))["fonts.css"][1].decode()
    return css.partition("--body: ")[2].partition(";")[0].replace('"', "")


@pytest.mark.parametrize(
    ("text", "language", "families"),
    [
        ("Mira", "en", "Atkinson"),
        ("Mira ليلى", "en", "Atkinson, Noto Sans Arabic"),
        ("Мира", "ru", "Noto Sans, Atkinson"),
        ("Işıl İnci", "tr", "Noto Sans, Atkinson"),
        ("小明", "zh-TW", "Noto Sans CJK TC, Atkinson"),
        ("Mira 小明", "en", "Atkinson, Noto Sans CJK SC"),
        ("Mira さくら", "en", "Atkinson, Noto Sans CJK JP"),
        ("Mira 🦊", "en", "Atkinson, emoji"),
    ],
)
def test_a_text_is_set_in_its_languages_fonts_and_those_of_what_else_it_holds(
    text: str, language: str, families: str
) -> None:
    assert body(text, language) == families


def test_fonts_hold_the_letters_of_the_book_and_no_more() -> None:
    cut = fonts_for("小明和小狐狸", language_of("zh"))
    assert sum(len(data) for _, data in cut.values()) < 60_000
    assert cut == fonts_for("小明和小狐狸", language_of("zh"))


@pytest.mark.parametrize("tag", supported())
def test_every_language_has_its_fonts(tag: str) -> None:
    assert fonts_for("1", supported()[tag])["fonts.css"]
