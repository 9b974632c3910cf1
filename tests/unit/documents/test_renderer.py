"""The renderer starts a process when needed, replaces one that hangs, dies or grows old, and leaves none behind."""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from services.documents.book.render_process import to_jpeg
from services.documents.book.renderer import SCRIPT, DamagedPictureError, Renderer, Sheet, check_libraries
from storyloom.story.errors import PermanentError, RetryableError
from tests.unit.documents import stories

STAND_IN = f"""
import os, runpy, sys
printer = runpy.run_path({str(SCRIPT)!r})
printed = 0
while True:
    header, files = printer["read_message"](sys.stdin.buffer)
    match header["html"].split():
        case ["hang"]:
            sys.stdin.buffer.read()
            os._exit(0)
        case ["die"]:
            os._exit(3)
        case ["fail", error]:
            answer = {{"error": error, "reason": "because", "picture": "cover.jpg"}}
            printer["write_message"](sys.stdout.buffer, answer, {{}})
        case _:
            printed += 1
            pdf = header["html"].encode() + b"".join(data for _, data in files.values())
            answer = {{"pages": printed, "remarks": []}}
            printer["write_message"](sys.stdout.buffer, answer, {{"book.pdf": ("application/pdf", pdf)}})
"""


@pytest.fixture
def command(tmp_path: Path) -> tuple[str, ...]:
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    return sys.executable, str(script)


@pytest.fixture
async def renderer(command: tuple[str, ...]) -> AsyncIterator[Renderer]:
    renderer = Renderer(command=command, timeout=20)
    yield renderer
    await renderer.close()


def gone(pid: int | None) -> bool:
    return pid is not None and not psutil.pid_exists(pid)


async def test_nothing_runs_before_it_is_needed(renderer: Renderer) -> None:
    assert renderer.pid is None


async def test_a_sheet_and_its_files_reach_the_printer_whole(renderer: Renderer) -> None:
    big = os.urandom(3_000_000)
    printed = await renderer.render(Sheet("Grüße", {"a": ("image/png", big), "b": ("font/ttf", b"\0end")}))
    assert printed.pdf == "Grüße".encode() + big + b"\0end"


async def test_books_are_printed_one_after_the_other_by_one_process(renderer: Renderer) -> None:
    books = await asyncio.gather(*(renderer.render(Sheet(f"book {k}")) for k in range(5)))
    assert sorted(book.pages for book in books) == [1, 2, 3, 4, 5]
    assert [book.pdf for book in books] == [f"book {k}".encode() for k in range(5)]


async def test_a_printer_that_hangs_is_replaced(command: tuple[str, ...]) -> None:
    renderer = Renderer(command=command, timeout=20)
    await renderer.start()
    first = renderer.pid
    renderer._executor.timeout = 0.05
    with pytest.raises(RetryableError, match="longer than"):
        await renderer.render(Sheet("hang"))
    assert gone(first)
    renderer._executor.timeout = 20
    assert (await renderer.render(Sheet("book"))).pages == 1
    await renderer.close()


async def test_a_printer_that_dies_is_replaced(renderer: Renderer) -> None:
    with pytest.raises(RetryableError, match="ended in the middle"):
        await renderer.render(Sheet("die"))
    assert (await renderer.render(Sheet("book"))).pages == 1


async def test_a_printer_that_died_in_between_is_replaced(renderer: Renderer) -> None:
    await renderer.render(Sheet("book"))
    process = renderer.process
    assert process is not None
    process.kill()
    await process.wait()
    assert (await renderer.render(Sheet("book"))).pages == 1


async def test_a_book_that_nobody_wants_any_more_spoils_none_that_follows(renderer: Renderer) -> None:
    await renderer.start()
    unwanted = renderer.pid
    job = asyncio.create_task(renderer.render(Sheet("hang")))
    await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert gone(unwanted)
    assert (await renderer.render(Sheet("book"))).pdf == b"book"


async def test_an_old_renderer_is_replaced_by_a_new_one(command: tuple[str, ...]) -> None:
    renderer = Renderer(command=command, timeout=20, books=2)
    pages = [(await renderer.render(Sheet("book"))).pages for _ in range(5)]
    assert pages == [1, 2, 1, 2, 1]
    await renderer.close()


async def test_an_idle_printer_goes(command: tuple[str, ...]) -> None:
    renderer = Renderer(command=command, timeout=20, idle=0.001)
    await renderer.render(Sheet("book"))
    process = renderer.process
    assert process is not None
    await process.wait()
    assert renderer.pid is None
    assert (await renderer.render(Sheet("book"))).pages == 1
    await renderer.close()


async def test_closing_leaves_no_process(command: tuple[str, ...]) -> None:
    renderer = Renderer(command=command, timeout=20)
    await renderer.render(Sheet("book"))
    pid = renderer.pid
    await renderer.close()
    await renderer.close()
    assert gone(pid)


async def test_closing_ends_what_runs_and_what_waits(command: tuple[str, ...]) -> None:
    renderer = Renderer(command=command, timeout=20)
    await renderer.start()
    pid = renderer.pid
    books = [asyncio.create_task(renderer.render(Sheet("hang"))) for _ in range(2)]
    await asyncio.sleep(0)
    await renderer.close()
    ends = await asyncio.gather(*books, return_exceptions=True)
    assert [type(end) for end in ends] == [RetryableError, RetryableError]
    assert gone(pid)
    assert renderer.pid is None


async def test_a_signal_to_the_services_group_does_not_reach_the_press(renderer: Renderer) -> None:
    await renderer.start()
    assert renderer.pid is not None
    assert os.getpgid(renderer.pid) != os.getpgid(0)


@pytest.mark.parametrize(("error", "code"), [("missing_library", "missing_library"), ("bug", "bug")])
async def test_what_cannot_be_printed_is_given_up(renderer: Renderer, error: str, code: str) -> None:
    with pytest.raises(PermanentError) as gave_up:
        await renderer.render(Sheet(f"fail {error}"))
    assert gave_up.value.code == code
    assert (await renderer.render(Sheet("book"))).pages == 1


async def test_a_damaged_picture_is_named(renderer: Renderer) -> None:
    with pytest.raises(DamagedPictureError) as damaged:
        await renderer.render(Sheet("fail damaged_picture"))
    assert damaged.value.name == "cover.jpg"


async def test_a_book_that_is_expected_finds_the_press_warm(renderer: Renderer) -> None:
    renderer.warm_up()
    renderer.warm_up()
    assert renderer._warming is not None
    await renderer._warming
    warm = renderer.pid
    assert warm is not None
    assert (await renderer.render(Sheet("book"))).pages == 2
    assert renderer.pid == warm


async def test_warming_up_never_hurts() -> None:
    renderer = Renderer(command=("/nonexistent/printer",))
    renderer.warm_up()
    await renderer.close()
    renderer.warm_up()
    assert renderer._warming is not None
    await renderer._warming
    assert renderer.pid is None
    await renderer.close()


def test_a_missing_library_is_named_with_what_to_install() -> None:
    check_libraries()
    with pytest.raises(PermanentError) as gave_up:
        check_libraries({"Pango": ("libnothing-of-the-kind.so",)})
    assert gave_up.value.code == "missing_library"
    assert "apt-get install libpango-1.0-0 libpangoft2-1.0-0" in gave_up.value.reason
    assert "brew install pango" in gave_up.value.reason


def test_a_picture_becomes_a_jpeg_of_a_printers_size() -> None:
    with Image.open(io.BytesIO(to_jpeg(stories.png(size=(1000, 3200))))) as jpeg:
        assert jpeg.format == "JPEG"
        assert jpeg.size == (500, 1600)


def test_what_is_transparent_is_printed_white() -> None:
    clear = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(clear, "PNG")
    with Image.open(io.BytesIO(to_jpeg(clear.getvalue()))) as jpeg:
        assert jpeg.getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"no picture", stories.png()[:200]])
def test_a_picture_that_cannot_be_read_is_said_to_be_damaged(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        to_jpeg(data)
