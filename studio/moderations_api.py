"""POST /v1/moderations: each text judged over the 13 categories of omni-moderation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from studio.calls import Call, draw_seed
from studio.desk import DESK, REQUEST_ID, Dialect
from studio.openai_api import draw_id, openai_error, rate_limited, read_json, server_failed
from studio.parts import violations
from studio.validation import check_model, check_request

_DIALECT = Dialect(rate_limited, server_failed)
CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
_FLAGGED = 0.97  # the score of a text that is flagged because a fault says so


async def create_moderation(request: web.Request) -> web.StreamResponse:
    """Judge a text or a list of texts."""
    desk = request.app[DESK]
    body = await read_json(request)
    check_request("moderations", body)
    model = body.get("model", "omni-moderation-latest")
    check_model("moderations", model)
    texts = read_texts(body["input"])
    call = Call(
        endpoint="moderations",
        model=model,
        prompt="\n".join(texts),
        seed=draw_seed(texts),
        request_id=request[REQUEST_ID],
    )
    visit = await desk.open(request, call, _DIALECT)
    scores = [await desk.parts.classify(text) for text in texts]
    if visit.fault and visit.fault_name == "flag_text":
        scores = [{**score, visit.fault.category: _FLAGGED} for score in scores]
    answer = {"id": draw_id("modr"), "model": model, "results": [judge(score) for score in scores]}
    return await visit.send(answer, cost_usd=0.0)  # moderation is free of charge


def read_texts(given: Any) -> list[str]:
    """The texts to judge, one a result: a list of parts is one input. Raises 400 for pictures."""
    if isinstance(given, str):
        return [given]
    if all(isinstance(item, str) for item in given):
        return list(given)
    for at, item in enumerate(given):
        if item["type"] != "text":
            raise openai_error(
                400, "The studio judges text alone.", param=f"input[{at}].type", code="unsupported_value"
            )
    return ["\n".join(item["text"] for item in given)]


def judge(scores: Mapping[str, float]) -> dict[str, Any]:
    """One result, as omni-moderation gives it."""
    flagged = set(violations(scores))
    return {
        "flagged": bool(flagged),
        "categories": {category: category in flagged for category in CATEGORIES},
        "category_scores": {category: float(scores.get(category, 0.0)) for category in CATEGORIES},
        "category_applied_input_types": {category: ["text"] for category in CATEGORIES},
    }
