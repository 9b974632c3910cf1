"""``make quality``: make 24 books, judge them, seed defects into them, and write what came of it.

The maker's own picture check is tried on drawings made for it (tools/quality/picture_check.py).

``python -m tools.quality FOLDER`` makes what is lacking of them in the folder. With ``--there`` it makes none, and
takes whatever books are there. ``--only N`` takes the first. Tesseract is used where it is installed.
"""

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from tools.quality.books import read_books
from tools.quality.drawn_colours import CLAIMS, try_colours
from tools.quality.gallery import write_gallery
from tools.quality.making import make
from tools.quality.picture_check import CLAIM, try_picture_check
from tools.quality.report import PAGE, TABLE, page, table
from tools.quality.trying import try_all


def main() -> int:
    """0; 1 where there are no books."""
    parser = argparse.ArgumentParser(prog="python -m tools.quality", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the books are, a folder each, as `make story` leaves them")
    parser.add_argument("--there", action="store_true", help="make none")
    parser.add_argument("--only", type=int, default=None, help="so many books, the first by name")
    parser.add_argument("--without", action="append", default=[], metavar="CLAIM", help="leave a claim out; repeat it")
    parser.add_argument("--dry", action="store_true", help="print the page, and write nothing")
    options = parser.parse_args()
    if not options.there:
        if code := make(options.folder):
            return code
        sys.stderr.write(f"The gallery: {write_gallery(options.folder)}\n")
    books = [*read_books(options.folder)][: options.only]
    if not books:
        sys.stderr.write(f"There is no whole book in {options.folder}.\n")
        return 1
    counts = {**try_all(books, shutil.which("tesseract"), _tell, without=frozenset(options.without))}
    if not counts.keys().isdisjoint(CLAIMS.values()):
        for claim, drawn in asyncio.run(try_colours(_tell)).items():
            if claim in counts:
                counts[claim].add(drawn)
    if CLAIM not in options.without:
        counts[CLAIM] = asyncio.run(try_picture_check(_tell))
    written = page(counts, len(books))
    if not options.dry:
        TABLE.write_text(table(counts, len(books)), "utf-8")
        PAGE.write_text(written, "utf-8")
    sys.stdout.write(written)
    for claim, one in counts.items():
        sys.stderr.writelines(f"{claim}: false alarm in {name}\n" for name in one.alarms)
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
