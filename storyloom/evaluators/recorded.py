"""What the makers' own checks said, as it is recorded in the results: evidence, but not independent of the makers."""

from collections.abc import Mapping, Sequence
from typing import Any

from storyloom.evaluators.claims import Claim, Measure

CAST = Measure(
    "cast_and_traits",
    "Everybody who belongs into a picture is in it, with what belongs to them",
    "picture check",
    1,
    unit="findings",
    at_most=0,
    independent=False,
)
PICTURE_SAFETY = Measure(
    "picture_safety",
    "Every picture was looked at before it was kept, and what was not safe was not",
    "picture check",
    1,
    unit="share",
    at_least=1,
    independent=False,
)
TEXT_SAFETY = Measure(
    "text_safety", "Every text was moderated before it was kept", "moderation", 1, unit="share", independent=False
)
PREMISE = Measure(
    "premise", "The story is what was asked for", "story check", 1, unit="share", at_least=1, independent=False
)


def judge_recorded(results: Mapping[str, Mapping[str, Any]], pictures: Sequence[str]) -> list[Claim]:
    """The claims that are known from results alone, by asset."""
    drawn = {name: results[name] for name in pictures if name in results}
    return [*_judge_checks(drawn), _judge_moderation(), _judge_premise(results.get("content"))]


def _judge_checks(drawn: Mapping[str, Mapping[str, Any]]) -> list[Claim]:
    if not drawn:
        return [one.not_checked("The story has no pictures.") for one in (CAST, PICTURE_SAFETY)]
    checked = [name for name, one in drawn.items() if any("check" in call.get("purpose", "") for call in one["calls"])]
    share = len(checked) / len(drawn)
    told = (
        f"{len(checked)} of {len(drawn)} pictures have a check on record; one that finds a picture unsafe keeps it out."
    )
    if not checked:
        why = "No check of a picture is on record."
        return [CAST.not_checked(why), PICTURE_SAFETY.not_checked(why)]
    findings = [f"{name}: {one}" for name in checked for one in drawn[name]["findings"]]
    cast = CAST.judge(len(findings), f"{len(findings)} findings were left after the last drawing." if findings else "")
    return [cast, PICTURE_SAFETY.judge(share, told)]


def _judge_moderation() -> Claim:
    return TEXT_SAFETY.not_checked(
        "A text that moderation flags, or could not judge, is never kept; what it said of those kept is not recorded."
    )


def _judge_premise(content: Mapping[str, Any] | None) -> Claim:
    premise = (content or {}).get("premise")
    if not premise:
        return PREMISE.not_checked("The finished text was not read for what was asked for.")
    read = [part["honoured"] for part in premise.get("parts", ()) if part.get("honoured") is not None]
    missing = len(premise.get("also_missing", ()))
    if not read and not missing:
        return PREMISE.not_checked("Nothing that can be looked for was asked for, or it was not looked for.")
    total = len(read) + missing
    return PREMISE.judge(sum(read) / total, f"{sum(read)} of {total} things that were asked for are in the story.")
