"""What a job brings along, checked: a wrong input is a fault of the graph, not of the story."""

from typing import TypeVar

from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Result

R = TypeVar("R", bound=Result)


def given(job: AssetRequested, asset: Asset, kind: type[R]) -> R | None:
    """The result of an asset, None where it is absent. Raises PermanentError(code="bug") when it is something else."""
    result = job.inputs.get(asset)
    if result is None or isinstance(result, kind):
        return result
    raise PermanentError(f"{job.asset} was given a {result.kind} as its {asset}", code="bug")


def needed(job: AssetRequested, asset: Asset, kind: type[R]) -> R:
    """The result of an asset that the work cannot do without. Raises PermanentError(code="bug") when it is not
    there.
    """
    result = given(job, asset, kind)
    if result is None:
        raise PermanentError(f"{job.asset} was asked for without its {asset}", code="bug")
    return result
