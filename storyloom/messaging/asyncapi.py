"""The AsyncAPI 3 document of what services consume and publish, made from their brokers.

FastStream describes each endpoint and its models; here they are put together to one document for any number of
services, with names of their own: a channel by its subject, a message by its model, an operation by service, direction
and channel. What a service does on bare nats-py it declares as a BareChannel, so that the document says it, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc, signature
from typing import Any, Literal, get_type_hints

from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases import CoreSubscriber
from faststream.specification import AsyncAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from storyloom import __version__
from storyloom.story.results import Written

TITLE = "Storyloom"
Action = Literal["send", "receive"]


@dataclass(frozen=True, slots=True)
class BareChannel:
    """What a service sends or receives without FastStream. ``address`` is the subject with its ``{parameters}``."""

    action: Action
    address: str
    message: Any
    """A model; Nothing for an empty body."""
    description: str = ""
    answer: Any = None
    """The model of an answer, where one is expected."""


class Nothing(BaseModel):
    """A message whose body is empty, or not read."""


@dataclass(frozen=True, slots=True)
class ServiceApi:
    """One service's part of the document."""

    name: str
    broker: NatsBroker | None = None
    bare: Sequence[BareChannel] = ()


@dataclass(frozen=True, slots=True)
class _Operation:
    service: str
    action: Action
    address: str
    message: Any
    description: str
    answer: Any = None


def document(services: Iterable[ServiceApi], *, server: str = "127.0.0.1:4222") -> dict[str, Any]:
    """The document, as JSON. The same services make the same document, in whatever order they declare things."""
    found = sorted(
        (operation for service in services for operation in _operations(service)),
        key=lambda one: (one.service, one.action, one.address),
    )
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    models: dict[str, Any] = {}
    for one in found:
        name = _message(one.message, models)
        _channel(channels, one.address, name)
        operation = _reference(one.action, channel_name(one.address), name)
        if one.description:
            operation["summary"] = one.description
        if one.answer is not None:
            answered = f"{channel_name(one.address)}.answer"
            answer = _message(one.answer, models)
            _channel(channels, None, answer, answered)
            operation["reply"] = {
                "address": {"location": "$message.header#/reply"},
                **_reference(None, answered, answer),
            }
        operations[f"{one.service}.{one.action}.{channel_name(one.address)}"] = operation
    schemas, messages = _schemas(models)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": TITLE, "version": __version__, "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {"nats": {"host": server, "protocol": "nats"}},
        "channels": dict(sorted(channels.items())),
        "operations": dict(sorted(operations.items())),
        "components": {"messages": messages, "schemas": schemas},
    }


_ABOUT = "What Storyloom's services say to each other over NATS. Made from the code."


def channel_name(address: str) -> str:
    """A subject without what differs from story to story: ``job.images.normal``."""
    return ".".join(token for token in address.split(".") if not token.startswith("{"))


def _operations(service: ServiceApi) -> Iterable[_Operation]:
    for bare in service.bare:
        yield _Operation(service.name, bare.action, bare.address, bare.message, bare.description, bare.answer)
    if service.broker is None:
        return
    described = _described(service.broker)
    for subscriber in service.broker.subscribers:
        (call,) = subscriber.calls
        handler = call.handler._declared_call  # noqa: SLF001 - tests/contract/faststream holds it to this
        hints = get_type_hints(handler)
        taken = hints[next(iter(signature(handler).parameters))]
        answer = hints.get("return") if isinstance(subscriber, CoreSubscriber) else None
        address = str(subscriber.subject.template)  # type: ignore[attr-defined]
        answer = answer if answer is not type(None) else None
        yield _Operation(service.name, "receive", address, taken, described[address], answer)
    for publisher in service.broker.publishers:
        address = str(publisher.subject.template)  # type: ignore[attr-defined]
        schema = publisher.specification.config.schema_
        yield _Operation(service.name, "send", address, schema, cleandoc(schema.__doc__ or "").partition("\n")[0])


def _described(broker: NatsBroker) -> Mapping[str, str]:
    """FastStream's own description of the endpoints: addresses with their handlers' docstrings."""
    described = AsyncAPI(broker, title=TITLE).to_specification().to_jsonable()
    return {channel["address"]: channel.get("description") or "" for channel in described["channels"].values()}


def _message(kind: Any, models: dict[str, Any]) -> str:
    kind = Nothing if kind is bytes else kind
    models[kind.__name__] = kind
    return str(kind.__name__)


def _channel(channels: dict[str, Any], address: str | None, message: str, name: str = "") -> None:
    name = name or channel_name(address or "")
    channel = channels.setdefault(name, {"address": address, "messages": {}})
    channel["messages"][message] = {"$ref": f"#/components/messages/{message}"}
    parameters = [token[1:-1] for token in (address or "").split(".") if token.startswith("{")]
    if parameters:
        channel["parameters"] = {parameter: {"description": _PARAMETERS[parameter]} for parameter in parameters}


_PARAMETERS = {
    "story_id": "The story's id.",
    "asset": "The asset's name.",
    "service": "A worker service.",
    "priority": "urgent, high or normal.",
}


def _reference(action: Action | None, channel: str, message: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }
    return {"action": action, **found} if action else found


def _schemas(models: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Schemas of what is on the wire, and the messages that refer to them."""
    refs: dict[Any, Any] = {}
    schemas: dict[str, Any] = {}
    for by_alias in (False, True):
        kinds = [(kind, "validation") for _, kind in sorted(models.items()) if _is_written_by_alias(kind) is by_alias]
        found, defined = models_json_schema(
            kinds,  # type: ignore[arg-type]  # the literal is lost in the list
            ref_template="#/components/schemas/{model}",
            by_alias=by_alias,
        )
        refs |= found
        schemas |= defined.get("$defs", {})
    messages = {}
    for name, kind in sorted(models.items()):
        messages[name] = {
            "name": name,
            "title": name,
            "summary": cleandoc(kind.__doc__ or ""),
            "payload": {"description": "Anything: it is not read."} if kind is Nothing else refs[kind, "validation"],
        }
    return dict(sorted(schemas.items())), messages


def _is_written_by_alias(kind: type[BaseModel]) -> bool:
    """Most are written by their fields' names; only the answers for other programs are not (``Written`` always is)."""
    return "alias_generator" in kind.model_config and not issubclass(kind, Written)
