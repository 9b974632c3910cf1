"""A picture prompt (docs/providers.md, "Pictures") as a typed brief. Lenient: no text makes it fail."""

import re
from dataclasses import dataclass, field

LONGEST_PROMPT = 20_000
LONGEST_LINE = 600
MOST_HEROES = 3
_HERO = re.compile(r"^(?:(?:the )?(first|second|third)\s+)?hero$")
_ORDER = {None: 0, "first": 0, "second": 1, "third": 2}
_LINE = re.compile(r"^\s*([A-Za-z][A-Za-z ]{1,24}?)\s*:\s*(.*)$")
_FEATURES = ("features", "must show")
_WORN = ("skin", "hair", "eyes", "clothing")
TIMES = ("day", "dawn", "dusk", "night")
WEATHERS = ("clear", "cloudy", "rain", "snow", "fog", "wind")
CAMERAS = ("wide", "medium", "close")
_TIME_WORDS = {
    "night": "night|midnight|moon|bedtime|dark", "dusk": "dusk|sunset|evening|twilight",
    "dawn": "dawn|sunrise|morning", "day": "day|noon",
}  # fmt: skip
_WEATHER_WORDS = {
    "snow": "snow|blizzard|icy", "rain": "rain|storm|drizzl|shower", "fog": "fog|mist|haz",
    "wind": "wind|breez|gust", "cloudy": "cloud|overcast", "clear": "clear|sun",
}  # fmt: skip


@dataclass
class HeroLines:
    """What the prompt says of one hero, first, second or third (place 0-2): raw words, each at most one line long."""

    kind: str = ""
    place: int = 0
    worn: dict[str, str] = field(default_factory=dict)
    features: list[str] = field(default_factory=list)
    sides: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PictureBrief:
    """The whole prompt. Absent lines are empty words; time, weather and camera are always of their lists."""

    heroes: tuple[HeroLines, ...]
    lines: dict[str, str]
    companion: str
    helper: str
    props: tuple[str, ...]
    time: str
    weather: str
    camera: str
    portrait: bool
    version: int = 0
    """How often the picture was asked for anew."""

    def line(self, label: str) -> str:
        return self.lines.get(label, "")


def parse_prompt(prompt: str) -> PictureBrief:
    """The brief of a prompt. Of a label that stands twice the last counts; heroes gather their own lines."""
    heroes: dict[int, HeroLines] = {0: HeroLines()}
    lines: dict[str, str] = {}
    speaker = 0
    for label, words in _labelled(prompt):
        named = _HERO.match(label)
        if named:
            speaker = _ORDER[named.group(1)]
            heroes.setdefault(speaker, HeroLines(place=speaker)).kind = words
        elif label in _FEATURES:
            heroes[speaker].features.append(words)
        elif label == "side":
            heroes[speaker].sides.append(words)
        elif label in _WORN:
            heroes[speaker].worn[label] = words
        else:
            lines[label] = words
    if len(heroes) > 1 and heroes[0] == HeroLines():
        del heroes[0]  # only siblings are on stage
    return _brief([heroes[key] for key in sorted(heroes)][:MOST_HEROES], lines)


def _labelled(prompt: str) -> list[tuple[str, str]]:
    found = []
    for raw in prompt[:LONGEST_PROMPT].splitlines():
        match = _LINE.match(raw[:LONGEST_LINE])
        if match:
            found.append((match.group(1).lower(), match.group(2).strip()))
    return found


def _brief(heroes: list[HeroLines], lines: dict[str, str]) -> PictureBrief:
    cast = lines.get("cast", "").lower()
    told = f"{lines.get('scene', '')} {lines.get('setting', '')}".lower()
    return PictureBrief(
        heroes=tuple(_on_stage(heroes, cast)),
        lines=lines,
        companion=_present(lines.get("companion", ""), "companion", cast),
        helper=_present(lines.get("helper", ""), "helper", cast),
        props=tuple(part.strip() for part in re.split(r"[;,]", lines.get("props", "")) if part.strip())[:8],
        time=_choice(lines.get("time", ""), told, _TIME_WORDS, "day"),
        weather=_choice(lines.get("weather", ""), "", _WEATHER_WORDS, "clear"),
        camera=_choice(lines.get("camera", ""), "", {word: word for word in CAMERAS}, "medium"),
        portrait="framing" in lines and not any(label in lines for label in ("scene", "setting", "cast")),
        version=_version(lines.get("version", "")),
    )


def _version(words: str) -> int:
    number = re.match(r"\d{1,9}", words)
    return max(0, int(number[0]) - 1) if number else 0


def _on_stage(heroes: list[HeroLines], cast: str) -> list[HeroLines]:
    """The heroes whom the Cast line names (it decides the head count); all of them if it names none."""
    names = ("hero", "second hero", "third hero")
    listed = cast.partition(":")[2]
    if "hero" not in listed:
        return heroes
    parts = [re.sub(r"\b(the|and|first)\b", "", part).strip() for part in re.split(r",|\band\b", listed)]
    return [hero for hero in heroes if names[hero.place] in parts] or heroes[:1]


def _present(words: str, role: str, cast: str) -> str:
    """A companion or helper is on stage if the Cast line names it, or if there is no such line."""
    listed = cast.partition(":")[2]
    return words if words and (not listed.strip() or role in listed) else ""


def _choice(words: str, told: str, table: dict[str, str], default: str) -> str:
    for text in (words.lower(), told):
        for value, pattern in table.items():
            if re.search(rf"\b(?:{pattern})", text):
                return value
    return default
