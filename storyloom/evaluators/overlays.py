"""An e-book's media overlays: whether what is lit is in the page, and the sound goes on without a gap or a leap."""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

import soundfile

from storyloom.evaluators.archive import BROKEN, short
from storyloom.evaluators.package import OPF, Ebook, Item, resolve

SMIL = "{http://www.w3.org/ns/SMIL}"
OVERLAY = "application/smil+xml"
SOUND_WITHIN = 0.1
"""Seconds by which a clip may end after the sound, or begin before the one before it has ended."""
DURATION_WITHIN = 1.0
"""Seconds between what is declared and what the clips last: the tolerance of EPUB 3.3."""
LONGEST_SECONDS = 7200
"""What goes on for longer is not read on."""
LONGEST_CLOCK = 32
_CLOCK = re.compile(r"(?:(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d+)?)|(\d+(?:\.\d+)?)(h|min|s|ms)?)")
_METRIC: Mapping[str, float] = {"h": 3600, "min": 60, "s": 1, "ms": 0.001}


@dataclass(frozen=True, slots=True)
class Clip:
    """What is lit (a page's path and an id), and the piece of sound to it in seconds; no end: that of the sound."""

    page: str
    name: str
    audio: str
    begin: float
    end: float | None


@dataclass
class _Played:
    """What was played so far; all in seconds. ``lengths`` and ``reached`` by the sound's path, ``durations`` by id."""

    lengths: dict[str, float] = field(default_factory=dict)
    reached: dict[str, float] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    lit: int = 0


def find_overlay_faults(ebook: Ebook, spoken: int) -> Iterator[str]:
    """All that is wrong with them, a sentence each; ``spoken``: how many words should be lit."""
    played = _Played()
    for page in ebook.spine:
        if page.overlay is None:
            continue
        overlay = ebook.by_id.get(page.overlay)
        if overlay is None or overlay.type != OVERLAY:
            yield f"The overlay {short(page.overlay)} is not in it."
        elif overlay.path in ebook.documents:  # else it is a fault that was told
            yield from _clip_faults(ebook, page, overlay, played)
    used = {page.overlay for page in ebook.spine}
    for item in ebook.items:
        if item.type == OVERLAY and item.id not in used:
            yield f"No page plays {short(item.path)}."
    if played.lit != spoken:
        yield f"{played.lit} words are lit, not {spoken}."
    yield from _duration_faults(ebook, played.durations)


def _clip_faults(ebook: Ebook, page: Item, overlay: Item, played: _Played) -> Iterator[str]:
    played.durations[overlay.id] = 0.0
    for par in ebook.documents[overlay.path].iter(f"{SMIL}par"):
        clip = _clip(par, overlay.path)
        if clip is None:
            yield f"A clip of {short(overlay.path)} cannot be read."
            continue
        played.lit += 1
        if clip.page != page.path or not clip.name:
            yield f"{short(overlay.path)} lights what is not in its page."
        if clip.audio not in played.lengths:
            played.lengths[clip.audio] = _seconds(ebook, clip.audio)
            if not played.lengths[clip.audio]:
                yield f"{short(clip.audio or 'A sound')} cannot be heard."
        length = played.lengths[clip.audio]
        end = length if clip.end is None else clip.end
        if clip.begin >= end:
            yield f"The sound of {short(clip.name)} ends before it begins."
        elif clip.begin < played.reached.get(clip.audio, 0.0) - SOUND_WITHIN:
            yield f"The sound goes back at {short(clip.name)}."
        if length and end > length + SOUND_WITHIN:
            yield f"{short(clip.name)} is lit after the sound has ended."
        played.durations[overlay.id] += end - clip.begin
        played.reached[clip.audio] = end


def _clip(par: ET.Element, base: str) -> Clip | None:
    text, audio = par.find(f"{SMIL}text"), par.find(f"{SMIL}audio")
    if text is None or audio is None:
        return None
    begin, end = read_clock(audio.get("clipBegin", "0")), read_clock(audio.get("clipEnd"))
    if begin is None or (end is None and "clipEnd" in audio.attrib):
        return None
    page, name = resolve(base, text.get("src", ""))
    return Clip(page, name, resolve(base, audio.get("src", ""))[0], begin, end)


def read_clock(value: str | None) -> float | None:
    """A SMIL clock value in seconds ("1:02:03.5", "02:03", "7.25s", "90ms", "1.5min"); None for what is none."""
    found = _CLOCK.fullmatch((value or "").strip())
    if found is None or len(found[0]) > LONGEST_CLOCK:
        return None
    hours, minutes, seconds, count, metric = found.groups()
    if count is not None:
        return float(count) * _METRIC[metric or "s"]
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def _seconds(ebook: Ebook, path: str) -> float:
    """How long a sound of the book is, decoded: what its header says may be wrong. 0 for what is none."""
    if path not in ebook.by_path or not ebook.by_path[path].type.startswith("audio/"):
        return 0.0
    heard = 0
    try:
        with soundfile.SoundFile(io.BytesIO(ebook.files[path])) as sound:
            while heard < LONGEST_SECONDS * sound.samplerate and len(block := sound.read(1 << 16, dtype="int16")):
                heard += len(block)
            return heard / float(sound.samplerate)
    except BROKEN:
        return 0.0


def _duration_faults(ebook: Ebook, durations: Mapping[str, float]) -> Iterator[str]:
    """What is declared of the whole and of each overlay, against what its clips last."""
    declared = {
        one.get("refines", "").removeprefix("#"): read_clock(one.text)
        for one in ebook.package.iterfind(f"{OPF}metadata/{OPF}meta")
        if one.get("property") == "media:duration"
    }
    wanted = {**durations, "": sum(durations.values())} if durations else {}
    for name in sorted({*declared, *wanted}):
        said, lasts = declared.get(name), wanted.get(name)
        if said is None or lasts is None or abs(said - lasts) > DURATION_WITHIN:
            told = "nothing" if said is None else f"{said:.0f} s"
            yield f"The duration of {short(name) or 'the whole'} is declared as {told}."
