"""A file appears when it is whole; what has come of it is not fetched again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from client import StoryloomClient, StoryloomError, downloads
from tests.unit.client.fake_api import STORY, FakeApi

PICTURE = bytes(range(256)) * 1000


class FakeStore:
    """Gives PICTURE out, or the range that is asked for; cuts the connection after so many bytes, answer by answer."""

    def __init__(self) -> None:
        self.cuts: list[int | None] = []
        self.etag: str | None = '"v1"'
        self.ranges: list[str | None] = []
        self.heeds_ranges = True
        self.lies = 0
        """Bytes that are promised beyond those that are sent."""

    async def give(self, request: web.Request) -> web.StreamResponse:
        assert "Authorization" not in request.headers
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        start, headers = 0, {"Accept-Ranges": "bytes"}
        if self.etag:
            headers["ETag"] = self.etag
        whole = not self.heeds_ranges or asked is None or request.headers.get("If-Range") != self.etag
        if not whole:
            start = int(str(asked).removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {start}-{len(PICTURE) - 1}/{len(PICTURE)}"
        headers["Content-Length"] = str(len(PICTURE) - start + self.lies)
        response = web.StreamResponse(status=200 if whole else 206, headers=headers)
        await response.prepare(request)
        cut = self.cuts.pop(0) if self.cuts else None
        await response.write(PICTURE[start : len(PICTURE) if cut is None else start + cut])
        if cut is not None or self.lies:
            assert request.transport is not None
            request.transport.close()
        return response


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "FIRST_PAUSE", 0.001)


@pytest.fixture
async def store(api: FakeApi) -> AsyncIterator[FakeStore]:
    """Where every answer of the API leads to."""
    found = FakeStore()
    app = web.Application()
    app.router.add_get("/picture", found.give)
    async with TestServer(app) as server:

        async def redirect(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": str(server.make_url("/picture"))})

        api.answers += [redirect] * 20
        yield found


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_an_earlier_releases_api_gives_the_narration_without_a_cover(
    client: StoryloomClient, api: FakeApi, store: FakeStore, tmp_path: Path
) -> None:
    """It knows no tagged one. What it does not have of any other file is an error, as ever."""
    unknown = {"code": "not_found", "detail": "There is no such part of this asset."}
    redirects, api.answers[:] = api.answers[:], []
    api.says(404, unknown)
    api.answers += redirects
    assert await client.download(STORY, "audio", tmp_path / "narration.mp3", part="tagged") == len(PICTURE)
    assert [request.query.get("part") for request in api.requests] == ["tagged", None]
    api.answers.clear()
    api.says(404, unknown)
    with pytest.raises(StoryloomError, match="no such part"):
        await client.download(STORY, "cover", tmp_path / "cover.png")
    assert names(tmp_path) == {"narration.mp3"}


async def test_a_download_goes_on_where_it_was_cut_off(
    client: StoryloomClient, store: FakeStore, tmp_path: Path
) -> None:
    store.cuts = [100_000, 50_000]
    assert await client.download(STORY, "cover", tmp_path / "cover.png") == len(PICTURE)
    assert (tmp_path / "cover.png").read_bytes() == PICTURE
    assert names(tmp_path) == {"cover.png"}
    # What has arrived of a cut connection may be less than was sent.
    first, *rest = store.ranges
    assert first is None
    assert len(rest) == 2
    assert all(one is not None for one in rest)


async def test_what_another_process_has_fetched_is_not_fetched_again(
    client: StoryloomClient, store: FakeStore, tmp_path: Path
) -> None:
    store.cuts = [100_000, 0, 0, 0, 0, 0]
    with pytest.raises(StoryloomError):
        await client.download(STORY, "cover", tmp_path / "cover.png")
    (partial,) = names(tmp_path)
    assert partial.startswith(".cover.png.")
    store.cuts, store.ranges = [], []
    size = (tmp_path / partial).stat().st_size
    assert await client.download(STORY, "cover", tmp_path / "cover.png") == len(PICTURE)
    assert store.ranges == [None, f"bytes={size}-"]
    assert (tmp_path / "cover.png").read_bytes() == PICTURE
    assert names(tmp_path) == {"cover.png"}


async def test_another_version_is_fetched_from_its_beginning(
    client: StoryloomClient, store: FakeStore, tmp_path: Path
) -> None:
    store.cuts = [100_000, 0, 0, 0, 0, 0]
    with pytest.raises(StoryloomError):
        await client.download(STORY, "cover", tmp_path / "cover.png")
    store.cuts, store.ranges, store.etag = [], [], '"v2"'
    await client.download(STORY, "cover", tmp_path / "cover.png")
    assert store.ranges == [None]
    assert (tmp_path / "cover.png").read_bytes() == PICTURE


@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
async def test_a_store_that_names_no_version_begins_again(
    client: StoryloomClient, store: FakeStore, tmp_path: Path, etag: str | None
) -> None:
    store.cuts, store.etag = [100_000], etag
    await client.download(STORY, "cover", tmp_path / "cover.png")
    assert store.ranges == [None, None]
    assert (tmp_path / "cover.png").read_bytes() == PICTURE
    assert names(tmp_path) == {"cover.png"}


async def test_a_store_that_heeds_no_ranges_begins_again(
    client: StoryloomClient, store: FakeStore, tmp_path: Path
) -> None:
    store.cuts, store.heeds_ranges = [100_000], False
    await client.download(STORY, "cover", tmp_path / "cover.png")
    assert (tmp_path / "cover.png").read_bytes() == PICTURE


async def test_a_file_that_is_shorter_than_was_said_is_none(
    client: StoryloomClient, store: FakeStore, tmp_path: Path
) -> None:
    store.lies, store.etag = 5, None
    with pytest.raises(StoryloomError) as caught:
        await client.download(STORY, "cover", tmp_path / "cover.png")
    assert caught.value.code == "no_answer"
    assert names(tmp_path) == set()


async def test_an_older_file_stays_until_the_new_one_is_whole(
    client: StoryloomClient, store: FakeStore, tmp_path: Path
) -> None:
    (tmp_path / "cover.png").write_text("older")
    store.cuts = [10, 0, 0, 0, 0, 0, 0]
    with pytest.raises(StoryloomError):
        await client.download(STORY, "cover", tmp_path / "cover.png")
    assert (tmp_path / "cover.png").read_text() == "older"
    store.cuts = []
    await client.download(STORY, "cover", tmp_path / "cover.png")
    assert (tmp_path / "cover.png").read_bytes() == PICTURE


async def test_the_address_alone_may_be_had(client: StoryloomClient, store: FakeStore) -> None:
    assert (await client.asset_url(STORY, "cover")).endswith("/picture")
    assert store.ranges == []
