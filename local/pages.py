"""The addresses of the pages of a stack on this machine.

A key stands behind the ``#``, which browsers send to nobody; the page keeps it for its tab, and takes it out of the
address.
"""


def page_with_key(url: str, key: str, story_id: str | None = None) -> str:
    """Where stories are made or, with a story, where it is read. ``url``: the api's origin."""
    path = "/" if story_id is None else f"/read/{story_id}"
    return f"{url}{path}#key={key}"
