"""docs/asyncapi.json: the AsyncAPI document of all services, made from what their app.py declares."""

import importlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from services.api import app as api
from services.content import app as content
from services.documents import app as documents
from services.status import app as status
from services.webhooks import app as webhooks
from storyloom.jobs.definition import WorkerDefinition
from storyloom.jobs.worker import make_broker
from storyloom.messaging.asyncapi import ServiceApi, document
from storyloom.messaging.broker import Broker, Router
from storyloom.runtime.settings import NatsSettings, Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Service


def text(root: Path) -> str:
    """The document as JSON, the same whatever the environment says."""
    del root
    return _text()


@cache
def _text() -> str:
    """Made once a process: what it is made from is imported, not read from a checkout."""
    return json.dumps(document(everything()), indent=1, ensure_ascii=False) + "\n"


def everything() -> list[ServiceApi]:
    """Every service, with the default settings."""
    found = [
        ServiceApi("api", _broker("api", api.Endpoints().router), api.BARE),
        ServiceApi(
            "status", _broker("status", status.Endpoints(_unhandled).router), status.CHANNELS_WITHOUT_FASTSTREAM
        ),
        ServiceApi("webhooks", _broker("webhooks", webhooks.Endpoints(_unhandled).router)),
    ]
    settings = Settings.model_construct()
    for service in Service:
        worker = importlib.import_module(f"services.{service.value}.app")
        definition = WorkerDefinition(service, {}, worker.jobs(settings, {}), _questions(service))
        broker, _ = make_broker(definition, Objects(settings, threads=1), settings)
        found.append(ServiceApi(service.value, broker))
    return found


def _questions(service: Service) -> Router | None:
    """What is asked of a worker besides jobs."""
    match service:
        case Service.CONTENT:
            return content.questions(_unanswered, _unanswered)
        case Service.DOCUMENTS:
            return documents.questions(_unanswered)
        case _:
            return None


def _broker(name: str, router: Router) -> Broker:
    return Broker(NatsSettings.model_construct(), name, routers=[router])


def _unhandled(_start: object) -> None:
    raise NotImplementedError


async def _unanswered(_asked: Any) -> Any:
    raise NotImplementedError
