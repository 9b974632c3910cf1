"""The programs of ours that a stack runs: the studio, and the services together or one by one."""

import os
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from local.child import Child, Program
from local.http import ask
from local.own_urls import environment_of
from local.state import State

SERVICES = ("api", "content", "images", "audio", "documents", "status", "webhooks")
PUBLIC = ("api", "status")
"""The services that clients reach: they have a port for them besides their internal one."""
ROOT = Path(__file__).parents[1]
SERVICE_GRACE_SECONDS = 4.5
"""Seconds for a service to drain. With the servers' four after it, everything is down within ten."""
DRAIN_SECONDS = 3
# Pictures and recordings pass through threads: glibc would keep an arena of them for every thread, and never shrink.
_MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
# Else onnxruntime notes its use in ~/.cache, and reports it when it finds a network.
_NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}


def studio(state: State, port: int, voice: str, latency: str) -> Child:
    """The providers on localhost."""
    command = (sys.executable, "-m", "studio", "--host", "127.0.0.1", "--port", str(port))
    environment = _inherited() | {"STUDIO_VOICE": voice, "STUDIO_LATENCY": latency}
    program = Program("The studio", command, state.log("studio"), environment, ROOT, grace=3)
    return Child(program, partial(_is_healthy, (port,), "/studio/health"), timeout=60)


def all_in_one(state: State, settings: Path, ports: Mapping[str, int]) -> Child:
    """The services in one process. They wait until ``settings`` is written; until then they import."""
    inside = tuple(ports[internal(name)] for name in SERVICES)
    command = (sys.executable, "-m", "local.all_in_one")
    environment = _inherited() | {"STORYLOOM_ENVIRONMENT": str(settings)}
    program = Program("The services", command, state.log("services"), environment, ROOT, grace=SERVICE_GRACE_SECONDS)
    return Child(program, partial(_is_healthy, inside, "/health/ready"), timeout=90)


def internal(name: str) -> str:
    """What ``ports.json`` calls the internal port of a program."""
    return f"{name}.internal"


def port_names(programs: Iterable[str]) -> list[str]:
    """The ports that services need, by their names in ``ports.json``: the public ones first."""
    programs = tuple(programs)
    public = [name for name in programs if name.partition("-")[0] in PUBLIC]
    return [*public, *(internal(name) for name in programs)]


def single(name: str, state: State, settings: Mapping[str, str], ports: Mapping[str, int]) -> Child:
    """One service in a process of its own. ``content-2`` is the content service's second replica."""
    own = {"INTERNAL_PORT": ports[internal(name)]}
    if name in ports:
        own["HTTP_PORT"] = ports[name]
    command = (sys.executable, "-m", f"services.{name.partition('-')[0]}")
    known = environment_of(name.partition("-")[0], settings)
    environment = _inherited() | known | {variable: str(port) for variable, port in own.items()}
    program = Program(f"The {name} service", command, state.log(name), environment, ROOT, grace=SERVICE_GRACE_SECONDS)
    return Child(program, partial(_is_healthy, (own["INTERNAL_PORT"],), "/health/ready"), timeout=90)


def _inherited() -> dict[str, str]:
    """Our own environment. An empty variable counts as not set, here as everywhere in ``local``."""
    return _MEMORY | _NO_TELEMETRY | {name: value for name, value in os.environ.items() if value}


async def _is_healthy(ports: tuple[int, ...], path: str) -> bool:
    for port in ports:
        if await ask(port, path) != 200:
            return False
    return True
