"""Metrics of several processes are summed; growth is over the last minute, and a process may begin anew."""

from aiohttp import web

from ops.frames import Sample, Window, scrape
from storyloom.web.server import listen

TEXT = """\
# TYPE storyloom_provider_calls_total counter
storyloom_provider_calls_total{{outcome="ok",provider="openai"}} {ok}
storyloom_provider_calls_total{{outcome="rate_limited",provider="openai"}} 2.0
storyloom_provider_calls_created{{outcome="ok",provider="openai"}} 1.7e9
# TYPE storyloom_queue_jobs gauge
storyloom_queue_jobs{{service="images",priority="normal"}} NaN
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total 7.0
"""
CALLS = "storyloom_provider_calls_total"


async def test_processes_are_summed_and_the_silent_are_named() -> None:
    app = web.Application()
    for name, ok in (("a", 5.0), ("b", 6.5)):
        text = TEXT.format(ok=ok)

        async def answer(_request: web.Request, text: str = text) -> web.Response:
            return web.Response(text=text)

        app.router.add_get(f"/{name}", answer)
    runner, url = await listen(app, "127.0.0.1", 0)
    sample = await scrape([f"{url}/a", f"{url}/b", f"{url}/nothing", "http://127.0.0.1:1/metrics"])
    await runner.cleanup()
    assert sample.by(CALLS, "outcome", provider="openai") == {"ok": 11.5, "rate_limited": 4.0}
    assert sample.total(CALLS) == 15.5
    assert sample.total(CALLS, provider="elevenlabs") == 0
    assert (sample.reached, sample.missed) == (2, (f"{url}/nothing", "http://127.0.0.1:1/metrics"))
    assert {name for name, _ in sample.values} == {CALLS}


def counted(number: float) -> Sample:
    return Sample({(CALLS, ("provider", "openai")): number}, reached=1)


def test_the_first_sample_is_what_was_counted_so_far() -> None:
    window = Window()
    assert window.growth().total(CALLS) == 0
    window.add(100, counted(40))
    assert (window.growth().total(CALLS), window.seconds) == (40, 0)


def test_growth_is_over_the_last_minute() -> None:
    window = Window()
    for at in range(0, 200, 10):
        window.add(at, counted(at * 3))
    assert window.seconds == 60
    assert window.growth().total(CALLS) == 180


def test_a_process_that_began_anew_subtracts_nothing() -> None:
    window = Window()
    window.add(0, counted(500))
    window.add(10, counted(7))
    assert window.growth().total(CALLS) == 7
