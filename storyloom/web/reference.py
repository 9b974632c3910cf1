"""The reference page: an OpenAPI document as HTML, every operation, parameter, answer and schema with an anchor."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from markdown_it import MarkdownIt

from storyloom.web.pages import dumped, inline, page

Json = Mapping[str, Any]
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def markdown(text: str) -> str:
    """Markdown as HTML; HTML in it is shown, not used."""
    return str(_MARKDOWN.render(text))


def reference(document: Json, guides: Mapping[str, str]) -> str:
    """The page of a document. ``guides``: the titles of the guides by their paths."""
    info, server = document["info"], str(document["servers"][0]["url"])
    parts = [
        f"<h1>{escape(info['title'])} API <span class=dim>{escape(info['version'])}</span></h1>",
        markdown(info["description"]),
        _FOR_PROGRAMS,
        _authentication(document),
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2><p>{inline(tag['description'])}</p>")
        parts.extend(
            _operation(method, path, one, server)
            for method, path, one in _operations(document)
            if tag["name"] in one["tags"]
        )
    schemas = document["components"]["schemas"]
    parts.append('<h2 id="schemas">Schemas</h2>')
    parts.extend(_component(name, schema) for name, schema in schemas.items())
    return page(f"{info['title']} API", _navigation(document, guides), "".join(parts), search=True)


_FOR_PROGRAMS = (
    '<p>For programs: <a href="/api/v1/openapi.json">OpenAPI 3.1</a>, '
    '<a href="/api/v1/openapi-3.2.json">OpenAPI 3.2</a> (with the events of the stream).</p>'
)


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, one in item.items():
            yield method.upper(), path, one


def _navigation(document: Json, guides: Mapping[str, str]) -> str:
    parts = ["<b>Guides</b><ul>"]
    parts.extend(f'<li><a href="{path}">{escape(title)}</a></li>' for path, title in guides.items())
    parts.append('<li><a href="/docs/errors">All errors</a></li></ul>')
    for tag in document["tags"]:
        parts.append(f"<b>{escape(tag['name'])}</b><ul>")
        parts.extend(
            f'<li data-find="{_words(method, path, one)}">'
            f'<a href="#{one["operationId"]}">{inline(one["summary"])}</a></li>'
            for method, path, one in _operations(document)
            if tag["name"] in one["tags"]
        )
        parts.append("</ul>")
    parts.append("<b>Schemas</b><ul>")
    parts.extend(
        f'<li data-find="schema {name.lower()}"><a href="#schema-{name}">{name}</a></li>'
        for name in document["components"]["schemas"]
    )
    return "".join([*parts, "</ul>"])


def _words(method: str, path: str, one: Json) -> str:
    names = " ".join(parameter["name"] for parameter in one.get("parameters", ()))
    text = f"{method} {path} {one['operationId']} {one['summary']} {one.get('description', '')} {names}"
    return escape(" ".join(text.lower().split()))


def _authentication(document: Json) -> str:
    schemes = document["components"]["securitySchemes"].values()
    return '<h2 id="authentication">Authentication</h2>' + "".join(
        f"<p>Send <code>Authorization: Bearer sk_…</code> with every request. {inline(scheme['description'])}</p>"
        for scheme in schemes
    )


def _operation(method: str, path: str, one: Json, server: str) -> str:
    name = one["operationId"]
    parts = [
        f'<section data-find="{_words(method, path, one)}">',
        f'<h3 id="{name}">{inline(one["summary"])}<a href="#{name}" aria-label="Link">#</a></h3>',
        f"<p><span class=method>{method}</span> <code class=path>{escape(path)}</code></p>",
        markdown(one.get("description", "")),
    ]
    if parameters := one.get("parameters"):
        rows = "".join(_parameter(parameter) for parameter in parameters)
        parts.append(f"<h4>Parameters</h4><table><tbody>{rows}</tbody></table>")
    if body := one.get("requestBody"):
        for media_type, content in body["content"].items():
            parts.append(f"<h4>Body <span class=dim>{escape(media_type)}</span></h4>{_schema(content['schema'])}")
            parts.extend(
                f"<details><summary>Example: {escape(title)}</summary><pre><code>{escape(dumped(example['value']))}"
                "</code></pre></details>"
                for title, example in content.get("examples", {}).items()
            )
    parts.append(f"<h4>Try it</h4><pre><code>{escape(_curl(method, path, one, server))}</code></pre><h4>Answers</h4>")
    parts.extend(_answer(status, answer) for status, answer in one["responses"].items())
    return "".join([*parts, "</section>"])


def _parameter(parameter: Json) -> str:
    needed = " · required" if parameter["required"] else ""
    example = (
        f"<p class=dim>Example: <code>{escape(str(parameter['example']))}</code></p>" if "example" in parameter else ""
    )
    return (
        f"<tr><td><code>{escape(parameter['name'])}</code><br><span class=dim>{parameter['in']}{needed}</span></td>"
        f"<td>{_type(parameter['schema'])}{_bounds(parameter['schema'])}</td>"
        f"<td><p>{inline(parameter['description'])}</p>{example}</td></tr>"
    )


def _answer(status: str, answer: Json) -> str:
    content: Json = answer.get("content", {})
    short, parts = "", []
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{inline(header['description'])}</td></tr>"
        for name, header in answer.get("headers", {}).items()
        if "$ref" not in header  # those of every answer are described once
    )
    if rows:
        parts.append(f"<table><tbody>{rows}</tbody></table>")
    for media_type, one in content.items():
        if media_type == "application/problem+json":
            codes = "".join(
                f'<li><a href="/docs/errors/{code}"><code>{code}</code></a></li>' for code in one["examples"]
            )
            short = f"<span class=dim>{', '.join(one['examples'])}</span>"
            parts.append(f"<ul>{codes}</ul>")
            continue
        short = inline(answer["description"])
        parts.append(f"<p class=dim>{escape(media_type)}</p>{_schema(one['schema'])}")
        parts.extend(
            f"<pre><code>{escape(_shown(example['value']))}</code></pre>"
            for example in one.get("examples", {}).values()
        )
    summary = f"<b>{status}</b> {short or inline(answer['description'])}"
    return f"<details><summary>{summary}</summary>{''.join(parts)}</details>" if parts else f"<p>{summary}</p>"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else dumped(value)


def _curl(method: str, path: str, one: Json, server: str) -> str:
    """The command that calls an operation, for a shell in which STORYLOOM and KEY are set."""
    origin = "$STORYLOOM" if server == "/" else server
    for parameter in one.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    stream = any("text/event-stream" in answer.get("content", {}) for answer in one["responses"].values())
    parts = [f'curl {"-N " if stream else ""}"{origin}{path}"']
    if method not in {"GET", "POST"} or (method == "POST" and "requestBody" not in one):
        parts.append(f"-X {method}")
    if one.get("security") != []:
        parts.append('-H "Authorization: Bearer $KEY"')
    if body := one.get("requestBody"):
        (content,) = body["content"].values()
        value = next(iter(content["examples"].values()))["value"]
        parts.extend(("-H 'Content-Type: application/json'", f"-d '{json.dumps(value, ensure_ascii=False)}'"))
    return " \\\n  ".join(parts)


def _component(name: str, schema: Json) -> str:
    return (
        f'<section data-find="schema {name.lower()}"><h3 id="schema-{name}">{name}'
        f'<a href="#schema-{name}" aria-label="Link">#</a></h3>{markdown(schema.get("description", ""))}'
        f"{_schema(schema)}</section>"
    )


def _schema(schema: Json) -> str:
    """A schema: its type, and a table of its members where it has some of its own."""
    properties: Json = schema.get("properties", {})
    if not properties:
        return f"<p>{_type(schema)}{_bounds(schema)}</p>"
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if name in required else '<br><span class=dim>optional</span>'}</td>"
        f"<td>{_type(member)}{_bounds(member)}</td><td>{inline(member.get('description', ''))}</td></tr>"
        for name, member in properties.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _type(schema: Json) -> str:  # noqa: PLR0911 - one return a kind of schema
    """A schema's type in words, as HTML."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        return f'<a href="#schema-{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema and "properties" not in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[several]))
    if "enum" in schema:
        return " ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "contentSchema" in schema:
        return f"string, JSON of {_type(schema['contentSchema'])}"
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema.get('items', {}))}"
        case "object" if "additionalProperties" in schema and not schema.get("properties"):
            inner = schema["additionalProperties"]
            return f"object of {_type(inner)}" if isinstance(inner, dict) else "object"
        case str(name):
            return f"{name} ({escape(schema['format'])})" if "format" in schema else name
        case _:
            return "anything"


_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "default": "default {}",
}


def _bounds(schema: Json) -> str:
    found: dict[str, Any] = {}
    for one in (schema, *schema.get("anyOf", ())):
        found.update({key: one[key] for key in _BOUNDS if key in one})
    said = [
        _BOUNDS[key].format(json.dumps(value, ensure_ascii=False))
        for key, value in found.items()
        if not (key == "default" and value in (None, [], {}))
    ]
    return f"<br><span class=dim>{escape(', '.join(said))}</span>" if said else ""
