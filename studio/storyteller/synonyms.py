"""Says a line in one of several ways that mean the same, so that stories of one plot share fewer sentences."""

import re
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from random import Random

_WORLD = Path(__file__).parent / "world"
_TURNED = 0.5
_SHORTENED = ("it's", "that's", "'m", "'ll")
# Who speaks, before or after the verb: only where nothing is told of the speaker, and no speech follows.
_SPEAKER = re.compile(r"(?<=[,?!]” )said (\{(?:C|P|two)\})(?=(?:\.|\||,\|? “|$))")
_FIRST = re.compile(r"^“([^“”|]+),” said (\{(?:C|P)\}(?: the \{(?:ck|pk)\})?)\.$")


def vary(line: str, rng: Random) -> str:
    """The line with some of its words in another way; slots, bars and what is quoted of the brief stay."""
    if rng.random() < _TURNED:
        line = _FIRST.sub(r"\2 said, “\1.”", line)
    if rng.random() < _TURNED:
        line = _SPEAKER.sub(r"\1 said", line)
    for pattern, ways in _groups():
        line = pattern.sub(partial(_choose, ways=ways, rng=rng), line)
    for spoilt, mended in _MENDED:
        line = spoilt.sub(mended, line)
    return line


# A row says before which words it does not hold; what it spoils behind a word is mended here.
_MENDED = (
    (re.compile(r"(?<=\bas )although\b|\balthough(?=[,.!?])"), "though"),
    (re.compile(r"\bone by one after another\b"), "one by one by one"),
    (re.compile(r"(?<=\bsay )and that\b"), "which"),
    (re.compile(r"\bvery almost\b"), "very nearly"),
    (re.compile(r"\b(both|all|candles out|came on|thirsty) (?:right|straight) away\b"), r"\1 at once"),
)


def enrich(line: str, rng: Random) -> str:
    """The line for whoever reads much: exact words for plain ones, and speakers who do more than say.

    What is spoken stays in its speaker's plain words, and so do slots.
    """
    line = _ASKED.sub(lambda found: _speak(found, _ASKING, rng), line)
    line = _SAID.sub(lambda found: _speak(found, _verbs_for(found.group(1)), rng), line)
    parts = _SPEECH.split(line)  # every second one is speech
    return "".join(part if at % 2 else _enrich(part, rng) for at, part in enumerate(parts))


def _enrich(text: str, rng: Random) -> str:
    for pattern, ways in _richer():
        text = pattern.sub(partial(_choose_richer, ways=ways, rng=rng), text)
    return text


def _choose_richer(found: re.Match[str], *, ways: Sequence[str], rng: Random) -> str:
    return _choose(found, ways=ways, rng=rng) if rng.random() < _ENRICHED else found.group(0)


def _speak(found: re.Match[str], verbs: Sequence[str], rng: Random) -> str:
    if not verbs or rng.random() > _SPOKEN_RICHLY:
        return found.group(0)
    return f"{found.group(1)}{found.group(2)}{rng.choice(verbs)}{found.group(4)}"


def _verbs_for(speech: str) -> Sequence[str]:
    """How something is said; what is short, foreign, cried or an order is only said."""
    if speech.count(" ") < _FEW_WORDS or _PLAINLY.search(speech):
        return ()
    return next((verbs for begins, verbs in _MANNERS if begins.match(speech)), ())


_ENRICHED, _SPOKEN_RICHLY, _FEW_WORDS = 0.8, 0.6, 2
_SPEECH = re.compile(r"(“[^”]*”)")
_SPEAKS = r"( ?)(said|asked)( \{(?:C|P|one|two|h)\}(?: the \{(?:ck|pk)\})?(?=\.$|\||,\|? “|$))"
_SAID = re.compile(r"(“[^”]*[,!]”)" + _SPEAKS.replace("|asked", ""))
_ASKED = re.compile(r"(“[^”]*[?]”)" + _SPEAKS.replace("said|", ""))
_PLAINLY = re.compile(r"\{(?:l_\w+|message|to|fact\d)\}|!")
_MANNERS = (
    (re.compile(r"“(?:I am sorry|I'm sorry|I (?:cannot|can't|forgot|feel|have not|did not|didn't|do not|don't)\b)"),
     ("admitted", "confessed")),
    (re.compile(r"“(?:Let us|Let's|We (?:could|can|might)|You (?:may|might|could))\b"), ("suggested",)),
    (re.compile(r"“(?:I|It|That|This|We|They|There|The|An?|One|Mine|My|Nobody|Somebody|Everybody|Some|All|In|Two)\b"),
     ("remarked", "observed", "declared", "announced")),
)  # fmt: skip
_ASKING = ("inquired", "wondered")


@cache
def _richer() -> Sequence[tuple[re.Pattern[str], tuple[str, ...]]]:
    """Each row of the file: the plain words, and the richer ones."""
    found = []
    for row in (_WORLD / "richer.txt").read_text("utf-8").splitlines()[1:]:
        said, _, unless = row.partition(" !! ")
        plain, _, ways = said.partition(" => ")
        bar = rf"(?!(?:\|? )(?:{unless})\b)" if unless else ""
        pattern = re.compile(rf"(?<![\w{{’'-]){re.escape(plain)}(?![\w}}’'-]){bar}", re.IGNORECASE)
        found.append((pattern, tuple(way.strip() for way in ways.split(" | "))))
    return found


def _choose(found: re.Match[str], *, ways: Sequence[str], rng: Random) -> str:
    """One of the ways, as large at its beginning as the one that was found."""
    way = rng.choice(ways)
    return way[:1].upper() + way[1:] if found.group(0)[:1].isupper() else way


@cache
def _groups() -> Sequence[tuple[re.Pattern[str], tuple[str, ...]]]:
    """Each row of the file: ways that mean the same wherever one stands, and what must not follow."""
    found = []
    for row in (_WORLD / "synonyms.txt").read_text("utf-8").splitlines()[1:]:
        ways, _, unless = row.partition(" !! ")
        same = tuple(way.strip() for way in ways.split(" | "))
        if len(same) > 1:
            bar = rf"(?!(?:\|? )(?:{unless})\b)" if unless else ""
            # “What it is” cannot be “what it's”: a word must follow at once.
            bar += r"(?= [a-z])" if any(way.endswith(_SHORTENED) for way in same) else ""
            words = "|".join(re.escape(way) for way in sorted(same, key=len, reverse=True))
            found.append((re.compile(rf"(?<![\w{{’'-])(?:{words})(?![\w}}’'-]){bar}", re.IGNORECASE), same))
    return found
