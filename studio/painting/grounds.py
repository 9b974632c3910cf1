"""Places that people have laid out: a garden, a castle on its hill."""

# Path data and word lists read better whole than broken.

from studio.painting import nature
from studio.painting.sky import View
from studio.painting.svg import darker, lighter


def garden(view: View) -> None:
    """A fence, beds of flowers and vegetables, a fruit tree, a greenhouse."""
    sheet, wide, line = view.sheet, view.width, view.horizon
    nature.distant(view, 1, line - 30, 30, ("#a5cdb4", "#86b890"))
    for step in range(9):
        nature.bush(view, (step * wide / 8, line + 56), 1.0, "#6aa660")
    nature.hill(view, line + 56, 6, ("#9fce74", "#6cab55"), 20)
    for step in range(int(wide / 46) + 1):
        sheet.shape(f"M{step * 46:.0f},{line + 100:.0f}v-84l13,-16l13,16v84Z", view.snowy("#fdf6e6", 0.3))
    sheet.line(f"M0,{line + 40:.0f}H{wide:.0f}M0,{line + 78:.0f}H{wide:.0f}", "#efe2c8", 9)
    nature.tree(view, (wide * 0.06, line + 150), 1.25, ("#79b455",))
    for dx, dy in ((-50, -230), (20, -280), (60, -220), (0, -190), (-20, -300)):
        sheet.disc(wide * 0.06 + dx * 1.2, line + 150 + dy * 1.2, 13, "#d8433b", ink=True)
    near = nature.hill(view, line + 150, 8, ("#93c95f", "#579f45"), 60)
    nature.path(view, near(wide * 0.5), ("#e9d5b4", "#c9a87c"))
    for side in (0.1, 0.9):
        for row in range(3):
            y = line + 200 + row * 46
            sheet.oval(wide * side, y, 130 - row * 4, 17, "#8a5f42")
            for step in range(5):
                x = wide * side - 96 + step * 48
                nature.flower(sheet, (x, y), 1.35, nature.PETALS[(step + row * 2) % 6])


def castle(view: View) -> None:
    """A castle with towers and flags on its hill."""
    sheet, wide, line = view.sheet, view.width, view.horizon
    nature.distant(view, 2, line - 20, 40, ("#a9c7d8", "#8ab7a4"))
    with sheet.at(wide * 0.5, line + 56, 1.25):
        stone, roof = "#d9cbc4", "#7f6fb5"
        for x, high, broad in ((-190, 210, 56), (190, 210, 56), (-96, 270, 60), (96, 270, 60), (0, 330, 70)):
            sheet.box(x - broad / 2, -high, broad, high, sheet.down(lighter(stone, 0.2), darker(stone, 0.1)))
            sheet.shape(
                f"M{x - broad / 2 - 12},{-high}L{x},{-high - 92}L{x + broad / 2 + 12},{-high}Z", view.snowy(roof, 0.5)
            )
            sheet.line(f"M{x},{-high - 90}v-34", "#7a5238", 4)
            sheet.shape(f"M{x},{-high - 124}l36,11l-36,12Z", "#e0567a")
            nature.lamp(view, (x - 11, -high + 30), 22, 30)
        sheet.shape(
            "M-226,0V-124H-206V-108H-180V-124H-150V-108H-120V-124H-90V-108H-60V-124H-30V-108H30V-124H60V-108H90V-124H120V-108H150V-124H180V-108H206V-124H226V0Z",
            sheet.down(stone, darker(stone, 0.14)),
        )
        for dx, dy in (
            (-180, -80),
            (-150, -40),
            (-110, -70),
            (-80, -24),
            (64, -74),
            (96, -34),
            (140, -78),
            (176, -40),
            (-196, -20),
        ):
            sheet.line(f"M{dx},{dy}h22v11h-22", darker(stone, 0.22), 3, 0.55)
        for dx, dy in (
            (-8, -200),
            (14, -160),
            (-106, -170),
            (-84, -210),
            (92, -172),
            (108, -216),
            (-196, -150),
            (184, -158),
        ):
            sheet.line(f"M{dx - 6},{dy}h16v9h-16", darker(stone, 0.22), 3, 0.5)
        sheet.shape("M-36,0V-50a36,36 0 0 1 72,0V0Z", "#7a4a32")
        sheet.line("M-12,-80V0M12,-80V0M-34,-50H34", "#5a3624", 3)
    near = nature.hill(view, line + 62, 14, ("#98cb6c", "#5fa04c"), 70)
    nature.path(view, near(wide * 0.48))
    for share, size in ((0.03, 0.95), (0.97, 1.05)):
        nature.tree(view, (wide * share, line + 190), size)
    nature.flowers(view, 20, view.ground)
