"""A voice whose times do not fit its sound: all that was paid for is in the narration, and every word is timed."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from client import Story
from tests.e2e.conftest import Product
from tests.e2e.test_odd_answers import a_case, calls, last_call, make

pytestmark = pytest.mark.xdist_group("e2e")  # all of these share one stack: one test process runs them

BRIEF = {**a_case("voice_only"), "seed": 41}
RATE = 44_100


async def narrated(product: Product, folder: Path) -> tuple[Story, npt.NDArray[np.float32], int]:
    """The story, the samples of its narration, and how many readings were paid for."""
    seq = await last_call(product)
    story = await make(product, BRIEF)
    assert story["status"] == "ready", story
    path = folder / f"{story['id']}.mp3"
    await product.client.download(story["id"], "audio", path)
    with av.open(io.BytesIO(path.read_bytes()), "r") as container:
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    return story, samples.astype(np.float32), len(await calls(product, seq, endpoint="text_to_speech"))


def times(story: Story) -> list[float]:
    return [time for word in story["audioWords"] or [] for time in (word["start"], word["end"])]


async def test_times_that_drift_or_step_back_cut_nothing_and_cost_nothing(product: Product, tmp_path: Path) -> None:
    """Each of the four readings is wrong in another way. The same story with honest times is the measure: as much
    sound, the same words at nearly the same times.

    ``espeak`` reads a little otherwise each time; 6 % of a scene would be more than a second.
    """
    true, sound, paid = await narrated(product, tmp_path)
    assert paid == 4
    wrong: list[dict[str, Any]] = [
        {"flaw": "drift", "share": -0.06},
        {"flaw": "drift", "share": 0.08},
        {"flaw": "step_back"},
        {"flaw": "empty_unused"},
    ]
    for order in wrong:
        await product.misbehave("odd_times", times=1, **order)
    story, samples, paid = await narrated(product, tmp_path)
    assert paid == 4
    assert (await product.studio.get("/studio/faults")).json() == []  # each has struck
    assert abs(len(samples) - len(sound)) / RATE < 0.2
    assert [word["txt"] for word in story["audioWords"] or []] == [word["txt"] for word in true["audioWords"] or []]
    assert not any("estimated" in word for word in story["audioWords"] or [])
    found = times(story)
    assert found == sorted(found)
    assert found[-1] <= len(samples) / RATE
    assert max(abs(one - two) for one, two in zip(found, times(true), strict=True)) < 0.3


async def test_a_voice_without_any_times_is_read_once_more_and_its_words_are_estimated(
    product: Product, tmp_path: Path
) -> None:
    await product.misbehave("odd_times", flaw="none")
    story, samples, paid = await narrated(product, tmp_path)
    assert paid == 8
    words = story["audioWords"] or []
    assert all(word.get("estimated") for word in words)
    assert times(story) == sorted(times(story))
    assert times(story)[-1] == pytest.approx(len(samples) / RATE, abs=0.3)
