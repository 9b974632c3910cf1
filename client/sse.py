"""Server-sent events, as bytes come in. The format is WHATWG HTML's, section 9.2.6, "Interpreting an event stream"."""

from codecs import getincrementaldecoder
from dataclasses import dataclass

LIMIT = 1 << 20


class BadStream(Exception):  # noqa: N818 - what it is
    """The stream breaks its bounds."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event. ``id`` is the last id of the stream so far, "" before the first."""

    event: str
    data: str
    id: str = ""


class Parser:
    """Turns chunks, cut anywhere, into events. Raises BadStream for a line or an event above ``LIMIT`` characters."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry: float | None = None
        """Seconds to wait before reconnecting, when the server has named them."""
        self._decoder = getincrementaldecoder("utf-8-sig")(errors="replace")
        self._line = ""
        self._after_return = False
        self._event = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that this chunk completes."""
        text = self._decoder.decode(chunk)
        if self._after_return and text:
            text = text.removeprefix("\n")
            self._after_return = False
        if text.endswith("\r"):
            self._after_return = True
        *lines, self._line = (self._line + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if len(self._line) > LIMIT:
            raise BadStream(f"a line is longer than {LIMIT} characters")
        events = [self._read(line) for line in lines]
        return [event for event in events if event is not None]

    def _read(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        self._take(field, value.removeprefix(" "))
        return None

    def _take(self, field: str, value: str) -> None:
        match field:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
                self._size += len(value)
                if self._size > LIMIT:
                    raise BadStream(f"an event is longer than {LIMIT} characters")
            case "id" if "\0" not in value:
                self.last_id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry = int(value) / 1000
            case _:
                pass  # a comment (nothing stands before its colon), or a field of the future

    def _dispatch(self) -> ServerEvent | None:
        event, data = self._event, self._data
        self._event, self._data, self._size = "", [], 0
        if not data:
            return None
        return ServerEvent(event or "message", "\n".join(data), self.last_id)
