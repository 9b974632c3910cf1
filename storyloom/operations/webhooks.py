"""How webhooks stand: what is due and nobody sends, and endpoints that fail. An endpoint's failure is its owner's."""

from dataclasses import dataclass
from datetime import datetime

from storyloom.db.pool import Pool
from storyloom.operations.sources import queries
from storyloom.operations.words import counted, span


@dataclass(frozen=True, slots=True)
class WebhookBacklog:
    """Deliveries that are pending, and due with nobody sending them; ``oldest``: since when the first of these is due.

    ``failing``: endpoints whose last attempt failed; ``disabled``: those that failed for too long, or wanted no more.
    """

    pending: int = 0
    due: int = 0
    oldest: datetime | None = None
    failing: int = 0
    disabled: int = 0

    def describe(self, now: datetime) -> str:
        """In words; empty where there is nothing to say."""
        parts = [f"{counted(self.pending, 'delivery', 'deliveries')} pending"] if self.pending else []
        if self.oldest is not None:
            parts.append(f"{self.due:,} due, the oldest for {span(max(0.0, (now - self.oldest).total_seconds()))}")
        parts += [f"{counted(self.failing, 'endpoint')} failing"] if self.failing else []
        parts += [f"{counted(self.disabled, 'endpoint')} disabled for it"] if self.disabled else []
        return ", ".join(parts)


async def read_webhook_backlog(pool: Pool) -> WebhookBacklog:
    """As it stands now."""
    row = await queries().webhook_backlog(pool)
    return WebhookBacklog(row["pending"], row["due"], row["oldest"], row["failing"], row["disabled"])
