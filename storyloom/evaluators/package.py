"""An e-book's package document: its manifest, its order of reading, its documents, and where references lead."""

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from storyloom.evaluators.archive import BROKEN, XML_BYTES, parse

OPF = "{http://www.idpf.org/2007/opf}"
OPS = "{http://www.idpf.org/2007/ops}"
XHTML = "{http://www.w3.org/1999/xhtml}"
_OCF = "{urn:oasis:names:tc:opendocument:xmlns:container}"


@dataclass(frozen=True, slots=True)
class Item:
    """A row of the manifest; ``path``: from the archive's root."""

    id: str
    path: str
    type: str
    properties: frozenset[str]
    overlay: str | None

    @property
    def is_xml(self) -> bool:
        return self.type.endswith("+xml")


@dataclass(frozen=True)
class Ebook:
    """An e-book's files, the path of its package document, and that."""

    files: Mapping[str, bytes]
    path: str
    package: ET.Element

    @cached_property
    def items(self) -> Sequence[Item]:
        """The manifest, without what it names and the archive lacks."""
        return [
            Item(
                id=one.get("id", ""),
                path=path,
                type=one.get("media-type", ""),
                properties=frozenset(one.get("properties", "").split()),
                overlay=one.get("media-overlay"),
            )
            for one in self.rows
            if (path := resolve(self.path, one.get("href", ""))[0]) in self.files
        ]

    @cached_property
    def rows(self) -> Sequence[ET.Element]:
        """The manifest as it stands."""
        return self.package.findall(f"{OPF}manifest/{OPF}item")

    @cached_property
    def by_id(self) -> Mapping[str, Item]:
        return {item.id: item for item in self.items}

    @cached_property
    def by_path(self) -> Mapping[str, Item]:
        return {item.path: item for item in self.items}

    @cached_property
    def read(self) -> Sequence[str]:
        """The ids of its pages in the order of reading, as it stands."""
        return [one.get("idref", "") for one in self.package.iterfind(f"{OPF}spine/{OPF}itemref")]

    @cached_property
    def spine(self) -> Sequence[Item]:
        """Its pages in the order of reading, as far as they are there, each once."""
        return [self.by_id[ref] for ref in dict.fromkeys(self.read) if ref in self.by_id]

    @cached_property
    def documents(self) -> Mapping[str, ET.Element]:
        """What is XML and well-formed, by path, as far as all together is not too large."""
        found: dict[str, ET.Element] = {}
        left = XML_BYTES
        for path in (path for path, item in self.by_path.items() if item.is_xml):
            left -= len(self.files[path])
            if left < 0:
                break
            try:
                found[path] = parse(self.files[path])
            except BROKEN:
                continue
        return found

    @cached_property
    def ids(self) -> Mapping[str, Counter[str]]:
        """What can be referred to in each document, and how often it is there."""
        return {
            path: Counter(name for one in root.iter() if (name := one.get("id")))
            for path, root in self.documents.items()
        }

    def leads_somewhere(self, base: str, reference: str) -> bool:
        """Whether a document's reference is to a file of the book, and to a place that is in it."""
        path, name = resolve(base, reference)
        return path in self.files and (not name or path not in self.documents or name in self.ids[path])


def open_package(files: Mapping[str, bytes]) -> Ebook:
    """The e-book that the container names. Raises what is in BROKEN where it names none that can be read."""
    rootfile = parse(files["META-INF/container.xml"]).find(f"{_OCF}rootfiles/{_OCF}rootfile")
    path = "" if rootfile is None else rootfile.get("full-path", "")
    return Ebook(files, path, parse(files[path]))


def resolve(base: str, reference: str) -> tuple[str, str]:
    """Where a document's reference leads: a path from the archive's root, and an id. No path: out of the book."""
    try:
        parts = urlsplit(reference)
    except ValueError:
        return "", ""
    path = unquote(parts.path)
    if not reference or parts.scheme or parts.netloc or path.startswith("/"):
        return "", ""
    whole = posixpath.normpath(posixpath.join(posixpath.dirname(base), path)) if path else base
    return whole, unquote(parts.fragment)
