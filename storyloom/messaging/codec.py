"""Messages as typed models: decoded once, encoded once. No error raised here quotes a body."""

from typing import Any

from faststream.message import StreamMessage
from faststream.nats.message import NatsMessage
from nats.aio.msg import Msg
from pydantic import BaseModel, ValidationError


class UnreadableMessageError(Exception):
    """A body that is not what it should be. ``error`` is pydantic's own, which quotes the body: keep it out of logs."""

    def __init__(self, error: ValidationError) -> None:
        super().__init__(f"{error.error_count()} fields are wrong")
        self.error = error


class JsonBody:
    """A subscriber's codec: the body is one model."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._read = model.model_validate_json

    async def decode(self, message: StreamMessage[Any]) -> Any:
        """The model. Raises UnreadableMessageError: FastStream logs what a decoder raises, with its text."""
        try:
            return self._read(message.body)
        except ValidationError as error:
            raise UnreadableMessageError(error) from None

    async def encode(self, message: Any, serializer: Any = None) -> tuple[bytes, str | None]:
        """The body of an answer."""
        del serializer
        return encode(message), "application/json"


class AnyBody:
    """A subscriber's codec: the body may be anything, and is not read."""

    async def decode(self, message: StreamMessage[Any]) -> bytes:
        """The bytes."""
        return bytes(message.body)

    async def encode(self, message: Any, serializer: Any = None) -> tuple[bytes, str | None]:
        """The body of an answer."""
        del serializer
        return encode(message), "application/json"


def encode(body: Any) -> bytes:
    """A message's bytes: a model that knows its own, any other model as JSON, or bytes as they are.

    Raises TypeError for anything else. FastStream publishes an empty body for a handler that returns None; here that is
    an error.
    """
    if isinstance(body, bytes):
        return body
    known = getattr(body, "body", None)
    if isinstance(known, bytes):
        return known
    if isinstance(body, BaseModel):
        return body.model_dump_json().encode()
    raise TypeError(f"a message is a model or bytes, not {type(body).__name__}")


async def parse_job(message: Msg) -> NatsMessage:
    """What FastStream's parser makes of a JetStream message, without a random id and a match of the subject each."""
    headers = message.headers or {}
    name = headers.get("Nats-Msg-Id") or message.reply or message.subject
    return NatsMessage(raw_message=message, body=message.data, headers=headers, correlation_id=name, message_id=name)


async def parse_question(message: Msg) -> NatsMessage:
    """The same for core NATS, where an answer goes to the message's own reply subject and nothing is acknowledged."""
    message._ackd = True  # noqa: SLF001 - as FastStream does: there is nothing to acknowledge
    headers = message.headers or {}
    name = message.reply or message.subject
    return NatsMessage(
        raw_message=message,
        body=message.data,
        reply_to=message.reply,
        headers=headers,
        correlation_id=name,
        message_id=name,
    )
