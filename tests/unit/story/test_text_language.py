"""A text in another language than it should be is known for it; what is not sure is taken for right."""

import pytest

from storyloom.story.text_language import language_fault, text_language

ENGLISH = "The small fox sat by the gate and looked at the moon. “Is that for me?” she said, and the bell rang again."
GERMAN = "Der kleine Fuchs saß am Tor und schaute den Mond an. „Ist das für mich?“, fragte sie, und die Glocke klang."
SPANISH = (
    "El pequeño zorro estaba junto a la puerta y miraba la luna. «¿Es para mí?», dijo, y la campana volvió a sonar."
)
FRENCH = "Le petit renard était assis près de la porte et regardait la lune. « C'est pour moi ? » dit-elle doucement."
RUSSIAN = "Маленькая лиса сидела у ворот и смотрела на луну. «Это мне?» — спросила она, и колокольчик зазвенел."
ARABIC = "جلس الثعلب الصغير قرب الباب ونظر إلى القمر. قالت: هل هذا لي؟ ثم رن الجرس مرة أخرى."
JAPANESE = "小さなきつねは門のそばにすわって、月を見ていました。「これ、わたしに？」と言うと、鈴が鳴りました。"
CHINESE = "小狐狸坐在门边看着月亮。“这是给我的吗？”她说，铃铛又响了起来。"

TEXTS = {
    "en": ENGLISH,
    "de": GERMAN,
    "es": SPANISH,
    "fr": FRENCH,
    "ru": RUSSIAN,
    "ar": ARABIC,
    "ja": JAPANESE,
    "zh": CHINESE,
}


def test_every_text_is_right_in_its_own_language_and_wrong_in_every_other() -> None:
    assert {
        (written, wanted): language_fault(text, wanted) is None for written, text in TEXTS.items() for wanted in TEXTS
    } == {(written, wanted): written == wanted for written in TEXTS for wanted in TEXTS}


def test_the_feedback_names_both_languages_and_no_word_of_the_text() -> None:
    fault = language_fault(ENGLISH, "de-AT") or ""
    assert "de-AT" in fault
    assert "in en" in fault
    assert "fox" not in fault


@pytest.mark.parametrize("wanted", ["nb", "hr", "sr-Latn", "id", "cs", "gl", "zh-Hant", "mr"])
def test_a_tag_of_any_form_is_understood(wanted: str) -> None:
    assert text_language(ENGLISH, wanted) == "en"


@pytest.mark.parametrize("text", ["Mirabel!", "Max und Moritz", "🦊🦊🦊", "", "Mirabel Wolfeschlegelstein"])
def test_of_a_few_words_nothing_is_said(text: str) -> None:
    assert language_fault(text, "en") is None


def test_a_few_foreign_words_and_names_make_no_foreign_text() -> None:
    assert language_fault(f"{GERMAN} „Good night, my dear“, sagte 小明 zu ليلى, „buenas noches“.", "de") is None
    assert language_fault(f"{ENGLISH} Hola means hello, and adiós means goodbye, said Lucía.", "en") is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Reven satt ved porten og så på månen. «Er det til meg?» sa hun, og klokken ringte igjen.", "nn"),
        ("Мала лисиця сиділа біля воріт і дивилася на місяць. «Це мені?» — спитала вона.", "uk"),
        ("Lisica je sjedila kraj vrata i gledala mjesec. „Je li to za mene?“, rekla je.", "bs"),
        ("Rubah kecil duduk di dekat gerbang dan memandang bulan. “Ini untukku?” katanya.", "ms"),
    ],
)
def test_neighbours_are_not_held_against_each_other(text: str, wanted: str) -> None:
    assert language_fault(text, wanted) is None
