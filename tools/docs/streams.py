"""Streams and consumers as tables, from the provisioner's own settings."""

from nats.js.api import ConsumerConfig, StreamConfig

from storyloom.messaging.topology import consumers, streams
from storyloom.runtime.settings import NatsSettings
from tools.docs.markdown import code, table

_DAY = 86_400


def streams_table() -> str:
    """Every stream. Shown with the defaults of settings, whatever the environment says."""
    rows = [
        [code(stream.name or ""), ", ".join(code(subject) for subject in stream.subjects or ()), _policy(stream)]
        for stream in streams(NatsSettings.model_construct())
    ]
    return table(["stream", "subjects", "settings"], rows)


def consumers_table() -> str:
    """Every durable consumer."""
    rows = [
        [
            code(consumer.durable_name or ""),
            code(stream),
            ", ".join(code(subject) for subject in _filters(consumer)),
            f"{consumer.ack_wait:g} s" if consumer.ack_wait else "–",
            f"{consumer.max_ack_pending}",
            "without end" if consumer.max_deliver == -1 else f"{consumer.max_deliver}",
        ]
        for stream, consumer in consumers(NatsSettings.model_construct())
    ]
    head = ["durable", "stream", "consumes", "ack wait", "most unacknowledged", "deliveries"]
    return table(head, rows)


def _filters(consumer: ConsumerConfig) -> list[str]:
    return consumer.filter_subjects or [consumer.filter_subject or ">"]


def _policy(stream: StreamConfig) -> str:
    said = [
        f"{stream.retention.value} retention" if stream.retention else "",
        f"{stream.storage.value} storage" if stream.storage else "",
        f"{stream.num_replicas} replica(s)",
        f"kept for {stream.max_age / _DAY:g} days" if stream.max_age else "",
        f"at most {stream.max_msgs_per_subject} message a subject" if stream.max_msgs_per_subject > 0 else "",
        "a further one is refused" if stream.discard_new_per_subject else "",
        f"at most {stream.max_bytes} bytes, then new ones are refused" if (stream.max_bytes or -1) > 0 else "",
        f"a repeated Nats-Msg-Id is dropped within {_span(stream.duplicate_window)}" if stream.duplicate_window else "",
    ]
    return "; ".join(part for part in said if part)


def _span(seconds: float) -> str:
    return f"{seconds / _DAY:g} days" if seconds >= _DAY else f"{seconds:g} s"
