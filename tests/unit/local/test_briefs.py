"""What ``make story`` sends, and what it says of a brief that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.briefs import DEFAULT_BRIEF, read_brief
from local.errors import UserError
from storyloom.story.brief import Brief


def written(folder: Path, brief: Any) -> Path:
    path = folder / "brief.json"
    path.write_text(brief if isinstance(brief, str) else json.dumps(brief))
    return path


def test_our_own_brief_asks_for_a_hero_with_visible_traits() -> None:
    brief = Brief.asked(read_brief(None, None))
    (hero,) = brief.characters
    assert hero.traits == ("wheelchair_manual",)
    assert "round blue glasses" in hero.features


def test_a_seed_goes_into_the_brief_and_into_no_other() -> None:
    assert read_brief(None, "7")["seed"] == 7
    assert "seed" not in read_brief(None, None)
    assert "seed" not in DEFAULT_BRIEF


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    brief = {"characterName": "Ada", "storyType": "bedtime"}
    assert read_brief(written(tmp_path, brief), None) == brief


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "must hold a JSON object"),
        ({"storyType": "bedtime", "characters": [{"name": "Ada", "age": 500}]}, "/characters/0/age: "),
        ({"storyType": "bedtime", "characterName": "Ada", "premis": "typo"}, "/premis: "),
        ({"storyType": "bedtime", "characterName": "Ada", "premise": "x" * 70_000}, "larger than"),
    ],
)
def test_a_wrong_brief_is_one_sentence_that_names_the_place(tmp_path: Path, content: Any, sentence: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UserError) as caught:
        read_brief(path, None)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_brief(tmp_path / "none.json", None)


@pytest.mark.parametrize("seed", ["x", "-1", "1.5", "²", "99999999999"])
def test_a_seed_is_a_whole_number(seed: str) -> None:
    with pytest.raises(UserError, match=r"SEED|seed"):
        read_brief(None, seed)
