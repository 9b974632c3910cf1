"""An e-book's archive and the XML in it, of which nothing is trusted: sizes have bounds, and entities are refused."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as ET
from xml.parsers import expat

BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    expat.ExpatError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    OverflowError,
    RuntimeError,  # an encrypted file, a way to compress that is not known, sound that cannot be decoded
)
"""Whatever a damaged file makes of its reader."""

MOST_BYTES = 64 * 1024 * 1024
"""All files together, unpacked: an e-book has three million, one with the fonts of a large script some ten."""
MOST_FILES = 1000
XML_BYTES = 4 * 1024 * 1024
"""All documents together: a scene with its words marked has some ten thousand. In memory they take fifty times that."""
MIMETYPE = b"application/epub+zip"


def unpack(epub: bytes) -> tuple[Mapping[str, bytes], list[str]]:
    """The files by path, and what is wrong with the archive; a file that is damaged is empty.

    Raises what is in BROKEN where it is no archive, or too large.
    """
    with zipfile.ZipFile(io.BytesIO(epub)) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise ValueError("an e-book is not so large")
        files: dict[str, bytes] = {}
        faults = [*_container_faults(epub, entries)]
        for entry in entries:
            if entry.is_dir():
                continue
            try:
                files[entry.filename] = _read(archive, entry)
            except BROKEN:
                files[entry.filename] = b""
                faults.append(f"{short(entry.filename)} is damaged.")
    return files, faults


def _container_faults(epub: bytes, entries: list[zipfile.ZipInfo]) -> Iterator[str]:
    """Against the container's rules (EPUB 3.3, 4.2 and 4.3). Readers know an e-book by its bytes 30 to 57."""
    first = min(entries, key=lambda entry: entry.header_offset, default=None)
    if (
        first is None
        or epub[30:58] != b"mimetype" + MIMETYPE
        or (first.filename, first.file_size, first.compress_type) != ("mimetype", len(MIMETYPE), zipfile.ZIP_STORED)
    ):
        yield "It does not begin with what it is."
    names = [entry.filename for entry in entries]
    if len({name.casefold() for name in names}) < len(names):
        yield "Two of its files have one name."
    outside = (name for name in names if name.startswith("/") or ".." in name.split("/"))
    yield from (f"{short(name)} is no path within it." for name in outside)


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    # Others are not allowed in an e-book, and Python unpacks them without a bound.
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise zipfile.BadZipFile("compressed in another way")
    with archive.open(entry) as packed:
        data = packed.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise zipfile.BadZipFile("shorter than it says")
    return data


def parse(xml: bytes) -> ET.Element:
    """The root of a document. Raises what is in BROKEN where it is not well-formed, too large, or declares anything.

    A document type is allowed by its name alone: what it declares could grow without bound, or come from elsewhere.
    """
    if len(xml) > XML_BYTES:
        raise ValueError("a document is not so large")
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True

    def start(tag: str, attributes: dict[str, str]) -> None:
        builder.start(_name(tag), {_name(name): value for name, value in attributes.items()})

    def declare(name: str, system: str | None, public: str | None, internal: int) -> None:
        del name, system, public
        if internal:
            raise ValueError("it declares entities of its own")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: builder.end(_name(tag))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = declare
    parser.Parse(xml, True)
    return builder.close()


def _name(qualified: str) -> str:
    """As ElementTree has them: ``{namespace}name``."""
    return f"{{{qualified}" if "}" in qualified else qualified


def short(name: str) -> str:
    """A name of somebody else's, for a sentence."""
    return name if len(name) <= 60 else f"{name[:57]}…"
