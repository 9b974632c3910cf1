"""What the api answers of receipts, as types that the OpenAPI document describes."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from services.api.resources import Id, StoryStatus, Time

_DOCUMENTED = with_config(ConfigDict(use_attribute_docstrings=True))

Sha256 = Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"})]


@_DOCUMENTED
class Artefact(TypedDict):
    """Something that was made, by its hash."""

    asset: str
    sha256: Sha256
    """Of the file's bytes; of `content`, of its four texts in UTF-8, with a blank line between them."""
    bytes: int


@_DOCUMENTED
class ReceiptModel(TypedDict):
    """A model that had a part in it, as its provider names it."""

    provider: str
    model: str


@_DOCUMENTED
class MeasuredError(TypedDict):
    """How often the evaluator erred when it was tried."""

    defects: int
    """Known defects that it was shown."""
    found: int
    """Those that it found."""
    sound: int
    """What it was shown that has no defect."""
    falseAlarms: int
    """Where it claimed one."""


@_DOCUMENTED
class ReceiptClaim(TypedDict):
    """One claim. There is no total: a story is not better for a claim more."""

    claim: str
    """A stable word for programs."""
    title: str
    """What is claimed, for people."""
    outcome: Literal["pass", "fail", "not_checked"]
    value: float | None
    """What was measured."""
    unit: str
    atLeast: float | None
    """The threshold: what the value must be at least, or at most."""
    atMost: float | None
    reason: str
    """What was found, or why nothing was checked."""
    evaluator: str
    version: int
    """Of the evaluator: another one may judge otherwise."""
    independent: bool
    """False: it is what the maker's own check said."""
    error: MeasuredError | None
    """Null where it was not tried on known defects."""


@_DOCUMENTED
class ReceiptSignature(TypedDict):
    """What shows that the receipt was not changed."""

    algorithm: Literal["HMAC-SHA256"]
    keyId: str
    """The first 16 digits of the key's SHA-256."""
    value: Sha256
    """Over the receipt without its signature, as JSON: keys in order, no spaces, UTF-8."""


@_DOCUMENTED
class StoryReceipt(TypedDict):
    """What was checked of a story, by what, and with which outcome."""

    id: Id
    madeAt: Time
    status: StoryStatus
    """The story's."""
    artefacts: list[Artefact]
    models: list[ReceiptModel]
    claims: list[ReceiptClaim]
    evaluators: int
    """The version of all evaluators together."""
    signature: ReceiptSignature | None
    """Null where the installation has no key to sign with."""
