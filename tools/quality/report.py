"""What was counted, as the table that receipts read, and as the page docs/quality.md."""

from collections.abc import Iterator
from pathlib import Path

from storyloom.evaluators import VERSION
from tools.quality.trying import Counts

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "storyloom" / "evaluators" / "measured.toml"
PAGE = ROOT / "docs" / "quality.md"

_NOTE = (
    "Each defect is of a kind that one claim should fail by. Recall is the share of them that was found; false",
    "alarms are books as they are of which the claim failed all the same. Nobody looked whether the books have",
    "defects of their own: a false alarm may be a true one. The studio's pictures are flat and its voice is even:",
    "with real models expect more of both errors. The narration is brought to -19 LUFS first, whatever its maker",
    "left it at. What the maker's own check judges is not in the table, and neither is what was not checked.",
    "Of text_safety it is tried whether a text without moderation's word on record is noticed. A story's JSON does",
    "not hold that word: one that is sound stands in for it, so that its false alarms say little.",
)


def table(counts: Counts, books: int) -> str:
    """measured.toml."""
    parts = [f"# Written by `make quality` from {books} books, evaluators of version {VERSION}."]
    for claim, one in counts.items():
        parts.append(
            f"\n[claims.{claim}]\ndefects = {one.defects}\nfound = {one.found}\nsound = {one.sound}\n"
            f"false_alarms = {one.false_alarms}"
        )
    return "\n".join(parts) + "\n"


def page(counts: Counts, books: int) -> str:
    """docs/quality.md."""
    return "\n".join(_lines(counts, books)) + "\n"


def _lines(counts: Counts, books: int) -> Iterator[str]:
    total = sum(one.defects for one in counts.values())
    yield "# How well the receipt's evaluators find what is wrong"
    yield ""
    yield f"Written by `make quality`: {books} books of the studio's, as they are and with {total} seeded defects."
    yield ""
    yield "\n".join(_NOTE)
    yield ""
    yield "| claim | defects | found | recall | books | false alarms |"
    yield "|---|---|---|---|---|---|"
    for claim, one in counts.items():
        recall = f"{one.found / one.defects:.2f}" if one.defects else "-"
        yield f"| {claim} | {one.defects} | {one.found} | {recall} | {one.sound} | {one.false_alarms} |"
    yield ""
    yield "## Missed"
    yield ""
    kinds = {(claim, name.partition(" (")[0]) for claim, one in counts.items() for name in one.missed}
    yield from (f"- {claim}: {kind}" for claim, kind in sorted(kinds))
    if not kinds:
        yield "Nothing."
