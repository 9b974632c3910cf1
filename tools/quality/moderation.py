"""Texts of a finished book that nobody moderated, as far as its results say: defects of the claim ``text_safety``."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from tools.quality.books import Book


def unmoderated() -> Iterator[tuple[str, Callable[[Book], Book]]]:
    """Each with its name. A book without activities raises LookupError for theirs."""
    yield "activities not moderated", _changed(lambda results: results["activities"].pop("moderated"))
    yield "an activity not moderated", _changed(lambda results: _judge_fewer(results["activities"]))
    yield "scene 1 not moderated", _changed(lambda results: results["content"]["scenes"][0].pop("moderated"))
    yield "scene 4 not moderated", _changed(lambda results: results["content"]["scenes"][3].pop("moderated"))
    yield "an alternative text not moderated", _changed(lambda results: _judge_fewer(results["content"]["scenes"][1]))


def _changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Book], Book]:
    """The results with something of them changed."""

    def seed(book: Book) -> Book:
        story = deepcopy(book.story)
        change(story["results"])
        return replace(book, story=story)

    return seed


def _judge_fewer(result: dict[str, Any]) -> None:
    """One text fewer was judged than there are."""
    result["moderated"]["texts"] -= 1
