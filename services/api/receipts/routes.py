"""The route of a story's receipt."""

from dataclasses import dataclass

from aiohttp import web

from services.api.auth import authenticated_routes
from services.api.limits import RequestLimiter
from services.api.openapi import CACHE_CONTROL, STORY_ID
from services.api.receipts.receipts import Receipts
from services.api.receipts.resources import StoryReceipt
from services.api.routes import STORY, read_story_id
from services.api.serializers import json_response
from storyloom.web.authentication import Authenticator
from storyloom.web.keys import Caller
from storyloom.web.openapi import Answer, operation


@dataclass(frozen=True, slots=True)
class ReceiptRoutes:
    """The handler. A link to a story does not open its receipt: it is the tenant's."""

    keys: Authenticator
    limiter: RequestLimiter
    receipts: Receipts

    def table(self) -> list[web.RouteDef]:
        """The operation as a route, behind the authentication that it declares."""
        return authenticated_routes(self, self.keys, self.limiter)

    @operation(
        "GET",
        f"{STORY}/receipt",
        "getReceipt",
        tag="Stories",
        scope="stories:read",
        parameters=[STORY_ID],
        answers=[Answer(200, "The receipt.", StoryReceipt, headers=(CACHE_CONTROL,))],
        problems=["not_found", "receipt_not_ready", "receipt_being_made", "evaluation_away"],
    )
    async def receipt(self, request: web.Request, caller: Caller) -> web.Response:
        """Read what was checked of a story, by what, and with which outcome.

        A row a claim, each with its threshold, the evaluator that measured it and how often that errs; no total. It is
        made the first time that it is asked for, in some seconds, and anew once the story has changed.
        """
        receipt = await self.receipts.of(caller, read_story_id(request))
        return json_response(receipt, headers={"Cache-Control": "private, no-cache"})
