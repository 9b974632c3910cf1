"""Compares real answers with the OpenAPI document: status, headers, media type, body, and nothing that is not there."""

import copy
import re
from functools import cache
from typing import Any

import orjson
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from jsonschema import Draft202012Validator

from services.api.docs import openapi
from storyloom.web.server import protective_headers

PROBLEM = "application/problem+json"
OF_HTTP = {
    *protective_headers(),
    "Allow", "Connection", "Content-Disposition", "Content-Encoding", "Content-Length", "Content-Type", "Date",
    "Server", "Transfer-Encoding",
    "Vary", "X-Accel-Buffering",
}  # fmt: skip
"""Headers that HTTP itself explains, or that browsers and proxies read."""


async def check_answer(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """A client's middleware: AssertionError for an answer of the API that is not what the document says."""
    answer = await handler(request)
    if answer.url.path.startswith("/api/v1/"):
        streamed = answer.content_type == "text/event-stream"
        body = b"" if streamed else await answer.read()
        check(request.method, answer.url.raw_path, answer.status, dict(answer.headers), body, streamed=streamed)
    return answer


def check(method: str, path: str, status: int, headers: dict[str, str], body: bytes, *, streamed: bool = False) -> None:
    """Raise AssertionError where an answer is not what the document says of its operation."""
    operation = _operation("GET" if method == "HEAD" else method, path)
    if operation is None or (method == "HEAD" and operation["operationId"] == "streamStory"):
        # No address of the document, or no method of it: one of two problems, whatever was sent.
        assert status in {404, 405}, (method, path, status)
        if method != "HEAD":
            _validator("ProblemDetails").validate(orjson.loads(body))
        return
    what = f"{operation['operationId']} answered {status}"
    answer = operation["responses"].get(str(status))
    assert answer is not None, f"{what}, which it does not declare: {body[:500]!r}"
    declared = {name: _header(header) for name, header in answer["headers"].items()}
    sent = {name.title(): value for name, value in headers.items()}
    for name, header in declared.items():
        assert name.title() in sent or not header["required"], f"{what} without {name}"
    unknown = set(sent) - {name.title() for name in (*declared, *OF_HTTP)}
    assert not unknown, f"{what} with headers that it does not declare: {unknown}"
    media_type = headers.get("Content-Type", "").partition(";")[0]
    content = answer.get("content", {})
    if not content or method == "HEAD":
        assert not body, f"{what} with a body: {body[:500]!r}"
        return
    if "*/*" in content and media_type != PROBLEM:
        return
    assert media_type in content, f"{what} with {media_type}"
    if not streamed:
        errors = [
            error.message for error in _schema_validator(content[media_type]["schema"]).iter_errors(orjson.loads(body))
        ]
        assert not errors, f"{what} with a body that its schema does not allow: {errors}"


def check_event(event: str, data: str, event_id: str | None) -> None:
    """Raise AssertionError where an event of the stream is not what the document says."""
    items = _document("3.2.0")["paths"]["/api/v1/stories/{id}/events"]["get"]["responses"]["200"]["content"]
    schemas = _document("3.2.0")["components"]["schemas"]
    names = [one["$ref"].rsplit("/", 1)[-1] for one in items["text/event-stream"]["itemSchema"]["anyOf"]]
    item: dict[str, Any] = {"event": event, "data": data} | ({} if event_id is None else {"id": event_id})
    fitting = [name for name in names if Draft202012Validator(schemas[name]).is_valid(item)]
    assert len(fitting) == 1, f"an event {event} that the document does not know: {item}"
    inner = schemas[fitting[0]]["properties"]["data"]["contentSchema"]
    errors = [error.message for error in _schema_validator(inner).iter_errors(orjson.loads(data))]
    assert not errors, f"an event {event} with data that its schema does not allow: {errors}"


def _header(header: Any) -> Any:
    return _document()["components"]["headers"][header["$ref"].rsplit("/", 1)[-1]] if "$ref" in header else header


def _operation(method: str, path: str) -> Any:
    for template, item in _document()["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        # Two templates may fit one path: the methods tell them apart.
        if method.lower() in item and re.fullmatch(pattern, path):
            return item[method.lower()]
    return None


@cache
def _document(version: Any = "3.1.1") -> Any:
    """The document, closed: what it does not name is refused, though clients must bear it."""
    document = copy.deepcopy(openapi(version))
    for schema in document["components"]["schemas"].values():
        _close(schema)
    return document


def _close(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("properties"):
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            _close(value)
    elif isinstance(schema, list):
        for value in schema:
            _close(value)


def _schema_validator(schema: Any) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": _document("3.2.0")["components"]})


def _validator(name: str) -> Draft202012Validator:
    return _schema_validator({"$ref": f"#/components/schemas/{name}"})
