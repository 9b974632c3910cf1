"""What a job went through before: a small note beside its manifest, written only where something went wrong.

The bus counts deliveries, and those are not attempts: a drained worker, a provider that was known to be away and a
crash are deliveries, too. What failed is counted here, and what was paid for it is kept.
"""

from typing import Literal, Self

import orjson

from storyloom.story.assets import Asset
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import AnyResult, ProviderCall, Value


class Attempts(Value):
    """The history of one job (one fingerprint of one asset).

    ``failures``: attempts that failed by RetryableError; ``reason`` is the last one's. ``begun`` and ``ended`` count
    redeliveries: whoever begins one and never ends it has died over it. ``clean``: the last holder told how it ended,
    and had nothing under way. ``calls``: what attempts before have asked of providers.
    """

    version: Literal[1] = 1
    failures: int = 0
    begun: int = 0
    ended: int = 0
    clean: bool = False
    reason: str = ""
    calls: tuple[ProviderCall, ...] = ()

    @property
    def crashes(self) -> int:
        """How many workers died over it, the holder of the first delivery apart."""
        return max(0, self.begun - self.ended)

    def after_begin(self) -> Self:
        """A redelivery begins."""
        return self.model_copy(update={"begun": self.begun + 1, "clean": False})

    def after_failure(self, reason: str, calls: tuple[ProviderCall, ...]) -> Self:
        """An attempt failed and may be made again."""
        told = {"failures": self.failures + 1, "reason": reason, "clean": True}
        return self.model_copy(update={**told, "calls": self.calls + calls})

    def after_wait(self, calls: tuple[ProviderCall, ...], *, clean: bool) -> Self:
        """An attempt was broken off: nothing failed."""
        return self.model_copy(update={"clean": clean, "calls": self.calls + calls})

    def after_end(self) -> Self:
        """A redelivery ended, one way or another."""
        return self.model_copy(update={"ended": self.ended + 1})


class Manifest(Value):
    """What making an asset left behind; its existence means that nobody need pay for it again."""

    version: Literal[1] = 1
    asset: Asset
    fingerprint: Fingerprint
    result: AnyResult

    @property
    def body(self) -> bytes:
        """The manifest as JSON."""
        head = {"version": self.version, "asset": self.asset, "fingerprint": self.fingerprint}
        return b'%s,"result":%s}' % (orjson.dumps(head)[:-1], self.result.body)
