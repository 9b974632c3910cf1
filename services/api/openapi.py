"""What the OpenAPI document says beside the routes: the api as a whole, parameters and headers that several share."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

from services.api.resources import AssetName, StoryStatus
from storyloom import __version__
from storyloom.story.brief import REQUIRED_DETAILS, Appearance, Brief, Character, Name, StoryType
from storyloom.story.traits import TRAITS
from storyloom.web.openapi import About, Header, Parameter

TAGS = {
    "Stories": "Create stories, read them, follow them, delete them.",
    "Assets": "What a story is made of: its text, pictures, narration, activities and the printable book.",
    "Commands": "Change a story that exists. What comes of a command is told on the story's progress stream.",
    "Reading": "The story as a book for its readers, and links that open it without a key.",
    "Usage": "What was made, and what it cost.",
    "Webhooks": "Endpoints of yours that are told what happens, and the log of what was sent to them.",
    "Documents": "This document. No key is needed.",
}
SCOPES = {
    "stories:read": "read stories and their streams.",
    "stories:write": "create, change and delete stories.",
    "webhooks": "manage endpoints, and read their log.",
    "admin": "everything.",
}
DESCRIPTION = """\
Turns a request for a children's story into a finished book: text, cover, pictures, narration with word times,
activities, a PDF and an e-book, each to be had the moment it exists.

Create a story, follow its `events`, fetch its assets. Guides: [quickstart](/docs/guide/quickstart),
[stories](/docs/guide/stories), [errors](/docs/guide/errors), [idempotency](/docs/guide/idempotency),
[progress stream](/docs/guide/progress), [reader](/docs/guide/reader),
[limits](/docs/guide/limits), [webhooks](/docs/guide/webhooks),
[going live](/docs/guide/going-live).
Clients ignore members that they do not know: more may be added.

Every answer has `X-Request-Id` and `traceparent`, by which it is found in the logs; send your own, and they are taken.
With a key, `RateLimit-Policy` and `RateLimit` say which limits a request counted for, and what is left of them."""


def about(server: str = "") -> About:
    """The api as a whole. ``server``: the origin at which clients reach it."""
    return About("Storyloom", __version__, DESCRIPTION, TAGS, server or "/", SCOPES)


STORY_ID = Parameter(
    "id",
    "path",
    UUID,
    "The story's id.",
    "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    # /stories/batch and /stories/estimate are no stories.
    reserved=("batch", "estimate"),
)
ASSET = Parameter(
    "asset",
    "path",
    AssetName,
    "The asset's name.",
    "cover",
    # …/assets/retry is a command.
    reserved=("retry",),
)
SCENE = Parameter("scene", "path", Literal[1, 2, 3, 4], "The scene's number.", 2)
TAGGED = "tagged"
PART = Parameter(
    "part",
    "query",
    Literal["vtt", "tagged"],
    "Of the asset `audio`. `vtt`: the captions (WebVTT). `tagged`: the narration with the cover in its ID3 tag, beside"
    " title and language, for whoever keeps the file; the same sound. As long as there is no cover it is the file as"
    " it is without `part`.",
)
LIMIT = Parameter("limit", "query", Annotated[int, Field(ge=1, le=100)], "How many stories a page holds.", default=20)
CURSOR = Parameter("cursor", "query", str, "`nextCursor` of the page before; without it the first page comes.")
STATUSES = Parameter(
    "status", "query", list[StoryStatus], "Only stories of this status; repeat it for one or the other.", ["ready"]
)
TYPE = Parameter("type", "query", StoryType, "Only stories of this type.", "adventure")
SINCE = Parameter(
    "since",
    "query",
    Annotated[str, Field(json_schema_extra={"format": "date-time"})],
    "Only stories that were created at this time or later.",
    "2026-01-31T12:00:00Z",
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+( +[\x21-\x7e]+)*$")],
    "The same request with the same key is carried out once, and answered alike. A UUID will do.",
    "0d6f6a4e-6b3e-4c0e-9a55-0f3a1ad1f9b2",
)
PREFER = Parameter(
    "Prefer",
    "header",
    str,
    "`wait=n`: answer once the story has ended, or after n seconds, at most 60 (RFC 7240). Others are ignored.",
)
TRACEPARENT = Parameter(
    "traceparent", "header", str, "The trace that the request belongs to (W3C); what is no such trace is ignored."
)
IF_NONE_MATCH = Parameter("If-None-Match", "header", str, "An `ETag`: 304, without a body, where nothing has changed.")
IF_MATCH = Parameter(
    "If-Match",
    "header",
    str,
    "The story's `ETag` as it was read, or `*`: 412 where the story has changed since. Weak tags match nothing.",
)
LAST_EVENT_ID = Parameter(
    "Last-Event-ID",
    "header",
    Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}$")],
    "The last id that was read: what came after it is sent again first. EventSource sends it by itself.",
    "7",
)
AFTER = Parameter("after", "query", Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}$")], "As `Last-Event-ID`.")
TOKEN = Parameter(
    "token", "query", str, "Of `POST …/events-token`, instead of a key: for an EventSource, which can send no header."
)

ETAG = Header("ETag", "The version, for `If-None-Match` and `If-Match`.")
CACHE_CONTROL = Header("Cache-Control", "Whether and where it may be kept.")
LOCATION = Header("Location", "Where it is.")
PREFERENCE_APPLIED = Header("Preference-Applied", "Which of the request's preferences were heeded.", required=False)
REPLAYED = Header(
    "Idempotency-Replayed",
    "`true`: the request was carried out before, under the same `Idempotency-Key`.",
    Literal["true"],
    required=False,
)


class NewAppearance(Appearance):
    """How a character looks; words, or hex colours."""

    model_config = ConfigDict(extra="forbid")


class NewCharacter(Character):
    """A hero of the story to be made."""

    model_config = ConfigDict(extra="forbid")

    appearance: NewAppearance = NewAppearance()

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler.resolve_ref_schema(handler(schema))
        found["properties"]["traits"] |= {"items": {"enum": sorted(TRAITS)}, "uniqueItems": True}
        return found


class CreateStory(Brief):
    """What a story should be: either `characters`, or only the `characterName` of one.

    `generateAssets: false` makes the text alone, and excludes `assets`. Some story types need `typeDetails`.
    """

    model_config = ConfigDict(extra="forbid")

    characters: tuple[NewCharacter, ...] = Field(min_length=1, max_length=3)
    character_name: Name | None = None
    generate_assets: bool | None = None
    earlier: SkipJsonSchema[None] = None

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler.resolve_ref_schema(handler(schema))
        properties: dict[str, Any] = found["properties"]
        found["required"] = ["storyType"]
        properties["assets"] = {
            "type": "array",
            "items": {"enum": list(AssetName.__args__), "type": "string"},  # type: ignore[attr-defined] # a Literal
            "minItems": 1,
            "maxItems": 9,
            "description": "What to make; all of it if left out. What an asset needs is made too.",
        }
        properties["characterName"] = {"type": "string", "minLength": 1, "maxLength": 40}
        properties["generateAssets"] = {"type": "boolean"}
        for name in ("typeDetails", "metadata"):
            # Keys that do not match are refused; pydantic's schema says nothing of them.
            properties[name]["additionalProperties"] = False
        plain = [kind for kind in properties["storyType"]["enum"] if kind not in REQUIRED_DETAILS]
        found["allOf"] = [
            {
                "oneOf": [
                    {"required": ["characters"], "properties": {"characterName": False}},
                    {"required": ["characterName"], "properties": {"characters": False}},
                ]
            },
            {"anyOf": [{"properties": {"assets": False}}, {"properties": {"generateAssets": False}}]},
            {
                "anyOf": [
                    {"properties": {"storyType": {"enum": plain}}},
                    *(
                        {
                            "required": ["typeDetails"],
                            "properties": {
                                "storyType": {"const": story_type},
                                "typeDetails": {"required": list(names)},
                            },
                        }
                        for story_type, names in REQUIRED_DETAILS.items()
                    ),
                ]
            },
        ]
        return found


class CreateStories(BaseModel):
    """Briefs, each as the body of `createStory`. One that is wrong does not spoil the others."""

    model_config = ConfigDict(extra="forbid")

    stories: Annotated[list[CreateStory | dict[str, Any]], Field(min_length=1, max_length=100)]


SHORT_BRIEF = {"characterName": "Mira", "storyType": "adventure"}
FULL_BRIEF = {
    "storyType": "adventure",
    "age": 5,
    "premise": "a fox who has lost her lantern",
    "setting": "a foggy forest",
    "language": "en",
    "characters": [
        {
            "name": "Mira",
            "age": 5,
            "species": "human",
            "pronouns": "she/her",
            "appearance": {"skin": "#8d5524", "hair": "curly black", "eyes": "brown", "clothing": "yellow dress"},
            "traits": ["wheelchair_manual"],
            "features": ["round blue glasses"],
            "personality": ["curious"],
        }
    ],
    "assets": ["content", "cover", "audio", "pdf"],
    "seed": 7,
    "metadata": {"orderId": "A-17"},
}
BIRTHDAY_BRIEF = {
    "characterName": "Mira",
    "storyType": "birthday",
    "typeDetails": {"to": "Mira", "from": "Granny", "age_turning": 6, "message": "Be merry."},
    "generateAssets": False,
}
