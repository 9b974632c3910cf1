"""KEDA's triggers ask for what there is on NATS, and scale before all slots are taken."""

from pathlib import Path
from typing import Any

import nats
import pytest

from storyloom.messaging.topology import provision
from storyloom.runtime.settings import NatsSettings, WorkerSettings
from tests.deploy.conftest import Rendered
from tools.deploy.manifests import VALUE_FILES, read_manifests, render

pytestmark = pytest.mark.xdist_group("chart")
WORKERS = {"content", "images", "audio", "documents"}


async def test_every_trigger_names_a_consumer_that_is_provisioned(
    helm: Path, nats_url: str, nats_subject_prefix: str
) -> None:
    """A consumer that is missing would be scaled for to the maximum. Every lane has its trigger."""
    text = render(VALUE_FILES["ha"], settings=(f"nats.subjectPrefix={nats_subject_prefix}",))
    triggers = [
        (trigger["metadata"]["stream"], trigger["metadata"]["consumer"])
        for found in read_manifests(text)
        if found["kind"] == "ScaledObject"
        for trigger in found["spec"]["triggers"]
        if trigger["type"] == "nats-jetstream"
    ]
    client = await nats.connect(nats_url)
    try:
        js = client.jetstream()
        settings = NatsSettings(nats_url=nats_url, nats_subject_prefix=nats_subject_prefix, jobs_max_bytes=16 << 20)
        await provision(js, settings)
        stream = f"{nats_subject_prefix}JOBS"
        there = [(stream, consumer.name) for consumer in await js.consumers_info(stream)]
        assert sorted(triggers) == sorted(there)
        for name in ("JOBS", "STORY", "DEAD"):
            await js.delete_stream(f"{nats_subject_prefix}{name}")
    finally:
        await client.close()


def test_a_worker_is_scaled_before_all_its_slots_are_taken(rendered: Rendered) -> None:
    """A lane of JOBS holds little more than all slots (docs/adr/0020): a threshold of as many would never be passed."""
    slots = {lane: WorkerSettings.model_fields[f"slots_{lane}"].default for lane in ("normal", "high", "urgent")}
    scaled: dict[str, dict[str, Any]] = {}
    for found in rendered["ha"]:
        if found["kind"] != "ScaledObject":
            continue
        spec = found["spec"]
        assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]
        for trigger in spec["triggers"]:
            if trigger["type"] == "nats-jetstream":
                assert int(trigger["metadata"]["lagThreshold"]) < slots[trigger["name"]]
                scaled.setdefault(found["metadata"]["name"].removeprefix("storyloom-"), spec["fallback"])
    assert scaled.keys() == WORKERS
    assert all(fallback["behavior"] == "currentReplicasIfHigher" for fallback in scaled.values())


def test_everything_has_one_autoscaler_or_none(rendered: Rendered) -> None:
    """By whichever means the value file chose."""
    for name, kind in {"minimal": None, "ha": "ScaledObject", "restricted": "HorizontalPodAutoscaler"}.items():
        kinds = ("ScaledObject", "HorizontalPodAutoscaler")
        targets = [
            (found["kind"], found["spec"]["scaleTargetRef"]["name"])
            for found in rendered[name]
            if found["kind"] in kinds
        ]
        assert {found for found, _ in targets} == ({kind} if kind else set())
        assert len(targets) == len(set(targets)) == (7 if kind else 0)
