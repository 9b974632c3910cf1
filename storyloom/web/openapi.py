"""OpenAPI documents made from routes: each is declared once, where its handler stands, and served by that, too.

``@operation(...)`` over a handler says what it takes and answers; ``declared`` finds the operations of a class of
handlers, ``document`` describes them. Version 3.2 differs from 3.1 where it can say more: the items of a stream.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import cleandoc
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import TypeAdapter

from storyloom.web.catalogue import CATALOGUE, CatalogueEntry
from storyloom.web.keys import Scope
from storyloom.web.problems import MEDIA_TYPE

Version = Literal["3.1.1", "3.2.0"]
Place = Literal["path", "query", "header"]
H = TypeVar("H", bound=Callable[..., Any])

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
HTML = "text/html"

_SCHEMAS = "#/components/schemas/"

EVERYWHERE = ("bad_http", "too_slow_request", "too_many_connections", "too_slow", "database_away", "bug")
"""The codes that any operation may answer with."""
AUTHENTICATED = ("key_missing", "key_unknown", "scope_missing", "too_many_requests")
"""The codes of every operation that needs a key."""
WITH_BODY = ("bad_json", "not_json", "encoded_body", "body_too_large")
"""The codes of every operation that reads a body."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; ``type`` is any type that pydantic knows, with its bounds.

    ``reserved``: what stands in its place in the path of another operation, so that it is not taken for this one's.
    """

    name: str
    place: Place
    type: Any
    description: str
    example: Any = None
    default: Any = None
    reserved: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Only what stands in the path is."""
        return self.place == "path"


@dataclass(frozen=True, slots=True)
class Header:
    """A header of an answer; absent where ``required`` is false and there is nothing to say."""

    name: str
    description: str
    type: Any = str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no problem. ``type`` is any type that pydantic knows; None: there is no body to describe.

    ``items``: of a stream, the type of one item.
    """

    status: int
    description: str
    type: Any = None
    media_type: str | None = JSON
    headers: tuple[Header, ...] = ()
    items: Any = None
    examples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON body. ``examples`` by a name each; the description of its model says what it is."""

    type: Any
    examples: Mapping[str, Any]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Operation:
    """One route. ``id`` is its operationId, ``scope`` what a key must allow; None: no key is needed.

    ``problems`` are the codes that it may answer with beside those that come with a key, with a body and everywhere.
    ``shared``: the secret of a link to the story is as good as a key.
    ``summary`` and ``description`` are the handler's docstring.
    """

    method: str
    path: str
    id: str
    tag: str
    scope: Scope | None
    answers: Sequence[Answer]
    parameters: Sequence[Parameter] = ()
    body: Body | None = None
    problems: Sequence[str] = ()
    summary: str = ""
    description: str = ""
    handler: str = ""
    shared: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code that it may answer with, in the catalogue's order."""
        found = {*EVERYWHERE, *self.problems, *(AUTHENTICATED if self.scope else ()), *(WITH_BODY if self.body else ())}
        return tuple(code for code in CATALOGUE if code in found)

    @property
    def streamed(self) -> bool:
        """Whether it answers with a stream."""
        return any(answer.media_type == EVENT_STREAM for answer in self.answers)

    def route(self, handler: Callable[[web.Request], Any]) -> web.RouteDef:
        """The aiohttp route. GET answers HEAD too, but for a stream, which has no head without its body."""
        options = {"allow_head": not self.streamed} if self.method == "GET" else {}
        path = self.path
        for parameter in self.parameters:
            if parameter.reserved:
                pattern = f"(?!(?:{'|'.join(parameter.reserved)})$)[^{{}}/]+"
                path = path.replace(f"{{{parameter.name}}}", f"{{{parameter.name}:{pattern}}}")
        return web.route(self.method, path, handler, **options)


def operation(
    method: str,
    path: str,
    id: str,  # noqa: A002 - its name in OpenAPI
    *,
    tag: str,
    scope: Scope | None,
    answers: Sequence[Answer],
    parameters: Sequence[Parameter] = (),
    body: Body | None = None,
    problems: Sequence[str] = (),
    shared: bool = False,
) -> Callable[[H], H]:
    """Declare the operation that a handler is. Its docstring's first sentence is the summary, the rest the description.

    Raises LookupError for a problem that is not in the catalogue, ValueError for a handler without a docstring.
    """
    if unknown := [code for code in problems if code not in CATALOGUE]:
        raise LookupError(f"{', '.join(unknown)} is not in storyloom/web/catalogue.py")

    def declare(handler: H) -> H:
        if not handler.__doc__:
            raise ValueError(f"{handler.__qualname__} has no docstring: it is the operation's summary")
        summary, _, description = cleandoc(handler.__doc__).partition("\n\n")
        found = Operation(
            method, path, id, tag, scope, tuple(answers), tuple(parameters), body, tuple(problems),
            summary.removesuffix(".").replace("\n", " "), description, handler.__name__, shared,
        )  # fmt: skip
        handler.operation = found  # type: ignore[attr-defined] # functions take attributes
        return handler

    return declare


def declared(handlers: type) -> list[Operation]:
    """The operations of a class's handlers, in the order in which they are written."""
    return [found for member in vars(handlers).values() if isinstance(found := _of(member), Operation)]


def _of(member: Any) -> Any:
    return getattr(member, "operation", None)


@dataclass(frozen=True, slots=True)
class About:
    """What a document says of the whole API. ``tags`` by name; ``server`` is a URL or a relative reference."""

    title: str
    version: str
    description: str
    tags: Mapping[str, str]
    server: str = "/"
    scopes: Mapping[str, str] = field(default_factory=dict)


def document(about: About, operations: Iterable[Operation], problem: Any, *, version: Version) -> dict[str, Any]:
    """The OpenAPI document of operations. ``problem`` is the model of a problem's body; the same makes the same."""
    found = list(operations)
    schemas, components = _schemas(found, problem, streams=version == "3.2.0")
    writer = _Writer(version, schemas)
    paths: dict[str, dict[str, Any]] = {}
    for one in found:
        paths.setdefault(one.path, {})[one.method.lower()] = writer.operation(one)
    components = _used(components, paths)
    used = {code for one in found for code in one.codes}
    return {
        "openapi": version,
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": about.title,
            "version": about.version,
            "description": about.description,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": about.server}],
        "security": [{"key": []}],
        "tags": [{"name": name, "description": text} for name, text in about.tags.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, `sk_…`. "
                    + " ".join(f"`{name}`: {text}" for name, text in about.scopes.items()),
                }
            },
            "examples": {
                code: {"summary": entry.when, "value": entry.example()}
                for code, entry in CATALOGUE.items()
                if code in used
            },
            "headers": {
                header.name: {
                    "description": header.description,
                    "required": header.required,
                    "schema": {"type": "string"},
                }
                for header in COMMON_HEADERS.values()
            },
            "schemas": components,
        },
    }


def _schemas(
    operations: Sequence[Operation], problem: Any, *, streams: bool
) -> tuple[dict[tuple[str, int], Any], dict[str, Any]]:
    """The schema of every declared type, by its declaration, and those that have a name of their own."""
    wanted: dict[tuple[str, int], tuple[Any, Literal["validation", "serialization"]]] = {
        ("problem", 0): (problem, "serialization")
    }
    for one in operations:
        for parameter in one.parameters:
            wanted["type", id(parameter)] = (parameter.type, "validation")
        if one.body is not None:
            wanted["type", id(one.body)] = (one.body.type, "validation")
        for answer in one.answers:
            for name, type_ in (("type", answer.type), ("items", answer.items if streams else None)):
                if type_ is not None:
                    wanted[name, id(answer)] = (type_, "serialization")
            for header in answer.headers:
                wanted["type", id(header)] = (header.type, "serialization")
    found, named = TypeAdapter.json_schemas(
        [(key, mode, TypeAdapter(type_)) for key, (type_, mode) in wanted.items()],
        by_alias=True,
        ref_template=_SCHEMAS + "{model}",
    )
    schemas = {key[0]: _without_titles(_renamed(schema)) for key, schema in found.items()}
    components = {_name(name): _without_titles(_renamed(one)) for name, one in named.get("$defs", {}).items()}
    return schemas, dict(sorted(components.items()))


def _used(components: dict[str, Any], paths: Any) -> dict[str, Any]:
    """The schemas that something refers to."""
    names: set[str] = set()
    pending = _references(paths)
    while pending:
        names |= pending
        pending = {name for one in pending for name in _references(components[one])} - names
    return {name: schema for name, schema in components.items() if name in names}


def _references(node: Any) -> set[str]:
    """The names of the schemas that are referred to in some JSON."""
    if isinstance(node, dict):
        own = {node["$ref"].removeprefix(_SCHEMAS)} if str(node.get("$ref", "")).startswith(_SCHEMAS) else set()
        return own.union(*(_references(value) for value in node.values()))
    return set().union(*(_references(one) for one in node)) if isinstance(node, list) else set()


def _name(name: str) -> str:
    """A model that is both sent and answered has two schemas: what is sent is named after that."""
    return name.replace("-Input", "Input").replace("-Output", "")


def _renamed(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _name(value) if key == "$ref" else _renamed(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_renamed(one) for one in node]
    return node.replace("``", "`") if isinstance(node, str) else node  # docstrings are reStructuredText, this Markdown


def _without_titles(node: Any, *, named: bool = False) -> Any:
    """Without pydantic's titles, which repeat the fields' names. ``named``: the keys are names of fields."""
    if isinstance(node, dict):
        return {
            key: _without_titles(value, named=not named and key == "properties")
            for key, value in node.items()
            if named or key != "title" or not isinstance(value, str)
        }
    return [_without_titles(one) for one in node] if isinstance(node, list) else node


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes operations in one version of OpenAPI."""

    version: Version
    schemas: Mapping[tuple[str, int], Any]

    def operation(self, one: Operation) -> dict[str, Any]:
        made: dict[str, Any] = {"operationId": one.id, "tags": [one.tag], "summary": one.summary}
        notes = [one.description] if one.description else []
        if one.scope:
            link = ", or the secret of a link to the story" if one.shared else ""
            notes.append(f"Needs a key with the scope `{one.scope}`{link}.")
        if notes:
            made["description"] = "\n\n".join(notes)
        if one.scope is None:
            made["security"] = []
        if one.parameters:
            made["parameters"] = [self._parameter(parameter) for parameter in one.parameters]
        if one.body is not None:
            examples = {name: {"value": value} for name, value in one.body.examples.items()}
            content = {JSON: {"schema": self.schemas["type", id(one.body)], "examples": examples}}
            made["requestBody"] = {"required": one.body.required, "content": content}
        answers = {str(answer.status): self._answer(answer) for answer in one.answers}
        made["responses"] = dict(sorted((answers | self._problems(one)).items()))
        common = [name for name, header in COMMON_HEADERS.items() if one.scope or header.required]
        for answer in made["responses"].values():
            answer["headers"] = answer.get("headers", {}) | {
                name: {"$ref": f"#/components/headers/{name}"} for name in common
            }
        return made

    def _parameter(self, parameter: Parameter) -> dict[str, Any]:
        schema = dict(self.schemas["type", id(parameter)])
        if parameter.default is not None:
            schema["default"] = parameter.default
        made = {
            "name": parameter.name,
            "in": parameter.place,
            "required": parameter.required,
            "description": parameter.description,
            "schema": schema,
        }
        return made if parameter.example is None else made | {"example": parameter.example}

    def _answer(self, answer: Answer) -> dict[str, Any]:
        made: dict[str, Any] = {"description": answer.description}
        if answer.headers:
            made["headers"] = {
                header.name: {
                    "description": header.description,
                    "required": header.required,
                    "schema": self.schemas["type", id(header)],
                }
                for header in answer.headers
            }
        if answer.media_type is not None and (answer.type is not None or answer.items is not None):
            content: dict[str, Any] = {}
            if answer.type is not None:
                content["schema"] = self.schemas["type", id(answer)]
            if answer.items is not None and self.version == "3.2.0":
                content["itemSchema"] = self.schemas["items", id(answer)]
            if answer.examples:
                content["examples"] = {name: {"value": value} for name, value in answer.examples.items()}
            made["content"] = {answer.media_type: content}
        return made

    def _problems(self, one: Operation) -> dict[str, Any]:
        by_status: dict[int, list[CatalogueEntry]] = {}
        for code in one.codes:
            entry = CATALOGUE[code]
            by_status.setdefault(entry.status, []).append(entry)
        return {str(status): self._problem(status, entries) for status, entries in by_status.items()}

    def _problem(self, status: int, entries: Sequence[CatalogueEntry]) -> dict[str, Any]:
        codes = [entry.code for entry in entries]
        closer = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
        content = {
            "schema": {"allOf": [self.schemas["problem", 0], closer]},
            "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
        }
        made: dict[str, Any] = {
            "description": "\n".join(f"- `{entry.code}`: {entry.when}" for entry in entries),
            "content": {MEDIA_TYPE: content},
        }
        names = sorted({name for entry in entries for name in entry.headers})
        if names:
            made["headers"] = {
                name: {
                    "description": PROBLEM_HEADERS[name],
                    "required": all(name in entry.headers for entry in entries),
                    "schema": {"type": "string"},
                }
                for name in names
            }
        return made


COMMON_HEADERS: Mapping[str, Header] = {
    one.name: one
    for one in (
        Header("X-Request-Id", "Names this request in our logs: your own `X-Request-Id` where it is one, else ours."),
        Header("traceparent", "The trace that the request belongs to (W3C): yours, or a new one."),
        Header("RateLimit-Policy", "The limits that the request counted for, such as `60;w=60`.", required=False),
        Header("RateLimit", "What is left of them, and in how many seconds there is more.", required=False),
    )
}
"""What every answer has; the limits only with a valid key."""
PROBLEM_HEADERS: Mapping[str, str] = {
    "Accept-Encoding": "`identity`: send the body as it is.",
    "Allow": "The methods that the address takes.",
    "Retry-After": "Seconds after which to send it again.",
    "WWW-Authenticate": "How to authenticate: `Bearer`.",
}
"""What a header of a problem says."""
