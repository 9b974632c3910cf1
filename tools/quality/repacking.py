"""Defects of an e-book: its archive unpacked, changed, and packed again. Its parts are known by their names.

What an e-book lacks cannot be changed: LookupError.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace

from tools.quality.books import Book

Files = dict[str, bytes]
_PACKAGE = "EPUB/package.opf"
_PAGE, _OVERLAY = "EPUB/scene_2.xhtml", "EPUB/scene_2.smil"
_STORY = rb'<p class="story".*?</p>\s*'


def repacked(change: Callable[[Files], None], *, stored: bool = True) -> Callable[[Book], Book]:
    """An e-book of which files have changed; its mimetype ``stored`` as it must be, or compressed."""

    def seed(book: Book) -> Book:
        with zipfile.ZipFile(io.BytesIO(book.files["epub"])) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        change(files)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                how = zipfile.ZIP_STORED if name == "mimetype" and stored else zipfile.ZIP_DEFLATED
                archive.writestr(zipfile.ZipInfo(name), data, how)
        return replace(book, files={**book.files, "epub": buffer.getvalue()})

    return seed


def _edited(name: str, pattern: bytes, instead: bytes, count: int = 1) -> Callable[[Files], None]:
    """A file in which the first of what is looked for, or all (0), is something else."""

    def change(files: Files) -> None:
        edited, found = re.subn(pattern, instead, files[name], count=count, flags=re.DOTALL)
        if not found:
            raise LookupError(f"{name} has no such place")
        files[name] = edited

    return change


def _without(name: str) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        del files[name]

    return change


def _half(name: str) -> Callable[[Files], None]:
    """The first half of a file."""

    def change(files: Files) -> None:
        files[name] = files[name][: len(files[name]) // 2]

    return change


def _undeclared(files: Files) -> None:
    files["EPUB/notes.txt"] = b"Do not forget."


def _going_back(files: Files) -> None:
    """A scene's words at the times of the one before it."""
    times = re.findall(rb'clipBegin="[^"]*" clipEnd="[^"]*"', files["EPUB/scene_1.smil"])
    wanted = iter(times)
    files[_OVERLAY] = re.sub(
        rb'clipBegin="[^"]*" clipEnd="[^"]*"', lambda found: next(wanted, found[0]), files[_OVERLAY]
    )


def _silent(files: Files) -> None:
    """A scene that is not read aloud, and nothing says that it should be."""
    del files[_OVERLAY]
    for pattern in (
        rb"<item [^>]*scene_2\.smil[^>]*>",
        rb' media-overlay="scene-2-smil"',
        rb"<meta [^>]*#scene-2-smil[^<]*</meta>",
    ):
        _edited(_PACKAGE, pattern, b"")(files)


def _told_twice(files: Files) -> None:
    """A scene's text in the place of another's."""
    told = b"".join(re.findall(_STORY, files[_PAGE], re.DOTALL))
    third = files["EPUB/scene_3.xhtml"]
    places = [found.span() for found in re.finditer(_STORY, third, re.DOTALL)]
    files["EPUB/scene_3.xhtml"] = third[: places[0][0]] + told + third[places[-1][1] :]


def unsound() -> Iterator[tuple[str, Callable[[Book], Book]]]:
    """What makes an e-book one that cannot be read as it should be."""
    changes = {
        "a picture is gone": _without("EPUB/images/scene_2.jpg"),
        "a picture is cut off": _half("EPUB/images/scene_3.jpg"),
        "the narration is gone": _without("EPUB/narration.mp3"),
        "the narration is cut off": _half("EPUB/narration.mp3"),
        "an undeclared file": _undeclared,
        "no container": _without("META-INF/container.xml"),
        "another language": _edited(_PACKAGE, rb"(<dc:language>)[^<]*", rb"\1xx"),
        "no title": _edited(_PACKAGE, rb"<dc:title>[^<]*</dc:title>", b""),
        "an unknown page": _edited(_PACKAGE, rb'idref="scene-3-xhtml"', b'idref="scene-9-xhtml"'),
        "a page is not read": _edited(_PACKAGE, rb'<itemref idref="scene-3-xhtml"/>', b""),
        "no table of contents": _edited(_PACKAGE, rb' properties="nav"', b""),
        "a link leads nowhere": _edited("EPUB/nav.xhtml", rb"#part-3", b"#part-9"),
        "a malformed page": _edited(_PAGE, rb"</section>", b""),
        "an entity that grows": _edited(_PAGE, rb"<!DOCTYPE html>", b'<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa">]>'),
        "a word that is not in its page": _edited(_OVERLAY, rb"(<text [^>]*#)w2-3", rb"\1w9-3"),
        "a word beyond the sound": _edited("EPUB/scene_4.smil", rb'clipEnd="[^"]*"', b'clipEnd="9999.000s"'),
        "a scene at the times of another": _going_back,
        "a scene is silent": _silent,
        "another duration": _edited(_PACKAGE, rb'(property="media:duration">)', rb"\g<1>1"),
    }
    yield from ((name, repacked(change)) for name, change in changes.items())
    yield "its kind is compressed", repacked(lambda _: None, stored=False)


def untold() -> Iterator[tuple[str, Callable[[Book], Book]]]:
    """What takes words of the story out of it."""
    yield "a scene's text is gone", repacked(_edited(_PAGE, _STORY, b"", 0))
    yield "a paragraph is gone", repacked(_edited(_PAGE, _STORY, b""))
    yield "a scene is told twice", repacked(_told_twice)
    yield "a page is not read", repacked(_edited(_PACKAGE, rb'<itemref idref="scene-3-xhtml"/>', b""))
