"""The error catalogue: every code that a problem may carry, what it means and what to do.

From it come the Problem class (storyloom/web/problems.py), the responses of the OpenAPI document and the pages that a
problem's ``type`` leads to. A code that is not here cannot be raised.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    412: "Precondition failed",
    413: "Body too large",
    415: "Unsupported media type",
    417: "Expectation failed",
    422: "Not acceptable as it is",
    429: "Too many requests",
    431: "Head too large",
    500: "Something broke",
    501: "Not implemented",
    503: "Not available now",
    505: "HTTP version not supported",
}
"""A problem's ``title``, by its status."""


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One code. ``when`` it comes and ``remedy``, what a client does about it, are sentences for people.

    ``retryable``: the same request, unchanged, may go well later. ``detail`` is an example of the sentence that comes
    with it, ``errors`` of the places that it points to, ``members`` of its further members. ``headers`` always come
    with it.
    """

    code: str
    status: int
    when: str
    remedy: str
    detail: str
    retryable: bool = False
    errors: Sequence[Mapping[str, str]] = ()
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The title of its status."""
        return TITLES[self.status]

    def example(self) -> dict[str, Any]:
        """The body of such a problem."""
        body: dict[str, Any] = {
            "type": page_path(self.code),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": "/api/v1/stories",
            "code": self.code,
            "retryable": self.retryable,
            **self.members,
        }
        return body | {"errors": [dict(error) for error in self.errors]} if self.errors else body


_ENTRIES = (
    # The request itself.
    CatalogueEntry(
        "bad_json",
        400,
        when="The body is not JSON.",
        remedy="Mend the body at the character that the detail names.",
        detail="The body is not JSON: unexpected character at character 12.",
    ),
    CatalogueEntry(
        "bad_limit",
        400,
        when="The query's `limit` is not a whole number from 1 to 100.",
        remedy="Send one, or leave it out: it is 20.",
        detail="limit is a number from 1 to 100.",
    ),
    CatalogueEntry(
        "bad_cursor",
        400,
        when="The query's `cursor` is not one that a list has given.",
        remedy="Send `nextCursor` of the page before, unchanged, or leave it out and begin with the first page.",
        detail="cursor is not one that this API has given.",
    ),
    CatalogueEntry(
        "bad_filter",
        400,
        when="The query's `status`, `type` or `since` is none that stories can be filtered by.",
        remedy="Send one that the detail names, or leave the parameter out.",
        detail="since is a time with its offset from UTC, such as 2026-01-31T12:00:00Z.",
    ),
    CatalogueEntry(
        "bad_period",
        400,
        when="The query's `from` and `to` are no days (UTC), end before they begin, or are more than 366 days.",
        remedy="Send days such as `2026-01-31`, or leave them out: the last 30 days are shown.",
        detail="from is a day, such as 2026-01-31.",
    ),
    CatalogueEntry(
        "bad_idempotency_key",
        400,
        when="`Idempotency-Key` is empty, longer than 200 characters, or not ASCII.",
        remedy="Send a UUID for each thing that you want done once.",
        detail="Idempotency-Key holds 1 to 200 ASCII characters.",
    ),
    CatalogueEntry(
        "bad_http",
        400,
        when="The request is not well-formed HTTP.",
        remedy="Use an HTTP library; look at what stands between it and us.",
        detail="The request cannot be read.",
    ),
    CatalogueEntry(
        "expectation_failed",
        417,
        when="The request's `Expect` header asks for something else than `100-continue`.",
        remedy="Leave `Expect` out.",
        detail="Only Expect: 100-continue is understood.",
    ),
    CatalogueEntry(
        "head_too_large",
        431,
        when="The request line or the headers are too long, or too many.",
        remedy="Send fewer or shorter headers; look at what stands between you and us, and adds some.",
        detail="The request's head is too large.",
    ),
    CatalogueEntry(
        "unknown_method",
        501,
        when="The request's method is none that HTTP has.",
        remedy="Use one of those that the documentation names.",
        detail="This server does not know the method.",
    ),
    CatalogueEntry(
        "http_version",
        505,
        when="The request is of another version of HTTP than 1.1 or 1.0.",
        remedy="Speak HTTP/1.1.",
        detail="This server speaks HTTP/1.1.",
    ),
    CatalogueEntry(
        "too_slow_request",
        408,
        when="The request's head or body did not come in time.",
        remedy="Send it again, with the same `Idempotency-Key`.",
        detail="The body did not come in time.",
        retryable=True,
    ),
    CatalogueEntry(
        "too_many_connections",
        429,
        when="One address has too many connections, or requests in flight, at once.",
        remedy="Reuse connections, and send fewer requests at the same time.",
        detail="Too many requests in flight from one address.",
        retryable=True,
    ),
    CatalogueEntry(
        "key_missing",
        401,
        when="The request has no API key.",
        remedy="Send `Authorization: Bearer sk_…`.",
        detail="Send your key in the header: Authorization: Bearer sk_…",
        headers=("WWW-Authenticate",),
    ),
    CatalogueEntry(
        "key_unknown",
        401,
        when="No such key exists, or it has expired or was revoked.",
        remedy="Take a valid key; whoever runs Storyloom makes them.",
        detail="This key is not valid, has expired, or was revoked.",
        headers=("WWW-Authenticate",),
    ),
    CatalogueEntry(
        "token_unknown",
        401,
        when="A progress stream's token is not valid: it has expired, or its key has or was revoked.",
        remedy="Fetch a new one, by `POST /stories/{id}/events-token`, and connect again with `?after=` the last id.",
        detail="This token is not valid, has expired, or its key was revoked. Fetch a new one.",
        headers=("WWW-Authenticate",),
    ),
    CatalogueEntry(
        "link_unknown",
        401,
        when="A link to a story is not valid: it has expired, is paused or was taken back, or nothing is approved.",
        remedy="Ask whoever sent the link for another one.",
        detail="This link is not valid, has expired, or was taken back.",
        headers=("WWW-Authenticate",),
    ),
    CatalogueEntry(
        "scope_missing",
        403,
        when="The key is valid, but does not allow this.",
        remedy="Use a key with the scope that the detail names.",
        detail="This key lacks the scope stories:write.",
    ),
    CatalogueEntry(
        "not_found",
        404,
        when="There is nothing at this address, or it belongs to another tenant.",
        remedy="Look at the id and the path. What was deleted does not come back.",
        detail="There is no such story.",
    ),
    CatalogueEntry(
        "method_not_allowed",
        405,
        when="The address exists, but does not take this method.",
        remedy="Use one of those that the header `Allow` names.",
        detail="This address does not take PATCH.",
        headers=("Allow",),
    ),
    CatalogueEntry(
        "body_too_large",
        413,
        when="The body is larger than 64 kB, that of a batch than 512 kB.",
        remedy="Send less: a brief or a scene's text is a few kB. Divide a batch.",
        detail="The body is larger than 64 kB.",
    ),
    CatalogueEntry(
        "encoded_body",
        415,
        when="The body has a `Content-Encoding`.",
        remedy="Send it as it is.",
        detail="Send the body as it is, without a Content-Encoding.",
        headers=("Accept-Encoding",),
    ),
    CatalogueEntry(
        "not_json",
        415,
        when="The body's `Content-Type` is not `application/json`.",
        remedy="Send JSON, and say so in the header.",
        detail="Send the brief as application/json.",
    ),
    CatalogueEntry(
        "bad_brief",
        422,
        when="Fields of the brief are missing, unknown, or hold what they may not hold.",
        remedy="Mend the fields that `errors` point to, by JSON pointers (RFC 6901).",
        detail="One field of the brief is wrong.",
        errors=({"pointer": "/storyType", "detail": "Field required"},),
    ),
    CatalogueEntry(
        "bad_body",
        422,
        when="Fields of the body are missing, unknown, or hold what they may not hold.",
        remedy="Mend the fields that `errors` point to, by JSON pointers (RFC 6901).",
        detail="The story has no such asset.",
        errors=({"pointer": "/assets/0", "detail": "is no asset of this story"},),
    ),
    CatalogueEntry(
        "key_reused",
        422,
        when="An `Idempotency-Key` came with another request before.",
        remedy="Make a new key for each thing that you want done, and send the same key only with the same request.",
        detail="This Idempotency-Key came with another brief before.",
    ),
    # What the words are.
    CatalogueEntry(
        "topic_refused",
        422,
        when="A field of a brief, an edited text or a hint holds a topic that no story for children is told about: "
        "self-harm, abuse, sexual content, weapons used against people, drugs, medical advice. Grief, hospital, "
        "divorce, being afraid in a war, potty training and disability are none of these.",
        remedy="Show your user the `detail` of each of the `errors`, a calm sentence in the brief's language, at the "
        "field; for self-harm it points to help lines. `categories` name the topics.",
        detail="No story for children is told about this: drugs.",
        errors=(
            {
                "pointer": "/premise",
                "detail": "A story for children cannot have drugs in it: this part has to change.",
            },
        ),
        members={"categories": ["drugs"]},
    ),
    CatalogueEntry(
        "brief_flagged",
        422,
        when="Moderation found the brief unfit for a children's story.",
        remedy="Show your user that the idea has to change; `categories` name why.",
        detail="This brief cannot become a children's story: it was flagged for violence.",
        members={"categories": ["violence"]},
    ),
    CatalogueEntry(
        "previous_story_not_found",
        422,
        when="A sequel names a story that is none of yours, or none at all.",
        remedy="Send the id of one of your stories as `typeDetails.previous_story_id`.",
        detail="There is no earlier story of this id among yours.",
        errors=[
            {"pointer": "/typeDetails/previous_story_id", "detail": "There is no earlier story of this id among yours."}
        ],
    ),
    CatalogueEntry(
        "previous_story_not_ready",
        409,
        when="A sequel names a story that has no plan yet, or whose plan failed.",
        remedy="Wait until the earlier story has its text, then create the sequel.",
        detail="The earlier story is not written yet, and cannot be gone on from.",
        retryable=True,
        errors=[{"pointer": "/typeDetails/previous_story_id", "detail": "The earlier story is not written yet."}],
    ),
    CatalogueEntry(
        "text_flagged",
        422,
        when="Moderation found an edited text unfit for children.",
        remedy="Show your user that the words have to change; `categories` name why.",
        detail="These words cannot be in a children's story: they were flagged for violence.",
        members={"categories": ["violence"]},
    ),
    CatalogueEntry(
        "hint_flagged",
        422,
        when="Moderation found a hint unfit for children.",
        remedy="Show your user that the words have to change; `categories` name why.",
        detail="This hint cannot shape a children's story: it was flagged for violence.",
        members={"categories": ["violence"]},
    ),
    CatalogueEntry(
        "hint_not_possible",
        422,
        when="The asset is made from others alone: the narration, the book.",
        remedy="Leave the hint out, or give it to the text or a picture.",
        detail="A hint changes nothing of pdf: it is made from what the story has.",
    ),
    # What the story's state does not allow.
    CatalogueEntry(
        "asset_not_ready",
        409,
        when="The asset is not made yet, or failed.",
        remedy="Wait for its `asset` event on the stream, or retry it where it failed.",
        detail="cover is not ready: it is being made.",
        retryable=True,
    ),
    CatalogueEntry(
        "receipt_not_ready",
        409,
        when="The story is being made: its receipt comes when it has ended.",
        remedy="Wait for the stream's `end`, and ask again.",
        detail="The story is being made; ask again once it has ended.",
        retryable=True,
    ),
    CatalogueEntry(
        "asset_being_made",
        409,
        when="The asset is being made, and cannot be made anew before it is ready.",
        remedy="Wait for its `asset` event on the stream, and ask again.",
        detail="cover is being made; ask again once it is ready.",
        retryable=True,
    ),
    CatalogueEntry(
        "asset_not_failed",
        409,
        when="Only failed assets can be retried, and these are not; `assets` say how they stand.",
        remedy="Leave them out; to make a ready asset anew, regenerate it.",
        detail="Only failed assets can be tried again: cover is ready.",
        members={"assets": {"cover": "ready"}},
    ),
    CatalogueEntry(
        "nothing_failed",
        409,
        when="All failed assets were to be retried, and there is none.",
        remedy="Nothing: all is well.",
        detail="No asset of this story has failed.",
    ),
    CatalogueEntry(
        "text_not_ready",
        409,
        when="The scene's text is not written yet, and cannot be edited.",
        remedy="Wait for the `text` event of the scene on the stream, and send the edit again.",
        detail="The text of scene 2 cannot be edited: it is being made.",
        retryable=True,
    ),
    CatalogueEntry(
        "approval_not_awaited",
        409,
        when="The story does not ask for approval, its text is not written yet, or nothing waits for it.",
        remedy="Wait for the `approval` event with the status `awaited` on the stream.",
        detail="Nothing of this story waits to be approved.",
    ),
    CatalogueEntry(
        "text_changed",
        409,
        when="The text was changed, or is being changed, since the version that is to be approved.",
        remedy="Read the story again, show its text, and approve its `textVersion`.",
        detail="This is not the story's text any more: read it again, and approve that.",
    ),
    CatalogueEntry(
        "story_ended",
        409,
        when="The story has ended and cannot be cancelled.",
        remedy="Nothing; to be rid of it, delete it.",
        detail="The story has ended already: it is ready.",
    ),
    CatalogueEntry(
        "story_cancelled",
        409,
        when="The story was cancelled, which is final.",
        remedy="Create another story.",
        detail="The story is cancelled, for good.",
    ),
    CatalogueEntry(
        "version_mismatch",
        412,
        when="The request's `If-Match` names another version than the story has: it has changed since it was read.",
        remedy="Read the story again, look whether the command still fits, and send it with the new `ETag`.",
        detail="The story has changed since it was read: read it again, and decide anew.",
    ),
    CatalogueEntry(
        "too_many_webhooks",
        409,
        when="The tenant has as many webhooks as it may have; `limit` says how many.",
        remedy="Delete one that is not needed any more.",
        detail="There are 20 webhooks already, which is the most: delete one first.",
        members={"limit": 20},
    ),
    CatalogueEntry(
        "too_many_links",
        409,
        when="The story has as many valid links as it may have.",
        remedy="Take back one that is not needed any more.",
        detail="A story has at most 50 links; take one back.",
    ),
    CatalogueEntry(
        "webhook_disabled",
        409,
        when="Nothing is sent to a webhook that is disabled.",
        remedy='Enable it: `PATCH` it with `{"enabled": true}`.',
        detail="This webhook is disabled: enable it first.",
    ),
    # What the tenant has used up.
    CatalogueEntry(
        "too_many_requests",
        429,
        when="More requests came in a minute than the tenant may send.",
        remedy="Wait for `Retry-After` seconds. Every answer tells what is left, by `RateLimit`.",
        detail="30,000 requests a minute are possible.",
        retryable=True,
        headers=("Retry-After",),
    ),
    CatalogueEntry(
        "stories_of_the_day_spent",
        429,
        when="The tenant has created as many stories today (UTC) as it may.",
        remedy="Wait for `Retry-After` seconds, which is until midnight UTC, or ask whoever runs Storyloom for more.",
        detail="100 stories a day are possible, and were created. The day ends at midnight UTC.",
        retryable=True,
        headers=("Retry-After",),
    ),
    CatalogueEntry(
        "money_cap_reached",
        429,
        when="What the tenant may spend in a day (UTC) is spent. What is being made is finished; nothing new is begun.",
        remedy="Wait for `Retry-After` seconds, which is until midnight UTC, or ask whoever runs Storyloom for more.",
        detail="The money of the day, 20.00 US dollars, is spent. The day ends at midnight UTC.",
        retryable=True,
        headers=("Retry-After",),
    ),
    CatalogueEntry(
        "regenerations_spent",
        429,
        when="Assets of this story were made anew as often as they may be.",
        remedy="Create another story. Waiting is no help.",
        detail="Assets of a story can be made anew 100 times, and were.",
    ),
    # What is not well on our side.
    CatalogueEntry(
        "bug",
        500,
        when="An error of ours. It is logged.",
        remedy="Send the request again with the same `Idempotency-Key`; if it stays, tell whoever runs Storyloom "
        "the time and the `traceId`.",
        detail="Something broke on our side. It is logged.",
        retryable=True,
    ),
    CatalogueEntry(
        "too_slow",
        503,
        when="No answer could be given within four seconds. Whether the request was carried out is not known.",
        remedy="Send it again after `Retry-After` seconds, with the same `Idempotency-Key`.",
        detail="It takes too long just now; try again.",
        retryable=True,
        headers=("Retry-After",),
    ),
    CatalogueEntry(
        "database_away",
        503,
        when="The database is not reachable.",
        remedy="Send it again after `Retry-After` seconds.",
        detail="The database is not reachable; try again.",
        retryable=True,
        headers=("Retry-After",),
    ),
    CatalogueEntry(
        "bus_away",
        503,
        when="The message bus is not reachable.",
        remedy="Send it again after `Retry-After` seconds.",
        detail="NATS is not reachable; try again.",
        retryable=True,
        headers=("Retry-After",),
    ),
    CatalogueEntry(
        "moderation_away",
        503,
        when="An edited text cannot be moderated just now, and without that it is not taken.",
        remedy="Send it again after `Retry-After` seconds.",
        detail="The words cannot be moderated just now; try again.",
        retryable=True,
        headers=("Retry-After",),
    ),
    CatalogueEntry(
        "receipt_being_made",
        503,
        when="The story is being checked, which takes some seconds the first time that its receipt is asked for.",
        remedy="Ask again after `Retry-After` seconds.",
        detail="The story is being checked; ask again in a few seconds.",
        retryable=True,
        headers=("Retry-After",),
    ),
    CatalogueEntry(
        "evaluation_away",
        503,
        when="Nobody can check the story just now.",
        remedy="Ask again after `Retry-After` seconds.",
        detail="The story cannot be checked just now; try again.",
        retryable=True,
        headers=("Retry-After",),
    ),
    CatalogueEntry(
        "store_away",
        503,
        when="The store of the files is not reachable.",
        remedy="Ask again after a few seconds.",
        detail="The file cannot be fetched just now; try again.",
        retryable=True,
        headers=("Retry-After",),
    ),
    CatalogueEntry(
        "stream_away",
        503,
        when="The service of the progress stream is not reachable.",
        remedy="Connect again, with `Last-Event-ID`, after a few seconds.",
        detail="The progress stream is not available; try again.",
        retryable=True,
    ),
    CatalogueEntry(
        "stream_elsewhere",
        501,
        when="This installation serves the progress stream at another address.",
        remedy="Ask whoever runs Storyloom for it.",
        detail="The progress stream is not connected to this API.",
    ),
)

CATALOGUE: Mapping[str, CatalogueEntry] = {entry.code: entry for entry in _ENTRIES}
"""Every entry by its code."""


def page_path(code: str) -> str:
    """The path of a code's page, which is also a problem's ``type``: a relative reference (RFC 9457, section 3.1.1)."""
    return f"/docs/errors/{code}"
