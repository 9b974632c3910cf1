"""What was counted, as the table that receipts read, and as the page docs/quality.md."""

from collections.abc import Iterator
from pathlib import Path

from storyloom.evaluators import VERSION
from storyloom.evaluators.recorded import CAST
from tools.quality.trying import Count, Counts

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "storyloom" / "evaluators" / "measured.toml"
PAGE = ROOT / "docs" / "quality.md"

_NOTE = (
    "Each defect is of a kind that one claim should fail by. Recall is the share of them that was found; false",
    "alarms are books as they are of which the claim failed all the same. Nobody looked whether the books have",
    "defects of their own: a false alarm may be a true one. The studio's pictures are flat and its voice is even:",
    "with real models expect more of both errors. The narration is brought to -19 LUFS first, whatever its maker",
    "left it at. Colours of heroes are not painted over: eight stories of three pictures are drawn with skin, hair or",
    "clothes of another colour than the brief's. What is not checked has no row, and of what the makers' own checks",
    "judge two claims alone have one. Of text_safety it is tried whether a text without moderation's word on record",
    "is noticed. A story's JSON does not hold that word: one that is sound stands in for it, so that its false alarms",
    "say little.",
)
_MAKERS = (
    "`cast_and_traits` is no evaluator's measurement: it is the maker's own picture check, asked about drawings of",
    "the studio's. Its {} stories are made for it, five pictures each. The drawings are made from prompts that differ",
    "by the defect alone, and the check is asked for what should be there; what it finds beyond the picture as it is",
    "counts. The studio answers from what it noted when it drew, in the words by which it draws. So the row shows that",
    "the right questions are asked and the answers heeded. It does not show how well a vision model sees.",
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
    total = sum(one.defects for claim, one in counts.items() if claim != CAST.claim)
    drawn = counts.get(CAST.claim)
    yield "# How well the receipt's evaluators find what is wrong"
    yield ""
    yield f"Written by `make quality`: {books} books of the studio's, as they are and with {total} seeded defects."
    yield ""
    yield "\n".join(_NOTE)
    yield ""
    yield "| claim | defects | found | recall | books | false alarms |"
    yield "|---|---|---|---|---|---|"
    for claim, one in counts.items():
        name = f"{claim} (the maker's check)" if claim == CAST.claim else claim
        row = (name, one.defects, one.found, _recall(one.defects, one.found), one.sound, one.false_alarms)
        yield f"| {' | '.join(map(str, row))} |"
    yield ""
    if drawn is not None:
        yield from _picture_check(drawn)
    yield "## Missed"
    yield ""
    kinds = {(claim, name.partition(" (")[0]) for claim, one in counts.items() for name in one.missed}
    yield from (f"- {claim}: {kind}" for claim, kind in sorted(kinds))
    if not kinds:
        yield "Nothing."


def _picture_check(count: Count) -> Iterator[str]:
    yield "## The maker's own picture check"
    yield ""
    yield "\n".join(_MAKERS).format(count.sound)
    yield ""
    yield "| kind of defect | defects | found | recall |"
    yield "|---|---|---|---|"
    for kind, (defects, found) in count.kinds.items():
        yield f"| {kind} | {defects} | {found} | {_recall(defects, found)} |"
    yield ""


def _recall(defects: int, found: int) -> str:
    return f"{found / defects:.2f}" if defects else "-"
