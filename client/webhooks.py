"""Webhooks: your endpoints at the API, and the proof that a request at an endpoint of yours is Storyloom's."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from .resources import Delivery, DeliveryPage, Webhook, WebhookList, WebhookWithSecret
from .transport import Transport, path_of


class SignatureError(Exception):
    """The request is not what Storyloom signed with this secret, or too old: answer 401 and forget it."""


def verify(payload: bytes | str, headers: Mapping[str, str], secret: str) -> dict[str, Any]:
    """The event in a request to your endpoint, if its signature is right (Standard Webhooks). Raises SignatureError.

    ``payload`` is the body as it came, unparsed. The same event may come more than once: remember ``webhook-id``.
    ValueError: the secret is none.
    """
    from standardwebhooks import Webhook as Signed  # noqa: PLC0415 - receivers alone need it
    from standardwebhooks import WebhookVerificationError  # noqa: PLC0415
    from standardwebhooks.webhooks import EmptyWebhookSecretError  # noqa: PLC0415

    try:
        signed = Signed(secret)
    except (ValueError, RuntimeError, EmptyWebhookSecretError):
        raise ValueError("This is no webhook secret: it begins with whsec_, and is shown when it is made.") from None
    try:
        found = signed.verify(payload, dict(headers))
    except WebhookVerificationError as error:
        raise SignatureError(str(error)) from None
    except (ValueError, OverflowError, OSError):  # what a stranger sends may be no text, no number, no JSON
        raise SignatureError("The request cannot be verified.") from None
    return cast("dict[str, Any]", found)


class Webhooks:
    """The client's methods below ``client.webhooks``; the key needs the scope ``webhooks``. Raises StoryloomError.

    What makes or sends something is sent again only where it was surely not done: these routes know no idempotency key.
    """

    verify = staticmethod(verify)

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, url: str, *, event_types: Sequence[str] = (), description: str = "") -> WebhookWithSecret:
        """Add an endpoint, for all events or some. Its ``secret`` is in this answer and in no other."""
        body = {"url": url, "eventTypes": [*event_types], "description": description}
        return cast("WebhookWithSecret", await self._transport.read("POST", "/webhooks", json=body, safe=False))

    async def list(self) -> WebhookList:
        """All endpoints, oldest first."""
        return cast("WebhookList", await self._transport.read("GET", "/webhooks"))

    async def get(self, webhook_id: UUID | str) -> Webhook:
        """One endpoint."""
        return cast("Webhook", await self._transport.read("GET", path_of("webhooks", webhook_id)))

    async def update(
        self,
        webhook_id: UUID | str,
        *,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change what is given. ``enabled=True`` also sends what was paused meanwhile."""
        types = None if event_types is None else [*event_types]
        given = {"url": url, "eventTypes": types, "description": description, "enabled": enabled}
        body = {name: value for name, value in given.items() if value is not None}
        return cast("Webhook", await self._transport.read("PATCH", path_of("webhooks", webhook_id), json=body))

    async def delete(self, webhook_id: UUID | str) -> None:
        """Delete an endpoint, and the log of its deliveries."""
        await self._transport.ask("DELETE", path_of("webhooks", webhook_id))

    async def rotate(self, webhook_id: UUID | str, *, overlap_seconds: int | None = None) -> WebhookWithSecret:
        """A new secret, in this answer and in no other. The old one signs, too, for a day unless you say otherwise."""
        body = {} if overlap_seconds is None else {"overlapSeconds": overlap_seconds}
        found = await self._transport.read("POST", path_of("webhooks", webhook_id, "rotate"), json=body, safe=False)
        return cast("WebhookWithSecret", found)

    async def test(self, webhook_id: UUID | str, *, event_type: str | None = None) -> Delivery:
        """Send an example. How it went is in ``deliveries``."""
        body = {} if event_type is None else {"type": event_type}
        found = await self._transport.read("POST", path_of("webhooks", webhook_id, "test"), json=body, safe=False)
        return cast("Delivery", found)

    async def deliveries(
        self, webhook_id: UUID | str, *, limit: int | None = None, cursor: str | None = None
    ) -> DeliveryPage:
        """A page of what was sent, newest first, each with its attempts."""
        given = {"limit": limit, "cursor": cursor}
        params = {name: str(value) for name, value in given.items() if value is not None}
        found = await self._transport.read("GET", path_of("webhooks", webhook_id, "deliveries"), params=params)
        return cast("DeliveryPage", found)

    async def redeliver(self, webhook_id: UUID | str, delivery_id: UUID | str) -> Delivery:
        """Send a delivery again, with the same id."""
        path = path_of("webhooks", webhook_id, "deliveries", delivery_id, "redeliver")
        return cast("Delivery", await self._transport.read("POST", path, safe=False))
