"""Times with a flaw on request, as the vendor's own client meets them; the sound is always the same."""

from __future__ import annotations

import math
from typing import Any, get_args

import aiohttp
import pytest
from elevenlabs.client import AsyncElevenLabs

from studio.faults import TimesFlaw
from tests.contract.studio.test_misbehaviour import order

TEXT = "The fox slept under the old café lamp. Then the owl came home, and they had tea."


async def ask(client: AsyncElevenLabs) -> Any:
    return await client.text_to_speech.convert_with_timestamps("mira", text=TEXT, model_id="eleven_v3")


def times(alignment: Any) -> tuple[list[str], list[float], list[float]]:
    return (
        alignment.characters,
        alignment.character_start_times_seconds,
        alignment.character_end_times_seconds,
    )


@pytest.mark.parametrize("flaw", get_args(TimesFlaw))
async def test_every_flaw_spoils_the_times_and_leaves_the_sound(
    elevenlabs_client: AsyncElevenLabs, http: aiohttp.ClientSession, flaw: str
) -> None:
    true = await ask(elevenlabs_client)
    await order(http, "odd_times", flaw=flaw, times=1)
    odd = await ask(elevenlabs_client)
    assert odd.audio_base_64 == true.audio_base_64
    assert (odd.alignment, odd.normalized_alignment) != (true.alignment, true.normalized_alignment)
    assert await ask(elevenlabs_client) == true


async def test_times_drift_by_the_share_that_is_asked_for(
    elevenlabs_client: AsyncElevenLabs, http: aiohttp.ClientSession
) -> None:
    true = await ask(elevenlabs_client)
    for share in (-0.06, 0.08):
        await order(http, "odd_times", flaw="drift", share=share, times=1)
        _, starts, ends = times((await ask(elevenlabs_client)).alignment)
        assert ends[-1] == pytest.approx(times(true.alignment)[2][-1] * (1 + share), abs=0.001)
        assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("flaw", "seen"),
    [
        ("step_back", lambda found: sum(two < one for one, two in zip(found[1], found[1][1:], strict=False)) == 1),
        ("negative", lambda found: found[1][0] < 0),
        ("nan", lambda found: sum(map(math.isnan, found[1])) == 1),
        ("fewer", lambda found: len(found[0]) == len(found[1]) < len(TEXT)),
        ("more", lambda found: "".join(found[0]) == f"{TEXT} (end)"),
        ("decomposed", lambda found: "cafe\u0301" in "".join(found[0])),
        ("uneven", lambda found: len(found[2]) < len(found[1])),
        ("half", lambda found: TEXT.startswith("".join(found[0])) and len(found[0]) == len(TEXT) // 2),
        ("unordered", lambda found: found[1] == sorted(found[1], reverse=True)),
    ],
)
async def test_a_flaw_is_what_its_name_says(
    elevenlabs_client: AsyncElevenLabs, http: aiohttp.ClientSession, flaw: str, seen: Any
) -> None:
    await order(http, "odd_times", flaw=flaw)
    assert seen(times((await ask(elevenlabs_client)).alignment))


async def test_alignments_may_be_empty_or_missing(
    elevenlabs_client: AsyncElevenLabs, http: aiohttp.ClientSession
) -> None:
    found = {}
    for flaw in ("empty_unused", "empty_used", "null", "none"):
        await order(http, "odd_times", flaw=flaw, times=1)
        answer = await ask(elevenlabs_client)
        found[flaw] = [each and len(each.characters) for each in (answer.alignment, answer.normalized_alignment)]
    assert found == {
        "empty_unused": [len(TEXT), 0],
        "empty_used": [0, len(TEXT)],
        "null": [None, len(TEXT)],
        "none": [None, None],
    }


async def test_a_flaw_that_the_studio_does_not_know_is_refused(http: aiohttp.ClientSession) -> None:
    for wrong in ({"flaw": "sideways"}, {"share": -1}):
        async with http.post("/studio/faults", json={"fault": "odd_times", **wrong}) as response:
            assert response.status == 400
