"""An EPUB's container (EPUB 3.3, OCF): a ZIP archive whose first file says what it is."""

import zipfile
from collections.abc import Mapping
from io import BytesIO

MEDIA_TYPE = "application/epub+zip"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The first moment that ZIP knows: the same book is the same bytes."""
_PACKED = (".jpg", ".mp3")
"""What does not get smaller."""
_CONTAINER = b"""<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive of a book. ``files``: by their paths within the folder EPUB, package.opf among them."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        # The first, stored as it is and without extra fields: readers know the file by its bytes 30 to 57.
        _write(archive, "mimetype", MEDIA_TYPE.encode(), zipfile.ZIP_STORED)
        _write(archive, "META-INF/container.xml", _CONTAINER)
        for name, data in files.items():
            method = zipfile.ZIP_STORED if name.endswith(_PACKED) else zipfile.ZIP_DEFLATED
            _write(archive, f"EPUB/{name}", data, method)
    return out.getvalue()


def _write(archive: zipfile.ZipFile, name: str, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> None:
    info = zipfile.ZipInfo(name, _LONG_AGO)
    info.compress_type = method
    info.create_system = 3  # the same on every system
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)
