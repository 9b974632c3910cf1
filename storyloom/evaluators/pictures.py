"""The pictures: whether heroes keep their colours, none is a copy of another, and no letters stand in any."""

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, UnidentifiedImageError

from storyloom.evaluators.claims import Claim, Measure
from storyloom.evaluators.heroes import MOST, Distances, measure_part

_KEPT = "keeps its colour in every picture"
COLOURS: Mapping[str, Measure] = {
    part: Measure(
        f"identity_{part}", f"The heroes' {word} {_KEPT}", "colour distance (CIE 1976)", 3, unit="ΔE", at_most=most
    )
    for part, word, most in (("skin", "skin", 14), ("hair", "hair", 14), ("clothing", "clothing", 18))
}
DISTINCT = Measure(
    "pictures_distinct", "No picture is a copy of another", "difference hash", 1, unit="share", at_least=0.12
)
WORDLESS = Measure("stray_text", "No letters stand in the pictures", "Tesseract", 1, unit="words", at_most=0)

SHARES: Mapping[str, float] = {"skin": 0.006, "hair": 0.008, "clothing": 0.006}
"""Of a picture's area a part of a hero has at least so much: in bed a hero shows sleeves alone. Outlines have less."""
BY_WORD: Mapping[str, float] = {"skin": 30.0, "hair": 24.0, "clothing": 32.0}
"""What a word for a colour leaves open, in ΔE: "yellow" is many yellows, of which the hue alone is compared."""
COLOURFUL = 25.0
"""The chroma from which a colour has a hue to compare."""
DARK = 50.0
"""The median lightness (L*) below which a picture is of dusk or night, whose colours are those of no brief."""
HASH = 16
"""A picture's hash has the square of it as bits."""
_WIDTH = 256
LETTERS_WIDTH = 640
"""Pixels: letters that a child would see in a picture are large enough in it."""
LETTERS_SECONDS = 30
"""For one picture."""
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_WORDS: Mapping[str, str] = {
    **{name: value for name, value in ImageColor.colormap.items() if isinstance(value, str)},
    "blond": "#e3c16f",
    "blonde": "#e3c16f",
    "ginger": "#b5541c",
    "auburn": "#7b3a22",
    "golden": "#e3b94f",
}

Lab = NDArray[np.float64]


def judge_pictures(
    pictures: Mapping[str, bytes], characters: Sequence[Mapping[str, Any]], *, program: str | None = None
) -> list[Claim]:
    """The claims of the pictures, by name. ``program``: the path of Tesseract, where it is not on the PATH."""
    every = (*COLOURS.values(), DISTINCT, WORDLESS)
    if not pictures:
        return [one.not_checked("The story has no pictures.") for one in every]
    try:
        images = {name: _open(data) for name, data in pictures.items()}
    except (UnidentifiedImageError, OSError, ValueError):
        return [one.judge(1, "A picture cannot be decoded.", at_least=2) for one in every]
    return [
        *judge_colours({name: to_lab(image) for name, image in images.items()}, characters),
        judge_distinct(images),
        judge_wordless(images, program or shutil.which("tesseract")),
    ]


def _open(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def judge_colours(pictures: Mapping[str, Lab], characters: Sequence[Mapping[str, Any]]) -> Iterator[Claim]:
    """For each part of a hero: how far it is from its colour where the hero stands, in the worst picture.

    Where nothing tells of that, the nearest colour of some size counts, wherever it is. A dark picture is left out, and
    named.
    """
    bright = {name: lab for name, lab in pictures.items() if float(np.median(lab[..., 0])) >= DARK}
    dark = [name for name in pictures if name not in bright]
    left_out = f" Too dark to tell: {', '.join(dark)}." if dark else ""
    heroes = [_wanted(one) for one in characters]
    for part, measure in COLOURS.items():
        having = [hero for hero in heroes if part in hero]
        if not having:
            yield measure.not_checked("The brief names no colour for it.")
            continue
        if not bright:
            yield measure.not_checked("Every picture is too dark to tell.")
            continue
        by_word = any(hero[part][1] for hero in having)
        worst, where = max((_measure(part, hero, lab), name) for hero in having for name, lab in bright.items())
        yield measure.judge(worst, f"Farthest in {where}.{left_out}", at_most=BY_WORD[part] if by_word else None)


def _wanted(character: Mapping[str, Any]) -> dict[str, tuple[str, bool]]:
    """The colours that a brief names for a hero, by part."""
    looks = character.get("appearance") or {}
    return {part: found for part in COLOURS if (found := wanted_colour(looks.get(part)))}


def _measure(part: str, hero: Mapping[str, tuple[str, bool]], lab: Lab) -> float:
    distances = {one: distances_from(lab, colour, by_hue=vague) for one, (colour, vague) in hero.items()}
    limits = {one: BY_WORD[one] if vague else COLOURS[one].at_most or 0.0 for one, (_, vague) in hero.items()}
    found = measure_part(part, distances, limits)
    return float(np.quantile(distances[part], SHARES[part])) if found is None else found


def wanted_colour(words: str | None) -> tuple[str, bool] | None:
    """The colour that a brief names (#rrggbb), and whether by a word; None where it names none that is known."""
    if not words:
        return None
    if found := _HEX.search(words):
        return found[0].lower(), False
    named = [_WORDS[word] for word in re.findall(r"[a-z]+", words.lower()) if word in _WORDS]
    return (named[-1], True) if named else None


def distances_from(lab: Lab, colour: str, *, by_hue: bool = False) -> Distances:
    """How far each pixel is from a colour, in ΔE.

    ``by_hue``: of a colour that has one, the hue alone counts, as far as it is seen at a chroma of 60.
    """
    wanted = _lab_of(np.array([[ImageColor.getrgb(colour)[:3]]], dtype=np.float64))[0, 0]
    if by_hue and float(np.hypot(wanted[1], wanted[2])) >= COLOURFUL:
        chroma = np.hypot(lab[..., 1], lab[..., 2])
        turned = np.arctan2(lab[..., 2], lab[..., 1]) - np.arctan2(wanted[2], wanted[1])
        return np.asarray(np.where(chroma >= COLOURFUL, MOST * np.abs(np.sin(turned / 2)), MOST))
    return np.asarray(np.sqrt(((lab - wanted) ** 2).sum(axis=-1)))


def to_lab(image: Image.Image) -> Lab:
    """A small picture in CIE L*a*b*. No pixels are mixed: thin lines keep their colours."""
    height = round(_WIDTH * image.height / image.width)
    return _lab_of(np.asarray(image.resize((_WIDTH, height), Image.Resampling.NEAREST), dtype=np.float64))


def _lab_of(rgb: NDArray[np.float64]) -> Lab:
    """sRGB, 0 to 255, as L*a*b* under D65 (IEC 61966-2-1, CIE 15)."""
    part = rgb / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def judge_distinct(images: Mapping[str, Image.Image]) -> Claim:
    """The share of bits in which the two most similar pictures differ."""
    if len(images) < 2:
        return DISTINCT.not_checked("There is one picture alone.")
    hashes = {name: difference_hash(image) for name, image in images.items()}
    least, pair = min(
        (float(np.mean(hashes[one] != hashes[other])), f"{one} and {other}") for one, other in combinations(hashes, 2)
    )
    return DISTINCT.judge(least, f"{pair} are the most similar.")


def difference_hash(image: Image.Image) -> NDArray[np.bool_]:
    """Where a small grey picture grows lighter from left to right."""
    grey = np.asarray(image.convert("L").resize((HASH + 1, HASH), Image.Resampling.BOX), dtype=np.int16)
    return np.concatenate([after > before for before, after in pairwise(grey.T)])


def judge_wordless(images: Mapping[str, Image.Image], program: str | None) -> Claim:
    """Words that Tesseract is sure of, in all pictures together."""
    if program is None:
        return WORDLESS.not_checked("Tesseract is not installed where this was checked.")
    found = {name: words for name, image in images.items() if (words := read_words(image, program))}
    total = sum(map(len, found.values()))
    return WORDLESS.judge(total, f"In {', '.join(found)}." if found else "None was read.")


def read_words(image: Image.Image, program: str) -> list[str]:
    """Words of three letters or more of which Tesseract is sure (90 of 100). Raises OSError where it cannot run."""
    packed = io.BytesIO()
    small = image.resize((LETTERS_WIDTH, round(LETTERS_WIDTH * image.height / image.width)), Image.Resampling.LANCZOS)
    small.convert("L").save(packed, "PPM")
    done = subprocess.run(  # noqa: S603 - found on the PATH, or given
        [program, "-", "-", "--psm", "11", "tsv"],
        input=packed.getvalue(),
        capture_output=True,
        timeout=LETTERS_SECONDS,
        check=False,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},  # its threads wait for one another longer than they help
    )
    rows = csv.DictReader(io.StringIO(done.stdout.decode("utf-8", "replace")), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [
        row["text"] for row in rows if re.fullmatch(r"[^\W\d_]{3,}", row["text"] or "") and float(row["conf"]) >= 90
    ]
