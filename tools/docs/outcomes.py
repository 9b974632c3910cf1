"""The ways in which an attempt to deliver a webhook fails, and what to do about each."""

from services.webhooks.outcomes import REMEDIES
from tools.docs.markdown import code, table


def outcomes_table() -> str:
    """Each ``error`` of a delivery's log with its remedy."""
    return table(["error", "remedy"], [[code(outcome.value), remedy] for outcome, remedy in REMEDIES.items()])
