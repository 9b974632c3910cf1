"""Faces: eyes, brows, mouth by emotion, and what a face may carry. Drawn round (0, 0), about 160 wide."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from studio.painting.figure import TUBING, Figure
from studio.painting.svg import brightness, darker, lighter, mix

_LIP = "#8a3440"
_DARK = "#2b1d26"


@dataclass(frozen=True)
class Mood:
    """An expression: brow height at the outer and inner end (up is positive), lids 0-1, eye size, mouth, blush."""

    outer: float
    inner: float
    lid: float
    eye: float
    mouth: str
    blush: float = 0.34


MOODS: Mapping[str, Mood] = MappingProxyType({
    "happy": Mood(0, 3, 0, 1, "laugh", 0.42), "calm": Mood(0, 1, 0.06, 1, "smile"),
    "worried": Mood(-5, 7, 0, 1.04, "wobble", 0.2), "sad": Mood(-7, 6, 0.22, 1, "frown", 0.2),
    "crying": Mood(-8, 7, 0.24, 1, "frown", 0.3), "brave": Mood(5, -4, 0.10, 1, "firm"), "surprised": Mood(9, 9, 0, 1.16, "o"),
    "sleepy": Mood(-3, -1, 0.55, 1, "small"), "curious": Mood(8, 2, 0, 1.08, "small"),
    "asleep": Mood(-2, 0, 1, 1, "small", 0.42), "proud": Mood(2, 2, 0.04, 1, "grin", 0.42),
})  # fmt: skip
_MOUTHS: Mapping[str, str] = MappingProxyType({
    "smile": "M-19,46Q3,64 27,45", "firm": "M-15,51Q5,58 27,46", "small": "M-8,50Q4,57 17,49",
    "wobble": "M-14,56Q-5,46 4,52T24,51", "frown": "M-15,59Q4,44 23,58",
})  # fmt: skip


def eye_places(figure: Figure) -> tuple[tuple[float, float], tuple[float, float]]:
    wide = 31 if figure.look.species != "alien" else 36
    return (5 - wide, 9), (5 + wide, 9)


def draw_face(figure: Figure) -> None:
    """Eyes, brows, nose, mouth and cheeks, and all that is worn or carried on the face."""
    sheet, look = figure.sheet, figure.look
    mood = MOODS[figure.emotion]
    _skin_marks(figure)
    if look.species == "superhero" and not figure.has("glasses", "dark_glasses"):
        _mask(figure)
    rosy = sheet.glow("#f4604f" if brightness(look.skin) > 0.35 else "#e0503f", mood.blush)
    for side in (-1, 1):
        sheet.oval(side * 47 + 4, 38, 25, 18, rosy)
    down = figure.show("down_syndrome")
    for side, (x, y) in zip((-1, 1), eye_places(figure), strict=True):
        turn = (-9 if side > 0 else 9) if down else 0
        with sheet.at(x, y, 0.9 if down else 1, turn=turn):
            _eye(figure, mood, side)
            if down:
                sheet.line(f"M{-side * 13},-8q{-side * 5},8 {-side * 1},15", darker(look.skin, 0.35), 2.6, 0.8)
        _brow(figure, mood, side, x, y)
    _nose(figure, flat=down is not None)
    _mouth(figure, mood)
    _carried(figure)


def _mask(figure: Figure) -> None:
    """A superhero's mask, round the eyes, tied at the back."""
    colour = figure.look.second or darker(figure.look.colour, 0.3)
    data = "M-72,-2Q-60,-26 -26,-24Q-6,-22 5,-12Q16,-22 36,-24Q70,-26 80,-2Q78,26 52,34Q22,38 5,20Q-12,38 -42,34Q-70,26 -72,-2Z"
    figure.sheet.line("M-70,-4L-82,-10M78,-4L84,-10", colour, 10)
    figure.sheet.shape(data, colour)


def _eye(figure: Figure, mood: Mood, side: int) -> None:
    sheet, look = figure.sheet, figure.look
    lash = _DARK if look.species != "human" or "albinism" not in look.features else "#b89a7a"
    if mood.lid >= 1:
        sheet.line("M-13,2Q0,13 13,2M-10,6l-3,4M10,6l3,4", lash, 4)
        return
    with sheet.at(0, 0, mood.eye):
        sheet.oval(0, 0, 13.5, 16, "#fffaf2", ink=True)
        sheet.oval(1.4, 1, 10.8, 13, sheet.down(darker(look.eyes, 0.45), lighter(look.eyes, 0.16)))
        sheet.oval(1.4, 1.6, 6, 7.6, _DARK)
        sheet.disc(5, -5, 4.3, "#ffffff")
        sheet.disc(-2.6, 6.4, 2.1, "#ffffff", opacity=0.85)
        lid = -17 + 30 * mood.lid
        if mood.lid > 0.03:
            sheet.fill(f"M-16,-19H16V{lid:.0f}Q0,{lid + 5:.0f} -16,{lid:.0f}Z", mix(look.skin, darker(look.skin), 0.4))
        sheet.line(
            f"M-14,{max(-6, lid):.0f}Q0,{lid - 6 if mood.lid < 0.3 else lid + 4:.0f} 14,{max(-6, lid):.0f}", lash, 4.4
        )
        sheet.line(f"M{side * 13},{max(-6, lid):.0f}l{side * 5},-4", lash, 3)


def _brow(figure: Figure, mood: Mood, side: int, x: float, y: float) -> None:
    if figure.look.species in {"robot", "alien"}:
        return
    raised = 6 if figure.emotion == "curious" and side > 0 else 0
    colour = darker(figure.look.hair, 0.3) if figure.human else darker(figure.look.skin, 0.45)
    if brightness(figure.look.hair) > 0.8 and figure.human:
        colour = "#b9a27c"
    high = y - 27 - raised
    outer, inner = high - mood.outer, high - mood.inner
    figure.sheet.line(
        f"M{x + side * 15:.0f},{outer + 3:.0f}Q{x + side * 2:.0f},{(outer + inner) / 2 - 6:.0f} {x - side * 13:.0f},{inner + 1:.0f}",
        colour, 5,
    )  # fmt: skip


def _nose(figure: Figure, *, flat: bool) -> None:
    sheet, look = figure.sheet, figure.look
    if look.species in {"animal", "dinosaur"}:
        return
    if look.species == "robot":
        sheet.disc(4, 28, 4, darker(look.skin, 0.3))
    elif flat:
        sheet.line("M-3,29Q4,34 12,29", darker(look.skin, 0.34), 3.6)
    else:
        sheet.line("M5,20Q13,29 3,32", darker(look.skin, 0.34), 3.6)


def _mouth(figure: Figure, mood: Mood) -> None:
    sheet = figure.sheet
    lip = _LIP if brightness(figure.look.skin) > 0.25 else "#5c2029"
    with sheet.at(0, 8 if figure.look.species in {"animal", "dinosaur"} else 0):
        match mood.mouth:
            case "laugh" | "grin":
                low = 70 if mood.mouth == "laugh" else 64
                sheet.shape(f"M-19,45Q4,50 29,44Q26,{low} 4,{low}Q-16,{low} -19,45Z", _LIP)
                sheet.fill(
                    f"M-11,{low - 7}Q4,{low - 15} 20,{low - 7}Q14,{low - 1} 4,{low - 1}Q-6,{low - 1} -11,{low - 7}Z",
                    "#f08389",
                )
                sheet.fill("M-16,47Q4,51 26,46Q25,52 22,53H-11Q-15,51 -16,47Z", "#ffffff")
            case "o":
                sheet.oval(4, 55, 9, 11, _LIP, ink=True)
                sheet.oval(4, 59, 5, 5, "#f08389")
            case shape:
                sheet.line(_MOUTHS[shape], lip, 4.6)
    if figure.emotion == "crying":
        sheet.shape("M47,30q9,13 0,17q-9,-4 0,-17Z", "#8fd0f4", 0.9)


def _skin_marks(figure: Figure) -> None:
    """Marks that lie in the skin, under eyes and mouth."""
    sheet, skin = figure.sheet, figure.look.skin
    if figure.show("vitiligo"):
        pale = mix(skin, "#fff1e2", 0.72)
        sheet.fill("M-72,-14C-60,-34 -34,-28 -22,-14C-10,0 -18,20 -36,28C-52,34 -74,22 -72,-14Z", pale, 0.92)
        sheet.fill("M28,46C42,38 60,40 58,54C50,68 34,72 24,64C18,56 20,50 28,46Z", pale, 0.92)
        sheet.fill("M34,-52C46,-56 60,-46 56,-34C48,-28 34,-34 34,-52Z", pale, 0.92)
    if figure.show("birthmark"):
        with sheet.at(0, 0, flip=figure.moved("birthmark")):
            sheet.fill(
                "M28,-34C50,-44 74,-20 72,8C70,34 46,44 34,30C26,18 40,8 32,-6C26,-16 18,-26 28,-34Z",
                mix(skin, "#a82f45", 0.58),
                0.85,
            )
    if figure.show("burn_scars"):
        scar = mix(skin, "#f0a593", 0.6)
        with sheet.at(0, 0, flip=figure.moved("burn_scars")):
            sheet.fill("M-74,2C-66,-14 -48,-10 -42,6C-36,22 -44,48 -56,54C-68,44 -78,24 -74,2Z", scar, 0.9)
            for dx, dy in ((-66, 4), (-58, 16), (-64, 28), (-54, 38)):
                sheet.line(f"M{dx},{dy}q6,-7 12,1q4,6 8,-1", darker(scar, 0.2), 2.4, 0.8)
    if figure.show("facial_difference"):
        small = "M-78,14C-90,34 -78,64 -52,70C-34,66 -38,34 -50,20C-60,10 -72,6 -78,14Z"
        with sheet.at(0, 0, flip=figure.moved("facial_difference")):
            sheet.fill(small, mix(skin, "#d9806f", 0.22))
            sheet.line("M-62,28Q-46,44 -30,46", darker(skin, 0.3), 3.4, 0.8)
    if figure.show("freckles"):
        for x, y in ((-46, 28), (-36, 34), (-52, 38), (-27, 29), (38, 28), (48, 35), (56, 28), (31, 36)):
            sheet.disc(x, y, 2.4, darker(skin, 0.32), opacity=0.8)


def _carried(figure: Figure) -> None:
    sheet, skin = figure.sheet, figure.look.skin
    if figure.show("cleft_lip"):
        sheet.line("M-1,32Q-5,38 -2,46", mix(skin, "#fff0e6", 0.6), 4.4)
        sheet.line("M2,32Q-1,38 1,45", darker(skin, 0.3), 2)
        sheet.line("M-8,46Q-2,40 6,46", _LIP, 3.4)
    if figure.show("oxygen_cannula"):
        sheet.line("M-78,20Q-40,26 -4,35Q4,38 12,35Q46,26 80,18", darker(TUBING, 0.3), 7)
        sheet.line("M-78,20Q-40,26 -4,35Q4,38 12,35Q46,26 80,18", TUBING, 4)
        sheet.line("M0,36v-6M9,36v-6", TUBING, 4.4)
    if glasses := figure.show("glasses"):
        _glasses(figure, glasses.colour or "#4a5f8f", glasses.shape, "#e6f6ff", 0.16)
    if figure.show("dark_glasses"):
        _glasses(figure, "#2f3040", "", "#34384a", 0.88)


def _glasses(figure: Figure, colour: str, shape: str, lens: str, strength: float) -> None:
    sheet = figure.sheet
    for x, y in eye_places(figure):
        match shape:
            case "square":
                sheet.box(x - 22, y - 20, 44, 40, lens, corner=7, ink=False, opacity=strength)
                data = f"M{x - 22},{y - 20}h44v40h-44Z"
            case "heart":
                data = f"M{x},{y + 24}C{x - 38},{y} {x - 22},{y - 30} {x},{y - 14}C{x + 22},{y - 30} {x + 38},{y} {x},{y + 24}Z"
                sheet.fill(data, lens, strength)
            case _:
                sheet.disc(x, y, 23, lens, opacity=strength)
                data = f"M{x - 23},{y}a23,23 0 1 1 46,0a23,23 0 1 1 -46,0Z"
        sheet.line(data, darker(colour, 0.5), 7.4, 0.5)
        sheet.line(data, colour, 5.2)
        sheet.line(f"M{x - 13},{y - 6}q3,-7 9,-9", "#ffffff", 3.4, 0.85)
    sheet.line("M-3,5Q5,-2 13,5M-49,5L-78,0M59,5L80,0", colour, 5.2)
