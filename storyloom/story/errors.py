"""The ways in which making an asset can fail: two verdicts and a wait. Code reads the class, never the message."""

from dataclasses import dataclass, field


@dataclass(eq=False)
class RetryableError(Exception):
    """It did not work now and may work later: rate limit, time-out, 5xx, connection.

    The job is handed back with a delay: ``after`` seconds if the provider named them, else the next of the usual ones.
    """

    reason: str
    after: float | None = None
    request_id: str | None = None

    def __str__(self) -> str:
        return self.reason


@dataclass(eq=False)
class ProviderUnavailable(Exception):  # noqa: N818
    """It was not even tried: the provider is known to be unavailable, or we are out of its allowance.

    The job is handed back for ``after`` seconds, and no attempt is spent.
    """

    reason: str
    after: float

    def __str__(self) -> str:
        return self.reason


@dataclass(eq=False)
class PermanentError(Exception):
    """It will never work as asked: refused content, bad request, spent attempts. The asset fails for good.

    ``code`` is a stable word for programs (``content_refused``, ``bad_answer``, ``bad_request``, ``unsafe``,
    ``wrong_language``, ``attempts_spent``, ``not_allowed``, ``no_glyph``, ``text_cut_off``, ``bug``); ``reason`` is a
    sentence for people and holds no child's name.
    """

    reason: str
    code: str = "bad_request"
    request_id: str | None = None
    details: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.reason
