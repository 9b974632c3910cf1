"""All claims of a story, from plain JSON and the bytes of its files."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from storyloom.evaluators import VERSION
from storyloom.evaluators.book import judge_book
from storyloom.evaluators.claims import Claim, Measure
from storyloom.evaluators.ebook import judge_ebook
from storyloom.evaluators.pictures import judge_pictures
from storyloom.evaluators.recorded import judge_recorded
from storyloom.evaluators.sound import judge_sound
from storyloom.evaluators.text import judge_text

PICTURES = ("cover", "scene_1", "scene_2", "scene_3", "scene_4")
WHOLE = Measure("files_whole", "Every file is what was made", "SHA-256", 1, unit="damaged", at_most=0)


def evaluate(story: Mapping[str, Any], files: Mapping[str, bytes]) -> list[Claim]:
    """The claims of a story: {age, language, characters, names, results by asset}, and its files by asset.

    An evaluator that breaks says so in its claims; the others go on.
    """
    results: Mapping[str, Mapping[str, Any]] = story["results"]
    language, age, characters = story["language"], story["age"], story["characters"]
    names = story["names"]
    content, audio = results.get("content"), results.get("audio")
    pictures = {name: files[name] for name in PICTURES if name in files}
    return [
        *_guarded(lambda: judge_recorded(results, PICTURES)),
        *_guarded(lambda: judge_text(content, age=age, language=language, names=names)),
        *_guarded(lambda: judge_pictures(pictures, characters)),
        *_guarded(lambda: judge_sound(audio, files.get("audio"), language)),
        *_guarded(lambda: judge_book(results.get("pdf"), files.get("pdf"), content, language)),
        *_guarded(lambda: judge_ebook(results.get("epub"), files.get("epub"), content, language)),
        judge_files(results, files),
    ]


def _guarded(judge: Callable[[], Iterable[Claim]]) -> list[Claim]:
    try:
        return list(judge())
    except Exception as error:  # noqa: BLE001 - whatever it was, it is no reason for a story to have no receipt
        broken = Measure("evaluator_broken", "An evaluator broke", type(error).__name__, VERSION)
        return [broken.not_checked("Its claims are lacking.")]


def judge_files(results: Mapping[str, Mapping[str, Any]], files: Mapping[str, bytes]) -> Claim:
    """Files whose bytes are not those that were stored when they were made, or that are gone."""
    recorded = {name: stored_in(result) for name, result in results.items()}
    wanted = {name: stored["sha256"] for name, stored in recorded.items() if stored is not None and name in FILES}
    if not wanted:
        return WHOLE.not_checked("The story has no files.")
    damaged = [name for name, digest in wanted.items() if hashlib.sha256(files.get(name, b"")).hexdigest() != digest]
    return WHOLE.judge(len(damaged), ", ".join(damaged) or f"{len(wanted)} files.")


FILES = (*PICTURES, "audio", "pdf", "epub")
"""The assets whose files are looked at."""


def stored_in(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object that a result names."""
    return next((result[name] for name in ("image", "audio", "pdf") if isinstance(result.get(name), dict)), None)
