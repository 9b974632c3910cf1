"""What a message is called in labels and span names: bounded, whatever is published."""

_CHANNEL_TOKENS = {"job": 3, "story": 3, "dead": 2, "status": 1}
"""How many tokens of a subject name its channel, by the first of them; the others hold a story or an asset."""


def channel(subject: str, prefix: str = "") -> str:
    """What a subject is called in labels and spans: bounded, whatever is published. ``prefix`` is the bus's."""
    tokens = subject.removeprefix(prefix).split(".")
    first = tokens[0]
    if first in _CHANNEL_TOKENS:
        return ".".join(tokens[: _CHANNEL_TOKENS[first]])
    if first == "live":
        return f"live.{tokens[-1]}"
    if first in ("ask", "webhooks", "workers"):
        return ".".join(tokens)
    return "other"
