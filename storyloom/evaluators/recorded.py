"""What the makers' own checks said, as it is recorded in the results: evidence, but not independent of the makers."""

from collections.abc import Iterator, Mapping, Sequence
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
    "text_safety",
    "Every text was moderated before it was kept",
    "moderation",
    2,
    unit="share",
    at_least=1,
    independent=False,
)
PREMISE = Measure(
    "premise", "The story is what was asked for", "story check", 1, unit="share", at_least=1, independent=False
)


def judge_recorded(results: Mapping[str, Mapping[str, Any]], pictures: Sequence[str]) -> list[Claim]:
    """The claims that are known from results alone, by asset."""
    drawn = {name: results[name] for name in pictures if name in results}
    return [*_judge_checks(drawn), _judge_moderation(results), _judge_premise(results.get("content"))]


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


def _judge_moderation(results: Mapping[str, Mapping[str, Any]]) -> Claim:
    """The share of texts of which it is on record what moderation said.

    One that it flags, or cannot judge, is not kept. A plan without a record was made by a release that kept none: what
    is known of its story is what was written since, and it is not checked.
    """
    if not results.get("content", {}).get("scenes"):
        return TEXT_SAFETY.not_checked("The story has no whole text.")
    texts = {name: (count, record) for name, count, record in _texts(results)}
    total = sum(count for count, _ in texts.values())
    known = sum(min(count, record["texts"]) for count, record in texts.values() if record)
    records = [record for _, record in texts.values() if record]
    if not records:
        return TEXT_SAFETY.not_checked("What moderation said is not on record: the story is of an earlier release.")
    if "outline" in texts and not texts["outline"][1]:
        return TEXT_SAFETY.not_checked(
            f"The story was begun by an earlier release: {known} of {total} texts are on record."
        )
    lacking = [name for name, (count, record) in texts.items() if not record or record["texts"] < count]
    told = f"{total} texts" if not lacking else f"{known} of {total} texts"
    without = f" Not on record: {', '.join(lacking)}." if lacking else ""
    return TEXT_SAFETY.judge(known / total, f"{told} {_tell_records(records)}.{without}")


def _texts(results: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, int, Mapping[str, Any] | None]]:
    """What holds words of the story, by name: how many texts, and what moderation said of them.

    A plan is judged as one text, a scene's words and its alternative text as two, each activity as one.
    """
    if (outline := results.get("outline")) is not None:
        yield "outline", 1, outline.get("moderated")
    for number, scene in enumerate(results["content"]["scenes"], start=1):
        yield f"scene {number}", 2 if scene.get("alt_text", "").strip() else 1, scene.get("moderated")
    if (activities := results.get("activities")) is not None:
        yield "activities", len(activities["activities"]), activities.get("moderated")


def _tell_records(records: Sequence[Mapping[str, Any]]) -> str:
    by = f"by {', '.join(sorted({record['model'] for record in records}))}"
    scored = [(record["score"], record["category"]) for record in records if record.get("score") is not None]
    if not scored:
        return f"{by}, which gave no scores"
    score, category = max(scored, key=lambda one: one[0])
    told = f"{score:.2f}" if score >= 0.005 else "below 0.01"
    return f"{by}; the highest score was {told}, {category}"


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
