"""POST /v1/moderations: each text judged over the 13 categories of omni-moderation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from studio.api_call import ApiCall, derive_seed
from studio.backends import flagged_categories
from studio.moderation import CATEGORIES
from studio.openai_api import ERRORS, new_id, openai_error, read_json
from studio.request_context import REQUEST_ID, STATE
from studio.response_body import name_model
from studio.validation import check_model, check_request

_FLAGGED = 0.97  # the score of a text that is flagged because a fault says so


async def create_moderation(request: web.Request) -> web.StreamResponse:
    """Judge a text or a list of texts."""
    state = request.app[STATE]
    body = await read_json(request)
    check_request("moderations", body)
    model = body.get("model", "omni-moderation-latest")
    check_model("moderations", model)
    texts = read_texts(body["input"])
    call = ApiCall(
        endpoint="moderations",
        model=model,
        prompt="\n".join(texts),
        seed=derive_seed(texts),
        request_id=request[REQUEST_ID],
    )
    context = await state.accept(request, call, ERRORS)
    scores = [await state.backends.classify_text(text) for text in texts]
    if context.fault and context.fault_name == "flag_text":
        scores = [{**score, context.fault.category: _FLAGGED} for score in scores]
    answer = {"id": new_id("modr"), "model": name_model(model), "results": [build_result(score) for score in scores]}
    return await context.send(answer, cost_usd=0.0)  # moderation is free of charge


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


def build_result(scores: Mapping[str, float]) -> dict[str, Any]:
    """One result, as omni-moderation gives it."""
    flagged = set(flagged_categories(scores))
    return {
        "flagged": bool(flagged),
        "categories": {category: category in flagged for category in CATEGORIES},
        "category_scores": {category: float(scores.get(category, 0.0)) for category in CATEGORIES},
        "category_applied_input_types": {category: ["text"] for category in CATEGORIES},
    }
