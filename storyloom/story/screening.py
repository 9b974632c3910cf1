"""Screening: the question "may this brief become a story?", which the api asks the content service over core NATS."""

from storyloom.story.results import Value

ASK_SCREENING = "ask.content.screening"
"""The subject; the message is a brief's JSON, the answer a Verdict's."""


class Verdict(Value):
    """Whether moderation flags a brief, and by which of its categories."""

    flagged: bool
    categories: tuple[str, ...] = ()
    judged: bool = True
    """False: moderation is away, and nothing is known of it."""
