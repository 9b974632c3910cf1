"""OpenAI's answers, as much of them as we read. The SDK builds its objects unchecked; these are checked.

Source: the vendor's OpenAPI file (Response, ImagesResponse, CreateModerationResponse).
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, WrapValidator

from storyloom.providers.answers import Answer, read_base64
from storyloom.providers.errors import CallFailedError, Outcome, out_of_quota
from storyloom.providers.prices import price_picture, price_text
from storyloom.story.errors import PermanentError, RetryableError

Tokens = Annotated[int, Field(ge=0)]

REFUSALS = frozenset(
    {
        "bio_policy",
        "content_filter",
        "content_policy_violation",
        "image_content_policy_violation",
        "moderation_blocked",
    }
)
"""The codes by which OpenAI says that it will not make this."""
TRANSIENT = frozenset({"rate_limit_exceeded", "server_error", "vector_store_timeout"})
"""The codes of failures that pass."""
QUOTA = frozenset({"billing_hard_limit_reached", "billing_not_active", "insufficient_quota"})
"""The codes that ask for money, and come with 429 (or, from the picture endpoints, 400)."""


def _or_none(value: Any, read: Callable[[Any], Any]) -> Any:
    """None for what cannot be read: an answer that is paid for is not thrown away because its usage is odd."""
    try:
        return read(value)
    except ValidationError:
        return None


class _Coded(Answer):
    code: str | None = None


class _Reason(Answer):
    reason: str | None = None


class _Part(Answer):
    type: str
    text: str = ""


class _Item(Answer):
    type: str
    content: tuple[_Part, ...] | None = None


class _Cached(Answer):
    cached_tokens: Tokens = 0


class _TextUsage(Answer):
    input_tokens: Tokens = 0
    input_tokens_details: _Cached = _Cached()
    output_tokens: Tokens = 0


class TextAnswer(Answer):
    """An answer in words."""

    status: Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
    output: tuple[_Item, ...]
    error: _Coded | None = None
    incomplete_details: _Reason | None = None
    usage: Annotated[_TextUsage | None, WrapValidator(_or_none)] = None

    def cost(self, model: str) -> float:
        """US dollars."""
        used = self.usage or _TextUsage()
        return price_text(model, used.input_tokens, used.input_tokens_details.cached_tokens, used.output_tokens)

    def text(self, request_id: str) -> str:
        """The words. Raises PermanentError where the model refuses, CallFailedError where it failed on the way."""
        code = (self.error and self.error.code) or (self.incomplete_details and self.incomplete_details.reason)
        parts = [part for item in self.output if item.type == "message" for part in item.content or ()]
        if code in REFUSALS or any(part.type == "refusal" for part in parts):
            raise refused(request_id)
        if self.status in {"failed", "cancelled"}:
            raise failed(code, request_id)
        return "".join(part.text for part in parts if part.type == "output_text")


class _PictureTokens(Answer):
    text_tokens: Tokens = 0
    image_tokens: Tokens = 0


class _PictureUsage(Answer):
    input_tokens_details: _PictureTokens = _PictureTokens()
    output_tokens: Tokens = 0


class _Image(Answer):
    b64_json: str


class PictureAnswer(Answer):
    """An answer in pictures; we ask for one."""

    data: tuple[_Image, ...] = Field(min_length=1)
    usage: Annotated[_PictureUsage | None, WrapValidator(_or_none)] = None

    def cost(self, model: str) -> float:
        """US dollars."""
        used = self.usage or _PictureUsage()
        tokens = used.input_tokens_details
        return price_picture(model, tokens.text_tokens, tokens.image_tokens, used.output_tokens)

    def png(self, request_id: str) -> bytes:
        """The picture's bytes. Raises RetryableError unless they are a PNG."""
        data = read_base64(self.data[0].b64_json, provider="OpenAI", request_id=request_id)
        if media_type(data) != "image/png":
            raise RetryableError("OpenAI answered with something that is no PNG", request_id=request_id)
        return data


class _Judgement(Answer):
    flagged: Annotated[bool, Field(strict=True)]
    categories: dict[str, bool | None]


class ModerationAnswer(Answer):
    """What moderation says, one judgement a text."""

    results: tuple[_Judgement, ...]

    def categories(self) -> tuple[str, ...]:
        """The names of all categories that hold for any text, sorted; "unnamed" for a flag without a name."""
        named = {name for result in self.results for name, holds in result.categories.items() if holds}
        if not named and any(result.flagged for result in self.results):
            named = {"unnamed"}
        return tuple(sorted(named))


def media_type(data: bytes) -> Literal["image/png", "image/jpeg"] | None:
    """What the bytes are by their signature: PNG, JPEG or neither (RFC 2083; ITU T.81)."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/jpeg" if data.startswith(b"\xff\xd8\xff") else None


def refused(request_id: str | None) -> PermanentError:
    return PermanentError("OpenAI refuses to make this content", code="content_refused", request_id=request_id)


def failed(code: Any, request_id: str | None) -> CallFailedError:
    """What a failure is that OpenAI names by a code in an answer or in mid-stream."""
    if not isinstance(code, str) or code in TRANSIENT:
        outcome = Outcome.RATE_LIMITED if code == "rate_limit_exceeded" else Outcome.SERVER_ERROR
        named = code if isinstance(code, str) else "no code"
        return CallFailedError(outcome, RetryableError(f"OpenAI failed on the way ({named})", None, request_id))
    if code in QUOTA:
        return out_of_quota("OpenAI", request_id)
    if code in REFUSALS:
        return CallFailedError(Outcome.REFUSED, refused(request_id))
    return CallFailedError(
        Outcome.REJECTED, PermanentError(f"OpenAI cannot answer this request ({code})", request_id=request_id)
    )
