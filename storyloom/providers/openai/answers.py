"""OpenAI's answers, as much of them as we read. The SDK builds its objects unchecked; these are checked.

Source: the vendor's OpenAPI file (Response, ImagesResponse, CreateModerationResponse).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, WrapValidator

from storyloom.providers.answers import Answer, read_base64
from storyloom.providers.errors import CallFailedError, Outcome, out_of_quota
from storyloom.providers.ports import Moderation
from storyloom.providers.prices import price_picture, price_text
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.model_text import plain_word

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


def _only(*kinds: str) -> BeforeValidator:
    """Of a list the items of these types: new types are added all the time, and nulls have been seen among them.

    What has no type at all stays, to be refused.
    """

    def keep(items: Any) -> Any:
        if not isinstance(items, list | tuple):
            return items
        return [item for item in items if item is not None and _type(item) in {None, *kinds}]

    return BeforeValidator(keep)


def _type(item: Any) -> str | None:
    kind = item.get("type") if isinstance(item, Mapping) else None
    return kind if isinstance(kind, str) else None


def _or_empty(value: Any) -> Any:
    return "" if value is None else value


def _without_nulls(items: Any) -> Any:
    return [item for item in items if item is not None] if isinstance(items, list | tuple) else items


class _Coded(Answer):
    code: str | None = None
    message: str | None = None


class _Reason(Answer):
    reason: str | None = None


class _Part(Answer):
    type: str
    text: Annotated[str, BeforeValidator(_or_empty)] = ""


class _Message(Answer):
    type: Literal["message"]
    phase: str | None = None
    content: Annotated[tuple[_Part, ...] | None, _only("output_text", "refusal")] = None

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.content or () if part.type == "output_text")


class _Cached(Answer):
    cached_tokens: Tokens = 0


class _Reasoned(Answer):
    reasoning_tokens: Tokens = 0


class _TextUsage(Answer):
    input_tokens: Tokens = 0
    input_tokens_details: _Cached = _Cached()
    output_tokens: Tokens = 0
    output_tokens_details: _Reasoned = _Reasoned()


ModelName = Annotated[str | None, Field(pattern=r"^[A-Za-z0-9][\w.:/-]{0,79}$"), WrapValidator(_or_none)]
"""Who says that it answered; None where that is no name: it is printed in books."""


class TextAnswer(Answer):
    """An answer in words."""

    model: ModelName = None
    status: Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
    output: Annotated[tuple[_Message, ...], _only("message"), BeforeValidator(lambda items: items or ())]
    error: _Coded | None = None
    incomplete_details: _Reason | None = None
    usage: Annotated[_TextUsage | None, WrapValidator(_or_none)] = None

    def cost(self, model: str) -> float:
        """US dollars."""
        used = self.usage or _TextUsage()
        return price_text(model, used.input_tokens, used.input_tokens_details.cached_tokens, used.output_tokens)

    @property
    def out_of_tokens(self) -> bool:
        """Whether it broke off at the tokens that it was allowed; reasoning may have eaten all of them."""
        return self.status == "incomplete" and (self._reason or "max_output_tokens") == "max_output_tokens"

    @property
    def reasoning_tokens(self) -> int:
        return self.usage.output_tokens_details.reasoning_tokens if self.usage else 0

    @property
    def _reason(self) -> str | None:
        return self.incomplete_details.reason if self.incomplete_details else None

    def texts(self, request_id: str) -> tuple[str, ...]:
        """What may be the answer, likeliest first: all messages as one, then each alone, the last one first.

        Comments that a model makes on its way are none (``phase``). Raises PermanentError where the model refuses,
        CallFailedError where it failed on the way.
        """
        code = (self.error and self.error.code) or self._reason
        parts = [part for message in self.output for part in message.content or ()]
        message = self.error and self.error.message
        if code in REFUSALS or speaks_of_refusal(message) or any(part.type == "refusal" for part in parts):
            raise refused(request_id)
        if self.status in {"failed", "cancelled"}:
            raise failed(code, request_id)
        said = [message.text for message in self.output if message.phase != "commentary"]
        return tuple(dict.fromkeys(("".join(said), *reversed(said))))


class _PictureTokens(Answer):
    text_tokens: Tokens = 0
    image_tokens: Tokens = 0


class _PictureUsage(Answer):
    input_tokens_details: _PictureTokens = _PictureTokens()
    output_tokens: Tokens = 0


class _Image(Answer):
    b64_json: str | None = None
    url: str | None = None

    @property
    def encoded(self) -> str:
        """The bytes in base64, wherever they stand. A picture behind an address is none: nobody fetches it."""
        text = self.b64_json or self.url or ""
        return text if self.b64_json or text.startswith("data:") else ""


class PictureAnswer(Answer):
    """An answer in pictures; we ask for one. OpenAI does not say which model drew it; others may."""

    model: ModelName = None
    data: Annotated[tuple[_Image, ...], BeforeValidator(_without_nulls)] = Field(min_length=1)
    usage: Annotated[_PictureUsage | None, WrapValidator(_or_none)] = None

    def cost(self, model: str) -> float:
        """US dollars."""
        used = self.usage or _PictureUsage()
        tokens = used.input_tokens_details
        return price_picture(model, tokens.text_tokens, tokens.image_tokens, used.output_tokens)

    def picture(self, request_id: str) -> bytes:
        """The picture's bytes, whole or not. Raises RetryableError unless they begin as a PNG, JPEG or WebP does."""
        encoded = next((image.encoded for image in self.data if image.encoded), "")
        data = read_base64(tidy_base64(encoded), provider="OpenAI", request_id=request_id)
        if media_type(data) is None:
            raise RetryableError("OpenAI answered with something that is no picture", request_id=request_id)
        return data


def tidy_base64(text: str) -> str:
    """Base64 as RFC 4648, section 4, has it: out of a data URL, unwrapped, its alphabet the usual one, padded anew.

    Text that was cut off loses what is no whole byte.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    text = "".join(text.split()).rstrip("=").translate(_URL_SAFE)
    if len(text) % 4 == 1:
        text = text[:-1]
    return text + "=" * (-len(text) % 4)


_URL_SAFE = str.maketrans("-_", "+/")


def _only_scores(scores: Any) -> Any:
    """Of whatever came the numbers from 0 to 1: nothing is decided by a score, and an odd one is no reason to fail."""
    if not isinstance(scores, Mapping):
        return {}
    return {name: score for name, score in scores.items() if isinstance(score, int | float) and 0 <= score <= 1}


class _Judgement(Answer):
    flagged: Annotated[bool, Field(strict=True)]
    categories: dict[str, bool | None]
    category_scores: Annotated[dict[str, float], BeforeValidator(_only_scores)] = Field(default_factory=dict)


class ModerationAnswer(Answer):
    """What moderation says, one judgement a text."""

    model: ModelName = None
    results: tuple[_Judgement, ...]

    def judgement(self, model: str) -> Moderation:
        """Of all texts together. ``model`` is the one that was asked, if it does not say which it was."""
        named = self.categories()
        scores: dict[str, float] = {}
        for result in self.results:
            for name, score in result.category_scores.items():
                scores[plain_word(name)] = max(score, scores.get(plain_word(name), 0.0))
        return Moderation(
            flagged=bool(named),
            categories=named,
            model=self.model or model,
            texts=len(self.results),
            looked_at=len(
                {name for one in self.results for name, holds in one.categories.items() if holds is not None}
            ),
            scores=scores,
        )

    def categories(self) -> tuple[str, ...]:
        """The names of all categories that hold for any text, sorted; "unnamed" for a flag without a name."""
        named = {plain_word(name) for result in self.results for name, holds in result.categories.items() if holds}
        if not named and any(result.flagged for result in self.results):
            named = {"unnamed"}
        return tuple(sorted(named))


PictureType = Literal["image/png", "image/jpeg", "image/webp"]


def media_type(data: bytes) -> PictureType | None:
    """What the bytes are by their signature: PNG, JPEG, WebP or none of them (RFC 2083; ITU T.81; RFC 9649)."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def speaks_of_refusal(message: object) -> bool:
    """Whether OpenAI's words say that it will not make this.

    Words, since some of these errors have no code: the safety system's 400 of the picture endpoints, and the policy's
    of the reasoning models ("your prompt was flagged as potentially violating our usage policy").
    """
    return isinstance(message, str) and _REFUSES.search(message) is not None


_REFUSES = re.compile(
    r"safety.{0,3}system|safety_violations|content.{0,3}(?:management )?policy|usage polic|content.{0,3}filter"
    r"|flagged as potentially",
    re.IGNORECASE,
)
_REQUEST_ID = re.compile(r"\breq_[A-Za-z0-9]{6,64}\b")
_LASTING = ("context_length", "invalid_", "model_not_found", "string_above", "unknown_", "unsupported_")
"""How the codes begin of what will never work, however often it is asked."""


def failed_in_body(error: Any, request_id: str | None) -> CallFailedError:
    """What an error is that came with status 200; OpenAI's own object, or the text of something on the way to it."""
    told = error if isinstance(error, Mapping) else {"message": error}
    code, kind, message = told.get("code"), told.get("type"), str(told.get("message") or "")
    request_id = request_id or (match[0] if (match := _REQUEST_ID.search(message)) else None)
    named = plain_word(code or kind, "no code")
    if named in REFUSALS or speaks_of_refusal(message):
        return CallFailedError(Outcome.REFUSED, refused(request_id))
    if named in QUOTA or plain_word(kind) in QUOTA:
        return out_of_quota(request_id)
    if named.startswith(_LASTING):
        return failed(named, request_id)
    outcome = Outcome.RATE_LIMITED if "rate_limit" in named else Outcome.SERVER_ERROR
    return CallFailedError(outcome, RetryableError(f"OpenAI failed on the way ({named})", None, request_id))


def refused(request_id: str | None, categories: Sequence[str] = ()) -> PermanentError:
    """A refusal; ``categories`` are those that OpenAI names, where it does."""
    details = {"categories": ", ".join(map(plain_word, categories))} if categories else {}
    return PermanentError(
        "OpenAI refuses to make this content", code="content_refused", request_id=request_id, details=details
    )


def failed(code: Any, request_id: str | None) -> CallFailedError:
    """What a failure is that OpenAI names by a code in an answer or in mid-stream."""
    if not isinstance(code, str) or code in TRANSIENT:
        outcome = Outcome.RATE_LIMITED if code == "rate_limit_exceeded" else Outcome.SERVER_ERROR
        named = code if isinstance(code, str) else "no code"
        return CallFailedError(outcome, RetryableError(f"OpenAI failed on the way ({named})", None, request_id))
    if code in QUOTA:
        return out_of_quota(request_id)
    if code in REFUSALS:
        return CallFailedError(Outcome.REFUSED, refused(request_id))
    reason = f"OpenAI cannot answer this request ({plain_word(code)})"
    return CallFailedError(Outcome.REJECTED, PermanentError(reason, request_id=request_id))
