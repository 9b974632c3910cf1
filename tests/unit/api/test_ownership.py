"""Another tenant's story does not exist: every statement on one takes the caller's tenant, by construction."""

import re
from inspect import signature

import pytest

from services.api import repository as api
from services.status import repository as status

STORY_TABLES = re.compile(r"\b(stories|asset_generation_jobs|story_events|command_outbox|erasures|stale_objects)\b")
FOR_NOBODY = {
    "past_stories",  # durations and costs of a hundred stories, of which two deciles are told
    *("claim_erasures", "add_purge"),
    *("aged_stories", "aged_story_locked", "prune_receipts"),
    *(
        "claim_stale_objects",
        "story_to_collect",
        "results_to_keep",
        "postpone_stale_objects",
        "stale_objects_collected",
    ),
}
"""What the api does by itself, on no client's request: purging, collecting, deleting by age, learning of durations."""
READERS = ("story_for_reader", "updates_after")
"""What status reads on a client's request."""


def takes_tenant(queries: object, name: str) -> bool:
    """Whether a statement has the tenant as a parameter, and compares or writes it."""
    query = getattr(queries, name)
    return "tenant_id" in signature(query).parameters and "tenant_id" in query.sql


@pytest.mark.parametrize("name", [n for n in api.queries().available_queries if not n.endswith("_cursor")])
def test_every_statement_of_the_api_on_a_story_takes_the_callers_tenant(name: str) -> None:
    about_stories = bool(STORY_TABLES.search(getattr(api.queries(), name).sql))
    assert takes_tenant(api.queries(), name) or not about_stories or name in FOR_NOBODY


@pytest.mark.parametrize("name", READERS)
def test_every_statement_of_the_progress_stream_takes_the_callers_tenant(name: str) -> None:
    assert takes_tenant(status.queries(), name)
