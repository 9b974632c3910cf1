"""The writer: a plan, four scenes, and a check of the whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import structlog
from pydantic import Field

from services.content.dignity import find_things_made_of_traits, judge_dignity
from services.content.outline import Plan, find_faults, recognise
from services.content.premise import (
    MissingPart,
    conclude,
    find_broken_promises,
    judge_scene,
    without_empty_promises,
)
from services.content.preview import MAX_PARAGRAPH_CHARACTERS, Preview
from services.content.prompts import instructions
from services.content.readability import Finding, Targets, count_words, judge, measure, targets_for
from services.content.safety import feedback_on, judge_twice, strings_in, unsafe, words_of
from storyloom.jobs.definition import Report
from storyloom.providers.ports import Moderation, StructuredModel
from storyloom.story.assets import TEXTS, Asset
from storyloom.story.brief import Brief
from storyloom.story.errors import PermanentError
from storyloom.story.jobs import AssetRequested
from storyloom.story.model_text import ModelAnswer
from storyloom.story.results import Moderated, Outline, PremiseVerdict, ProviderCall, SceneText, StoryContent
from storyloom.story.text_language import language_fault
from storyloom.story.topics import refused_fields

MAX_ATTEMPTS = 3
"""How often a plan or a scene is written in all, each time with the findings on the one before."""
MAX_PLAN_CHARACTERS = 4500
"""Characters that a plan's JSON usually has: what its progress is reckoned by."""

log = structlog.get_logger()


Passage = Annotated[str, Field(min_length=1)]


class Draft(ModelAnswer):
    """A scene as the author answers it."""

    longest: ClassVar = {"paragraphs": MAX_PARAGRAPH_CHARACTERS}

    paragraphs: Annotated[tuple[Passage, ...], Field(min_length=1, max_length=30)]
    alt_text: Passage

    @property
    def text(self) -> str:
        return "\n\n".join(self.paragraphs)


class Check(ModelAnswer):
    """What the last reader says of the whole."""

    longest: ClassVar = {"findings": 1000, "why": 300}

    consistent: bool
    payoff: bool
    findings: Annotated[tuple[Passage, ...], Field(max_length=30)]
    # None: nothing was asked for, or an answer that was paid for by a release that did not ask.
    premise_honoured: bool | None = None
    premise_missing: Annotated[tuple[MissingPart, ...], Field(max_length=8)] = ()


@dataclass(frozen=True, slots=True)
class _Judged:
    draft: Draft
    findings: tuple[Finding, ...]
    flagged: tuple[str, ...]
    """The categories that moderation flags it for; flagged words are never published."""
    unkept: tuple[Finding, ...] = ()
    """What it lacks of what the brief asks for, or says against its heroes' traits. It is written again for that once:
    a model that cannot has tried.
    """
    foreign: str | None = None
    """What is wrong where it is in another language than the brief's: neither is that."""
    moderated: Moderated | None = None
    """What moderation said of the whole of it; None where its beginning was flagged already."""

    @property
    def weight(self) -> float:
        return sum(finding.weight for finding in (*self.findings, *self.unkept))

    @property
    def feedback(self) -> list[str]:
        if self.foreign:
            return [self.foreign]  # how hard words are is no matter in the wrong language
        told = [finding.text for finding in (*self.unkept, *self.findings)]
        return [feedback_on(self.flagged), *told] if self.flagged else told

    def suffices(self, attempt: int) -> bool:
        """Whether nothing is left that another attempt is worth."""
        return not (self.flagged or self.foreign or self.findings or (attempt == 1 and self.unkept))


class Writer:
    """Makes outline, text_1 … text_4 and content (storyloom.jobs.definition.Handler). Results hold
    moderated words alone.
    """

    def __init__(self, model: StructuredModel) -> None:
        self._model = model

    async def outline(self, job: AssetRequested, report: Report) -> Outline:
        """Plan the story. An unsafe brief is refused before anything is paid for."""
        verdict = await judge_twice(self._model, words_of(job.brief))
        if verdict.flagged:
            raise unsafe("brief", verdict.categories)
        if fields := refused_fields(job.brief):  # the api refuses it; this one was taken by a release without the rules
            raise unsafe("brief", tuple(dict.fromkeys(field.topic for field in fields)))
        await report(5)
        outline = await self._plan(job, report)
        await report(90)
        return outline

    async def scene(self, job: AssetRequested, report: Report) -> SceneText:
        """Write the job's scene; of several attempts the best is kept, with what still falls short of it."""
        outline = job.required(Asset.OUTLINE, Outline)
        before = tuple(job.required(text, SceneText) for text in TEXTS[: job.asset.scene - 1])
        targets, names = targets_for(job.brief.age).a_scene(), _names(job.brief, outline)
        blocks = {
            "brief": job.brief.for_prompts(),
            "outline": _plain(outline),
            "scene": {"scene": job.asset.scene},
            "before": [text.text for text in before],
            "targets": targets.as_block(),
            **_again(job),
        }
        judged, calls = await self._draft(job, report, blocks, targets, names)
        safe = [attempt for attempt in judged if not attempt.flagged]
        if not safe:
            raise unsafe("text", judged[-1].flagged)
        usable = [attempt for attempt in safe if not attempt.foreign]
        if not usable:
            raise wrong_language(calls[-1].request_id)
        best = min(usable, key=lambda attempt: attempt.weight)
        await report(95, text=best.draft.text)
        return SceneText(
            scene=job.asset.scene,
            paragraphs=best.draft.paragraphs,
            alt_text=best.draft.alt_text,
            words=max(1, count_words(best.draft.text)),
            readability=measure(best.draft.text, names),
            attempts=len(judged),
            findings=tuple(finding.text for finding in (*best.findings, *best.unkept)),
            moderated=best.moderated,
            calls=calls,
        )

    async def whole(self, job: AssetRequested, report: Report) -> StoryContent:
        """Read the whole again. Its scenes are spoken and painted by now: what is found is noted, not rewritten."""
        outline = job.required(Asset.OUTLINE, Outline)
        one, two, three, four = (job.required(text, SceneText) for text in TEXTS)
        texts = [scene.text for scene in (one, two, three, four)]
        await report(10)
        findings, premise, calls = await self._check(job.brief, outline, texts)
        return StoryContent(
            title=outline.title,
            logline=outline.logline,
            scenes=(one, two, three, four),
            readability=measure("\n\n".join(texts), _names(job.brief, outline)),
            findings=findings,
            premise=premise,
            calls=calls,
        )

    async def _plan(self, job: AssetRequested, report: Report) -> Outline:
        brief = job.brief
        targets = targets_for(brief.age)
        blocks: dict[str, Any] = {"brief": brief.for_prompts(), "targets": targets.as_block(), **_again(job)}
        calls: list[ProviderCall] = []
        usable: Plan | None = None
        moderated: Moderated | None = None
        flagged: tuple[str, ...] = ()
        broken: tuple[str, ...] = ()
        foreign: str | None = None
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                plan, call = await self._model.parse(
                    Plan,
                    name="outline",
                    prompt=instructions("outline", brief, again=job.revision > 0),
                    blocks=blocks,
                    purpose="outline",
                    on_text=_Progress(report),
                )
            except PermanentError as error:
                if usable is None or error.code not in _NO_ANSWER:
                    raise
                log.warning("outline.not_rewritten", attempt=attempt, code=error.code, request_id=error.request_id)
                break
            calls.append(call)
            plan = recognise(plan, brief)
            must, should = find_faults(plan, brief)
            if not broken:  # told once: what still is not honoured then is told to whoever asked for it
                broken = (*find_broken_promises(plan, brief), *find_things_made_of_traits(plan, brief))
                should = (*should, *broken)
            plan = without_empty_promises(plan)
            foreign = language_fault(f"{plan.title}. {plan.logline}", brief.language)
            must = (foreign, *must) if foreign else must
            verdict = (
                None if must else await self._model.moderate(["\n".join(strings_in(plan.model_dump(mode="json")))])
            )
            flagged = _flagged(verdict)
            if verdict and not flagged:
                usable, moderated = plan, verdict.record()
                if not should:
                    break
            log.info("outline.rejected", attempt=attempt, must=len(must), should=len(should), flagged=flagged)
            blocks = blocks | {"feedback": [*([feedback_on(flagged)] if flagged else []), *must, *should]}
        if usable is None and flagged:
            raise unsafe("outline", flagged)
        if usable is None and foreign:
            raise wrong_language(calls[-1].request_id)
        if usable is None:
            raise PermanentError(
                "no plan fits the cast of the story", code="bad_answer", request_id=calls[-1].request_id
            )
        return usable.as_outline(tuple(calls), moderated)

    async def _draft(
        self, job: AssetRequested, report: Report, blocks: dict[str, Any], targets: Targets, names: tuple[str, ...]
    ) -> tuple[list[_Judged], tuple[ProviderCall, ...]]:
        judged: list[_Judged] = []
        calls: list[ProviderCall] = []
        for attempt in range(1, MAX_ATTEMPTS + 1):
            await report(5)
            # What is shown once stays until the final text replaces it: second attempts would make it flicker.
            preview = Preview(self._model, report, targets.words) if attempt == 1 else None
            try:
                draft, call = await self._model.parse(
                    Draft,
                    name="scene_text",
                    prompt=instructions("scene", job.brief, again=job.revision > 0, hinted=job.hint is not None),
                    blocks=blocks,
                    purpose=job.asset.value,
                    on_text=preview,
                )
            except PermanentError as error:
                if error.code not in _NO_ANSWER or all(one.flagged or one.foreign for one in judged):
                    raise
                log.warning("text.not_rewritten", attempt=attempt, code=error.code, request_id=error.request_id)
                break
            calls.append(call)
            seen = preview.flagged if preview else ()
            verdict = None if seen else await self._model.moderate([draft.text, draft.alt_text])
            flagged = seen or _flagged(verdict)
            foreign = language_fault(draft.text, job.brief.language)
            found = () if foreign else judge(draft.text, targets, job.brief.language, names)
            outline = job.required(Asset.OUTLINE, Outline)
            unkept = () if foreign else judge_scene(draft.text, job.asset.scene, outline, job.brief)
            unkept += () if foreign else judge_dignity(f"{draft.text}\n\n{draft.alt_text}", job.brief)
            judged.append(_Judged(draft, found, flagged, unkept, foreign, verdict.record() if verdict else None))
            if judged[-1].suffices(attempt):
                break
            log.info(
                "text.rejected",
                asset=job.asset,
                attempt=attempt,
                findings=len(found) + len(unkept),
                flagged=flagged,
                foreign=foreign is not None,
            )
            blocks = blocks | {"feedback": judged[-1].feedback}
        return judged, tuple(calls)

    async def _check(
        self, brief: Brief, outline: Outline, texts: Sequence[str]
    ) -> tuple[tuple[str, ...], PremiseVerdict | None, tuple[ProviderCall, ...]]:
        blocks = {"brief": brief.for_prompts(), "outline": _plain(outline), "texts": list(texts)}
        prompt = instructions("whole", brief)
        try:
            check, call = await self._model.parse(
                Check, name="story_check", prompt=prompt, blocks=blocks, purpose="content"
            )
        except PermanentError as error:
            if error.code not in _NO_ANSWER:
                raise
            # Every scene has passed moderation: a reader who cannot answer is no reason to lose the story.
            log.warning("content.unchecked", code=error.code, request_id=error.request_id)
            return ("The whole story could not be checked.",), conclude(outline, None, ()), ()
        found = list(check.findings)
        if not check.consistent and not found:
            found.append("The scenes do not agree with one another.")
        if not check.payoff:
            found.append("What is planted in the first scene does not pay off in the last.")
        premise = conclude(outline, check.premise_honoured, check.premise_missing)
        return tuple(found), premise, (call,)


def _flagged(verdict: Moderation | None) -> tuple[str, ...]:
    """The categories that moderation flags a text for; none where it passes, or was not asked."""
    return (verdict.categories or ("unnamed",)) if verdict and verdict.flagged else ()


def wrong_language(request_id: str | None) -> PermanentError:
    """The end of what is never written in the brief's language."""
    return PermanentError("written in another language, each time", code="wrong_language", request_id=request_id)


class _Progress:
    """Hears a plan's JSON as it grows and reports progress from 5 to 85."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._last = 0

    async def __call__(self, partial: str) -> None:
        progress = 5 + min(80, 80 * len(partial) // MAX_PLAN_CHARACTERS)
        if progress > self._last:
            self._last = progress
            await self._report(progress)


_NO_ANSWER = frozenset({"bad_answer", "content_refused"})
"""How a question ends that was asked and not answered: no reason to lose what an earlier attempt wrote."""
_NOT_WRITTEN = {"calls", "kind", "moderated"}


def _plain(outline: Outline) -> dict[str, Any]:
    """The outline as the author answered it."""
    return outline.model_dump(mode="json", exclude=_NOT_WRITTEN)


def _again(job: AssetRequested) -> dict[str, Any]:
    """The blocks that make another version another one. A first version's request has none."""
    revision = {"revision": {"revision": job.revision}} if job.revision else {}
    return revision | ({"hint": {"hint": job.hint}} if job.hint else {})


def _names(brief: Brief, outline: Outline) -> tuple[str, ...]:
    return (*brief.names, *(figure.name for figure in outline.figures))
