"""The routes of ``/webhooks``: one method each, for keys with the scope ``webhooks``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from aiohttp import web
from aiohttp.abc import AbstractResolver
from pydantic import BaseModel

from services.api.auth import authenticated_routes
from services.api.limits import RequestLimiter
from services.api.openapi import CACHE_CONTROL, CURSOR, LIMIT, LOCATION
from services.api.schemas import encode_cursor, read_body, read_page
from services.api.serializers import BASE
from services.api.webhooks import repository
from services.api.webhooks.schemas import (
    CreateWebhook,
    Delivery,
    DeliveryAttempt,
    DeliveryPage,
    RotateSecret,
    SendTest,
    UpdateWebhook,
    Webhook,
    WebhookLinks,
    WebhookList,
    WebhookWithSecret,
)
from storyloom.db.pool import Pool
from storyloom.messaging.endpoints import WakeWebhooks
from storyloom.story.notifications import DeliveriesDue
from storyloom.web.authentication import Authenticator
from storyloom.web.egress import AddressRefusedError, EgressPolicy, check_endpoint
from storyloom.web.keys import Caller
from storyloom.web.openapi import Answer, Body, Parameter, operation
from storyloom.web.problems import Problem, not_found

PATH = f"{BASE}/webhooks"
ONE = f"{PATH}/{{id}}"
WEBHOOK_ID = Parameter("id", "path", UUID, "The endpoint's id.", "7c9e6679-7425-40de-944b-e07fc1f90ae7")
DELIVERY_ID = Parameter("delivery", "path", UUID, "The delivery's id.", "0d6f6a4e-6b3e-4c0e-9a55-0f3a1ad1f9b2")


@dataclass(frozen=True, slots=True)
class WebhookRoutes:
    """The handlers. None of them can be called without a caller: ``table`` wraps each in its authentication."""

    pool: Pool
    keys: Authenticator
    limiter: RequestLimiter
    wake: WakeWebhooks
    policy: EgressPolicy
    lookup: AbstractResolver

    def table(self) -> list[web.RouteDef]:
        """Every operation as a route, behind the authentication that it declares."""
        return authenticated_routes(self, self.keys, self.limiter)

    @operation(
        "POST",
        PATH,
        "createWebhook",
        tag="Webhooks",
        scope="webhooks",
        parameters=[],
        body=Body(CreateWebhook, {"all": {"url": "https://example.com/hook"}}),
        answers=[Answer(201, "The endpoint, with its secret.", WebhookWithSecret, headers=(LOCATION, CACHE_CONTROL))],
        problems=["bad_body", "too_many_webhooks"],
    )
    async def create(self, request: web.Request, caller: Caller) -> web.Response:
        """Add an endpoint.

        Its secret is in this answer, and not shown again.
        """
        body = await read_body(request, CreateWebhook)
        await self._check(body.url)
        row = await repository.add_endpoint(self.pool, caller, body)
        return _json(_with_secret(row), status=201, headers={"Location": f"{PATH}/{row['id']}"})

    @operation(
        "GET",
        PATH,
        "listWebhooks",
        tag="Webhooks",
        scope="webhooks",
        parameters=[],
        answers=[Answer(200, "All endpoints.", WebhookList, headers=(CACHE_CONTROL,))],
    )
    async def list(self, _request: web.Request, caller: Caller) -> web.Response:
        """List your endpoints."""
        rows = await repository.list_endpoints(self.pool, caller)
        return _json(WebhookList(webhooks=tuple(Webhook(**_endpoint(row)) for row in rows)))

    @operation(
        "GET",
        ONE,
        "getWebhook",
        tag="Webhooks",
        scope="webhooks",
        parameters=[WEBHOOK_ID],
        answers=[Answer(200, "The endpoint.", Webhook, headers=(CACHE_CONTROL,))],
        problems=["not_found"],
    )
    async def get(self, request: web.Request, caller: Caller) -> web.Response:
        """Read an endpoint."""
        row = await repository.get_endpoint(self.pool, caller, _id(request, "id", "webhook"))
        return _json(Webhook(**_endpoint(row)))

    @operation(
        "PATCH",
        ONE,
        "updateWebhook",
        tag="Webhooks",
        scope="webhooks",
        parameters=[WEBHOOK_ID],
        body=Body(UpdateWebhook, {"disable": {"enabled": False}}, required=False),
        answers=[Answer(200, "The endpoint.", Webhook, headers=(CACHE_CONTROL,))],
        problems=["not_found", "bad_body"],
    )
    async def update(self, request: web.Request, caller: Caller) -> web.Response:
        """Change an endpoint, disable it, or enable it again."""
        endpoint_id = _id(request, "id", "webhook")
        body = await read_body(request, UpdateWebhook)
        if body.url is not None:
            await self._check(body.url)
        row = await repository.update_endpoint(self.pool, caller, endpoint_id, body)
        if body.enabled:
            await self.wake(DeliveriesDue(endpoints=(endpoint_id,)))
        return _json(Webhook(**_endpoint(row)))

    @operation(
        "DELETE",
        ONE,
        "deleteWebhook",
        tag="Webhooks",
        scope="webhooks",
        parameters=[WEBHOOK_ID],
        answers=[Answer(204, "It is deleted.")],
        problems=["not_found"],
    )
    async def delete(self, request: web.Request, caller: Caller) -> web.Response:
        """Delete an endpoint."""
        await repository.delete_endpoint(self.pool, caller, _id(request, "id", "webhook"))
        return web.Response(status=204)

    @operation(
        "POST",
        f"{ONE}/rotate",
        "rotateWebhookSecret",
        tag="Webhooks",
        scope="webhooks",
        parameters=[WEBHOOK_ID],
        body=Body(RotateSecret, {"aDay": {"overlapSeconds": 86400}}, required=False),
        answers=[Answer(200, "The endpoint, with its new secret.", WebhookWithSecret, headers=(CACHE_CONTROL,))],
        problems=["not_found", "bad_body"],
    )
    async def rotate(self, request: web.Request, caller: Caller) -> web.Response:
        """Give an endpoint a new secret, shown here and not again; the old one signs too until it expires."""
        endpoint_id = _id(request, "id", "webhook")
        body = await read_body(request, RotateSecret)
        row = await repository.rotate_secret(self.pool, caller, endpoint_id, overlap=body.overlap_seconds)
        return _json(_with_secret(row))

    @operation(
        "POST",
        f"{ONE}/test",
        "testWebhook",
        tag="Webhooks",
        scope="webhooks",
        parameters=[WEBHOOK_ID],
        body=Body(SendTest, {"story": {"type": "story.completed"}}, required=False),
        answers=[Answer(202, "The delivery.", Delivery, headers=(CACHE_CONTROL,))],
        problems=["not_found", "bad_body", "webhook_disabled"],
    )
    async def test(self, request: web.Request, caller: Caller) -> web.Response:
        """Send an example.

        The delivery's log says how it went.
        """
        endpoint_id = _id(request, "id", "webhook")
        body = await read_body(request, SendTest)
        row = await repository.add_test(self.pool, caller, endpoint_id, body.type)
        return await self._due(endpoint_id, row)

    @operation(
        "GET",
        f"{ONE}/deliveries",
        "listDeliveries",
        tag="Webhooks",
        scope="webhooks",
        parameters=[WEBHOOK_ID, LIMIT, CURSOR],
        answers=[Answer(200, "A page of the log.", DeliveryPage, headers=(CACHE_CONTROL,))],
        problems=["not_found", "bad_limit", "bad_cursor"],
    )
    async def deliveries(self, request: web.Request, caller: Caller) -> web.Response:
        """List an endpoint's deliveries, newest first."""
        endpoint_id, page = _id(request, "id", "webhook"), read_page(request)
        rows, more = await repository.list_deliveries(self.pool, caller, endpoint_id, page)
        cursor = encode_cursor(rows[-1]["created_at"], rows[-1]["id"]) if more else None
        return _json(DeliveryPage(deliveries=tuple(_delivery(row) for row in rows), next_cursor=cursor))

    @operation(
        "POST",
        f"{ONE}/deliveries/{{delivery}}/redeliver",
        "redeliver",
        tag="Webhooks",
        scope="webhooks",
        parameters=[WEBHOOK_ID, DELIVERY_ID],
        answers=[Answer(202, "The delivery.", Delivery, headers=(CACHE_CONTROL,))],
        problems=["not_found", "webhook_disabled"],
    )
    async def redeliver(self, request: web.Request, caller: Caller) -> web.Response:
        """Send a delivery again, with the same id."""
        endpoint_id, delivery_id = _id(request, "id", "webhook"), _id(request, "delivery", "delivery")
        row = await repository.redeliver(self.pool, caller, endpoint_id, delivery_id)
        return await self._due(endpoint_id, row)

    async def _due(self, endpoint_id: UUID, row: Mapping[str, Any]) -> web.Response:
        await self.wake(DeliveriesDue(endpoints=(endpoint_id,)))
        return _json(_delivery(row), status=202)

    async def _check(self, url: str) -> None:
        """Raise a 422 Problem for a URL that would not be called."""
        try:
            await check_endpoint(self.policy, self.lookup, url)
        except AddressRefusedError as refused:
            errors = [{"pointer": "/url", "detail": str(refused)}]
            raise Problem(422, "bad_body", "This URL cannot be a webhook's.", errors=errors) from None


def _id(request: web.Request, name: str, what: str) -> UUID:
    """An id in the path. Raises a 404 Problem for what is not a UUID."""
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise not_found(what) from None


def _endpoint(row: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "id", "url", "event_types", "description", "enabled", "disabled_reason", "failing_since",
        "old_secret_expires_at", "created_at",
    )  # fmt: skip
    path = f"{PATH}/{row['id']}"
    return {name: row[name] for name in names} | {"links": WebhookLinks(self=path, deliveries=f"{path}/deliveries")}


def _with_secret(row: Mapping[str, Any]) -> WebhookWithSecret:
    return WebhookWithSecret(**_endpoint(row), secret=row["secret"])


def _delivery(row: Mapping[str, Any]) -> Delivery:
    names = ("id", "event_id", "type", "state", "story_id", "settled_at", "created_at")
    return Delivery(
        **{name: row[name] for name in names},
        payload=orjson.loads(row["payload"]),
        attempts=tuple(DeliveryAttempt.model_validate(entry) for entry in row["log"]),
        next_attempt_at=None if row["claimed_until"] is not None else row["next_at"],
    )


def _json(model: BaseModel, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = model.model_dump_json(by_alias=True)
    # Some answers hold a secret: nothing on the way may keep them.
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return web.Response(body=body.encode(), status=status, content_type="application/json", headers=headers)
