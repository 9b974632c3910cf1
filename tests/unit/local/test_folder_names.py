"""Folder names say what the story is, never who the child."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.folder_names import MAX_LENGTH, folder_name, slug

NAME = st.text(st.sampled_from("abcdefMIRAéß"), min_size=3, max_size=8)


@pytest.mark.parametrize(
    ("title", "names", "expected"),
    [
        ("Mira and the Fox's Lantern", ["Mira"], "and-the-fox-s-lantern"),
        ("Mira's Lantern", ["mira"], "lantern"),
        ("MIRA’s Night", ["Mira"], "night"),
        ("Zoë’s Déjà Vu", ["Zoe"], "deja-vu"),
        ("Zoe's Boat", ["Zoë"], "boat"),
        ("Anna-Lena Sails", ["Anna-Lena"], "sails"),
        ("Miralund Awakes", ["Mira"], "awakes"),
        ("Bo in the Boat", ["Bo"], "in-the-boat"),
        ("Mira & Ada", ["Mira", "Ada"], "story"),
        ("", ["Mira"], "story"),
        ("../../etc/passwd", ["Mira"], "etc-passwd"),
        ("Ночной фонарь", ["Mira"], "story"),
    ],
)
def test_a_slug_is_the_title_without_the_names(title: str, names: list[str], expected: str) -> None:
    assert slug(title, names) == expected


@given(NAME, st.text(max_size=30), st.text(max_size=30))
def test_no_title_brings_the_name_in(name: str, before: str, after: str) -> None:
    plain = slug(name, [])
    assert plain not in slug(f"{before} {name} {after}", [name]) or plain == "story"


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=3))
def test_a_slug_is_always_a_short_safe_name(title: str, names: list[str]) -> None:
    made = slug(title, names)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made)
    assert len(made) <= MAX_LENGTH


def test_a_folder_begins_with_date_and_time() -> None:
    now = datetime(2026, 11, 22, 14, 5, 9, tzinfo=UTC)
    assert folder_name(now, "The Lantern", ["Mira"]) == "2026-11-22_14-05-09-the-lantern"
