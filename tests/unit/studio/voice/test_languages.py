"""A text is read in its own language, and a name in another script by that script's voice."""

import pytest

from studio.voice.languages import hear_language, voice_for
from studio.voice.synthesis import synthesise

TEXTS = {
    "en-us": "Mira and the fox looked for the lantern in the wood.",
    "de": "Mira und der Fuchs suchten die Laterne im Wald, und es war nicht weit.",
    "fr": "Mira et le renard cherchent la lanterne dans la forêt, et il est tard.",
    "es": "Mira y el zorro buscaron la linterna en el bosque, y no era tarde.",
    "it": "Mira e la volpe cercavano la lanterna nel bosco, e non era tardi.",
    "ru": "Мира и лиса искали фонарь в лесу.",
    "uk": "Міра й лисиця шукали ліхтар у лісі.",
    "ar": "بحثت نور عن الفانوس في الغابة.",
    "ja": "ミラときつねは森でランタンをさがしました。",
    "cmn": "小明和狐狸在森林里找灯笼。",
    "el": "Η Μίρα και η αλεπού έψαχναν το φανάρι.",
}


@pytest.mark.parametrize(("voice", "text"), TEXTS.items(), ids=TEXTS)
def test_the_language_of_a_text_is_heard(voice: str, text: str) -> None:
    assert hear_language(text) == voice


def test_names_of_another_language_do_not_make_a_text_another() -> None:
    assert hear_language("Le said hello to Mira.") == "en-us"
    assert hear_language("🦊 … 12") == "en-us"


@pytest.mark.parametrize(
    ("word", "language", "voice"),
    [("نور", "en-us", "ar"), ("Мира", "en-us", "ru"), ("Мира", "uk", "uk"), ("小明", "ja", "ja"),
     ("小明", "en-us", "cmn"),
     ("Mira", "ar", "en-us"), ("Mira", "de", "de"), ("7", "ar", "ar")],
)  # fmt: skip
def test_a_word_of_another_script_has_a_voice_of_its_own(word: str, language: str, voice: str) -> None:
    assert voice_for(word, language) == voice


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_language_that_is_heard_can_be_read(text: str) -> None:
    speech = synthesise(text, voice_id="narrator", settings={}, engine="espeak", seed=1)
    assert len(speech.characters) == len(speech.starts) == len(text)
    assert speech.ends[-1] > 1


def test_the_same_letters_sound_otherwise_in_another_language() -> None:
    german, english = (
        synthesise(f"{lead} Juli.", voice_id="narrator", settings={}, engine="espeak", seed=1).mp3
        for lead in ("Es war die und der", "It was the and of")
    )
    assert german != english
