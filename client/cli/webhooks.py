"""``webhooks``: endpoints of yours that are told what happens, and what was sent to them."""

from typing import Annotated

from cyclopts import App, Parameter

from ..resources import Delivery, Webhook, WebhookWithSecret
from .app import NOT_READY, OK, Injected, Json, Session, confirmed, described, table
from .arguments import DeliveryId, Number, Overlap, WebhookId

app = App(name="webhooks")

EventTypes = Annotated[
    tuple[str, ...], Parameter(help="An event to be told, like story.completed; may be repeated. Without any: all.")
]
Url = Annotated[str, Parameter(name="URL", help="Where it takes POST, https://…")]
Description = Annotated[str | None, Parameter(help="What to know it by.")]


@app.command(name="list", help="List your endpoints.")
async def list_webhooks(*, as_json: Json = False, session: Injected) -> int:
    """0."""
    found = await session.client.webhooks.list()
    if as_json:
        session.json(found)
        return OK
    for line in table([_row(webhook) for webhook in found["webhooks"]] or [("",)]):
        session.say(line)
    if not found["webhooks"]:
        session.note("There is no endpoint.")
    return OK


@app.command(help="Add an endpoint and print its secret, once.")
async def create(
    url: Url, /, *, event: EventTypes = (), description: Description = None, as_json: Json = False, session: Injected
) -> int:
    """0."""
    made = await session.client.webhooks.create(url, event_types=event, description=description or "")
    return _with_secret(session, made, as_json=as_json)


@app.command(help="Change an endpoint; --enable sends what was paused meanwhile, too.")
async def update(
    webhook_id: WebhookId,
    /,
    *,
    url: Annotated[str | None, Parameter(help="Another address.")] = None,
    event: EventTypes = (),
    description: Description = None,
    enable: Annotated[bool | None, Parameter(negative="--disable", help="Send to it, or not.")] = None,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0."""
    found = await session.client.webhooks.update(
        webhook_id, url=url, event_types=event or None, description=description, enabled=enable
    )
    if as_json:
        session.json(found)
    else:
        session.say("  ".join(_row(found)))
    return OK


@app.command(help="Delete an endpoint, and the log of its deliveries.")
async def delete(
    webhook_id: WebhookId,
    /,
    *,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0; 1 where nobody agreed."""
    if not yes and not confirmed(f"Delete endpoint {webhook_id} for good?"):
        session.note("Nothing was deleted.")
        return NOT_READY
    await session.client.webhooks.delete(webhook_id)
    if as_json:
        session.json({"id": str(webhook_id), "deleted": True})
    else:
        session.say(f"deleted {webhook_id}")
    return OK


@app.command(help="Give an endpoint another secret and print it, once; the old one signs, too, for a while.")
async def rotate(
    webhook_id: WebhookId,
    /,
    *,
    overlap: Annotated[Overlap, Parameter(help="How long the old one signs, too, like 0s or 12h. Without: a day.")] = (
        None
    ),
    as_json: Json = False,
    session: Injected,
) -> int:
    """0."""
    seconds = None if overlap is None else int(overlap)
    made = await session.client.webhooks.rotate(webhook_id, overlap_seconds=seconds)
    return _with_secret(session, made, as_json=as_json)


@app.command(name="test", help="Send an example.")
async def send_example(
    webhook_id: WebhookId,
    /,
    *,
    event: Annotated[str | None, Parameter(help="Of this type. Without: story.completed.")] = None,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0."""
    return _sent(session, await session.client.webhooks.test(webhook_id, event_type=event), as_json=as_json)


@app.command(help="List what was sent to an endpoint, newest first, and how it went.")
async def deliveries(
    webhook_id: WebhookId,
    /,
    *,
    limit: Annotated[Number, Parameter(help="How many, 1 to 100. Without: 20.")] = 20,
    cursor: Annotated[str | None, Parameter(help="The next page's, as the last one named it.")] = None,
    as_json: Json = False,
    session: Injected,
) -> int:
    """0."""
    page = await session.client.webhooks.deliveries(webhook_id, limit=limit, cursor=cursor)
    if as_json:
        session.json(page)
        return OK
    rows = []
    for one in page["deliveries"]:
        last = one["attempts"][-1] if one["attempts"] else None
        how = "" if last is None else str(last.get("remedy") or last["status"] or "")
        rows.append((one["id"], one["state"], one["createdAt"], one["type"], how))
    for line in table(rows) if rows else ():
        session.say(line)
    if not rows:
        session.note("Nothing was sent yet.")
    if page["nextCursor"]:
        session.note(f"There are more: --cursor {page['nextCursor']}")
    return OK


@app.command(help="Send a delivery again, with the same id.")
async def redeliver(
    webhook_id: WebhookId, delivery_id: DeliveryId, /, *, as_json: Json = False, session: Injected
) -> int:
    """0."""
    return _sent(session, await session.client.webhooks.redeliver(webhook_id, delivery_id), as_json=as_json)


def _row(webhook: Webhook | WebhookWithSecret) -> tuple[str, ...]:
    state = "enabled" if webhook["enabled"] else f"disabled ({webhook['disabledReason']})"
    return webhook["id"], state, webhook["url"], ", ".join(webhook["eventTypes"]) or "all events"


def _with_secret(session: Session, made: WebhookWithSecret, *, as_json: bool) -> int:
    """The secret alone is on stdout, so that it can be piped."""
    if as_json:
        session.json(made)
    else:
        session.say(made["secret"])
        session.note(f"of {made['id']}, {made['url']}; it is not shown again")
    return OK


def _sent(session: Session, delivery: Delivery, *, as_json: bool) -> int:
    if as_json:
        session.json(delivery)
    else:
        for line in described({"delivery": delivery["id"], "event": delivery["eventId"], "type": delivery["type"]}):
            session.say(line)
        session.note("How it goes: storyloom webhooks deliveries")
    return OK
