"""The catalogue of messages: docstring, subject, fields, and an example that the tests hold to."""

import inspect
import json
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from storyloom.jobs.manifest import Manifest
from storyloom.messaging.topology import CANCEL_JOBS, DELIVERIES_DUE
from storyloom.story.assets import Asset, Priority
from storyloom.story.evaluation import ASK_EVALUATION, Evaluation, StoryToEvaluate
from storyloom.story.events import EVENT, AssetProgressed, AssetStarted, Event, subject
from storyloom.story.jobs import AssetRequested, StopWork
from storyloom.story.notifications import DeliveriesDue
from storyloom.story.results import AnyResult
from storyloom.story.screening import ASK_SCREENING, Verdict
from tools.docs.markdown import code, one_line, table
from tools.docs.meanings import meaning
from tools.docs.services import EVENTS, consumers, names, publishers
from tools.docs.shapes import fields

GOLDEN = "tests/contract/events/golden"
_EXAMPLES = {
    "AssetCompleted": "AssetCompleted.book",
    "AssetFailed": "AssetFailed.2",
    "AssetRequested": "AssetRequested.cover.2",
}
"""The golden file that stands for a message which has several."""

RESULTS: tuple[type[BaseModel], ...] = get_args(get_args(AnyResult)[0])
OTHERS: tuple[type[BaseModel], ...] = (
    AssetRequested,
    AssetStarted,
    AssetProgressed,
    StopWork,
    DeliveriesDue,
    Verdict,
    StoryToEvaluate,
    Evaluation,
    Manifest,
)
"""The messages that are no events, and no results."""


def messages(root: Path) -> str:
    """The command, the events, and what passes on core NATS."""
    parts = ["## The command", _command(root), "## Events", *(_event(root, event) for event in EVENTS)]
    parts += ["## On core NATS: at most once, not stored"]
    parts.append(
        _entry(AssetStarted, "`live.<story_id>.started`", "the workers", "status", _example(root, "AssetStarted"))
    )
    parts.append(_entry(StopWork, code(CANCEL_JOBS), "status, api", "the workers", None))
    parts.append(_entry(DeliveriesDue, code(DELIVERIES_DUE), "status, api", "webhooks", None))
    passing = "`live.<story_id>.progressed`"
    parts.append(_entry(AssetProgressed, passing, "the workers", "status", _example(root, "AssetProgressed")))
    where = f"`{ASK_SCREENING}`, the answer to a [Brief](#brief)"
    parts.append(_entry(Verdict, where, "content", "api", None))
    parts.append(_entry(StoryToEvaluate, code(ASK_EVALUATION), "api", "documents", None))
    where = f"`{ASK_EVALUATION}`, the answer to a [StoryToEvaluate](#storytoevaluate)"
    parts.append(_entry(Evaluation, where, "documents", "api", None))
    return "\n\n".join(parts)


def results(root: Path) -> str:
    """What making each kind of asset results in."""
    parts = [_entry(Manifest, "", "", "", _example(root, "Manifest"))]
    for result in RESULTS:
        kind = result.model_fields["kind"].default
        parts.append(_entry(result, "", "", "", _golden(root, f"AssetCompleted.{kind}")["result"]))
    return "\n\n".join(parts)


def parts(root: Path) -> str:
    """The models that messages are put together from, by name."""
    del root
    shown: set[type[BaseModel]] = {*OTHERS, *EVENTS, *RESULTS}
    entries = {model.__name__: _entry(model, "", "", "", None) for model in models_within(shown) - shown}
    entries |= {kind.__name__: _choice(kind) for kind in (Asset, Priority)}
    return "\n\n".join(entries[name] for name in sorted(entries))


def _command(root: Path) -> str:
    job = AssetRequested.model_validate(_golden(root, "AssetRequested.outline"))
    place = f"`job.<service>.<priority>.<story_id>.<asset>`, like `{job.subject}`"
    return _entry(
        AssetRequested,
        place,
        names(publishers(root, "AssetRequested")),
        "the workers",
        _example(root, "AssetRequested"),
    )


def _event(root: Path, event: type[Event]) -> str:
    name = event.__name__
    example = _example(root, name)
    parsed = EVENT.validate_python(example)
    place = code(subject(parsed).replace(str(parsed.story_id), "<story_id>"))
    return _entry(event, place, names(publishers(root, name)), names(consumers(root, name)), example)


def _entry(model: type[BaseModel], place: str, publisher: str, consumer: str, example: Any) -> str:
    lines = [f"### {model.__name__}", one_line(inspect.getdoc(model) or "")]
    if place:
        lines.append(f"Subject: {place}. Published by: {publisher}. Consumed by: {consumer}.")
    rows = [[code(name), kind, default, meaning(model, name)] for name, kind, default in fields(model)]
    lines.append(table(["field", "type", "default", "meaning"], rows))
    if example is not None:
        shown = json.dumps(example, indent=1, ensure_ascii=False)
        lines.append(f"<details><summary>Example</summary>\n\n```json\n{shown}\n```\n\n</details>")
    return "\n\n".join(lines)


def _choice(kind: type[StrEnum]) -> str:
    values = ", ".join(code(value.value) for value in kind)
    return f"### {kind.__name__}\n\n{one_line(inspect.getdoc(kind) or '')}\n\nOne of {values}."


def _example(root: Path, name: str) -> Any:
    return _golden(root, _EXAMPLES.get(name, name))


def _golden(root: Path, name: str) -> Any:
    path = root / GOLDEN / f"{name}.json"
    if not path.exists():
        raise LookupError(f"{GOLDEN}/{name}.json is missing: add an example of the message.")
    return json.loads(path.read_text("utf-8"))


def models_within(models: Iterable[type[BaseModel]]) -> set[type[BaseModel]]:
    """The models, and those that their fields are made of."""
    found: set[type[BaseModel]] = set()
    todo = list(models)
    while todo:
        model = todo.pop()
        if model not in found:
            found.add(model)
            todo += [inner for field in model.model_fields.values() for inner in _models_in(field.annotation)]
    return found


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]
