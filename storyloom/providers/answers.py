"""Answers of providers, read once for all: checked against a model, decoded from base64, headers found.

The SDKs build their objects unchecked. What does not fit is a RetryableError with the provider's request id; it names
places and kinds alone, since the input itself may be a child's story.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from storyloom.story.errors import RetryableError
from storyloom.story.validation import wrong_fields

M = TypeVar("M", bound=BaseModel)


class Answer(BaseModel):
    """As much of a provider's answer as we read."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


def read_answer(kind: type[M], data: Any, *, provider: str, request_id: str | None) -> M:
    """What the SDK handed over, checked. Raises RetryableError for anything else."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        places = wrong_fields(error, kind)
        raise RetryableError(f"{provider}'s answer is not as described ({places})", request_id=request_id) from None


def read_base64(data: str, *, provider: str, request_id: str | None) -> bytes:
    """The bytes. Raises RetryableError for what is no base64."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise RetryableError(f"{provider}'s answer holds broken base64", request_id=request_id) from None


def find_header(headers: Mapping[str, str], *names: str) -> str | None:
    """The first of these headers (in lower case) that is there, in whatever case it came."""
    return next((value for key, value in headers.items() if key.lower() in names), None)
