"""Tries every evaluator on books as they are, and on each defect; counts what is found, and what is claimed falsely."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from PIL import Image

from storyloom.evaluators.book import judge_book
from storyloom.evaluators.claims import Claim
from storyloom.evaluators.ebook import judge_ebook
from storyloom.evaluators.evaluate import PICTURES, judge_files
from storyloom.evaluators.pictures import judge_colours, judge_distinct, judge_wordless, to_lab
from storyloom.evaluators.recorded import judge_recorded
from storyloom.evaluators.sound import decode, judge_alignment, judge_loudness, judge_onsets
from storyloom.evaluators.text import judge_text
from tools.quality.books import Book
from tools.quality.defects import Defect, defects, levelled


@dataclass
class Count:
    """How one claim did."""

    defects: int = 0
    found: int = 0
    sound: int = 0
    false_alarms: int = 0
    missed: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    kinds: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of those defects whose kind was told: how many were seeded, and how many of them found."""

    def look(self, name: str, *, alarm: bool) -> None:
        """Count something as it is."""
        self.sound += 1
        if alarm:
            self.false_alarms += 1
            self.alarms.append(name)

    def seed(self, name: str, *, found: bool, kind: str | None = None) -> None:
        """Count a defect."""
        self.defects += 1
        if found:
            self.found += 1
        else:
            self.missed.append(name)
        if kind is not None:
            seeded, right = self.kinds.get(kind, (0, 0))
            self.kinds[kind] = (seeded + 1, right + found)

    def add(self, other: "Count") -> None:
        """Count what another one has counted, too."""
        self.defects += other.defects
        self.found += other.found
        self.sound += other.sound
        self.false_alarms += other.false_alarms
        self.missed += other.missed
        self.alarms += other.alarms


Counts = Mapping[str, Count]


def _images(book: Book) -> dict[str, Image.Image]:
    return {name: Image.open(io.BytesIO(book.files[name])).convert("RGB") for name in PICTURES}


def judges(program: str | None) -> Mapping[str, Callable[[Book], Iterable[Claim]]]:
    """What measures each claim, and as little else as can be. ``program``: Tesseract."""

    def onsets(book: Book) -> Iterable[Claim]:
        return [judge_onsets(decode(book.files["audio"]), book.story["results"]["audio"]["words"])]

    def aligned(book: Book) -> Iterable[Claim]:
        words = book.story["results"]["audio"]["words"]
        return [judge_alignment(decode(book.files["audio"]), words, book.story["language"])]

    def loud(book: Book) -> Iterable[Claim]:
        return judge_loudness(decode(book.files["audio"]))

    def text(book: Book) -> Iterable[Claim]:
        story = book.story
        content = story["results"]["content"]
        return judge_text(content, age=story["age"], language=story["language"], names=story["names"])

    def recorded(book: Book) -> Iterable[Claim]:
        return judge_recorded(book.story["results"], ())

    def colours(book: Book) -> Iterable[Claim]:
        return judge_colours({name: to_lab(one) for name, one in _images(book).items()}, book.story["characters"])

    def printed(book: Book) -> Iterable[Claim]:
        results = book.story["results"]
        return judge_book(results["pdf"], book.files["pdf"], results["content"], book.story["language"])

    def ebook(book: Book) -> Iterable[Claim]:
        results = book.story["results"]
        return judge_ebook(results["epub"], book.files["epub"], results["content"], book.story["language"])

    def files(book: Book) -> Iterable[Claim]:
        return [judge_files(book.story["results"], book.files)]

    return {
        "words_timed": onsets,
        "words_aligned": aligned,
        "loudness": loud,
        "true_peak": loud,
        "level": text,
        "language": text,
        "text_safety": recorded,
        "identity_skin": colours,
        "identity_hair": colours,
        "identity_clothing": colours,
        "pictures_distinct": lambda book: [judge_distinct(_images(book))],
        "stray_text": lambda book: [judge_wordless(_images(book), program)],
        "pdf": printed,
        "pdf_words": printed,
        "epub": ebook,
        "epub_words": ebook,
        "files_whole": files,
    }


def try_all(
    books: Iterable[Book], program: str | None, note: Callable[[str], object], *, without: frozenset[str] = frozenset()
) -> Counts:
    """Every claim on every book as it is, and on each defect of its own. A claim that is not checked counts nowhere.

    ``without``: claims that are left out, and have no row.
    """
    measures = {claim: judge for claim, judge in judges(program).items() if claim not in without}
    counts = {claim: Count() for claim in measures}
    seeded = [defect for defect in defects() if defect.claim in measures]
    for book in books:
        for claim, outcome in _sound(book, measures):
            counts[claim].look(book.name, alarm=outcome == "fail")
        for defect in seeded:
            outcome = _outcome(book, defect, measures[defect.claim])
            if outcome == "not_checked":
                continue
            counts[defect.claim].seed(f"{defect.name} ({book.name})", found=outcome == "fail")
            note(f"{book.name}: {defect.claim}, {defect.name}: {'found' if outcome == 'fail' else 'missed'}")
    return counts


def _sound(book: Book, measures: Mapping[str, Callable[[Book], Iterable[Claim]]]) -> Iterator[tuple[str, str]]:
    """The outcomes of a book without a defect. How loud it is is the maker's affair: it is levelled first."""
    done: set[str] = set()
    for claim, judge in measures.items():
        if claim in done:
            continue
        told = judge(levelled(book) if claim in {"loudness", "true_peak"} else book)
        for found in told:
            done.add(found.measure.claim)
            if found.outcome != "not_checked" and found.measure.claim in measures:
                yield found.measure.claim, found.outcome


def _outcome(book: Book, defect: Defect, judge: Callable[[Book], Iterable[Claim]]) -> str:
    try:
        changed = defect.seed(book)
    except LookupError:
        return "not_checked"  # this book has nothing that could be changed so
    return next(found.outcome for found in judge(changed) if found.measure.claim == defect.claim)
