"""Birds: small ones of the air, those that wade and waddle, and a penguin. Feet are at (0, 0)."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501
# Every creature takes the same three arguments, so that a table can call any of them.
# ruff: noqa: ARG001

from studio.painting import creature_bodies
from studio.painting.creature_bodies import DARK, blush, eyes
from studio.painting.svg import Sheet, darker, lighter

_BEAK = "#efa63a"


def small(sheet: Sheet, colour: str, name: str) -> None:
    """A bird in the air; a robin has its red breast."""
    creature_bodies.bird(sheet, colour, name)
    if name == "robin":
        sheet.fill("M-6,-20C20,-10 50,-32 50,-58C38,-66 16,-62 2,-48C-6,-40 -10,-28 -6,-20Z", "#d8532f")


def wading(sheet: Sheet, colour: str, name: str) -> None:
    """Duck, goose and hen, on two feet: seen from the side, with a tail, a neck of its own length and a beak."""
    deep, pale = darker(colour, 0.12), lighter(colour, 0.6)
    neck = 46 if name == "goose" else 0
    for x in (-10, 16):
        sheet.line(f"M{x},-22V-4M{x - 10},0L{x},-6L{x + 16},0", _BEAK, 6)
    sheet.shape("M-58,-52L-92,-84L-86,-44Q-72,-24 -46,-24Z", deep)
    if neck:
        sheet.tube(f"M30,-50Q52,-84 40,{-92 - neck}", colour, 26)
    sheet.shape(
        "M-70,-56C-60,-30 -40,-14 4,-14C46,-14 62,-40 54,-70C40,-92 -20,-78 -70,-56Z",
        sheet.round(lighter(colour, 0.25), colour),
    )
    sheet.shape("M-46,-56C-30,-78 14,-78 22,-52C10,-30 -30,-30 -46,-56Z", deep)
    x, y = 42, -104 - neck
    if name == "hen":
        sheet.shape(f"M{x - 18},{y - 24}q4,-24 14,-14q6,-18 14,-4q14,-10 10,12Z", "#d8433b")
    sheet.disc(x, y, 32, sheet.round(lighter(colour, 0.3), colour), ink=True)
    if name == "hen":
        sheet.shape(f"M{x + 28},{y - 6}l24,8l-24,10Z", _BEAK)
        sheet.shape(f"M{x + 26},{y + 12}q12,16 2,22q-14,-2 -10,-20Z", "#d8433b")
    else:
        sheet.shape(
            f"M{x + 22},{y - 4}C{x + 40},{y - 10} {x + 62},{y - 4} {x + 64},{y + 6}Q{x + 44},{y + 18} {x + 24},{y + 14}Z",
            _BEAK,
        )
        sheet.line(f"M{x + 28},{y + 6}H{x + 60}", darker(_BEAK, 0.3), 2.4)
    sheet.oval(x + 8, y - 8, 7, 8.6, DARK)
    sheet.disc(x + 10, y - 11, 2.8, "#ffffff")
    sheet.oval(x - 4, y + 12, 10, 6, pale, opacity=0.7)


def penguin(sheet: Sheet, colour: str, name: str) -> None:
    """Upright, with a white front and flippers."""
    for side in (-1, 1):
        sheet.oval(side * 22, -5, 20, 9, _BEAK, ink=True)
        sheet.shape(
            f"M{side * 44},-98C{side * 78},-84 {side * 80},-46 {side * 62},-34C{side * 56},-54 {side * 50},-70 {side * 40},-76Z",
            darker(colour, 0.1),
        )
    sheet.shape(
        "M0,-152C-46,-152 -50,-112 -52,-64C-54,-22 -34,-2 0,-2C34,-2 54,-22 52,-64C50,-112 46,-152 0,-152Z", colour
    )
    sheet.fill("M0,-92C-30,-96 -38,-60 -36,-40C-34,-16 -18,-8 0,-8C18,-8 34,-16 36,-40C38,-60 30,-96 0,-92Z", "#fbf7ee")
    sheet.fill(
        "M0,-96C-8,-128 -38,-124 -38,-104C-38,-88 -14,-84 0,-92C14,-84 38,-88 38,-104C38,-124 8,-128 0,-96Z", "#fbf7ee"
    )
    eyes(sheet, -108, 19)
    blush(sheet, -92, 28)
    sheet.shape("M-11,-98Q0,-104 11,-98L0,-82Z", _BEAK)
