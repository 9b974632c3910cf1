"""What stands on the pages: all of the story, nothing that is not text, and no hole where a picture is missing."""

import re
import tomllib
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from services.documents.book import pages
from services.documents.book.pages import SNUGGEST, Contents, labels_in, lay_out, palette_of, together, type_size
from storyloom.story.assets import PICTURES, Asset
from storyloom.story.earlier import EarlierStory
from storyloom.story.languages import supported
from tests.unit.documents import stories

LABELS = Path(pages.__file__).with_name("labels.toml")
NASTY = '<img src="http://10.0.0.1/x"> & "quotes" </p><style>@import url(file:///etc/passwd)</style>'


def contents(**changes: Any) -> Contents:
    made: dict[str, Any] = {
        "brief": stories.brief(),
        "story": stories.content(),
        "made_on": date(2026, 11, 22),
        "outline": stories.outline(),
        "activities": stories.activities(),
        "pictures": stories.pictures(),
        "images": stories.images(),
    }
    return Contents(**{**made, **changes})


class Reader(HTMLParser):
    """Reads the words of a page, and where it would fetch from."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent = tag in {"style", "title"}

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words += data.split()

    @classmethod
    def of(cls, html: str) -> "Reader":
        reader = cls()
        reader.feed(html)
        return reader


def words_of(made: Contents) -> str:
    return " ".join(Reader.of(lay_out(made).html).words)


def test_the_whole_story_stands_there_in_order() -> None:
    text = words_of(contents())
    at = 0
    for scene in stories.content().scenes:
        for paragraph in scene.paragraphs:
            at = text.index(" ".join(paragraph.split()), at) + 1


@pytest.mark.parametrize("place", ["title", "logline", "paragraphs", "alt", "activity", "dedication"])
def test_text_stays_text_whatever_it_holds(place: str) -> None:
    story, pictures, acts, brief = stories.content(), stories.pictures(), stories.activities(), stories.brief()
    match place:
        case "title" | "logline":
            story = story.model_copy(update={place: NASTY})
        case "paragraphs":
            story = stories.content(((NASTY,), ("b",), ("c",), ("d",)))
        case "alt":
            pictures = {**pictures, Asset.COVER: pictures[Asset.COVER].model_copy(update={"alt_text": NASTY})}
        case "activity":
            acts = acts.model_copy(update={"activities": stories.four(materials=(NASTY,), age_range=NASTY)})
        case _:
            brief = stories.brief(
                storyType="birthday", typeDetails={"to": NASTY, "from": NASTY, "age_turning": 6, "message": NASTY}
            )
    html = lay_out(contents(story=story, pictures=pictures, activities=acts, brief=brief)).html
    plain = Reader.of(lay_out(contents(brief=brief if place == "dedication" else stories.brief())).html)
    reader = Reader.of(html)
    assert sum(tag == "img" for tag, _ in reader.tags) == len(PICTURES)
    assert sum(tag == "style" for tag, _ in reader.tags) == sum(tag == "style" for tag, _ in plain.tags) == 1
    fetched = [value for _, attrs in reader.tags for key, value in attrs.items() if key in {"src", "href"} and value]
    assert all(url.startswith("book:") for url in fetched)
    assert "&lt;style&gt;" in html or "&lt;img" in html


def test_every_file_that_is_named_comes_with_the_sheet() -> None:
    for made in (contents(), contents(images={}, pictures={}, activities=None, outline=None)):
        sheet = lay_out(made)
        css = sheet.files["book.css"][1].decode()
        named = set(re.findall(r"book:([\w.-]+)", sheet.html + css))
        assert named <= set(sheet.files)


def test_a_missing_picture_is_a_view_in_the_storys_colours() -> None:
    images = {asset: file for asset, file in stories.images().items() if asset is not Asset.SCENE_2}
    sheet = lay_out(contents(images=images))
    assert "scene_2.svg" in sheet.files
    assert "scene_2.jpg" not in sheet.html
    assert "scene_1.jpg" in sheet.html
    alts = [attrs.get("alt") for tag, attrs in Reader.of(sheet.html).tags if tag == "img"]
    assert all(alts)
    assert labels_in("en")[0]["absent"] in words_of(contents(images=images))
    assert labels_in("en")[0]["absent"] not in words_of(contents())


def test_a_scenes_picture_is_described_by_its_author_and_the_cover_by_the_check() -> None:
    sheet = lay_out(contents())
    told = {attrs["src"]: attrs.get("alt") for tag, attrs in Reader.of(sheet.html).tags if tag == "img"}
    assert told["book:cover.jpg"] == stories.pictures()[Asset.COVER].alt_text
    for scene in stories.content().scenes:
        assert told[f"book:scene_{scene.scene}.jpg"] == scene.alt_text


def test_a_short_list_item_breaks_where_it_fits() -> None:
    acts = stories.activities()
    first = acts.activities[0].model_copy(update={"instructions": ("Tell the story", "Tell it all once more")})
    html = lay_out(contents(activities=acts.model_copy(update={"activities": (first, *acts.activities[1:])}))).html
    assert "<li>Tell the story</li>" in html
    assert "<li>Tell it all once\u00a0more</li>" in html


def test_what_ties_an_activity_to_the_story_is_said_once() -> None:
    tie = "The hero listens for the bell."
    acts = stories.activities()
    same = acts.model_copy(
        update={"activities": tuple(one.model_copy(update={"story_connection": tie}) for one in acts.activities)}
    )
    assert words_of(contents(activities=same)).count(tie) == 1


def test_a_birthday_book_is_dedicated() -> None:
    details = {"to": "Mira", "from": "Papa", "age_turning": 6, "message": "May your bell always be answered."}
    text = words_of(contents(brief=stories.brief(storyType="birthday", typeDetails=details)))
    for line in ("For Mira, who turns 6", "May your bell always be answered.", "With love from Papa"):
        assert line in text
    assert "This book belongs to" not in text
    assert "This book belongs to" in words_of(contents())


def test_the_metadata_name_the_story_and_no_one_else() -> None:
    html = lay_out(contents()).html
    metas = {attrs.get("name"): attrs.get("content") for tag, attrs in Reader.of(html).tags if tag == "meta"}
    assert metas["author"] == "Storyloom"
    assert "Mira" not in str(metas)
    assert "<title>Mira and the Answering Bell</title>" in html


def test_the_colophon_names_the_models_that_worked() -> None:
    html = lay_out(contents()).html
    assert "gpt-5.1" in html
    assert "gpt-image-1.5" in html
    assert "gpt-image-1.5" not in lay_out(contents(pictures={}, images={})).html


def test_the_books_own_words_are_in_the_storys_language_or_say_which_they_are_in() -> None:
    german, lang = labels_in("de-AT")
    assert german["the_end"] == "Ende"
    assert lang == "de-AT"
    assert labels_in("ja")[0]["the_end"] == "おしまい"
    assert labels_in("el")[1] == "en"
    reader = Reader.of(lay_out(contents(brief=stories.brief(language="el"))).html)
    assert ("html", {"lang": "el", "dir": "ltr"}) in reader.tags
    assert ("h2", {"lang": "en", "dir": "ltr"}) in reader.tags


def test_every_language_with_labels_has_them_all_and_each_takes_its_names() -> None:
    catalogue = tomllib.loads(LABELS.read_text("utf-8"))
    assert set(catalogue) == {tag for tag, row in supported().items() if row.labels}
    assert {"en", "de", "es", "fr", "it", "pt", "nl", "tr", "ar", "he", "hi", "zh", "ja", "ko"} <= set(catalogue)
    for labels in catalogue.values():
        assert labels.keys() == catalogue["en"].keys()
        assert len(labels["parts"]) == len(set(labels["parts"])) == 4
        for name, english in catalogue["en"].items():
            assert re.findall(r"{\w+}", str(english)) == sorted(
                re.findall(r"{\w+}", str(labels[name])), key=str(english).index
            )


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("he", "rtl"), ("fa", "rtl"), ("zh-Hant", "ltr")])
def test_a_book_runs_the_way_of_its_language(language: str, direction: str) -> None:
    reader = Reader.of(lay_out(contents(brief=stories.brief(language=language))).html)
    assert ("html", {"lang": language, "dir": direction}) in reader.tags


def test_english_in_a_book_in_arabic_runs_its_own_way() -> None:
    """What the model wrote in another language than it was asked for is still readable."""
    reader = Reader.of(lay_out(contents(brief=stories.brief(language="ar"))).html)
    assert ("p", {"dir": "ltr"}) in reader.tags
    assert ("p", {"class": "logline", "dir": "ltr"}) in reader.tags


def test_a_name_in_another_script_is_set_apart() -> None:
    details = {"to": "ليلى", "from": "محمد (Mo)", "age_turning": 5, "message": "Happy birthday, ليلى!"}
    html = lay_out(contents(brief=stories.brief(storyType="birthday", typeDetails=details))).html
    assert 'For <bdi dir="rtl">ليلى</bdi>, who' in html
    assert 'Happy birthday,\u00a0<bdi dir="rtl">ليلى</bdi>!' in html
    assert '<bdi dir="rtl">محمد\u00a0(Mo)</bdi>' in html


def test_small_readers_get_large_letters_and_long_texts_smaller_ones() -> None:
    sizes = [type_size(age, 20) for age in range(3, 13)]
    assert sizes == sorted(sizes, reverse=True)
    assert type_size(5, 20) > type_size(5, 80) > type_size(5, 160)
    assert type_size(3, 4000, SNUGGEST) == type_size(12, 4000, SNUGGEST) == 11
    assert type_size(5, 30, 1) < type_size(5, 30)


def test_the_palette_is_the_outlines_else_the_pictures_else_our_own() -> None:
    assert palette_of(contents()) == stories.outline().palette
    from_pictures = palette_of(contents(outline=None))
    assert from_pictures[:3] == ("#22305c", "#5b7db1", "#e8a33d")
    assert len(from_pictures) == 5
    assert len(palette_of(contents(outline=None, pictures={}))) == 5


def test_the_last_two_words_stay_together_and_nothing_is_lost() -> None:
    assert together("all the way home") == "all the way\u00a0home"
    for text in ("", "one", "two words", "a <b> c d", "an extraordinarily incomprehensible sentence"):
        assert together(text).replace("\u00a0", " ") == text
    assert together("two words") == "two words"
    assert together("an extraordinarily incomprehensible sentence").count(" ") == 3
    assert together("x <b> y z") == "x <b> y\u00a0z"


def test_the_same_contents_make_the_same_sheet() -> None:
    assert lay_out(contents()) == lay_out(contents())


@pytest.mark.parametrize(("language", "said"), [("en", "The story goes on"), ("ar", "القصة مستمرة")])
def test_a_sequel_says_that_the_story_goes_on(language: str, said: str) -> None:
    earlier = EarlierStory(title="The Brass Bell", logline="x", place="x", object="x")
    brief = stories.brief(language=language)
    words = Reader.of(lay_out(contents(brief=brief.model_copy(update={"earlier": earlier}))).html).words
    assert f"{said} · The Brass Bell" in " ".join(words)
    assert said not in " ".join(Reader.of(lay_out(contents(brief=brief)).html).words)
