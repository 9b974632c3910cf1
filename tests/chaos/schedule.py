"""What goes wrong when, and what clients ask for: all of it drawn from a seed before anything starts."""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tests.chaos.briefs import draw_brief

REPLICAS = ("content-2", "images-2", "audio-2", "documents-2", "status-2", "webhooks-2")
WORKERS = ("content", "images", "audio", "documents", *REPLICAS[:4])
PROCESSES = ("api", "status", "status-2", *WORKERS)
NOTIFIERS = ("webhooks", "webhooks-2")
ACK_WAIT = 3.0
"""Seconds until the bus takes a job from an unheard worker, in these runs."""

FaultKind = Literal[
    "kill", "freeze", "drain",
    "nats_kill", "nats_wipe",
    "postgres_kill", "backend_kill", "postgres_away",
    "store_kill", "store_away", "store_freeze",
    "stall", "server_error", "rate_limit", "cut",
    "error_body", "incomplete", "odd_items", "dirty_text", "odd_picture", "odd_times", "flag_text",
]  # fmt: skip
CommandKind = Literal["cancel", "edit", "regenerate", "retry", "delete"]

DECK: tuple[FaultKind, ...] = (
    *("kill",) * 5, *("freeze",) * 4, *("drain",) * 2, *("nats_kill",) * 2, "nats_wipe",
    "postgres_kill", "backend_kill", "postgres_away", "store_kill", "store_away", "store_freeze",
    "stall", "server_error", "server_error", "rate_limit", "rate_limit", "cut",
    "error_body", "incomplete", "odd_items", "dirty_text", "odd_picture", "odd_times", "flag_text",
)  # fmt: skip
"""Shuffled and dealt, and again: in two minutes everything happens at least once."""
NOTIFIER_DECK: tuple[FaultKind, ...] = ("kill", "kill", "freeze", "drain")
"""The same for those who notify other systems."""
SCHEMAS = ("outline", "scene_text", "story_check", "activities", "picture_check")
ENDPOINTS = ("images.generate", "images.edit", "text_to_speech", "moderations")
DIRT = ("nul", "escape", "surrogate", "noncharacter", "markup", "bidi", "endless", "decomposed", "line_breaks")
FORMS = ("webp", "jpeg", "data_url", "wrapped", "other_size", "alpha", "truncated")
FLAWS = (
    "drift", "drift", "step_back", "repeat", "negative", "nan", "fewer", "more", "decomposed", "uneven",
    "empty_unused", "empty_used", "null", "none", "half", "unordered",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks at a second of the run. ``order`` is what the studio is sent, for its own faults."""

    at: float
    kind: FaultKind
    target: str = ""
    seconds: float = 0.0
    order: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{self.at:7.2f}", self.kind, self.target]
        parts += [f"for {self.seconds:.1f} s"] if self.seconds else []
        parts += [json.dumps(self.order)] if self.order else []
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Command:
    """What a client wants of its story: ``after`` seconds from its acceptance, or (None) once it has ended."""

    kind: CommandKind
    after: float | None = None
    asset: str = ""
    scene: int = 1


@dataclass(frozen=True, slots=True)
class Watch:
    """One reader of a story: where it connects, and how long it stays each time (0: as long as it may)."""

    where: Literal["api", "status", "status-2"]
    stays: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class StoryPlan:
    """One story: when it is asked for, what it is, who watches it and which commands it gets."""

    number: int
    at: float
    brief: dict[str, Any]
    watches: tuple[Watch, ...]
    commands: tuple[Command, ...]

    @property
    def assets(self) -> tuple[str, ...]:
        return tuple(self.brief.get("assets", ("content",)))

    def __str__(self) -> str:
        commands = ", ".join(
            f"{command.kind} {command.asset}".strip()
            + (" at its end" if command.after is None else f" after {command.after:.1f} s")
            for command in self.commands
        )
        return f"{self.at:7.2f} story {self.number} {'+'.join(self.assets)}" + (f": {commands}" if commands else "")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A whole run."""

    seed: int
    seconds: float
    faults: tuple[Fault, ...]
    stories: tuple[StoryPlan, ...]

    def __str__(self) -> str:
        lines: list[Fault | StoryPlan] = sorted((*self.faults, *self.stories), key=lambda one: one.at)
        return "\n".join(map(str, lines))

    def wire(self) -> dict[str, Any]:
        """Plain JSON values, for whoever looks into a failed run."""
        return asdict(self)


def draw(seed: int, stories: int, seconds: float) -> Schedule:
    """The run of a seed. Stories and faults have sources of their own: a change of one moves no other."""
    faults = (
        _faults(random.Random(f"{seed} faults"), seconds),
        _notifier_faults(random.Random(f"{seed} notifiers"), seconds),
    )
    plans = (_story(random.Random(f"{seed} story {number}"), number, seconds) for number in range(1, stories + 1))
    return Schedule(
        seed,
        seconds,
        tuple(sorted((fault for some in faults for fault in some), key=lambda fault: fault.at)),
        tuple(sorted(plans, key=lambda story: story.at)),
    )


def _faults(rng: random.Random, seconds: float) -> Iterator[Fault]:
    deck: list[FaultKind] = []
    at = rng.uniform(1, 2)
    while at < seconds:
        if not deck:
            deck = rng.sample(DECK, len(DECK))
        yield _fault(rng, at, deck.pop())
        at += rng.uniform(1.0, 3.5)


def _notifier_faults(rng: random.Random, seconds: float) -> Iterator[Fault]:
    deck: list[FaultKind] = []
    at = rng.uniform(2, 4)
    while at < seconds:
        if not deck:
            deck = rng.sample(NOTIFIER_DECK, len(NOTIFIER_DECK))
        kind = deck.pop()
        yield Fault(at, kind, rng.choice(NOTIFIERS), rng.uniform(2, 8) if kind == "freeze" else 0.0)
        at += rng.uniform(2, 6)


def _fault(rng: random.Random, at: float, kind: FaultKind) -> Fault:
    match kind:
        case "kill" | "drain":
            return Fault(at, kind, rng.choice(PROCESSES))
        case "freeze":
            return Fault(at, kind, rng.choice(PROCESSES), rng.uniform(1.5, 5) + ACK_WAIT)
        case "postgres_away" | "store_away" | "store_freeze" | "nats_wipe":
            return Fault(at, kind, kind.partition("_")[0], rng.uniform(0.2, 6))
        case "stall" | "server_error" | "rate_limit" | "cut":
            return Fault(at, kind, "studio", order=_order(rng, kind))
        case "error_body" | "incomplete" | "odd_items" | "dirty_text" | "odd_picture" | "odd_times" | "flag_text":
            return Fault(at, kind, "studio", order=_odd_answer(rng, kind))
        case _:
            return Fault(at, kind, "postgres" if kind == "backend_kill" else kind.partition("_")[0])


def _order(rng: random.Random, kind: str) -> dict[str, Any]:
    match = rng.choice([*({"schema": name} for name in SCHEMAS), *({"endpoint": name} for name in ENDPOINTS), {}, {}])
    order: dict[str, Any] = {"fault": kind, "match": match, "times": rng.randint(1, 4)}
    if kind == "rate_limit":
        order["retry_after"] = round(rng.uniform(0.2, 2.5), 1)
    if kind == "stall":
        order["seconds"] = round(rng.uniform(2, 20), 1)  # some are longer than a client's timeout
    return order


def _odd_answer(rng: random.Random, kind: str) -> dict[str, Any]:
    """Once: three such answers in a row to one job are rightly its end."""
    order: dict[str, Any] = {"fault": kind, "times": 1}
    match kind:
        case "dirty_text":
            return order | {"match": {"schema": rng.choice(SCHEMAS)}, "dirt": rng.choice(DIRT)}
        case "incomplete":
            return order | {"match": {"schema": rng.choice(SCHEMAS)}, "reasoning": rng.random() < 0.5}
        case "odd_items":
            return order | {"times": rng.randint(1, 4)}
        case "odd_picture":
            return order | {"form": rng.choice(FORMS)}
        case "odd_times":
            drift = round(rng.uniform(-0.2, 0.2), 3)
            return order | {"times": rng.randint(1, 4), "flaw": rng.choice(FLAWS), "share": drift}
        case _:
            return order


def _story(rng: random.Random, number: int, seconds: float) -> StoryPlan:
    at, brief = rng.uniform(0, seconds * 0.85), draw_brief(rng, number)
    assets = tuple(brief.get("assets", ("content",)))
    watches = tuple(_watch(rng) for _ in range(rng.choice((1, 1, 2))))
    commands = tuple(_command(rng, assets) for _ in range(rng.choice((0, 0, 0, 1, 1, 2))))
    # What is deleted takes no command any more.
    last = next((place for place, command in enumerate(commands) if command.kind == "delete"), len(commands))
    return StoryPlan(number, at, brief, watches, commands[: last + 1])


def _watch(rng: random.Random) -> Watch:
    where: tuple[Literal["api", "status", "status-2"], ...] = ("api", "api", "status", "status-2")
    stays = tuple(rng.uniform(0.1, 4) for _ in range(rng.choice((0, 0, 2, 5))))
    return Watch(rng.choice(where), stays)


def _command(rng: random.Random, assets: tuple[str, ...]) -> Command:
    kind: CommandKind = rng.choice(("cancel", "cancel", "edit", "edit", "regenerate", "regenerate", "retry", "delete"))
    soon = rng.uniform(0.0, 6)
    match kind:
        case "cancel":
            return Command(kind, soon)
        case "delete":
            return Command(kind, rng.choice((soon, None)))
        case "edit":
            return Command(kind, rng.choice((soon + 3, None, None)), scene=rng.randint(1, 4))
        case "regenerate":
            return Command(kind, rng.choice((soon + 3, None, None, None)), rng.choice(assets))
        case "retry":
            return Command(kind)
