"""The subjects of a stream are read page by page, also while some go."""

from typing import Any

import orjson
import pytest
from nats.js.errors import NotFoundError, ServiceUnavailableError

from storyloom.messaging.subjects import read_subjects


class Reply:
    def __init__(self, body: dict[str, Any]) -> None:
        self.data = orjson.dumps(body)


class Server:
    """Answers as JetStream does, with a smaller page; ``going`` subjects go before each page but the first."""

    def __init__(self, subjects: int, *, page: int, going: int = 0) -> None:
        self.subjects = [f"job.{number:05}" for number in range(subjects)]
        self.page = page
        self.going = going
        self.asked: list[dict[str, Any]] = []

    async def request(self, subject: str, payload: bytes, timeout: float) -> Reply:  # noqa: ASYNC109 - the client's own
        assert (subject, timeout > 0) == ("$JS.API.STREAM.INFO.JOBS", True)
        asked = orjson.loads(payload)
        if self.asked:
            del self.subjects[: self.going]
        self.asked.append(asked)
        page = self.subjects[asked["offset"] :][: self.page]
        return Reply({"total": len(self.subjects), "state": {"subjects": dict.fromkeys(page, 1)} if page else {}})


async def read(server: Any, **options: int) -> set[str]:
    return await read_subjects(server, "JOBS", "job.>", **options)


@pytest.mark.parametrize("subjects", [0, 1, 9, 10, 11, 20, 95])
async def test_all_pages_are_read(subjects: int) -> None:
    server = Server(subjects, page=10)
    assert await read(server, overlap=2) == set(server.subjects)
    assert {asked["subjects_filter"] for asked in server.asked} == {"job.>"}


async def test_what_fits_on_one_page_is_asked_for_once() -> None:
    server = Server(10, page=10)
    await read(server)
    assert len(server.asked) == 1


async def test_none_that_stays_is_missed_where_others_go_between_two_pages() -> None:
    server = Server(60, page=10, going=3)
    found = await read(server, overlap=3)
    assert found >= set(server.subjects)


async def test_an_overlap_larger_than_a_page_still_ends() -> None:
    server = Server(60, page=10)
    assert await read(server, overlap=1000) == set(server.subjects)
    assert len(server.asked) < 15


@pytest.mark.parametrize(("code", "raised"), [(404, NotFoundError), (503, ServiceUnavailableError)])
async def test_an_error_is_raised_as_nats_names_it(code: int, raised: type[Exception]) -> None:
    class Broken(Server):
        async def request(self, subject: str, payload: bytes, timeout: float) -> Reply:  # noqa: ASYNC109 - the client's own
            return Reply({"error": {"code": code, "err_code": 1, "description": "no"}})

    with pytest.raises(raised):
        await read(Broken(0, page=1))
