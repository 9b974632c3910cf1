"""An easel: what one picture's job has drawn so far, and what is still to be mended."""

from dataclasses import dataclass, field

from services.images.critic import Verdict
from services.images.plates import DecodedImage
from storyloom.story.errors import PermanentError
from storyloom.story.results import ProviderCall

ATTEMPTS = 3
"""How often a picture is drawn at most."""
_MOST_FIXES = 8


@dataclass(frozen=True, slots=True)
class Attempt:
    """A picture that decodes, and what the check said of it."""

    plate: DecodedImage
    verdict: Verdict

    @property
    def flawless(self) -> bool:
        return self.verdict.safe and not self.verdict.findings


@dataclass(slots=True)
class DrawingState:
    """One job's state. ``waiting`` is a drawing that is paid for and not yet checked."""

    attempts: int = 0
    softly: bool = False
    waiting: bytes | None = None
    fixes: list[str] = field(default_factory=list)
    calls: list[ProviderCall] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    _safe: Attempt | None = None
    _unsafe: int = 0
    _refused: bool = False
    _request_ids: list[str] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be drawn."""
        if self._refused or (self._safe is not None and self._safe.flawless):
            return True
        return self.attempts >= ATTEMPTS and self.waiting is None

    def judge(self, attempt: Attempt) -> None:
        """Take in a check: the safe picture with the fewest findings stays, what it lacks is asked for next time."""
        self.waiting = None
        verdict = attempt.verdict
        if verdict.call:
            self.calls.append(verdict.call)
        self.fixes = list(dict.fromkeys([*self.fixes, *verdict.findings]))[-_MOST_FIXES:]
        if not verdict.safe:
            self._unsafe += 1
        elif self._safe is None or len(verdict.findings) <= len(self._safe.verdict.findings):
            self._safe = attempt

    def refuse(self, refusal: PermanentError) -> None:
        """Take in a refusal: the first is answered with softer words, the second ends it.

        Raises the refusal, with all request ids, if there is no picture to end with.
        """
        known = refusal.request_id or "unknown"
        self._request_ids.append(known)
        self.refusals.append(f"the image model refused these words (request {known})")
        if not self.softly:
            self.softly = True
            return
        self._refused = True
        if self._safe is None:
            details = {**refusal.details, "request_ids": ", ".join(self._request_ids)}
            raise PermanentError(
                refusal.reason, code=refusal.code, request_id=refusal.request_id, details=details
            ) from refusal

    def best(self) -> Attempt:
        """The picture to keep. Raises PermanentError: ``unsafe`` if none was safe, ``bad_answer`` if none could be
        decoded.
        """
        if self._safe is not None:
            return self._safe
        last = self.calls[-1].request_id if self.calls else None
        if self._unsafe:
            raise PermanentError(
                f"none of {self.attempts} pictures was safe for children", code="unsafe", request_id=last
            )
        raise PermanentError(f"none of {self.attempts} pictures could be decoded", code="bad_answer", request_id=last)
