"""Claims: what is said of a story, by which measure, and with which outcome."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Outcome = Literal["pass", "fail", "not_checked"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of a story. ``value`` is None where nothing was measured; ``reason`` is a sentence for people.

    The bounds are those that the value was held against: a measure may have others for an age.
    """

    measure: "Measure"
    outcome: Outcome
    value: float | None
    at_least: float | None
    at_most: float | None
    reason: str

    def wire(self) -> dict[str, Any]:
        """As JSON, with the measured error of its evaluator where there is one."""
        return {
            "claim": self.measure.claim,
            "title": self.measure.title,
            "outcome": self.outcome,
            "value": self.value,
            "unit": self.measure.unit,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "reason": self.reason,
            "evaluator": self.measure.evaluator,
            "version": self.measure.version,
            "independent": self.measure.independent,
            "error": measured().get(self.measure.claim),
        }


@dataclass(frozen=True, slots=True)
class Measure:
    """How a claim is measured. ``independent``: neither the evaluator nor what it asks has a part in the making.

    ``version`` is raised whenever the same story may be judged otherwise than before.
    """

    claim: str
    title: str
    evaluator: str
    version: int
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    independent: bool = True

    def judge(
        self, value: float, reason: str = "", *, at_least: float | None = None, at_most: float | None = None
    ) -> Claim:
        """The claim of a value, held against the measure's bounds, or against those given."""
        low = self.at_least if at_least is None else at_least
        high = self.at_most if at_most is None else at_most
        value = round(value, 4)
        good = (low is None or value >= low) and (high is None or value <= high)
        return Claim(self, "pass" if good else "fail", value, low, high, reason)

    def not_checked(self, reason: str) -> Claim:
        """The claim of a story of which nothing was measured, and why."""
        return Claim(self, "not_checked", None, self.at_least, self.at_most, reason)


@cache
def measured() -> Mapping[str, Mapping[str, Any]]:
    """How often each evaluator erred, by claim: {defects, found, sound, false_alarms}.

    ``make quality`` writes it.
    """
    found: Mapping[str, Mapping[str, Any]] = tomllib.loads(
        files(__package__).joinpath("measured.toml").read_text("utf-8")
    ).get("claims", {})
    return found
