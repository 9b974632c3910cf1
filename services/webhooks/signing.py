"""Signatures of Standard Webhooks (https://www.standardwebhooks.com), in the headers ``webhook-…``."""

from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook


def headers(event_id: str, at: datetime, payload: str, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers of an attempt at a time in UTC: one ``v1`` signature for each secret that is valid.

    Raises binascii.Error or standardwebhooks.EmptyWebhookSecretError for a secret that is none.
    """
    signatures = [Webhook(secret).sign(event_id, at, payload) for secret in secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
